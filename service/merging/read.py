"""Read a whole customer: every node, identifier and edge, for the people who have to understand it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.customers.models import Customer, Identifier
from service.merging.graph import component_of
from service.merging.models import DoNotLink, Merge


@dataclass(frozen=True)
class File:
    """All that is known of who a customer is: ended identifiers and undone merges too, oldest first."""

    nodes: Sequence[Customer]
    identifiers: Sequence[Identifier]
    merges: Sequence[Merge]
    do_not_links: Sequence[DoNotLink]

    @property
    def canonical(self) -> Customer:
        """The node that answers for all."""
        return next(node for node in self.nodes if node.id == node.canonical_id)


def read_file(session: Session, customer_id: UUID) -> File:
    """Return the file of the customer that a node belongs to; `NotFound` when there is no such node."""
    nodes = sorted(component_of(session, customer_id), key=lambda node: (node.created_at, node.id))
    ids = [node.id for node in nodes]
    held = select(Identifier).where(Identifier.customer_id.in_(ids))
    edges = select(Merge).where(or_(Merge.a_id.in_(ids), Merge.b_id.in_(ids)))
    apart = select(DoNotLink).where(or_(DoNotLink.a_id.in_(ids), DoNotLink.b_id.in_(ids)))
    return File(
        nodes,
        session.scalars(held.order_by(Identifier.created_at, Identifier.id)).all(),
        session.scalars(edges.order_by(Merge.created_at, Merge.id)).all(),
        session.scalars(apart.order_by(DoNotLink.created_at, DoNotLink.a_id, DoNotLink.b_id)).all(),
    )
