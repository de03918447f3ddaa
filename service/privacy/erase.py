"""Erase a person: their data keys first, for good, then everything in the main database that leads to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor, ActorKind
from service.audit.record import record
from service.crypto.keystore import KeyStore
from service.customers.models import Customer
from service.merging.graph import component_of
from service.merging.lock import lock_identities
from service.privacy.forget import forget
from service.sessions.hold import hold_sessions


@dataclass(frozen=True)
class Erased:
    """Who was erased and when: the customer who answered for them all, and every node."""

    customer_id: UUID
    nodes: Sequence[UUID]
    erased_at: datetime


def erase(
    session: Session,
    keystore: KeyStore,
    customer_id: UUID,
    *,
    actor: Actor,
    now: datetime,
    why: str | None = None,
) -> Erased:
    """Erase the whole customer behind a node; repeated, say when it was done. `sweep` the nodes afterwards.

    The key store forgets and journals before the main database does: a crash between the two leaves a journal that
    is ahead, which /readyz tells and `replay` repairs, and never a person whose erasure nobody knows of.
    """
    lock_identities(session)
    nodes = component_of(session, customer_id)
    if nodes[0].erased_at is not None:
        return Erased(customer_id, [customer_id], nodes[0].erased_at)
    canonical, gone = nodes[0].canonical_id, [node.id for node in nodes]
    hold_still(session, gone)
    keystore.destroy(gone, now)
    forget(session, keystore.vault, gone, now)
    # A shopper's session was theirs: its id goes, too.
    by = Actor(actor.kind) if actor.kind is ActorKind.SHOPPER else actor
    record(session, Action.ERASED, canonical, actor=by, now=now, why=why)
    return Erased(canonical, gone, now)


def hold_still(session: Session, nodes: Sequence[UUID]) -> None:
    """Wait for everyone who is just adding to these nodes, and let nobody else begin (`customers.lock`)."""
    hold_sessions(session, lambda table: table.customer_id.in_(nodes))
    session.execute(select(Customer.id).where(Customer.id.in_(nodes)).order_by(Customer.id).with_for_update())
