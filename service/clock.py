"""The only reader of the wall clock: the edge reads it once for a request and passes it on."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)
