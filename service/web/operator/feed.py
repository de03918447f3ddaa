"""Routes for operators who follow what happens: the event feed, and who claimed which sale."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.events import list_events
from service.audit.models import Action, AuditEntry
from service.audit.record import record
from service.customers.models import Customer
from service.lists import Cursor
from service.sales.claim import cursor_of, list_claims, status_of
from service.sales.models import Claim, Sale
from service.stores.models import Store
from service.web.context import actor, now, service
from service.web.operation import answer, operation
from service.web.operator.models import ClaimsOut, ClaimsQuery, EventsOut, EventsQuery
from service.web.pages import page, write_cursor
from service.web.types import place

bp = Blueprint("operator_feed", __name__)


@bp.get("/events")
@operation({200: EventsOut}, query=EventsQuery)
def get_events(query: EventsQuery) -> Response:
    """Read every change of every customer, oldest first. Keep the last event's `cursor`, and go on from there.

    An event has the time at which its request began, so one that was still being written while you read may come
    before your cursor: now and then read the last minute again; `id` tells what you have.
    """
    with service().db.read() as session:
        rows = list_events(session, after=query.after, limit=query.limit + 1)
    cursors = [Cursor(row.at, row.id) for row in rows]
    return answer(page([_event(row) for row in rows], cursors, query.limit))


@bp.get("/claims")
@operation({200: ClaimsOut}, query=ClaimsQuery)
def get_claims(query: ClaimsQuery) -> Response:
    """List who claimed which sale with the code on its receipt, newest first; of one customer, or of all."""
    with service().db.write() as session:
        rows = list_claims(session, query.customer_id, after=query.cursor, limit=query.limit + 1)
        found = sorted({claim.customer_id for claim, *_ in rows[: query.limit]})
        for customer_id in found or (_asked_for(session, query.customer_id),):
            record(session, Action.SALES_READ, customer_id, actor=actor(), now=now(), why=query.why, what="claims")
        items = [_claim(*row) for row in rows]
    return answer(page(items, [cursor_of(claim) for claim, *_ in rows], query.limit))


def _asked_for(session: Session, customer_id: UUID | None) -> UUID | None:
    """Return whose claims were asked for when there are none; None for everybody's, and for whom nobody knows."""
    known = select(Customer.canonical_id).where(Customer.id == customer_id, Customer.erased_at.is_(None))
    return session.scalar(known)


def _event(row: AuditEntry) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.action,
        "at": row.at,
        "customer_id": row.customer_id,
        "actor": {"kind": row.actor_kind, "id": None if row.actor_id is None else str(row.actor_id)},
        "data": row.detail,
        "cursor": write_cursor(Cursor(row.at, row.id)),
    }


def _claim(claim: Claim, sale: Sale | None, store: Store | None, is_anothers: bool) -> dict[str, Any]:
    return {
        "customer_id": claim.customer_id,
        "claimed_at": claim.claimed_at,
        "status": status_of(claim, sale, now(), is_anothers=is_anothers),
        "sale": None if sale is None else _sale(sale, store),
    }


def _sale(sale: Sale, store: Store | None) -> dict[str, Any]:
    return {
        "sale_id": sale.id,
        "store": place(store),
        "receipt_number": sale.receipt_number,
        "occurred_at": sale.occurred_at,
        "currency": sale.currency,
        "total_minor": sale.total_minor,
    }
