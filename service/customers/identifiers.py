"""Identifiers: find who holds a value, add one, end one, and open its value."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor, ActorKind
from service.audit.record import record
from service.crypto.keystore import KeyStore, open_or_none
from service.crypto.vault import Vault
from service.customers.component import nodes_of
from service.customers.models import NO_ISSUER, STRENGTH, Customer, Identifier, IdentifierKind, Trust
from service.db import word

VALUE_CONTEXT = "identifiers.value"
# Of these a node holds one value alone, however far the value is believed.
_ALWAYS_EXCLUSIVE = frozenset((IdentifierKind.ACCOUNT, IdentifierKind.ANONYMOUS))
_OWNER = frozenset((ActorKind.SHOPPER, ActorKind.SYSTEM))

STRONGEST_FIRST = (
    Identifier.exclusive.desc(),
    case({word(trust): STRENGTH[trust] for trust in Trust}, value=Identifier.trust).desc(),
    Identifier.created_at,
    Identifier.id,
)


def index_parts(kind: IdentifierKind, value: str) -> tuple[str, str]:
    """Return what the blind index of a normalised value is made of. The issuer is a column, and no part of it."""
    return kind.value, value


def live_with(
    vault: Vault, kind: IdentifierKind, value: str, *, issuer: UUID = NO_ISSUER
) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of a live identifier with this normalised value."""
    return (
        Identifier.kind == kind,
        Identifier.issuer == issuer,
        Identifier.value_index.in_(vault.indexes(*index_parts(kind, value))),
        Identifier.ended_at.is_(None),
    )


def find_live(
    session: Session, vault: Vault, kind: IdentifierKind, value: str, *, issuer: UUID = NO_ISSUER
) -> list[Identifier]:
    """Return every live identifier with this normalised value: its one holder first, then by trust and age."""
    found = select(Identifier).where(*live_with(vault, kind, value, issuer=issuer)).order_by(*STRONGEST_FIRST)
    # What was read before the identity lock may be old.
    return list(session.scalars(found.execution_options(populate_existing=True)))


def add_identifier(  # noqa: PLR0913 - one row, told column by column
    session: Session,
    keystore: KeyStore,
    *,
    customer_id: UUID,
    kind: IdentifierKind,
    value: str,
    trust: Trust,
    actor: Actor,
    now: datetime,
    issuer: UUID = NO_ISSUER,
) -> Identifier:
    """Give a node an identifier, or more trust to the live one it has. The caller holds the identity lock.

    `value` is normalised. A verified one becomes the value's one holder unless another is; it never takes that
    away from anybody.
    """
    live = find_live(session, keystore.vault, kind, value, issuer=issuer)
    held = next((row for row in live if row.customer_id == customer_id), None)
    free = not any(row.exclusive for row in live if row is not held)
    if held is None:
        held = _insert(keystore, customer_id=customer_id, kind=kind, value=value, actor=actor, now=now, issuer=issuer)
        session.add(held)
        _tell(session, Action.IDENTIFIER_LINKED, held, trust=trust, actor=actor, now=now)
    else:
        refresh(keystore, held, value, now)
    _strengthen(session, keystore.vault, held, value, trust=trust, actor=actor, now=now)
    may_hold = trust is Trust.VERIFIED or kind in _ALWAYS_EXCLUSIVE
    held.exclusive = held.exclusive or (free and may_hold and held.demoted_by is None)
    session.flush()
    return held


def end_identifier(identifier: Identifier, now: datetime) -> None:
    """End an identifier: from now on it leads to nobody."""
    identifier.ended_at = identifier.ended_at or now
    identifier.exclusive = False


def open_value(keystore: KeyStore, identifier: Identifier) -> str | None:
    """Return an identifier's value, or None when it was never kept, or its owner was erased."""
    key = keystore.find(identifier.customer_id)
    return open_or_none(key, identifier.value_sealed, context=VALUE_CONTEXT)


def open_values(keystore: KeyStore, identifiers: Sequence[Identifier]) -> dict[UUID, str | None]:
    """Return the values of many identifiers, by id."""
    keys = keystore.find_many({row.customer_id for row in identifiers})
    return {
        row.id: open_or_none(keys.get(row.customer_id), row.value_sealed, context=VALUE_CONTEXT)
        for row in identifiers
    }


def refresh(keystore: KeyStore, identifier: Identifier, value: str, now: datetime) -> None:
    """Bring a row up to date: written under an older index key, before values were kept, or its data key was lost."""
    index_anew(keystore.vault, identifier, value, now)
    if open_value(keystore, identifier) is None:
        identifier.value_sealed = keystore.take(identifier.customer_id).seal(value, context=VALUE_CONTEXT)


def index_anew(vault: Vault, identifier: Identifier, value: str, now: datetime) -> None:
    """Bring a row that was written under an older index key under the one that writes now."""
    index = vault.index(*index_parts(IdentifierKind(identifier.kind), value), now=now)
    if identifier.index_version < index.version:
        identifier.value_index, identifier.index_version = index.digest, index.version


def _insert(
    keystore: KeyStore,
    *,
    customer_id: UUID,
    kind: IdentifierKind,
    value: str,
    actor: Actor,
    now: datetime,
    issuer: UUID,
) -> Identifier:
    index = keystore.vault.index(*index_parts(kind, value), now=now)
    return Identifier(
        id=uuid4(),
        customer_id=customer_id,
        kind=kind.value,
        issuer=issuer,
        trust=Trust.CLAIMED.value,
        exclusive=False,
        value_index=index.digest,
        index_version=index.version,
        value_sealed=keystore.take(customer_id).seal(value, context=VALUE_CONTEXT),
        source=actor.kind.value,
        source_id=actor.id,
        created_at=now,
    )


def _last_proof(session: Session, vault: Vault, held: Identifier, value: str) -> datetime | None:
    """Return when a customer's value was last proved, on whichever of their nodes, ended or not."""
    before = (
        Identifier.customer_id.in_(nodes_of(held.customer_id)),
        Identifier.kind == held.kind,
        Identifier.issuer == held.issuer,
        Identifier.value_index.in_(vault.indexes(*index_parts(IdentifierKind(held.kind), value))),
    )
    return session.scalar(select(func.max(Identifier.proved_at)).where(*before))


def _strengthen(
    session: Session, vault: Vault, held: Identifier, value: str, *, trust: Trust, actor: Actor, now: datetime
) -> None:
    """Raise the trust of a row, never lower it; what a merge demoted comes back with it, or by its owner's proof."""
    if held.demoted_by is not None and actor.kind not in _OWNER:
        return
    was = Trust(held.trust)
    if STRENGTH[trust] > STRENGTH[was]:
        held.trust = trust.value
    if trust is not Trust.VERIFIED:
        return
    if actor.kind in _OWNER:
        held.proved_at = now
    elif held.proved_at is None:
        # A site that repeats itself every night proves nothing anew, though what it says was ended meanwhile.
        held.proved_at = _last_proof(session, vault, held, value) or now
    if actor.kind is ActorKind.SHOPPER:
        held.owner_proved_at = now
    customer = session.get_one(Customer, held.customer_id)
    customer.verified_at = customer.verified_at or now
    if was is not Trust.VERIFIED:
        _tell(session, Action.IDENTIFIER_VERIFIED, held, trust=trust, actor=actor, now=now)


def _tell(session: Session, action: Action, held: Identifier, *, trust: Trust, actor: Actor, now: datetime) -> None:
    told: dict[str, Any] = {"identifier_id": held.id, "kind": held.kind, "trust": trust.value}
    record(session, action, held.customer_id, actor=actor, now=now, why=None, **told)
