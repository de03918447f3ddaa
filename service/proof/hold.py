"""Hold: a proved contact becomes its owner's verified identifier, and everything that follows from it happens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor, ActorKind
from service.audit.record import record
from service.crypto.keystore import KeyStore
from service.crypto.vault import Vault
from service.customers.component import canonical_of, nodes_of
from service.customers.identifiers import add_identifier, end_identifier, find_live
from service.customers.models import Identifier, IdentifierKind, Trust
from service.merging.do_not_link import keep_apart
from service.merging.join import Joined
from service.merging.rails import RECYCLED_AFTER
from service.merging.reconcile import reconcile
from service.merging.rules import Rules
from service.proof.evict import evict, verified_contacts_of
from service.proof.request import Contact


@dataclass(frozen=True)
class Prover:
    """Who proved a contact: a node of a customer, in a session of theirs."""

    customer_id: UUID
    session_id: UUID

    @property
    def actor(self) -> Actor:
        """The prover as the audit names them."""
        return Actor(ActorKind.SHOPPER, self.session_id)


@dataclass(frozen=True)
class SecondProof:
    """A right code that isn't enough by itself. `kind`: of what contact another code would do, None if there is
    none; then only a new owner gets on.
    """

    kind: IdentifierKind | None


def find_holder(session: Session, vault: Vault, contact: Contact) -> Identifier | None:
    """Return the one verified identifier that a contact leads to, or None: nobody's word but the owner's counts.

    Of several it is the value's one holder; when that one was taken back, the oldest, so that the file stays guarded.
    Without one it leads to the file for which its owner proved it last, although a limit took its trust away since.
    """
    live = find_live(session, vault, contact.kind, contact.value)
    verified = [row for row in live if row.trust == Trust.VERIFIED]
    proved = [(row.owner_proved_at, row) for row in live if row.owner_proved_at is not None]
    return verified[0] if verified else max(proved, key=lambda pair: pair[0], default=(None, None))[1]


def is_one(session: Session, a: UUID, b: UUID) -> bool:
    """Return whether two nodes are one customer."""
    return canonical_of(session, a) == canonical_of(session, b)


def need_second_proof(
    session: Session, vault: Vault, contact: Contact, holder: Identifier, now: datetime
) -> SecondProof | None:
    """Return what else must be proved before a contact opens its holder's file, or None.

    A phone number may be somebody else's by now: it isn't enough after 180 days in which nobody proved it, nor for
    a file with a verified e-mail address, which is never recycled.
    """
    if holder.kind != IdentifierKind.PHONE:
        return None
    same = [row.id for row in find_live(session, vault, contact.kind, contact.value)]
    others = select(Identifier.kind).where(*verified_contacts_of(holder.customer_id), Identifier.id.not_in(same))
    kinds = {IdentifierKind(kind) for kind in session.scalars(others)}
    idle = now - (holder.proved_at or holder.created_at) >= RECYCLED_AFTER
    if IdentifierKind.EMAIL in kinds:
        return SecondProof(IdentifierKind.EMAIL)
    return SecondProof(next(iter(kinds), None)) if idle else None


def release(
    session: Session, holder: Identifier, contact: Contact, *, vault: Vault, prover: Prover, now: datetime
) -> None:
    """Take a recycled number off the file of whoever had it before; nothing else of that file changes hands.

    The new owner said that the file isn't theirs. So the two are kept apart: a site that goes on giving the number
    to its old owner's account would join them else.
    """
    actor = prover.actor
    nodes = set(session.scalars(nodes_of(holder.customer_id)))
    for row in find_live(session, vault, contact.kind, contact.value):
        if row.customer_id in nodes:
            end_identifier(row, now)
            outdate(row, now)
            found: dict[str, Any] = {"identifier_id": row.id, "kind": row.kind, "because": "new_owner"}
            record(session, Action.IDENTIFIER_EVICTED, row.customer_id, actor=actor, now=now, **found)
    session.flush()  # the value must be free before the new row takes it
    keep_apart(session, holder.customer_id, prover.customer_id, actor=actor, now=now)


def outdate(identifier: Identifier, now: datetime) -> None:
    """Let what was proved of a phone number that is given up be no proof any more: sites may go on giving it."""
    if identifier.kind == IdentifierKind.PHONE:
        identifier.proved_at = min(identifier.proved_at or identifier.created_at, now - RECYCLED_AFTER)


def hold(
    session: Session, keystore: KeyStore, contact: Contact, *, prover: Prover, rules: Rules, now: datetime
) -> tuple[Identifier, Joined | None]:
    """Give the prover the contact, verified; evict who claimed it; join with whoever else proved it.

    The caller holds the identity lock. Returns the identifier, and what the join came to, if there was one to make.
    """
    identifier = add_identifier(
        session,
        keystore,
        customer_id=prover.customer_id,
        kind=contact.kind,
        value=contact.value,
        trust=Trust.VERIFIED,
        actor=prover.actor,
        now=now,
    )
    evict(session, contact, prover_id=prover.customer_id, vault=keystore.vault, actor=prover.actor, now=now)
    joined = reconcile(session, keystore, identifier, actor=prover.actor, rules=rules, now=now)
    return identifier, joined
