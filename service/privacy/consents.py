"""State consent: what a customer says now is what holds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.consent.models import Consent, Purpose
from service.customers.component import nodes_of
from service.customers.lock import lock_customer
from service.merging.consents import joins_of, settle_cards
from service.merging.lock import lock_identities

_NEXT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Said:
    """What a customer said of one purpose, and which version of its words they were shown."""

    purpose: Purpose
    granted: bool
    text_version: str


def state_consent(session: Session, customer_id: UUID, said: Said, *, actor: Actor, now: datetime) -> Consent:
    """Add what a node says about one purpose. From now on it is what its customer says.

    Who withdraws identification is identified no more: their cards are withheld until they grant it again.
    """
    if said.purpose is Purpose.IDENTIFICATION:
        lock_identities(session)
    lock_customer(session, customer_id)
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
    if said.purpose is Purpose.IDENTIFICATION:
        settle_cards(session, customer_id, now)
    return statement


def _after_all(session: Session, customer_id: UUID, purpose: Purpose, now: datetime) -> datetime:
    """Return now, or the instant after what happened last: clocks of two machines differ, the last word doesn't."""
    said = select(Consent.at).where(Consent.customer_id.in_(nodes_of(customer_id)), Consent.purpose == purpose)
    before = [*session.scalars(said), *(join.at for join in joins_of(session, customer_id))]
    return max(now, *(at + _NEXT for at in before)) if before else now
