"""Anonymous activity: a device is a node of its own until its owner signs in; then an edge joins them.

Everything before becomes the owner's, back to the last identity switch on that device and no further: a switch ends
the device's node, which stays with whom it belonged to, and begins another.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor, ActorKind
from service.audit.record import record
from service.crypto.keystore import KeyStore
from service.customers.component import canonical_of
from service.customers.identifiers import add_identifier, end_identifier, find_live
from service.customers.models import Customer, Identifier, IdentifierKind, Trust
from service.merging.graph import component_of
from service.merging.join import Cause, join
from service.merging.lock import lock_identities
from service.merging.models import DoNotLink, Rule
from service.merging.rules import Rules


def see_anonymous(session: Session, keystore: KeyStore, *, site_id: UUID, anonymous_id: str, now: datetime) -> UUID:
    """Return the node under which a device's activity is captured now; a device not seen before gets one."""
    return _see(session, keystore, site_id=site_id, anonymous_id=anonymous_id, now=now).customer_id


def sign_up(
    session: Session,
    keystore: KeyStore,
    *,
    site_id: UUID,
    anonymous_id: str,
    customer_id: UUID,
    actor: Actor,
    rules: Rules,
    now: datetime,
) -> UUID:
    """Say that a known customer uses this device; return the node under which its activity is captured from now on.

    Where the device is another customer's, or a person has separated it from whom it was, this is an identity switch.
    """
    lock_identities(session)
    device = _see(session, keystore, site_id=site_id, anonymous_id=anonymous_id, now=now)
    ours = component_of(session, device.customer_id)
    if ours[0].canonical_id == canonical_of(session, customer_id):
        return device.customer_id
    if _is_anothers(session, [node.id for node in ours]):
        _end(session, device, actor, now)
        device = _begin(session, keystore, site_id=site_id, anonymous_id=anonymous_id, now=now)
    cause = Cause(Rule.ANONYMOUS_SIGN_UP, actor, {"kind": device.kind, "identifier_id": device.id})
    join(session, keystore, device.customer_id, customer_id, cause=cause, rules=rules, now=now)
    return device.customer_id


def switch_away(
    session: Session, keystore: KeyStore, *, site_id: UUID, anonymous_id: str, actor: Actor, now: datetime
) -> None:
    """Say that a customer whose file takes no more devices uses another's: whosever it was before, it is no more."""
    lock_identities(session)
    device = _find(session, keystore, site_id, anonymous_id)
    if device is not None:
        _end(session, device, actor, now)


def _see(session: Session, keystore: KeyStore, *, site_id: UUID, anonymous_id: str, now: datetime) -> Identifier:
    found = _find(session, keystore, site_id, anonymous_id)
    if found is None:
        lock_identities(session)
        found = _find(session, keystore, site_id, anonymous_id)  # another may have seen it first
    return found or _begin(session, keystore, site_id=site_id, anonymous_id=anonymous_id, now=now)


def _find(session: Session, keystore: KeyStore, site_id: UUID, anonymous_id: str) -> Identifier | None:
    live = find_live(session, keystore.vault, IdentifierKind.ANONYMOUS, anonymous_id, issuer=site_id)
    return live[0] if live else None


def _begin(session: Session, keystore: KeyStore, *, site_id: UUID, anonymous_id: str, now: datetime) -> Identifier:
    ident = uuid4()
    session.add(Customer(id=ident, created_at=now, canonical_id=ident))
    session.flush()
    return add_identifier(
        session,
        keystore,
        customer_id=ident,
        kind=IdentifierKind.ANONYMOUS,
        value=anonymous_id,
        trust=Trust.VOUCHED,
        actor=Actor(ActorKind.SITE, site_id),
        now=now,
        issuer=site_id,
    )


def _end(session: Session, device: Identifier, actor: Actor, now: datetime) -> None:
    end_identifier(device, now)
    told: dict[str, Any] = {"identifier_id": device.id, "kind": device.kind}
    record(session, Action.IDENTIFIER_UNLINKED, device.customer_id, actor=actor, now=now, **told)
    session.flush()


def _is_anothers(session: Session, nodes: Sequence[UUID]) -> bool:
    """Return whether a device's nodes are a known customer's, who ever held more, or were parted from anybody."""
    known = Identifier.customer_id.in_(nodes), Identifier.kind != IdentifierKind.ANONYMOUS
    if session.scalar(select(Identifier.id).where(*known).limit(1)) is not None:
        return True
    parted = DoNotLink.a_id.in_(nodes) | DoNotLink.b_id.in_(nodes)
    return session.scalar(select(DoNotLink.a_id).where(parted).limit(1)) is not None
