"""Routes of consent, export, erasure and the audit, for operators."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from service.audit.models import Action, AuditEntry
from service.audit.read import list_audit
from service.audit.record import record
from service.customers.component import canonical_of, nodes_of
from service.customers.lock import lock_customer
from service.customers.models import Customer
from service.lists import Cursor
from service.merging.consents import read_consents
from service.privacy.consents import state_consent
from service.privacy.erase import erase
from service.privacy.export import export
from service.privacy.forget import sweep
from service.web.consents import ConsentOut, ConsentsOut, SaidOfIn, describe, site_names
from service.web.context import actor, now, service
from service.web.exports import ExportOut
from service.web.operation import Answer, Body, answer, operation
from service.web.pages import PageQuery, page
from service.web.types import WhyQuery

bp = Blueprint("operator_privacy", __name__)


class Grounds(StrEnum):
    """Why a person is erased. A closed list: words about a person must not outlive them."""

    REQUESTED = "requested"
    RETENTION_OVER = "retention_over"
    MISTAKE = "mistake"


class EraseCustomerIn(Body):
    """Why the person is erased."""

    reason: Grounds


class ErasedOut(Answer):
    """The erasure is done; `customer_ids` are all that the person went by."""

    customer_id: UUID
    customer_ids: list[UUID]
    erased_at: datetime


class AuditEntryOut(Answer):
    """One thing done to a customer's file, or one look into it."""

    id: UUID
    at: datetime
    customer_id: UUID
    action: str
    actor_kind: str
    actor_id: UUID | None
    why: str | None
    detail: dict[str, Any]


class AuditEntriesOut(Answer):
    """A page of the audit, newest first."""

    items: list[AuditEntryOut]
    next_cursor: str | None


class AuditQuery(PageQuery, WhyQuery):
    """Which page, and what the look is for; the shopper reads it."""


@bp.get("/customers/<uuid:customer_id>/consents")
@operation({200: ConsentsOut}, query=WhyQuery, problems=(404,))
def get_consents(customer_id: UUID, query: WhyQuery) -> Response:
    """Read what a customer allows, purpose by purpose. `why` is shown to the shopper."""
    with service().db.write() as session:
        canonical = _standing(session, customer_id)
        record(session, Action.READ, canonical, actor=actor(), now=now(), why=query.why, what="consents")
        held = read_consents(session, canonical)
        sites = site_names(session)
    return answer({"items": [describe(purpose, holds, sites) for purpose, holds in held.items()]})


@bp.put("/customers/<uuid:customer_id>/consents")
@operation({200: ConsentOut}, body=SaidOfIn, problems=(404,))
def put_consent(customer_id: UUID, body: SaidOfIn) -> Response:
    """Write down what a customer told the brand's staff."""
    with service().db.write() as session:
        stated = state_consent(
            session,
            customer_id,
            body.said,
            actor=actor(),
            now=now(),
        )
    return answer(describe(body.purpose, stated, {}))


@bp.get("/customers/<uuid:customer_id>/export")
@operation({200: ExportOut}, query=WhyQuery, problems=(404,))
def get_export(customer_id: UUID, query: WhyQuery) -> Response:
    """Return everything we hold on a person, to hand it to them. `why` is shown to the shopper."""
    with service().db.write() as session:
        canonical = _standing(session, customer_id)
        record(session, Action.EXPORTED, canonical, actor=actor(), now=now(), why=query.why)
    with service().db.read() as session:
        told = export(session, service().keystore, canonical, language="en", now=now())
    return answer(told)


@bp.post("/customers/<uuid:customer_id>/erase")
@operation({200: ErasedOut}, body=EraseCustomerIn, problems=(404,))
def post_erase(customer_id: UUID, body: EraseCustomerIn) -> Response:
    """Erase a person for good, with every file that counts as theirs. Repeated, it says when that was done."""
    with service().db.write() as session:
        erased = erase(session, service().keystore, customer_id, actor=actor(), now=now(), why=body.reason.value)
    with service().db.write() as session:
        sweep(session, erased.nodes)
    told = {"customer_id": erased.customer_id, "customer_ids": erased.nodes, "erased_at": erased.erased_at}
    return answer(told)


@bp.get("/customers/<uuid:customer_id>/audit")
@operation({200: AuditEntriesOut}, query=AuditQuery, problems=(404,))
def get_audit(customer_id: UUID, query: AuditQuery) -> Response:
    """List what was done to a customer's file, and who looked at it. Of an erased one, only that is left."""
    after = query.cursor
    with service().db.write() as session:
        canonical = canonical_of(session, customer_id)
        lines = list_audit(session, nodes_of(canonical), after=after, limit=query.limit + 1)
        if not session.get_one(Customer, canonical).erased_at:
            record(session, Action.HISTORY_READ, canonical, actor=actor(), now=now(), why=query.why, what="audit")
    items = [_line(line) for line in lines]
    return answer(page(items, [Cursor(line.at, line.id) for line in lines], query.limit))


def _standing(session: Session, customer_id: UUID) -> UUID:
    """Return the node that answers for a customer who was not erased."""
    canonical = canonical_of(session, customer_id)
    lock_customer(session, canonical)
    return canonical


def _line(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "customer_id": entry.customer_id,
        "action": entry.action,
        "actor_kind": entry.actor_kind,
        "actor_id": entry.actor_id,
        "why": entry.why,
        "detail": entry.detail,
    }
