"""How a till stands, read from its own file."""

from dataclasses import dataclass
from datetime import datetime

from pos_client.answers import Terminal
from pos_client.queue import DeadLetter, Kind, Queue


@dataclass(frozen=True, kw_only=True)
class Status:
    """The till, what waits to be sent, and what was refused for good; terminal is None before enrolment."""

    url: str | None
    terminal: Terminal | None
    waiting: dict[Kind, int]
    dead_letters: tuple[DeadLetter, ...]
    clock_offset_ms: int | None
    last_online_at: datetime | None


def read_status(queue: Queue) -> Status:
    """Return how the till stands; needs no network."""
    seen = queue.recall("last_online_at")
    return Status(
        url=queue.recall("base_url"),
        terminal=queue.terminal(),
        waiting=queue.counts(),
        dead_letters=queue.dead_letters(),
        clock_offset_ms=queue.clock_offset_ms(),
        last_online_at=datetime.fromisoformat(seen) if seen else None,
    )
