"""Guessing typed codes: limited for each card at a terminal and for each terminal, never for a card as a whole."""

import statistics
import time
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from service.codes import typed
from service.crypto.tokens import hash_token
from service.db import Database, Statement
from service.errors import NotAuthorised
from service.scans.otp import Attempt, look_up
from service.sites.add import revoke_site
from service.stores.recognise import revoke_terminal
from tests.world import Shopper, Till, World


def wrong(maria: Shopper, by: int = 1) -> str:
    """The digits of this moment with another OTP; 17 digits, so that there is no check digit to fail."""
    right = maria.typed_code()
    return right[:11] + f"{(int(right[11:17]) + by) % 1_000_000:06d}"


def unknown(number: int) -> str:
    """A well-formed typed code of a card number that no card has: real ones never begin with 0."""
    return f"73{number:09d}123456"


def reasons(till: Till, *codes: str) -> list[str | None]:
    return [till.scan(code).json["reason"] for code in codes]


def test_three_mistakes_are_free_and_then_the_card_has_to_wait_at_this_till(world: World) -> None:
    till, maria = world.till(), world.shopper()
    assert reasons(till, wrong(maria, 1), wrong(maria, 2), wrong(maria, 3)) == ["wrong_otp"] * 3
    assert reasons(till, wrong(maria, 4), maria.typed_code()) == ["too_many_tries"] * 2
    world.clock.forward(seconds=5)
    assert till.scan(maria.typed_code()).json["outcome"] == "identified"


def test_the_wait_doubles_with_each_further_mistake_up_to_ten_minutes(world: World) -> None:
    till, maria = world.till(), world.shopper()
    reasons(till, wrong(maria, 1), wrong(maria, 2))
    for number, seconds in enumerate([5, 10, 20, 40, 80, 160, 320, 600, 600]):
        assert till.scan(wrong(maria, 3 + number)).json["reason"] == "wrong_otp"
        world.clock.forward(seconds=seconds - 0.001)
        assert till.scan(wrong(maria, 20)).json["reason"] == "too_many_tries"
        world.clock.forward(seconds=0.001)


def test_waiting_is_by_arrival_so_no_till_can_talk_it_away(world: World) -> None:
    till, maria = world.till(), world.shopper()
    reasons(till, wrong(maria, 1), wrong(maria, 2), wrong(maria, 3))
    for scanned_at in ("2026-11-22T11:50:00Z", "2026-11-22T12:10:00Z"):
        answer = till.scan(wrong(maria, 4), scanned_at=scanned_at, clock_offset_ms=600_000)
        assert answer.json["reason"] == "too_many_tries"


def test_no_till_dates_its_mistakes_back(world: World) -> None:
    till, maria = world.till(), world.shopper()
    for by in range(1, 4):
        till.scan(wrong(maria, by), scanned_at="2026-11-22T11:51:00Z")
    assert till.scan(maria.typed_code()).json["reason"] == "too_many_tries"


def test_the_wait_is_over_by_arrival_though_the_code_was_read_while_it_ran(world: World) -> None:
    till, maria = world.till(), world.shopper()
    reasons(till, wrong(maria, 1), wrong(maria, 2), wrong(maria, 3))
    code, read_at = maria.typed_code(), world.clock().isoformat()
    world.clock.forward(seconds=5)
    assert till.scan(code, scanned_at=read_at).json["outcome"] == "identified"


def test_twenty_mistakes_count_for_a_whole_hour(world: World) -> None:
    till, maria = world.till(), world.shopper()
    reasons(till, *(unknown(number) for number in range(20)))
    world.clock.forward(minutes=59, seconds=59)
    assert till.scan(maria.typed_code()).json["reason"] == "too_many_tries"
    world.clock.forward(seconds=1)
    assert till.scan(maria.typed_code()).json["outcome"] == "identified"


def test_the_hour_is_by_arrival_for_right_digits_too(world: World) -> None:
    till, maria = world.till(), world.shopper()
    reasons(till, *(unknown(number) for number in range(20)))
    world.clock.forward(minutes=55)
    code, read_at = maria.typed_code(), world.clock().isoformat()
    world.clock.forward(minutes=6)
    assert till.scan(code, scanned_at=read_at).json["outcome"] == "identified"


def test_refusals_while_waiting_do_not_lengthen_the_wait(world: World) -> None:
    till, maria = world.till(), world.shopper()
    reasons(till, wrong(maria, 1), wrong(maria, 2), wrong(maria, 3))
    for _ in range(4):
        world.clock.forward(seconds=1)
        till.scan(wrong(maria, 4))
    world.clock.forward(seconds=1)
    assert till.scan(maria.typed_code()).json["outcome"] == "identified"


def test_a_waiting_card_disturbs_no_other_card_no_other_till_and_no_signed_code(world: World) -> None:
    site, store = world.site(), world.store()
    till, other = world.till(store), world.till(store)
    maria, jose = site.shopper("maria"), site.shopper("jose")
    reasons(till, wrong(maria, 1), wrong(maria, 2), wrong(maria, 3), wrong(maria, 4))
    assert till.scan(jose.typed_code()).json["outcome"] == "identified"
    assert other.scan(maria.typed_code()).json["outcome"] == "identified"
    world.clock.forward(seconds=30)
    reasons(till, wrong(maria, 5), wrong(maria, 6))
    assert till.scan(maria.code()).json["outcome"] == "identified"


def test_each_till_counts_and_waits_by_its_own_mistakes(world: World) -> None:
    store, maria = world.store(), world.shopper()
    till, other = world.till(store), world.till(store)
    assert reasons(till, *[wrong(maria, by) for by in range(1, 5)]) == ["wrong_otp"] * 3 + ["too_many_tries"]
    assert reasons(other, wrong(maria, 5), maria.typed_code()) == ["wrong_otp", None]
    world.clock.forward(seconds=30)
    assert reasons(other, wrong(maria, 6)) == ["wrong_otp"]
    assert reasons(till, maria.typed_code()) == [None]


def test_a_card_waits_by_the_last_mistake_with_itself(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    reasons(till, wrong(maria, 1), wrong(maria, 2), wrong(maria, 3))
    world.clock.forward(seconds=5)
    assert reasons(till, wrong(jose), maria.typed_code()) == ["wrong_otp", None]


def test_mistakes_of_more_than_an_hour_ago_cost_no_wait(world: World) -> None:
    till, maria = world.till(), world.shopper()
    reasons(till, wrong(maria, 1), wrong(maria, 2), wrong(maria, 3))
    world.clock.forward(hours=1)
    assert reasons(till, wrong(maria, 4), maria.typed_code()) == ["wrong_otp", None]


def test_whose_access_ends_meanwhile_guesses_nothing(world: World) -> None:
    till, site = world.till(), world.site("Other")
    db, code = world.service.db, typed.read(world.shopper().typed_code())
    terminal_id, site_id = UUID(till.enrolled["terminal_id"]), UUID(site.site_id)
    attempts = [
        Attempt(asker, token_hash, UUID(int=1), code.card_number, world.clock())
        for asker, token_hash in ((terminal_id, hash_token(till.token)), (site_id, None))
    ]
    assert all(look_up(db, attempt).card_id for attempt in attempts)
    with pytest.raises(NotAuthorised, match="terminal"):
        look_up(db, replace(attempts[0], token_hash=bytes(32)))
    with db.write() as session:
        revoke_terminal(session, terminal_id, world.clock())
        revoke_site(session, site_id, world.clock())
    for attempt, asker in zip(attempts, ("terminal", "site"), strict=True):
        with pytest.raises(NotAuthorised, match=asker):
            look_up(db, attempt)


def test_a_terminal_has_twenty_wrong_otps_an_hour(world: World) -> None:
    till, maria = world.till(), world.shopper()
    assert reasons(till, *map(unknown, range(20))) == ["wrong_otp"] * 20
    assert reasons(till, unknown(21), maria.typed_code()) == ["too_many_tries"] * 2
    assert till.scan(maria.code()).json["outcome"] == "identified", "signed codes are untouched"
    assert world.till().scan(world.site("Other").shopper().typed_code()).json["outcome"] == "identified"


def test_the_hour_slides(world: World) -> None:
    till, maria = world.till(), world.shopper()
    for number in range(20):
        till.scan(unknown(number))
        world.clock.forward(minutes=2)
    assert till.scan(unknown(20)).json["reason"] == "too_many_tries"
    world.clock.forward(minutes=20)
    assert reasons(till, unknown(21), unknown(22)) == ["wrong_otp", "too_many_tries"], "one of twenty is an hour old"
    world.clock.forward(minutes=2)
    assert till.scan(maria.typed_code()).json["outcome"] == "identified"


def test_a_repeat_is_no_second_guess(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code, scan_id = wrong(maria), "0198c0de-0000-7000-8000-000000000001"
    statuses = [till.scan(code, scan_id).status_code for _ in range(30)]
    assert statuses == [201] + [200] * 29
    assert reasons(till, wrong(maria, 2), wrong(maria, 3)) == ["wrong_otp"] * 2


def test_an_id_that_another_till_used_is_no_repeat(world: World) -> None:
    store, maria = world.store(), world.shopper()
    scan_id = "0198c0de-0000-7000-8000-000000000001"
    world.till(store).scan(wrong(maria), scan_id)
    assert world.till(store).scan(maria.typed_code(), scan_id).json["outcome"] == "identified"


def test_an_id_that_another_till_used_saves_no_guess(world: World) -> None:
    store, maria = world.store(), world.shopper()
    till, used = world.till(store), str(world.till(store).scan("71").json["scan_id"])
    assert till.scan(wrong(maria, 1), used).json["reason"] == "wrong_otp"
    assert reasons(till, *[wrong(maria, by) for by in range(2, 5)]) == ["wrong_otp"] * 2 + ["too_many_tries"]


def test_another_guess_under_a_used_id_is_a_conflict_whether_or_not_it_is_right(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan_id = "0198c0de-0000-7000-8000-000000000001"
    till.scan(wrong(maria), scan_id)
    answers = [till.scan(code, scan_id) for code in (wrong(maria, 2), maria.typed_code(), unknown(1))]
    assert [answer.status_code for answer in answers] == [409] * 3
    assert len({answer.data for answer in answers}) == 1
    assert till.scan(maria.typed_code()).json["outcome"] == "identified"


def test_where_no_guess_counts_right_digits_take_the_statements_that_wrong_ones_take(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the time of the answer would tell them apart, and whoever has to wait could go on guessing."""
    till, other, maria = world.till(), world.till(), world.shopper()
    used, right = str(other.scan("71").json["scan_id"]), maria.typed_code()
    reasons(till, wrong(maria, 1), wrong(maria, 2), wrong(maria, 3))
    real, run = Database.run, list[Statement]()

    def note(db: Database, statement: Statement, params: Any) -> Any:
        run.append(statement)
        return real(db, statement, params)

    def scan(till: Till, code: str, scan_id: str | None = None) -> tuple[int, Counter[Statement]]:
        run.clear()
        return till.scan(code, scan_id).status_code, Counter(run)

    monkeypatch.setattr(Database, "run", note)
    assert scan(till, right) == scan(till, wrong(maria, 4)), "the card has to wait"
    assert scan(other, right, used) == scan(other, wrong(maria, 4), used), "the id was used"
    assert scan(other, right)[0] == 201, "nothing of this has spent the code"


def test_right_digits_of_a_number_that_no_card_has_are_wrong(world: World) -> None:
    """They count: whoever stole the key file could else list the numbers that cards have."""
    till, keys = world.till(), world.service.keys
    right = [typed.write(880000000 + n, otp_key=keys.otp_key_of(880000000 + n), now=world.clock()) for n in range(22)]
    assert reasons(till, *right) == ["wrong_otp"] * 20 + ["too_many_tries"] * 2


def test_a_till_that_must_wait_hears_nothing_of_the_card_either(world: World) -> None:
    till, maria = world.till(), world.shopper()
    reasons(till, wrong(maria, 1), wrong(maria, 2), wrong(maria, 3))
    right = maria.typed_code()
    maria.call("POST", f"/shopper/v1/cards/{maria.card['card_id']}/freeze", {})
    assert reasons(till, right) == ["too_many_tries"]


@pytest.mark.parametrize("mistakes", [1, 2])
def test_a_free_mistake_makes_nobody_wait_though_another_machines_clock_is_behind(
    world: World, mistakes: int
) -> None:
    till, maria = world.till(), world.shopper()
    right = maria.typed_code()
    assert reasons(till, *[wrong(maria, by + 1) for by in range(mistakes)]) == ["wrong_otp"] * mistakes
    world.clock.forward(milliseconds=-200)
    assert till.scan(right).json["outcome"] == "identified"


def test_a_right_code_neither_counts_nor_forgives(world: World) -> None:
    till, maria = world.till(), world.shopper()
    reasons(till, wrong(maria, 1), wrong(maria, 2))
    assert reasons(till, maria.typed_code(), wrong(maria, 3), wrong(maria, 4)) == [
        None,
        "wrong_otp",
        "too_many_tries",
    ]


def test_a_spent_typed_code_is_no_wrong_guess(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code = maria.typed_code()
    assert reasons(till, *[code] * 25) == [None] + ["already_used"] * 24


def test_nobody_who_knows_a_card_number_can_lock_its_owner_out(world: World) -> None:
    maria, store = world.shopper(), world.store()
    guess = wrong(maria)
    for _ in range(5):
        attacker = world.till(store)
        for _ in range(25):
            attacker.scan(guess)
            world.clock.forward(seconds=1)
    assert world.till(store).scan(maria.typed_code()).json["outcome"] == "identified"


def test_an_unknown_card_number_is_answered_like_a_known_one(world: World) -> None:
    till, maria = world.till(), world.shopper()

    def answers(codes: list[str]) -> list[tuple[int, dict[str, object]]]:
        found = [till.scan(code) for code in codes]
        return [(one.status_code, {**one.json, "scan_id": None}) for one in found]

    known = answers([wrong(maria, by) for by in range(1, 6)])
    assert known == answers([unknown(7)[:11] + f"{by:06d}" for by in range(1, 6)])
    assert [answer["reason"] for _, answer in known] == ["wrong_otp"] * 3 + ["too_many_tries"] * 2


def test_an_unknown_card_number_takes_about_as_long_as_a_known_one(world: World) -> None:
    store, site = world.store(), world.site()
    spent: dict[bool, list[float]] = {True: [], False: []}
    for number in range(4):
        till, maria = world.till(store), site.shopper(str(number))
        for by in range(3):
            for known, code in ((True, wrong(maria, 1 + by)), (False, unknown(number)[:11] + f"{by:06d}")):
                began = time.process_time()
                till.scan(code)
                spent[known].append(time.process_time() - began)
    ratio = statistics.median(spent[True]) / statistics.median(spent[False])
    assert 1 / 3 < ratio < 3


def test_the_owner_sees_what_was_tried_on_their_card(world: World) -> None:
    till, maria = world.till(), world.shopper()
    reasons(till, *[wrong(maria, by) for by in range(1, 5)])
    told = [item["reason"] for item in maria.call("GET", "/shopper/v1/activity").json["items"]]
    assert sorted(told) == ["too_many_tries", "wrong_otp", "wrong_otp", "wrong_otp"]


@pytest.mark.parametrize("by_body", [True, False])
def test_training_guesses_count_like_others(world: World, by_body: bool) -> None:
    till, maria = world.till(training=not by_body), world.shopper()
    told = [till.scan(wrong(maria, by), training=by_body).json["reason"] for by in range(1, 5)]
    assert told == ["wrong_otp"] * 3 + ["too_many_tries"]
