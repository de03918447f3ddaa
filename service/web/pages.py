"""Pages of long lists: newest first, with an opaque cursor that is good for its own list only."""

import base64
import binascii
import hashlib
import struct
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from flask import request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from service.lists import Cursor
from service.web.problems import Problem

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
_LAYOUT = struct.Struct(">q16s")
_MARK_BYTES = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _only_digits(given: str) -> str:
    if not given.isdecimal():
        raise ValueError("write it in digits")
    return given


# In an address every number is text, and Python reads more than digits as one: "1_0", " 10 ", "+10".
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(_only_digits)]


class PageQuery(BaseModel):
    """Which page: `after` is the `next_cursor` of the page before."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[str, Field(max_length=100)] | None = None
    limit: Limit = DEFAULT_LIMIT

    @property
    def cursor(self) -> Cursor | None:
        """Where the page before stopped; a 422 problem when the cursor isn't one of ours."""
        return None if not self.after else read_cursor(self.after, pointer="/after")


def page(items: list[dict[str, Any]], cursors: list[Cursor], limit: int) -> dict[str, Any]:
    """Return a page of at most `limit` of the items; give one more than that to say that others follow."""
    more = len(items) > limit
    return {"items": items[:limit], "next_cursor": write_cursor(cursors[limit - 1]) if more else None}


def write_cursor(cursor: Cursor) -> str:
    """Return a cursor as callers carry it."""
    microseconds = (cursor.at - _EPOCH) // timedelta(microseconds=1)
    place = _LAYOUT.pack(microseconds, cursor.id.bytes)
    return base64.urlsafe_b64encode(place + _mark(place)).decode("ascii")


def read_cursor(text: str, *, pointer: str) -> Cursor:
    """Return the cursor that a caller gave; a 422 problem at `pointer` when it isn't one of ours."""
    try:
        data = base64.b64decode(text, altchars=b"-_", validate=True)
        place = data[: _LAYOUT.size]
        microseconds, ident = _LAYOUT.unpack(place)
        if data != place + _mark(place):
            raise ValueError
        return Cursor(_EPOCH + timedelta(microseconds=microseconds), UUID(bytes=ident))
    except (binascii.Error, struct.error, ValueError, OverflowError):
        error = {"pointer": pointer, "detail": "not a cursor of this list: use the next_cursor of the page before"}
        raise Problem(422, "invalid_parameter", "the cursor is not one of ours", errors=[error]) from None


def _mark(place: bytes) -> bytes:
    """Return what tells a cursor of the list that was asked for from one of another list, or a mistyped one."""
    return hashlib.sha256(str(request.url_rule).encode() + place).digest()[:_MARK_BYTES]
