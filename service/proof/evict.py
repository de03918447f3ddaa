"""Evict: when its owner proves a contact, what others planted with it ends."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.cards.sessions import put_away_all
from service.crypto.vault import Vault
from service.customers.component import canonical_of, has_proved, live_of, nodes_of
from service.customers.identifiers import end_identifier, find_live, index_parts
from service.customers.models import CONTACTS, Identifier, IdentifierKind, Trust
from service.merging.models import Decider
from service.merging.propose import propose
from service.merging.rails import RECYCLED_AFTER
from service.merging.reasons import SAME
from service.proof.request import Contact


def evict(session: Session, contact: Contact, *, prover_id: UUID, vault: Vault, actor: Actor, now: datetime) -> None:
    """End the contact wherever another customer only claims it or a site vouches for it, with what hangs on it.

    Their sessions and cards end; those in which the owner of another, proved contact signed in stay: the word of a
    shop throws nobody out who has proved more. What they bought stays theirs, and a proposal asks whether they are
    the prover after all: the prover herself where a site's account is at stake, an operator where nobody but a person
    of the brand can tell: where the other customer has proved a contact of their own, or gave this number so long ago
    that it may have been theirs and is recycled. Whoever proves another contact of that customer's, too, decides
    herself.
    """
    claimed = _claimed(session, find_live(session, vault, contact.kind, contact.value))
    for row in claimed:
        end_identifier(row, now)
        found: dict[str, Any] = {"identifier_id": row.id, "kind": row.kind}
        record(session, Action.IDENTIFIER_EVICTED, row.customer_id, actor=actor, now=now, **found)
    session.flush()
    for claimant_id in sorted({canonical_of(session, row.customer_id) for row in claimed}):
        ended = put_away_all(session, claimant_id, now, signed_in=not has_proved(session, claimant_id)).total()
        if ended:
            record(session, Action.SESSIONS_ENDED, claimant_id, actor=actor, now=now, sessions=ended)
        reason = {"code": SAME[contact.kind].value, "trust": Trust.CLAIMED.value}
        recycled = contact.kind is IdentifierKind.PHONE and _is_old(session, contact, claimant_id, vault, now)
        confirmable = may_be_confirmed(session, claimant_id) and not recycled
        decider = Decider.OWNER if confirmable else Decider.OPERATOR
        propose(session, prover_id, claimant_id, reasons=[reason], decider=decider, now=now)


def may_be_confirmed(session: Session, claimant_id: UUID) -> bool:
    """Return whether a shopper may say that a claimant is herself: they hold an account, and no contact any more.

    Whoever has another contact may be somebody else, for whom this one was mistyped: then the shopper proves that
    one, too, or a person of the brand decides.
    """

    def holds(*kinds: IdentifierKind) -> bool:
        return session.scalar(select(Identifier.id).where(*live_of(claimant_id, *kinds)).limit(1)) is not None

    return holds(IdentifierKind.ACCOUNT) and not holds(*CONTACTS)


def verified_contacts_of(customer_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of a customer's live, verified contacts."""
    return (*live_of(customer_id, *CONTACTS), Identifier.trust == Trust.VERIFIED)


def _claimed(session: Session, live: list[Identifier]) -> list[Identifier]:
    """Return those of the rows whose customer hasn't proved the contact, by this row or by another."""
    answers = {row.id: canonical_of(session, row.customer_id) for row in live}
    proved = {answers[row.id] for row in live if row.trust == Trust.VERIFIED}
    return [row for row in live if answers[row.id] not in proved]


def _is_old(session: Session, contact: Contact, claimant_id: UUID, vault: Vault, now: datetime) -> bool:
    """Return whether a claimant first gave the contact so long ago; given anew since, it is no younger."""
    given = (
        Identifier.customer_id.in_(nodes_of(claimant_id)),
        Identifier.kind == contact.kind,
        Identifier.value_index.in_(vault.indexes(*index_parts(contact.kind, contact.value))),
    )
    first = session.scalar(select(Identifier.created_at).where(*given).order_by(Identifier.created_at).limit(1))
    return first is not None and now - first >= RECYCLED_AFTER
