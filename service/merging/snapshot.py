"""A snapshot of who is whom and on what grounds, in memory: what a simulation plays with."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.crypto.keystore import KeyStore
from service.customers.identifiers import open_value
from service.customers.models import Customer, Identifier, Trust
from service.merging.models import DoNotLink, Merge
from service.merging.rails import UNIQUE, find_named
from service.merging.reasons import SAME

_AT_ONCE = 1_000
_LIVE = Identifier.ended_at.is_(None)
Key = tuple[str, UUID]


@dataclass(frozen=True)
class Value:
    """A value that several nodes proved, oldest first; `held_by` are all who hold it, however they do."""

    kind: str
    proved_by: list[UUID] = field(default_factory=list)
    held_by: set[UUID] = field(default_factory=set)


@dataclass(frozen=True)
class Snapshot:
    """Every active edge, oldest first, every value that several proved, and what the guard rails look at."""

    edges: Sequence[Merge]
    values: list[Value]
    value_of: dict[UUID, Value]
    canonical_of: dict[UUID, UUID]
    unique: dict[UUID, list[tuple[Key, Hashable]]]
    apart: set[frozenset[UUID]]
    named: set[UUID]


def take_snapshot(session: Session, keystore: KeyStore) -> Snapshot:
    """Return the data as it is. It grows with the merges and shared values, not with the customers."""
    active = select(Merge).where(Merge.undone_at.is_(None)).order_by(Merge.created_at, Merge.id)
    edges = session.scalars(active).all()
    is_mixed = len(session.scalars(select(Identifier.index_version).where(_LIVE).distinct()).all()) > 1
    value_of = _load_values(session, keystore, is_mixed=is_mixed)
    values = [value for value in {id(value): value for value in value_of.values()}.values() if value.proved_by[1:]]
    nodes = {end for edge in edges for end in (edge.a_id, edge.b_id)}
    nodes |= {node for value in values for node in value.held_by}
    canonical_of, named = _load_nodes(session, keystore, nodes)
    unique = _load_unique(session, keystore, nodes, is_mixed=is_mixed)
    apart = {frozenset(pair) for pair in session.execute(select(DoNotLink.a_id, DoNotLink.b_id))}
    return Snapshot(edges, values, value_of, canonical_of, unique, apart, named)


def _load_values(session: Session, keystore: KeyStore, *, is_mixed: bool) -> dict[UUID, Value]:
    """Return the shared values by the identifiers that hold them."""
    kinds = Identifier.kind.in_([kind.value for kind in SAME])
    proved = select(Identifier.value_index).where(kinds, _LIVE, Identifier.trust == Trust.VERIFIED)
    shared = proved.group_by(Identifier.value_index).having(func.count() > 1)
    wanted = select(Identifier).where(kinds, _LIVE).order_by(Identifier.created_at, Identifier.id)
    if not is_mixed:  # else the same value stands under two indexes, and only the values themselves tell
        wanted = wanted.where(Identifier.value_index.in_(shared))
    by_value: dict[tuple[str, Hashable], Value] = {}
    value_of: dict[UUID, Value] = {}
    for row in session.scalars(wanted):
        value = by_value.setdefault((row.kind, _key(keystore, row, is_mixed=is_mixed)), Value(row.kind))
        value_of[row.id] = value
        value.held_by.add(row.customer_id)
        if row.trust == Trust.VERIFIED:
            value.proved_by.append(row.customer_id)
    return value_of


def _load_nodes(session: Session, keystore: KeyStore, nodes: Collection[UUID]) -> tuple[dict[UUID, UUID], set[UUID]]:
    """Return who answers for each node, and which nodes have a name."""
    canonical_of: dict[UUID, UUID] = {}
    named: set[UUID] = set()
    for chunk in _chunks(nodes):
        customers = session.scalars(select(Customer).where(Customer.id.in_(chunk))).all()
        canonical_of |= {customer.id: customer.canonical_id for customer in customers}
        named |= find_named(keystore, customers)
    return canonical_of, named


def _load_unique(
    session: Session, keystore: KeyStore, nodes: Collection[UUID], *, is_mixed: bool
) -> dict[UUID, list[tuple[Key, Hashable]]]:
    """Return by node the values of which a customer may hold few."""
    found: dict[UUID, list[tuple[Key, Hashable]]] = defaultdict(list)
    counts = Identifier.kind.in_([kind.value for kind in UNIQUE]), Identifier.trust != Trust.CLAIMED, _LIVE
    for chunk in _chunks(nodes):
        for row in session.scalars(select(Identifier).where(Identifier.customer_id.in_(chunk), *counts)):
            found[row.customer_id].append(((row.kind, row.issuer), _key(keystore, row, is_mixed=is_mixed)))
    return found


def _key(keystore: KeyStore, row: Identifier, *, is_mixed: bool) -> Hashable:
    return (open_value(keystore, row) or row.value_index) if is_mixed else row.value_index


def _chunks(nodes: Collection[UUID]) -> Iterator[list[UUID]]:
    ordered = sorted(nodes)
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]
