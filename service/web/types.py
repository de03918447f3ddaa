"""Types of fields, shared by the doors: bounded, printable, exact."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_LEAP = "60"
_YEAR_0, _YEAR_4 = "0000", "0004"
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
MAX_MINOR = 2**53 - 1  # the largest integer that JavaScript holds exactly


def _read_moment(given: Any) -> datetime:
    """Read a time that lies between 1970 and 2200."""
    moment = _read_rfc_3339(given)
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError("a time must lie between 1970 and 2200")
    return moment.astimezone(UTC)


def _read_odd_moment(given: Any) -> datetime:
    """Read a time of what has happened already: one beyond the borders is taken for the nearest of them."""
    return min(max(_read_rfc_3339(given), _EARLIEST), _LATEST).astimezone(UTC)


def _read_rfc_3339(given: Any) -> datetime:
    """Read a time as RFC 3339, section 5.6, writes it; a leap second is taken for the one before."""
    found = _MOMENT.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise ValueError("write a time as RFC 3339 does, with an offset: 2026-11-22T10:00:00+01:00")
    text = found[0].upper()
    if found[1] == _LEAP:
        text = f"{text[: found.start(1)]}59{text[found.end(1) :]}"
    if text.startswith(_YEAR_0):
        text = text.replace(_YEAR_0, _YEAR_4, 1)  # as far away, and a leap year, too; `datetime` knows no year 0
    return datetime.fromisoformat(text)


def _read_day(given: Any) -> date:
    if not isinstance(given, str) or not _DAY.fullmatch(given):
        raise ValueError("write a day as year, month and day: 2026-11-22")
    return date.fromisoformat(given)


def _read_id(given: Any) -> UUID:
    """Read an id in the one spelling that addresses have, too."""
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise ValueError("write an id as 8-4-4-4-12 hexadecimal digits")
    return UUID(given)


def _read_whole(given: Any) -> Any:
    """Take 25.0 for 25: to JSON Schema, and to many languages, it is the same integer."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


def _none_if_empty(given: str | None) -> str | None:
    """Take an empty field for one that was left out: many programs send every field that they have."""
    return given or None


Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PRINTABLE)]
MaybeName = Annotated[
    Annotated[str, StringConstraints(max_length=100, pattern=_PRINTABLE)] | None, AfterValidator(_none_if_empty)
]
MaybeRef = Annotated[
    Annotated[str, StringConstraints(max_length=200, pattern=_PRINTABLE)] | None, AfterValidator(_none_if_empty)
]
MaybeHash = Annotated[
    Annotated[str, StringConstraints(pattern=r"^([0-9a-fA-F]{64})?$", to_lower=True)] | None,
    AfterValidator(_none_if_empty),
]
Words = Annotated[str, StringConstraints(max_length=2_000, pattern=_PRINTABLE)]
_A_TIME = WithJsonSchema({"type": "string", "format": "date-time", "description": "RFC 3339, with an offset"})
Moment = Annotated[datetime, BeforeValidator(_read_moment), _A_TIME]
OddMoment = Annotated[datetime, BeforeValidator(_read_odd_moment), _A_TIME]
Day = Annotated[date, BeforeValidator(_read_day), WithJsonSchema({"type": "string", "format": "date"})]
Id = Annotated[UUID, BeforeValidator(_read_id), WithJsonSchema({"type": "string", "format": "uuid"})]
Whole = Annotated[int, BeforeValidator(_read_whole)]
Minor = Annotated[Whole, Field(ge=-MAX_MINOR, le=MAX_MINOR, description="minor units of the currency")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(description="ISO 4217")]
Quantity = Annotated[
    str, StringConstraints(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,18})?$"), Field(description="a decimal number")
]


class Place(BaseModel):
    """A store, as answers name it."""

    store_id: UUID
    name: str


def place(store: Any) -> dict[str, Any]:
    """Return a store as answers name it."""
    return {"store_id": store.id, "name": store.name}


# What a look is for, in the caller's words or as a reference of theirs.
Why = Annotated[
    str,
    StringConstraints(max_length=200, pattern=_PRINTABLE),
    Field(description="what for; the shopper reads it"),
]


class WhyQuery(BaseModel):
    """What the look is for."""

    model_config = ConfigDict(extra="forbid")

    why: Why | None = None
