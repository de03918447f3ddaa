"""What can only happen between two statements: here another request is slipped in between them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from service.codes import typed
from service.db import Database
from service.scans import identify, otp
from service.scans.models import OtpFailure
from service.stores.recognise import revoke_terminal
from tests.world import Till, World


def slip_in(monkeypatch: pytest.MonkeyPatch, module: Any, verb: str, other_request: Callable[[], Any]) -> None:
    """Let `other_request` run once, just after the verb has looked and before its caller acts on what it saw."""
    real, slipped = getattr(module, verb), []

    def look_and_lose_a_moment(*args: Any, **given: Any) -> Any:
        seen = real(*args, **given)
        if not slipped:
            slipped.append(True)
            other_request()
        return seen

    monkeypatch.setattr(module, verb, look_and_lose_a_moment)


def revoke(world: World, till: Till) -> None:
    with world.service.db.write() as session:
        revoke_terminal(session, UUID(till.enrolled["terminal_id"]), world.clock())


def test_a_repeat_that_overtakes_the_first_of_a_spent_code_is_answered_alike(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    till, maria, scan_id = world.till(), world.shopper(), str(uuid4())
    code = maria.code()
    world.till().scan(code)
    overtaking: list[Any] = []
    slip_in(monkeypatch, identify, "find_scan", lambda: overtaking.append(till.scan(code, scan_id)))
    overtaken = till.scan(code, scan_id)
    assert (overtaking[0].status_code, overtaken.status_code) == (201, 200)
    assert overtaken.json["reason"] == overtaking[0].json["reason"] == "already_used"


def test_two_wrong_otps_that_race_for_the_last_guess_do_not_both_get_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    till, guesses = world.till(), [f"73{number:09d}123456" for number in range(21)]
    for guess in guesses[:19]:
        till.scan(guess)
    rival: list[Any] = []
    slip_in(monkeypatch, otp, "look_up", lambda: rival.append(till.scan(guesses[19]).json["reason"]))
    assert (till.scan(guesses[20]).json["reason"], rival) == ("too_many_tries", ["wrong_otp"])
    with world.service.db.read() as session:
        assert session.scalar(select(func.count()).select_from(OtpFailure)) == 21, "it was judged, so it counts"


def test_right_digits_of_nobodys_number_count_though_they_raced_past_the_limit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    till, keys, guesses = world.till(), world.service.keys, [f"73{number:09d}123456" for number in range(20)]
    for guess in guesses[:19]:
        till.scan(guess)
    lucky = typed.write(887654321, otp_key=keys.otp_key_of(887654321), now=world.clock())
    slip_in(monkeypatch, identify, "insert_scan", lambda: till.scan(guesses[19]))
    assert till.scan(lucky).json["reason"] == "wrong_otp"
    with world.service.db.read() as session:
        assert session.scalar(select(func.count()).select_from(OtpFailure)) == 21


def test_two_wrong_otps_that_race_far_from_the_limit_both_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    till, guesses = world.till(), [f"73{number:09d}123456" for number in range(21)]
    slip_in(monkeypatch, otp, "look_up", lambda: till.scan(guesses[0]))
    assert [till.scan(guess).json["reason"] for guess in guesses[1:]] == ["wrong_otp"] * 19 + ["too_many_tries"]


@pytest.mark.parametrize(("wrong", "verb"), [(0, "match"), (1, "match"), (1, "look_up"), (1, "record_failure")])
def test_a_revocation_in_the_middle_of_a_scan_stores_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, wrong: int, verb: str
) -> None:
    till, maria = world.till(), world.shopper()
    code = maria.typed_code()
    slip_in(monkeypatch, otp, verb, lambda: revoke(world, till))
    assert till.scan(code[:11] + f"{(int(code[11:17]) + wrong) % 1_000_000:06d}").status_code == 401
    assert maria.call("GET", "/shopper/v1/activity").json["items"] == []
    assert world.till().scan(code).json["outcome"] == "identified", "and spends nothing"


def test_a_revocation_holds_for_a_till_that_is_known_by_heart(world: World) -> None:
    till, maria = world.till(), world.shopper()
    stored = till.sell().json["sale_id"]
    scan_id = till.scan("71").json["scan_id"]
    revoke(world, till)
    answers = [
        till.scan(maria.code()),
        till.scan(maria.typed_code()),
        till.scan("71", scan_id),
        till.sell(),
        till.sell(None, stored),
        till.take_back(),
        till.call("PUT", f"/pos/v1/sales/{stored}/scan", {"scan_id": scan_id}),
        till.call("POST", "/pos/v1/sync", {"scans": [{"scan_id": str(uuid4()), "code": maria.code()}]}),
        till.call("GET", f"/pos/v1/scans/{scan_id}"),
        till.call("GET", f"/pos/v1/sales/{stored}"),
        till.call("GET", "/pos/v1/terminal"),
    ]
    assert [answer.status_code for answer in answers] == [401] * len(answers)
    assert len({answer.data for answer in answers}) == 1


def test_a_sync_that_is_revoked_half_way_says_so_as_a_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    till = world.till()
    scans = [{"scan_id": str(uuid4()), "code": "73" + f"{number:09d}123456"} for number in range(3)]
    slip_in(monkeypatch, otp, "record_failure", lambda: revoke(world, till))
    assert till.call("POST", "/pos/v1/sync", {"scans": scans}).status_code == 401


def test_an_answer_that_is_lost_between_database_and_service_is_no_second_scan(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement whose connection breaks is run again: what it did the first time stands."""
    till, maria = world.till(), world.shopper()
    code = maria.code()
    real, broken = Database.run, []

    def run_twice(db: Database, statement: Any, params: Any) -> Any:
        if not broken:
            broken.append(real(db, statement, params))
        return real(db, statement, params)

    till.scan("71")
    monkeypatch.setattr(Database, "run", run_twice)
    answer = till.scan(code)
    assert (answer.status_code, answer.json["outcome"]) == (200, "identified")
