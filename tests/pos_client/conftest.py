from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pos_client import BackOff, Line, PosClient, Sale
from tests.pos_client.fake_service import ENROLMENT_CODE, FakeService

ADDRESS = "https://unspoken.example"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


def a_code(number: int = 1) -> str:
    return f"71{number:0200d}"


def a_sale(**changes: object) -> Sale:
    fields = {"receipt_number": "R-1", "total_minor": 2500, "lines": [Line(description="T-shirt", total_minor=2500)]}
    return Sale(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(clock: Clock) -> FakeService:
    return FakeService(clock)


@pytest.fixture
def queue_path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "till.db"


@pytest.fixture
def naps() -> list[float]:
    """How long the client slept between its tries."""
    return []


OpenTill = Callable[..., PosClient]


@pytest.fixture
def open_till(service: FakeService, clock: Clock, queue_path: Path, naps: list[float]) -> Iterator[OpenTill]:
    opened = []

    def open_one(**changes: object) -> PosClient:
        options = {
            "base_url": ADDRESS,
            "queue": queue_path,
            "transport": service.transport(),
            "clock": clock,
            "back_off": BackOff(sleep=naps.append, random=lambda: 1.0),
        }
        opened.append(PosClient(**{**options, **changes}))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for client in opened:
        client.close()


@pytest.fixture
def till(open_till: OpenTill) -> PosClient:
    client = open_till()
    client.enrol(ENROLMENT_CODE)
    return client
