"""Weigh statements: which one holds for a customer who is made of several nodes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.consent.models import Consent


@dataclass(frozen=True)
class Joined:
    """Two nodes that became one customer, and when."""

    a_id: UUID
    b_id: UUID
    at: datetime


@dataclass
class _Side:
    nodes: set[UUID]
    says: Consent | None = None


def weigh(customer_id: UUID, statements: Iterable[Consent], joins: Iterable[Joined]) -> Consent | None:
    """Return the statement about one purpose that holds for the customer, or None when nobody asked them.

    Told in order of time: a statement replaces what the customer said before it; when two customers become one,
    the more restrictive of what each says holds, until they say something again. Nothing is stored, so after an
    unmerge each has their own again.
    """
    sides: dict[UUID, _Side] = {}
    # Of one instant the restrictive reading: a withdrawal comes after a grant, and a merge after both.
    said = [(statement.at, 0 if statement.granted else 1, statement) for statement in statements]
    happened: Sequence[tuple[datetime, int, Consent | Joined]] = [*said, *((join.at, 2, join) for join in joins)]
    for _, _, event in sorted(happened, key=lambda item: item[:2]):
        if isinstance(event, Joined):
            _join(sides, event)
        else:
            _side_of(sides, event.customer_id).says = event
    return _side_of(sides, customer_id).says


def _join(sides: dict[UUID, _Side], join: Joined) -> None:
    kept, gone = _side_of(sides, join.a_id), _side_of(sides, join.b_id)
    if kept is gone:
        return
    kept.says = _stricter(kept.says, gone.says)
    kept.nodes |= gone.nodes
    for node in gone.nodes:
        sides[node] = kept


def _side_of(sides: dict[UUID, _Side], node: UUID) -> _Side:
    return sides.setdefault(node, _Side({node}))


def _stricter(one: Consent | None, other: Consent | None) -> Consent | None:
    """Withdrawn beats granted, granted beats nothing; of two alike the newer."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda statement: (not statement.granted, statement.at))
