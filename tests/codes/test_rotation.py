"""Keys change without a gap: whatever the moment, a code that some process just signed is good for its whole life."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.codes import issued
from service.codes.freshness import ACCEPT_AFTER, GRACE
from service.codes.keys import KeyRing
from service.codes.refusals import CodeRefused, Refusal
from service.crypto import keyfile
from service.crypto.keyfile import Keys
from service.errors import BadSettings, Unavailable

START = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)
DAY = timedelta(days=1)
SECONDS_LATE = st.floats(0, 60).map(lambda seconds: timedelta(seconds=seconds))
# When each rotation happens, and whether it is one after a compromise.
rotations = st.lists(st.tuples(st.timedeltas(timedelta(0), 10 * DAY), st.booleans()), min_size=1, max_size=5)


def history(plan: list[tuple[timedelta, bool]]) -> list[tuple[datetime, Keys]]:
    """Every state of the key file, and from when it stood."""
    now, states = START, [(START, keyfile.create(START))]
    for after, at_once in plan:
        now += after
        try:
            states.append((now, keyfile.rotate(states[-1][1], now, at_once=at_once)))
        except BadSettings:  # a key waits already
            continue
    return states


def at(states: list[tuple[datetime, Keys]], moment: datetime) -> KeyRing:
    return [keys.ring for since, keys in states if since <= moment][-1]


@given(
    rotations, st.timedeltas(timedelta(0), 60 * DAY), SECONDS_LATE, st.timedeltas(timedelta(0), ACCEPT_AFTER + GRACE)
)
def test_a_code_is_accepted_for_its_whole_life_whoever_signed_it(
    plan: list[tuple[timedelta, bool]], after: timedelta, late: timedelta, age: timedelta
) -> None:
    states, made = history(plan), START + after
    # The process that signs may have read the key file a minute ago.
    signer = at(states, max(START, made - late)).signer(made)
    code = issued.issue(7, key=signer, now=made)
    arrival = made.replace(microsecond=0) + age
    assert issued.read(code, ring=at(states, max(made, arrival)), now=arrival).card_id == 7


@given(rotations, st.sampled_from([0, 1]), SECONDS_LATE)
def test_a_code_signed_by_a_late_process_right_at_the_change_lives_as_long(
    plan: list[tuple[timedelta, bool]], back: int, late: timedelta
) -> None:
    states = history(plan)
    for key in states[-1][1].ring.keys:
        made = max(START, key.signs_from + late - timedelta(seconds=back))
        signer = at(states, max(START, made - late)).signer(made)
        arrival = made.replace(microsecond=0) + ACCEPT_AFTER + GRACE
        code = issued.issue(7, key=signer, now=made)
        assert issued.read(code, ring=at(states, arrival), now=arrival).card_id == 7


@given(st.lists(st.timedeltas(timedelta(0), 10 * DAY), max_size=5), st.timedeltas(timedelta(0), 60 * DAY))
def test_a_till_that_fetched_the_keys_72_hours_ago_knows_every_signer(
    plan: list[timedelta], after: timedelta
) -> None:
    states, now = history([(span, False) for span in plan]), START + after
    fetched = max(START, now - keyfile.PUBLISH_BEFORE_SIGNING)
    held = {(key.kid, key.public.public_bytes_raw()) for key in at(states, fetched).published(fetched)}
    signer = at(states, now).signer(now)
    assert (signer.kid, signer.public.public_bytes_raw()) in held


def test_the_newest_key_signs_from_72_hours_after_it_is_published() -> None:
    rotated = keyfile.rotate(keyfile.create(START), START, at_once=False).ring
    old, new = rotated.keys
    assert new.signs_from == START.replace(microsecond=0) + timedelta(hours=72)
    assert rotated.signer(new.signs_from - timedelta(microseconds=1)) is old
    assert rotated.signer(new.signs_from) is new
    assert rotated.published(START) == (old, new)
    assert old.verifies_until == new.signs_from + timedelta(minutes=12)
    assert new.verifies_until is None


def test_after_a_compromise_the_new_key_signs_at_once_and_every_other_ends_soon() -> None:
    waiting = keyfile.rotate(keyfile.create(START), START, at_once=False)
    later = START + DAY
    ring = keyfile.rotate(waiting, later, at_once=True).ring
    assert ring.signer(later).kid == 3
    end = later.replace(microsecond=0) + timedelta(minutes=12)
    assert [key.verifies_until for key in ring.keys] == [end, end, None]
    assert [key.kid for key in ring.published(end)] == [1, 2, 3]
    assert [key.kid for key in ring.published(end + timedelta(microseconds=1))] == [3]


def test_a_retired_key_verifies_until_its_last_moment_and_no_longer() -> None:
    keys = keyfile.rotate(keyfile.create(START), START, at_once=True)
    old = keys.ring.keys[0]
    code = issued.issue(7, key=old, now=START)
    assert old.verifies_until is not None
    assert issued.read(code, ring=keys.ring, now=old.verifies_until).card_id == 7
    with pytest.raises(CodeRefused) as caught:
        issued.read(code, ring=keys.ring, now=old.verifies_until + timedelta(microseconds=1))
    assert caught.value.reason is Refusal.UNKNOWN_KEY


def test_a_retired_key_is_not_kept_longer_by_later_rotations() -> None:
    keys = keyfile.rotate(keyfile.create(START), START, at_once=False)
    first_ends = keys.ring.keys[0].verifies_until
    keys = keyfile.rotate(keys, START + 30 * DAY, at_once=False)
    assert keys.ring.keys[0].verifies_until == first_ends
    assert keys.ring.keys[1].verifies_until == keys.ring.keys[2].signs_from + timedelta(minutes=12)


def test_no_key_signs_before_its_time() -> None:
    keys = keyfile.create(START)
    with pytest.raises(Unavailable):
        keys.ring.signer(keys.ring.keys[0].signs_from - timedelta(microseconds=1))


def test_a_second_key_waits_its_turn_unless_it_is_urgent() -> None:
    waiting = keyfile.rotate(keyfile.create(START), START, at_once=False)
    with pytest.raises(BadSettings, match="key 2 already waits to sign from"):
        keyfile.rotate(waiting, START + DAY, at_once=False)
    urgent = keyfile.rotate(waiting, START + DAY, at_once=True).ring
    assert urgent.signer(START + DAY).kid == 3
    soon = START + DAY + timedelta(hours=1)
    assert [key.verifies_until is not None and key.verifies_until < soon for key in urgent.keys] == [
        True,
        True,
        False,
    ]


@given(st.lists(st.tuples(st.timedeltas(-3 * DAY, 3 * DAY), st.booleans()), max_size=12))
def test_a_kid_is_never_used_twice_even_when_the_clock_goes_back(plan: list[tuple[timedelta, bool]]) -> None:
    seen: dict[int, bytes] = {}
    for _, keys in history(plan):
        kids = [key.kid for key in keys.ring.keys]
        assert len(set(kids)) == len(kids)
        for key in keys.ring.keys:
            assert seen.setdefault(key.kid, key.signing_key) == key.signing_key


def test_the_255_kids_run_out_with_a_clear_error() -> None:
    keys = keyfile.create(START)
    keys = replace(keys, ring=KeyRing([replace(keys.ring.keys[0], kid=254)]))
    keys = keyfile.rotate(keys, START, at_once=True)
    assert keys.ring.signer(START).kid == 255
    with pytest.raises(BadSettings, match="all 255 key ids are used"):
        keyfile.rotate(keys, START, at_once=True)


def test_the_vault_outlives_every_rotation() -> None:
    keys = keyfile.create(START)
    assert keyfile.rotate(keys, START, at_once=True).vault == keys.vault
