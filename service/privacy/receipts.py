"""What a person did in stores, for the export: scans, sales with their returns, claims. Training is marked."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, select, union
from sqlalchemy.orm import Session

from service.sales.link import is_claimed_by, is_linked_to
from service.sales.models import Claim, Return, Sale
from service.scans.models import Scan
from service.stores.models import Store, Terminal

Section = list[dict[str, Any]]


def scans_of(session: Session, nodes: Select[UUID]) -> Section:
    """Return every scan of the nodes, oldest first."""
    rows = session.execute(
        select(Scan, Store.name, Terminal.label)
        .join(Store, Store.id == Scan.store_id)
        .join(Terminal, Terminal.id == Scan.terminal_id)
        .where(Scan.customer_id.in_(nodes))
        .order_by(Scan.received_at, Scan.id)
    )
    return [
        {
            "scan_id": scan.id,
            "store": store,
            "terminal": terminal,
            "scanned_at": scan.scanned_at,
            "received_at": scan.received_at,
            "outcome": scan.outcome,
            "reason": scan.reason,
            "flagged_at": scan.flagged_at,
            "training": scan.training,
        }
        for scan, store, terminal in rows
    ]


def sales_of(session: Session, nodes: Select[UUID]) -> Section:
    """Return every sale that is linked to the nodes' scans and claims, with its returns, oldest first."""
    key = select(Sale.id, Sale.terminal_id)
    scanned = key.join(Scan, is_linked_to(Scan)).where(Scan.customer_id.in_(nodes))
    claimed = key.join(Claim, is_claimed_by(Claim)).where(Claim.customer_id.in_(nodes))
    theirs = union(scanned, claimed).subquery()
    rows = session.execute(
        select(Sale, Store.name)
        .join(theirs, and_(theirs.c.id == Sale.id, theirs.c.terminal_id == Sale.terminal_id))
        .join(Store, Store.id == Sale.store_id)
        .order_by(Sale.received_at, Sale.id)
    ).all()
    returns = defaultdict(list)
    of_sales = Return.sale_id.in_(select(theirs.c.id))
    for row in session.scalars(select(Return).where(of_sales).order_by(Return.received_at, Return.id)):
        returns[row.sale_id, row.store_id].append(_return(row))
    return [_sale(sale, store) | {"returns": returns[sale.id, sale.store_id]} for sale, store in rows]


def claims_of(session: Session, nodes: Select[UUID]) -> Section:
    """Return every claim of the nodes, and the sale that it brought, if any."""
    rows = session.execute(
        select(Claim.claimed_at, Sale.id)
        .outerjoin(Sale, is_claimed_by(Claim))
        .where(Claim.customer_id.in_(nodes))
        .order_by(Claim.claimed_at)
    )
    return [{"claimed_at": claimed_at, "sale_id": sale_id} for claimed_at, sale_id in rows]


def _sale(sale: Sale, store: str) -> dict[str, Any]:
    return {
        "sale_id": sale.id,
        "store": store,
        "receipt_number": sale.receipt_number,
        "occurred_at": sale.occurred_at,
        "received_at": sale.received_at,
        "currency": sale.currency,
        "total_minor": sale.total_minor,
        "lines": sale.lines,
        "training": sale.training,
    }


def _return(row: Return) -> dict[str, Any]:
    return {
        "return_id": row.id,
        "reason": row.reason,
        "occurred_at": row.occurred_at,
        "received_at": row.received_at,
        "currency": row.currency,
        "lines": row.lines,
        "training": row.training,
    }
