"""Nodes and edges: which customers are one, and which of them answers for the others."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.customers.models import Customer, Identifier, IdentifierKind
from service.errors import NotFound
from service.merging.models import Merge, Rule

Edge = tuple[UUID, UUID]


def component_of(session: Session, customer_id: UUID) -> Sequence[Customer]:
    """Return every node that is one with a customer, as the database has them now; `NotFound` when there is none."""
    canonical = select(Customer.canonical_id).where(Customer.id == customer_id).scalar_subquery()
    nodes = session.scalars(
        select(Customer)
        .where(Customer.canonical_id == canonical)
        .order_by(Customer.id)
        .execution_options(populate_existing=True)  # what was read before the lock may be old
    ).all()
    if not nodes:
        raise NotFound("there is no such customer")
    return nodes


def active_edges(session: Session, nodes: Iterable[UUID], *, without: Collection[Rule] = ()) -> list[Edge]:
    """Return the edges between these nodes, but for those of some rules."""
    wanted = Merge.a_id.in_(list(nodes)), Merge.undone_at.is_(None), Merge.rule.not_in([one.value for one in without])
    return [(row.a_id, row.b_id) for row in session.execute(select(Merge.a_id, Merge.b_id).where(*wanted))]


def components(nodes: Iterable[UUID], edges: Iterable[Edge]) -> list[set[UUID]]:
    """Return the connected components of a graph."""
    beside: dict[UUID, set[UUID]] = defaultdict(set)
    for a, b in edges:
        beside[a].add(b)
        beside[b].add(a)
    left, found = set(nodes), []
    while left:
        part, edge_of_part = set[UUID](), {left.pop()}
        while edge_of_part:
            part |= edge_of_part
            edge_of_part = {other for node in edge_of_part for other in beside[node]} - part
        left -= part
        found.append(part)
    return found


def settle(session: Session, nodes: Sequence[Customer]) -> UUID:
    """Let the oldest verified node answer for a component, ties by id; return it.

    Where none is verified the oldest does, but a device's anonymous node only when there is nothing else: a site
    keeps the customer ID that it knows.
    """
    is_clear = len(nodes) == 1 or any(node.verified_at is not None for node in nodes)
    anonymous = set() if is_clear else _anonymous_among(session, [node.id for node in nodes])
    chosen = min(nodes, key=lambda node: (node.verified_at is None, node.id in anonymous, node.created_at, node.id))
    for node in nodes:
        node.canonical_id = chosen.id
    session.flush()
    return chosen.id


def _anonymous_among(session: Session, nodes: list[UUID]) -> set[UUID]:
    """Return the nodes that never held anything but anonymous ids."""
    is_anonymous = (
        func.min(Identifier.kind) == IdentifierKind.ANONYMOUS,
        func.max(Identifier.kind) == IdentifierKind.ANONYMOUS,
    )
    held = select(Identifier.customer_id).where(Identifier.customer_id.in_(nodes)).group_by(Identifier.customer_id)
    return set(session.scalars(held.having(*is_anonymous)))
