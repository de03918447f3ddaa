"""Blank the ids of some people in what is told of others: an audit's detail, a merge's evidence."""

import re
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def blank(told: Any, ids: Collection[str]) -> Any:
    """Return words, counts and ids with some ids left empty, however deep they stand."""
    if isinstance(told, dict):
        return {name: blank(value, ids) for name, value in told.items()}
    if isinstance(told, list):
        return [blank(value, ids) for value in told]
    return None if told in ids else told


def ids_in(told: Iterable[Any]) -> set[UUID]:
    """Return every id that stands anywhere in these."""
    return {UUID(found) for one in told for found in _ID.findall(str(one))}
