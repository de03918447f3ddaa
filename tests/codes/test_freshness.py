from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.codes.freshness import GRACE, check_freshness, scan_time, step_of
from service.codes.refusals import CodeRefused, Refusal

ARRIVAL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND, MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
times = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
offsets = st.timedeltas(timedelta(milliseconds=-(10**12)), timedelta(milliseconds=10**12))


@pytest.mark.parametrize("age", [-30 * SECOND, timedelta(0), 60 * SECOND])
def test_a_code_is_fresh_from_30_s_before_to_60_s_after_both_included(age: timedelta) -> None:
    check_freshness(ARRIVAL, ARRIVAL + age)


@pytest.mark.parametrize(
    ("age", "reason"),
    [(-30 * SECOND - MICROSECOND, Refusal.NOT_YET_VALID), (60 * SECOND + MICROSECOND, Refusal.TOO_OLD)],
)
def test_a_code_is_stale_a_microsecond_beyond(age: timedelta, reason: Refusal) -> None:
    with pytest.raises(CodeRefused) as caught:
        check_freshness(ARRIVAL, ARRIVAL + age)
    assert caught.value.reason is reason


@given(times, times, offsets)
def test_scan_time_is_never_after_arrival_nor_before_the_grace(
    arrival: datetime, scanned_at: datetime, offset: timedelta
) -> None:
    assert arrival - GRACE <= scan_time(arrival, scanned_at, offset) <= arrival


def test_scan_time_is_arrival_unless_the_till_says_otherwise() -> None:
    assert scan_time(ARRIVAL, None, SECOND) == ARRIVAL
    assert scan_time(ARRIVAL, ARRIVAL - 5 * SECOND, 2 * SECOND) == ARRIVAL - 3 * SECOND


def test_a_step_is_thirty_seconds_long() -> None:
    assert [step_of(ARRIVAL + seconds * SECOND) - step_of(ARRIVAL) for seconds in (-1, 0, 29, 30)] == [-1, 0, 0, 1]
