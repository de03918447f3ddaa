"""Types of fields, shared by the doors: bounded, printable, exact."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints, WithJsonSchema

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
MAX_MINOR = 2**53 - 1  # the largest integer that JavaScript holds exactly


def _bounded(moment: datetime) -> datetime:
    if not _EARLIEST.timestamp() <= moment.timestamp() < _LATEST.timestamp():
        raise ValueError("a time must lie between 1970 and 2200")
    return moment.astimezone(UTC)


Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PRINTABLE)]
Words = Annotated[str, StringConstraints(max_length=2_000, pattern=_PRINTABLE)]
Moment = Annotated[
    AwareDatetime,
    AfterValidator(_bounded),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "RFC 3339, with an offset"}),
]
Minor = Annotated[int, Field(ge=-MAX_MINOR, le=MAX_MINOR, description="minor units of the currency")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(description="ISO 4217")]
Quantity = Annotated[
    str, StringConstraints(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,6})?$"), Field(description="a decimal number")
]


class Place(BaseModel):
    """A store, as answers name it."""

    store_id: UUID
    name: str


def place(store: Any) -> dict[str, Any]:
    """Return a store as answers name it."""
    return {"store_id": store.id, "name": store.name}
