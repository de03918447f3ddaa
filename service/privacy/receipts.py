"""What a person did in stores, for the export: scans, wrong codes, sales with their returns, claims.

Training is marked. The till's word for its cashier is left out: it is about the cashier.
"""

from collections import defaultdict
from typing import Any
from uuid import UUID

from sqlalchemy import Subquery, and_, select

from service.cards.models import Card
from service.privacy.file import File, Section
from service.sales.link import is_claimed_by, linked_keys
from service.sales.models import Claim, Return, Sale
from service.sales.returned import is_of_sale
from service.scans.models import OtpFailure, Scan
from service.stores.models import Store, Terminal

# By the sale that they mean: its id and its terminal's.
Returns = dict[tuple[UUID, UUID], list[dict[str, Any]]]


def scans_of(file: File) -> Section:
    """Return every scan of the person's codes, oldest first; those that a site was shown have its name."""
    rows = file.session.execute(
        select(Scan, Store.name, Terminal.label)
        .outerjoin(Store, Store.id == Scan.store_id)
        .outerjoin(Terminal, Terminal.id == Scan.terminal_id)
        .where(Scan.customer_id.in_(file.nodes))
        .order_by(Scan.received_at, Scan.id)
    )
    return [
        _where(file, store, scan.terminal_id, terminal)
        | {
            "scan_id": scan.id,
            "customer_id": scan.customer_id,
            "kind": scan.kind,
            "card_id": None if scan.card_id is None else f"{scan.card_id:016x}",
            "step": scan.step,
            "scanned_at": scan.scanned_at,
            "received_at": scan.received_at,
            "outcome": scan.outcome,
            "reason": scan.reason,
            "flagged_at": scan.flagged_at,
            "training": scan.training,
        }
        for scan, store, terminal in rows
    ]


def wrong_codes_of(file: File) -> Section:
    """Return every wrong typed code for one of the person's cards that still counts, oldest first."""
    rows = file.session.execute(
        select(OtpFailure, Store.name, Terminal.label)
        .join(Card, Card.card_number == OtpFailure.card_number)
        .outerjoin(Terminal, Terminal.id == OtpFailure.terminal_id)
        .outerjoin(Store, Store.id == Terminal.store_id)
        .where(Card.customer_id.in_(file.nodes))
        .order_by(OtpFailure.failed_at, OtpFailure.terminal_id, OtpFailure.nth)
    )
    return [
        _where(file, store, failure.terminal_id, terminal)
        | {"card_number": str(failure.card_number), "failed_at": failure.failed_at}
        for failure, store, terminal in rows
    ]


def sales_of(file: File) -> Section:
    """Return every sale that is linked to the person's scans and claims, with its returns, oldest first."""
    theirs = linked_keys(file.nodes)
    rows = file.session.execute(
        select(Sale, Store.name, Terminal.label)
        .join(theirs, and_(theirs.c.id == Sale.id, theirs.c.terminal_id == Sale.terminal_id))
        .join(Store, Store.id == Sale.store_id)
        .join(Terminal, Terminal.id == Sale.terminal_id)
        .order_by(Sale.received_at, Sale.id)
    ).all()
    own_scans = set(file.session.scalars(select(Scan.id).where(Scan.customer_id.in_(file.nodes))))
    returns = _returns(file, theirs)
    return [
        _where(file, store, sale.terminal_id, terminal)
        | _sale(sale, own_scans)
        | {"returns": returns[sale.id, sale.terminal_id]}
        for sale, store, terminal in rows
    ]


def claims_of(file: File) -> Section:
    """Return every claim of the person, and the sale that it brought, if any."""
    rows = file.session.execute(
        select(Claim, Sale.id)
        .outerjoin(Sale, is_claimed_by(Claim))
        .where(Claim.customer_id.in_(file.nodes))
        .order_by(Claim.claimed_at)
    )
    return [
        {"customer_id": claim.customer_id, "claimed_at": claim.claimed_at, "sale_id": sale_id}
        for claim, sale_id in rows
    ]


def _returns(file: File, theirs: Subquery) -> Returns:
    """Return what was brought back of these sales."""
    rows = file.session.execute(
        select(Return, Store.name, Terminal.label, Sale.id, Sale.terminal_id)
        .select_from(Sale)
        .join(theirs, and_(theirs.c.id == Sale.id, theirs.c.terminal_id == Sale.terminal_id))
        .join(Return, Return.sale_id == Sale.id)
        .join(Store, Store.id == Return.store_id)
        .join(Terminal, Terminal.id == Return.terminal_id)
        .where(is_of_sale())
        .order_by(Return.received_at, Return.id)
    )
    found: Returns = defaultdict(list)
    for row, store, terminal, sale_id, sold_by in rows:
        found[sale_id, sold_by].append(_where(file, store, row.terminal_id, terminal) | _return(row))
    return found


def _where(file: File, store: str | None, terminal_id: UUID, terminal: str | None) -> dict[str, Any]:
    """Return where something was done: at a till of a store, or on a site."""
    site = file.sites.get(terminal_id)
    return {"store": store, "terminal": terminal, "terminal_id": terminal_id if site is None else None, "site": site}


def _sale(sale: Sale, own_scans: set[UUID]) -> dict[str, Any]:
    """Return a sale. The scan that it names may be another person's, who was refused before this one claimed it."""
    return {
        "sale_id": sale.id,
        "scan_id": sale.scan_id if sale.scan_id in own_scans else None,
        "receipt_number": sale.receipt_number,
        "occurred_at": sale.occurred_at,
        "received_at": sale.received_at,
        "currency": sale.currency,
        "total_minor": sale.total_minor,
        "lines": sale.lines,
        "warnings": sale.warnings,
        "training": sale.training,
    }


def _return(row: Return) -> dict[str, Any]:
    return {
        "return_id": row.id,
        "sale_id": row.sale_id,
        "receipt": row.receipt,
        "reason": row.reason,
        "replacement_sale_id": row.replacement_sale_id,
        "occurred_at": row.occurred_at,
        "received_at": row.received_at,
        "currency": row.currency,
        "lines": row.lines,
        "warnings": row.warnings,
        "training": row.training,
    }
