"""Consent of a customer, whatever nodes they are made of: read it, and state it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.cards.models import Card
from service.consent.models import Consent, Purpose
from service.consent.weigh import Joined, weigh
from service.customers.component import nodes_of
from service.customers.lock import lock_customer
from service.merging.models import Merge

_NEXT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Said:
    """What a customer said of one purpose, and which version of its words they were shown."""

    purpose: Purpose
    granted: bool
    text_version: str


def read_consents(session: Session, customer_id: UUID) -> dict[Purpose, Consent | None]:
    """Return for each purpose the statement that holds for the customer, or None when nobody asked them."""
    nodes = nodes_of(customer_id)
    said = list(session.scalars(select(Consent).where(Consent.customer_id.in_(nodes)).order_by(Consent.at)))
    joins = list(_joins(session, customer_id))
    about = {purpose: [item for item in said if item.purpose == purpose] for purpose in Purpose}
    return {purpose: weigh(customer_id, about[purpose], joins) for purpose in Purpose}


def state_consent(session: Session, customer_id: UUID, said: Said, *, actor: Actor, now: datetime) -> Consent:
    """Add what a node says about one purpose. From now on it is what its customer says.

    Who withdraws identification is identified no more: their cards are frozen, as if they had done it one by one.
    """
    lock_customer(session, customer_id)
    if said.purpose is Purpose.IDENTIFICATION and not said.granted:
        usable = Card.customer_id.in_(nodes_of(customer_id)), Card.revoked_at.is_(None), Card.frozen_at.is_(None)
        session.execute(update(Card).where(*usable).values(frozen_at=now))
    told: dict[str, Any] = {
        "purpose": said.purpose.value,
        "granted": said.granted,
        "text_version": said.text_version,
    }
    statement = Consent(
        id=uuid4(),
        customer_id=customer_id,
        source=actor.kind.value,
        source_id=actor.id,
        at=_after_all(session, customer_id, said.purpose, now),
        **told,
    )
    session.add(statement)
    record(session, Action.CONSENT_CHANGED, customer_id, actor=actor, now=now, why=None, **told)
    session.flush()
    return statement


def _after_all(session: Session, customer_id: UUID, purpose: Purpose, now: datetime) -> datetime:
    """Return now, or the instant after what happened last: clocks of two machines differ, the last word doesn't."""
    said = select(Consent.at).where(Consent.customer_id.in_(nodes_of(customer_id)), Consent.purpose == purpose)
    before = [*session.scalars(said), *(join.at for join in _joins(session, customer_id))]
    return max(now, *(at + _NEXT for at in before)) if before else now


def _joins(session: Session, customer_id: UUID) -> Iterator[Joined]:
    active = Merge.a_id.in_(nodes_of(customer_id)), Merge.undone_at.is_(None)
    for row in session.execute(select(Merge.a_id, Merge.b_id, Merge.created_at).where(*active)):
        yield Joined(row.a_id, row.b_id, row.created_at)
