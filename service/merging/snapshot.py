"""A snapshot of who is whom and on what grounds, in memory: what a simulation plays with."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from service.crypto.keystore import KeyStore
from service.customers.identifiers import open_values
from service.customers.models import Customer, Identifier, Trust
from service.lists import in_parts
from service.merging.models import DoNotLink, Merge, Rule
from service.merging.rails import UNIQUE, find_named
from service.merging.reasons import SAME

_AT_ONCE = 1_000
_LIVE = Identifier.ended_at.is_(None)
_PROVED = Identifier.proved_at.is_not(None)
_MERGES = Identifier.kind.in_([kind.value for kind in SAME])
_UNIQUE = Identifier.kind.in_([kind.value for kind in UNIQUE])
Key = tuple[str, UUID]


class Proof(NamedTuple):
    """A value that a node proved: since when it holds it, when it was last proved, and since when by its owner."""

    kind: str
    key: Hashable
    since: datetime
    proved: datetime
    by_owner: datetime | None
    value_index: bytes


@dataclass
class Value:
    """A value: the nodes that proved it and when, oldest first, and all who hold it, however they do.

    What a limit demoted was proved once, and is here: a replay decides which limits there are. `text` is the value
    itself, None where it can't be read any more.
    """

    kind: str
    key: Hashable
    text: str | None = field(default=None, repr=False)
    proved_by: list[tuple[UUID, datetime]] = field(default_factory=list)
    held_by: set[UUID] = field(default_factory=set)


@dataclass(frozen=True)
class Snapshot:
    """Every active edge, oldest first, every value that several proved, and what the guard rails look at.

    `value_of` tells by identifier what an edge was made by, `proofs` by node what counts for the limits.
    """

    edges: Sequence[Merge]
    values: list[Value]
    value_of: dict[UUID, Value]
    canonical_of: dict[UUID, UUID]
    unique: dict[UUID, list[tuple[Key, Hashable]]]
    proofs: dict[UUID, list[Proof]]
    apart: set[frozenset[UUID]]
    named: set[UUID]


def take_snapshot(session: Session, keystore: KeyStore) -> Snapshot:
    """Return the data as it is. It grows with the merges and shared values, not with the customers.

    Except while an index key is rotated: then every verified value is opened to find out which are shared.
    """
    active = select(Merge).where(Merge.undone_at.is_(None)).order_by(Merge.created_at, Merge.id)
    edges = session.scalars(active).all()
    is_mixed = len(session.scalars(select(Identifier.index_version).where(_LIVE).distinct()).all()) > 1
    value_of = _load_shared(session, keystore, is_mixed=is_mixed)
    values = list({id(value): value for value in value_of.values()}.values())
    made_by = {UUID(edge.evidence["identifier_id"]) for edge in edges if edge.rule == Rule.VERIFIED_IDENTIFIER}
    value_of |= _load_others(session, keystore, made_by - value_of.keys())
    nodes = {end for edge in edges for end in (edge.a_id, edge.b_id)}
    nodes |= {node for value in values for node in value.held_by}
    canonical_of, named = _load_nodes(session, keystore, nodes)
    unique, proofs = _load_held(session, keystore, nodes, is_mixed=is_mixed)
    apart = {frozenset(pair) for pair in session.execute(select(DoNotLink.a_id, DoNotLink.b_id))}
    return Snapshot(edges, values, value_of, canonical_of, unique, proofs, apart, named)


def _load_shared(session: Session, keystore: KeyStore, *, is_mixed: bool) -> dict[UUID, Value]:
    """Return the shared values by the identifiers that hold them."""
    proved = select(Identifier.value_index).where(_MERGES, _LIVE, _PROVED)
    shared = proved.group_by(Identifier.value_index).having(func.count() > 1)
    wanted = select(Identifier).where(_MERGES, _LIVE).order_by(Identifier.created_at, Identifier.value_index)
    if not is_mixed:  # else the same value stands under two indexes, and only the values themselves tell
        wanted = wanted.where(Identifier.value_index.in_(shared))
    by_value: dict[tuple[str, Hashable], Value] = {}
    value_of: dict[UUID, Value] = {}
    for rows in session.scalars(wanted.execution_options(yield_per=_AT_ONCE)).partitions():
        texts = open_values(keystore, rows)
        for row in rows:
            text = texts[row.id]
            key = (text or row.value_index) if is_mixed else row.value_index
            value = value_of[row.id] = by_value.setdefault((row.kind, key), Value(row.kind, key))
            value.text = value.text or text
            value.held_by.add(row.customer_id)
            if row.proved_at is not None:
                value.proved_by.append((row.customer_id, row.proved_at))
    return {ident: value for ident, value in value_of.items() if value.proved_by[1:]}


def _load_others(session: Session, keystore: KeyStore, idents: Collection[UUID]) -> dict[UUID, Value]:
    """Return the values of identifiers that made a merge, and that nobody shares any more."""
    found: dict[UUID, Value] = {}
    for some in in_parts(sorted(idents)):
        rows = session.scalars(select(Identifier).where(Identifier.id.in_(some))).all()
        texts = open_values(keystore, rows)
        found |= {row.id: Value(row.kind, row.value_index, texts[row.id]) for row in rows}
    return found


def _load_nodes(session: Session, keystore: KeyStore, nodes: Collection[UUID]) -> tuple[dict[UUID, UUID], set[UUID]]:
    """Return who answers for each node, and which nodes have a name."""
    canonical_of: dict[UUID, UUID] = {}
    named: set[UUID] = set()
    for some in in_parts(sorted(nodes)):
        customers = session.scalars(select(Customer).where(Customer.id.in_(some))).all()
        canonical_of |= {customer.id: customer.canonical_id for customer in customers}
        named |= find_named(keystore, customers)
    return canonical_of, named


def _load_held(
    session: Session, keystore: KeyStore, nodes: Collection[UUID], *, is_mixed: bool
) -> tuple[dict[UUID, list[tuple[Key, Hashable]]], dict[UUID, list[Proof]]]:
    """Return by node the values of which a customer may hold few, and those that it proved."""
    unique: dict[UUID, list[tuple[Key, Hashable]]] = defaultdict(list)
    proofs: dict[UUID, list[Proof]] = defaultdict(list)
    counts = _LIVE, or_(_UNIQUE & (Identifier.trust != Trust.CLAIMED), _MERGES & _PROVED)
    for some in in_parts(sorted(nodes)):
        rows = session.scalars(select(Identifier).where(Identifier.customer_id.in_(some), *counts)).all()
        texts = open_values(keystore, rows) if is_mixed else {}
        for row in rows:
            key = texts.get(row.id) or row.value_index
            if row.kind in UNIQUE and row.trust != Trust.CLAIMED:
                unique[row.customer_id].append(((row.kind, row.issuer), key))
            if row.proved_at is not None:
                proofs[row.customer_id].append(
                    Proof(row.kind, key, row.created_at, row.proved_at, row.owner_proved_at, bytes(row.value_index))
                )
    return unique, proofs
