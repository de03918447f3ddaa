"""Code time against scan time: how old a code may be, and which step of 30 seconds it spends."""

from datetime import datetime, timedelta

from service.codes.refusals import CodeRefused, Refusal

STEP_SECONDS = 30
ACCEPT_BEFORE = timedelta(seconds=30)
ACCEPT_AFTER = timedelta(seconds=60)
GRACE = timedelta(minutes=10)


def step_of(code_time: datetime) -> int:
    """Return the step that a code time falls in: Unix seconds ÷ 30, rounded down (RFC 6238 section 4.2)."""
    return int(code_time.timestamp()) // STEP_SECONDS


def scan_time(arrival: datetime, scanned_at: datetime | None, clock_offset: timedelta) -> datetime:
    """Return when a scan counts as made: what the till says, never after arrival nor before the grace."""
    if scanned_at is None:
        return arrival
    return min(arrival, max(arrival - GRACE, scanned_at + clock_offset))


def check_freshness(code_time: datetime, at: datetime) -> None:
    """Accept a code from 30 s before its code time to 60 s after, at scan time; else `CodeRefused`."""
    if at < code_time - ACCEPT_BEFORE:
        raise CodeRefused(Refusal.NOT_YET_VALID)
    if at > code_time + ACCEPT_AFTER:
        raise CodeRefused(Refusal.TOO_OLD)
