"""Long lists: a page at a time for whoever reads them, a part at a time for statements that name many ids."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute

T = TypeVar("T")


@dataclass(frozen=True)
class Cursor:
    """Where a page stopped: the time and id of its last item."""

    at: datetime
    id: UUID


def older_than(
    after: Cursor | None, at: InstrumentedAttribute[datetime], ident: InstrumentedAttribute[UUID]
) -> list[ColumnElement[bool]]:
    """Return the conditions for what comes after a cursor, newest first."""
    return [] if after is None else [or_(at < after.at, (at == after.at) & (ident < after.id))]


def in_parts(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Yield the values, so many at a time: few enough to be named in one statement."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
