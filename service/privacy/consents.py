"""State consent: what a customer says now is what holds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.consent.models import Consent, Purpose
from service.customers.lock import lock_customer
from service.merging.consents import moment_after, settle_cards
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
        at=moment_after(session, customer_id, now - _NEXT) + _NEXT,
        **told,
    )
    session.add(statement)
    record(session, Action.CONSENT_CHANGED, customer_id, actor=actor, now=now, why=None, **told)
    session.flush()
    if said.purpose is Purpose.IDENTIFICATION:
        settle_cards(session, customer_id, now)
    return statement
