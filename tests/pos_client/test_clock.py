from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pos_client import PosClient, Return, Unavailable
from pos_client.queue import MOST_OFFSET_MS, Queue
from tests.pos_client.conftest import Clock, OpenTill, a_code, a_sale
from tests.pos_client.fake_service import ENROLMENT_CODE, FakeService, Reply

ABSURD_TIMES = [
    "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59", "9999-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
    "2200-01-01T00:00:00Z",
]  # fmt: skip


@pytest.mark.parametrize("told", ABSURD_TIMES)
def test_a_service_that_tells_an_absurd_time_is_not_believed(
    till: PosClient, service: FakeService, clock: Clock, told: str
) -> None:
    service.clock = lambda: clock() + timedelta(minutes=10)
    till.heartbeat()
    service.answer_more = {"server_time": told}
    till.scan(a_code())
    assert till.status().clock_offset_ms == 600_000
    till.sell(a_sale())
    assert service.bodies("sale")[0]["occurred_at"] == "2026-11-22T10:10:00.000Z"


def test_the_clock_is_not_measured_by_an_answer_that_is_not_understood(
    till: PosClient, service: FakeService, clock: Clock
) -> None:
    clock.advance(minutes=1)
    nonsense = {"server_time": "2031-01-01T00:00:00Z"}
    service.replies = [Reply(200, nonsense), Reply(200, nonsense), Reply(200, nonsense)]
    till.scan(a_code())
    till.sell(a_sale())
    with pytest.raises(Unavailable):
        till.heartbeat()
    assert till.status().clock_offset_ms == 0
    assert till.status().last_online_at == clock() - timedelta(minutes=1)


@pytest.mark.parametrize("stored", ["251628000000000000", "-9" * 7, "9" * 5_000, "many", ""])
def test_an_absurd_clock_offset_in_the_file_does_no_harm(
    till: PosClient, service: FakeService, queue_path: Path, stored: str
) -> None:
    with closing(Queue(queue_path)) as queue:
        queue.remember(clock_offset_ms=stored)
    service.down = True
    assert till.sell(a_sale()).queued
    assert till.return_(Return(lines=[])).queued
    till.scan(a_code())
    service.down = False
    assert till.status().clock_offset_ms is None
    till.sync()
    assert service.bodies("sale")[0]["occurred_at"] == "2026-11-22T10:00:00.000Z"
    assert "clock_offset_ms" not in service.bodies("scan")[0]


@pytest.mark.parametrize("year", [1, 150, 1900, 2190, 9990])
def test_a_clock_that_jumped_never_keeps_a_sale_from_the_queue(
    till: PosClient, service: FakeService, queue_path: Path, clock: Clock, year: int
) -> None:
    with closing(Queue(queue_path)) as queue:
        queue.remember(clock_offset_ms=str(MOST_OFFSET_MS if year > 2000 else -MOST_OFFSET_MS))
    clock.now = clock.now.replace(year=year)
    service.down = True
    assert till.sell(a_sale()).queued
    assert till.status().waiting["sale"] == 1


@pytest.mark.parametrize("year", [1970, 1985, 2150])
def test_a_clock_that_is_wrong_by_decades_is_put_right(
    open_till: OpenTill, service: FakeService, clock: Clock, year: int
) -> None:
    here, now = Clock(), clock()
    here.now = now.replace(year=year)
    till = open_till(clock=here)
    till.enrol(ENROLMENT_CODE)
    till.sell(a_sale())
    assert service.bodies("sale")[0]["occurred_at"] == "2026-11-22T10:00:00.000Z"


def answer_on_the_way(service: FakeService, clock: Clock, there: float, back: float, ahead: float = 0) -> None:
    """Have the service answer after so many seconds, by a clock that is so many seconds ahead."""

    def tell() -> datetime:
        clock.advance(seconds=there)
        told = clock() + timedelta(seconds=ahead)
        clock.advance(seconds=back)
        return told

    service.clock = tell


def test_a_slow_answer_does_not_replace_what_a_quick_one_told_of_the_clock(
    till: PosClient, service: FakeService, clock: Clock
) -> None:
    till.heartbeat()
    answer_on_the_way(service, clock, there=0, back=2)
    till.heartbeat()
    assert till.status().clock_offset_ms == 0
    assert till.status().last_online_at == clock()


def test_a_quick_answer_replaces_what_a_slow_one_told_of_the_clock(
    open_till: OpenTill, service: FakeService, clock: Clock
) -> None:
    answer_on_the_way(service, clock, there=0, back=2, ahead=60)
    till = open_till()
    till.enrol(ENROLMENT_CODE)
    assert till.status().clock_offset_ms == 59_000
    answer_on_the_way(service, clock, there=0.1, back=0.1, ahead=60)
    till.heartbeat()
    assert till.status().clock_offset_ms == 60_000


@pytest.mark.parametrize("jumped", [-3600, -3, 3, 3600])
def test_a_clock_that_was_set_is_noticed_by_slow_answers_too(
    till: PosClient, service: FakeService, clock: Clock, jumped: float
) -> None:
    answer_on_the_way(service, clock, there=1, back=1, ahead=jumped)
    till.heartbeat()
    assert till.status().clock_offset_ms == jumped * 1000
