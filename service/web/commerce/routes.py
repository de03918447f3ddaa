"""Routes of customers for web shops. Each read of a person leaves a line in their audit."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from service.audit.models import Action, AuditEntry
from service.audit.read import list_audit
from service.audit.record import record
from service.customers.component import find_for_site, nodes_of
from service.customers.find import look_up
from service.customers.given import list_given
from service.customers.identifiers import open_values
from service.customers.models import Customer
from service.customers.traits import component_traits
from service.errors import NotFound
from service.lists import Cursor
from service.merging.consents import read_consents
from service.sales.models import Sale
from service.sales.read import list_sales
from service.scans.models import Scan
from service.scans.read import list_scans
from service.stores.models import Store
from service.web.commerce.models import (
    CustomerOut,
    FoundOut,
    HistoryOut,
    LookUpIn,
    ReadQuery,
    SalesOut,
    ScansOut,
)
from service.web.context import actor, now, service, site
from service.web.looking_up import normalised
from service.web.operation import answer, operation
from service.web.pages import page
from service.web.types import WhyQuery, place

bp = Blueprint("commerce", __name__)


@bp.post("/customers/lookup")
@operation({200: FoundOut}, body=LookUpIn, problems=(404,))
def post_lookup(body: LookUpIn) -> Response:
    """Find a customer of this site by an identifier.

    Whether the value is unknown or another site's customer's isn't told. Each look-up is recorded, and what it
    found is shown to the shopper.
    """
    value = normalised(body.kind, body.value)
    with service().db.write() as session:
        found = look_up(session, service().keys.vault, site_id=site().id, kind=body.kind, value=value)
        kind, is_found = body.kind.value, found is not None
        record(session, Action.LOOKED_UP, found, actor=actor(), now=now(), why=body.why, kind=kind, found=is_found)
    if found is None:
        raise NotFound("there is no customer with this identifier and an account of your site")
    return answer({"customer_id": found})


@bp.get("/customers/<uuid:customer_id>")
@operation({200: CustomerOut}, query=WhyQuery, problems=(404,))
def get_customer_(customer_id: UUID, query: WhyQuery) -> Response:
    """Read a customer who holds an account of this site: what the site itself gave, traits, and consents.

    The id of a customer who became part of another one answers with the other's, and `absorbed`.
    """
    keystore = service().keystore
    with service().db.write() as session:
        customer = _read(session, customer_id, Action.READ, query.why)
        given = list_given(session, site_id=site().id, customer_id=customer.id)
        traits = component_traits(session, keystore, customer.id)
        consents = read_consents(session, customer.id)
    values = open_values(keystore, given)
    payload = {
        "customer_id": customer.id,
        "created_at": customer.created_at,
        "requested_id": customer_id,
        "absorbed": customer.id != customer_id,
        "identifiers": [
            {
                "identifier_id": row.id,
                "kind": row.kind,
                "value": values[row.id],
                "trust": row.trust,
                "since": row.created_at,
            }
            for row in given
        ],
        "traits": traits,
        "consents": {purpose.value: said and said.granted for purpose, said in consents.items()},
    }
    return answer(payload)


@bp.get("/customers/<uuid:customer_id>/sales")
@operation({200: SalesOut}, query=ReadQuery, problems=(404,))
def get_sales(customer_id: UUID, query: ReadQuery) -> Response:
    """List what a customer bought in stores, newest first."""
    with service().db.write() as session:
        customer = _read(session, customer_id, Action.SALES_READ, query.why)
        rows = list_sales(session, customer.id, after=query.cursor, limit=query.limit + 1)
    cursors = [Cursor(sale.received_at, sale.id) for sale, _, _, _ in rows]
    return answer(page([_sale(sale, store, returned) for sale, store, _, returned in rows], cursors, query.limit))


@bp.get("/customers/<uuid:customer_id>/scans")
@operation({200: ScansOut}, query=ReadQuery, problems=(404,))
def get_scans(customer_id: UUID, query: ReadQuery) -> Response:
    """List a customer's scans, refused ones too, newest first."""
    with service().db.write() as session:
        customer = _read(session, customer_id, Action.SCANS_READ, query.why)
        rows = list_scans(session, customer.id, after=query.cursor, limit=query.limit + 1)
    cursors = [Cursor(scan.received_at, scan.id) for scan, _, _ in rows]
    return answer(page([_scan(scan, store) for scan, store, _ in rows], cursors, query.limit))


@bp.get("/customers/<uuid:customer_id>/history")
@operation({200: HistoryOut}, query=ReadQuery, problems=(404,))
def get_history(customer_id: UUID, query: ReadQuery) -> Response:
    """List what was done to a customer's file, newest first: who linked what, when, on what evidence."""
    with service().db.write() as session:
        customer = _read(session, customer_id, Action.HISTORY_READ, query.why)
        rows = list_audit(session, nodes_of(customer.id), looks=False, after=query.cursor, limit=query.limit + 1)
    cursors = [Cursor(row.at, row.id) for row in rows]
    return answer(page([_change(row) for row in rows], cursors, query.limit))


def _read(session: Session, customer_id: UUID, action: Action, why: str | None) -> Customer:
    """Return the customer who is about to be read, and record that."""
    customer = find_for_site(session, site_id=site().id, customer_id=customer_id)
    record(session, action, customer.id, actor=actor(), now=now(), why=why)
    return customer


def _sale(sale: Sale, store: Store, returned_minor: int) -> dict[str, Any]:
    return {
        "sale_id": sale.id,
        "scan_id": sale.scan_id,
        "store": place(store),
        "receipt_number": sale.receipt_number,
        "occurred_at": sale.occurred_at,
        "received_at": sale.received_at,
        "currency": sale.currency,
        "total_minor": sale.total_minor,
        "returned_minor": returned_minor,
        "lines": sale.lines,
    }


def _scan(scan: Scan, store: Store) -> dict[str, Any]:
    return {
        "scan_id": scan.id,
        "store": place(store),
        "outcome": scan.outcome,
        "reason": scan.reason,
        "scanned_at": scan.scanned_at,
        "received_at": scan.received_at,
        "flagged": scan.flagged_at is not None,
    }


def _change(entry: AuditEntry) -> dict[str, Any]:
    by = {"kind": entry.actor_kind, "id": entry.actor_id}
    return {"at": entry.at, "what": entry.action, "by": by, "evidence": entry.detail}
