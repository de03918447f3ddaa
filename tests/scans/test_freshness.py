"""A code is accepted from 30 s before its code time to 60 s after, at scan time, which reaches back 10 minutes."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from service.crypto import keyfile
from service.scans.models import Scan
from tests.world import MIDDAY, World

SHOWN = pytest.mark.parametrize("shown", ["code", "typed_code"])


def code_of_midday(world: World, shown: str = "code") -> str:
    code: str = world.shopper().call("GET", "/shopper/v1/code").json[shown]
    return code


WINDOW = {-31: "not_yet_valid", -30: None, 0: None, 59.999: None, 60: None, 60.001: "too_old"}


@SHOWN
def test_the_window_of_a_code_at_arrival(world: World, shown: str) -> None:
    till, site = world.till(), world.site()
    for number, (after_seconds, reason) in enumerate(WINDOW.items()):
        world.clock.now = MIDDAY
        code = site.shopper(str(number)).call("GET", "/shopper/v1/code").json[shown]
        world.clock.forward(seconds=after_seconds)
        told = "wrong_otp" if reason and shown == "typed_code" else reason
        assert till.scan(code).json["reason"] == told, after_seconds


@SHOWN
@pytest.mark.parametrize("local", ["2026-11-22T12:00:00Z", "2026-11-22T17:30:00+05:30", "2026-11-22T09:00:00-03:00"])
def test_a_scan_counts_when_it_was_made_within_the_grace(world: World, shown: str, local: str) -> None:
    till, code = world.till(), code_of_midday(world, shown)
    world.clock.forward(minutes=10)
    assert till.scan(code, scanned_at=local).json["outcome"] == "identified"


@SHOWN
def test_a_scan_is_never_older_than_the_grace(world: World, shown: str) -> None:
    till, code = world.till(), code_of_midday(world, shown)
    world.clock.forward(minutes=11, seconds=1)
    told = till.scan(code, scanned_at=MIDDAY.isoformat()).json["reason"]
    assert told == ("too_old" if shown == "code" else "wrong_otp")


def test_the_end_of_the_grace_is_the_last_moment(world: World) -> None:
    till, code = world.till(), code_of_midday(world)
    world.clock.forward(minutes=11)
    assert till.scan(code, scanned_at=MIDDAY.isoformat()).json["outcome"] == "identified"


@SHOWN
def test_a_scan_is_never_made_after_its_arrival(world: World, shown: str) -> None:
    till, code = world.till(), code_of_midday(world, shown)
    world.clock.forward(seconds=-31)
    told = till.scan(code, scanned_at=MIDDAY.isoformat()).json["reason"]
    assert told == ("not_yet_valid" if shown == "code" else "wrong_otp")


WRONG_BY = [timedelta(hours=1), timedelta(days=-400), timedelta(days=-56 * 365), timedelta(milliseconds=1)]


@pytest.mark.parametrize("wrong_by", WRONG_BY)
def test_a_till_with_a_wrong_clock_says_by_how_much(world: World, wrong_by: timedelta) -> None:
    till, code = world.till(), code_of_midday(world)
    world.clock.forward(minutes=9)
    offset = -wrong_by // timedelta(milliseconds=1)
    scanned_at = (MIDDAY + wrong_by).isoformat()
    assert till.scan(code, scanned_at=scanned_at, clock_offset_ms=offset).json["outcome"] == "identified"


def test_an_offset_without_a_time_changes_nothing(world: World) -> None:
    till, code = world.till(), code_of_midday(world)
    assert till.scan(code, clock_offset_ms=-3_600_000).json["outcome"] == "identified"


BAD_TIMES: tuple[tuple[str, object], ...] = (
    ("scanned_at", "2026-11-22T12:00:00"),
    ("scanned_at", "2026-11-22"),
    ("scanned_at", "1969-12-31T23:59:59Z"),
    ("scanned_at", "9999-12-31T23:59:59-23:59"),
    ("scanned_at", 1_795_348_800),
    ("scanned_at", "yesterday"),
    ("clock_offset_ms", 10**13 + 1),
    ("clock_offset_ms", -(10**30)),
    ("clock_offset_ms", 0.5),
    ("clock_offset_ms", "0"),
    ("clock_offset_ms", None),
)


def test_a_time_that_cannot_be_is_refused_by_name(world: World) -> None:
    till = world.till()
    for field, value in BAD_TIMES:
        answer = till.scan("73" + "1" * 15, **{field: value})
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_body"), value
        assert [error["pointer"] for error in answer.json["errors"]] == [f"/{field}"]


def test_the_most_absurd_clock_is_taken_for_what_it_is_worth(world: World) -> None:
    till, code = world.till(), code_of_midday(world)
    world.clock.forward(minutes=11, seconds=1)
    for offset in (10**13, -(10**13)):
        for scanned_at in ("1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z"):
            answer = till.scan(code, scanned_at=scanned_at, clock_offset_ms=offset)
            assert (answer.status_code, answer.json["reason"]) == (201, "too_old")


def test_a_key_that_has_ended_verifies_nothing_however_early_it_was_scanned(world: World) -> None:
    till, code, path = world.till(), code_of_midday(world), world.settings.keys_file
    keyfile.save(path, keyfile.rotate(keyfile.load(path), MIDDAY, at_once=True))
    last = keyfile.load(path).ring.keys[0].verifies_until
    assert last is not None
    world.clock.now = last + timedelta(seconds=1)
    assert till.scan(code, scanned_at=(last - timedelta(minutes=1)).isoformat()).json["reason"] == "unknown_key"


def test_a_scan_keeps_when_it_was_made_when_it_came_and_what_the_till_said_of_it(world: World) -> None:
    till, code = world.till(), code_of_midday(world)
    world.clock.forward(minutes=5)
    ours = till.scan(code, scanned_at=MIDDAY.isoformat(), cashier_ref="K7").json["scan_id"]
    foreign = till.scan("4006381333931").json["scan_id"]
    with world.service.db.read() as session:
        rows = {str(row.id): row for row in session.scalars(select(Scan))}
    assert (rows[ours].kind, rows[ours].cashier_ref) == ("71", "K7")
    assert (rows[ours].scanned_at, rows[ours].received_at) == (MIDDAY, MIDDAY + timedelta(minutes=5))
    assert rows[foreign].kind is None
