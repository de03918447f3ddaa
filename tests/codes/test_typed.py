import hmac
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.codes import typed
from service.codes.digits import check_digit
from service.codes.freshness import check_freshness, step_of
from service.codes.refusals import CodeRefused, Refusal
from service.codes.typed import TypedCode

MIDDAY = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
numbers = st.integers(10**8, 10**9 - 1)
otp_keys = st.binary(min_size=20, max_size=20)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
digits = st.text("0123456789", min_size=1, max_size=40)


def not_claimed(code: str) -> Refusal:
    with pytest.raises(CodeRefused) as caught:
        typed.read(code)
    return caught.value.reason


@given(numbers, otp_keys, moments)
def test_what_a_card_shows_is_read_back_and_matches(number: int, otp_key: bytes, now: datetime) -> None:
    code = typed.write(number, otp_key=otp_key, now=now)
    claimed = typed.read(code)
    assert len(code) == 18
    assert claimed.card_number == number
    assert typed.read(code[:17]) == claimed
    assert typed.matching_time(claimed.otp, otp_key=otp_key, at=now) is not None


@given(numbers, moments, st.integers(-120_000, 120_000))
def test_a_typed_code_is_accepted_exactly_while_its_code_time_is_fresh(number: int, now: datetime, late: int) -> None:
    otp_key = number.to_bytes(20, "big")
    began = datetime.fromtimestamp(step_of(now) * 30, UTC)
    at = began + timedelta(milliseconds=late)
    matched = typed.matching_time(
        typed.read(typed.write(number, otp_key=otp_key, now=now)).otp, otp_key=otp_key, at=at
    )
    assume(matched in (None, began))  # two steps share an OTP once in a million
    try:
        check_freshness(began, at)
    except CodeRefused:
        assert matched is None
    else:
        assert matched == began


@given(st.text())
def test_any_text_is_a_claim_or_malformed(text: str) -> None:
    for code in (text, "73" + text):
        if re.fullmatch(r"73[0-9]{15}", code):
            assert typed.read(code) == TypedCode(int(code[2:11]), code[11:])
        else:
            assert not_claimed(code) is Refusal.MALFORMED


@given(numbers, moments, st.integers(0, 9))
def test_a_digit_too_many_is_malformed_though_the_last_one_is_right(number: int, now: datetime, digit: int) -> None:
    code = typed.write(number, otp_key=bytes(20), now=now)
    assert not_claimed(f"{code[:17]}{digit}{code[17]}") is Refusal.MALFORMED


@given(numbers, moments, st.integers(2, 17), st.integers(1, 9))
def test_one_wrong_digit_of_18_is_malformed(number: int, now: datetime, place: int, by: int) -> None:
    code = typed.write(number, otp_key=bytes(20), now=now)
    assert not_claimed(code[:place] + str((int(code[place]) + by) % 10) + code[place + 1 :]) is Refusal.MALFORMED


@given(digits, st.data())
def test_the_check_digit_catches_every_single_error(text: str, data: st.DataObject) -> None:
    whole = text + check_digit(text)
    for place, digit in enumerate(whole):
        for other in set("0123456789") - {digit}:
            wrong = whole[:place] + other + whole[place + 1 :]
            assert check_digit(wrong[:-1]) != wrong[-1]


@given(digits)
def test_the_check_digit_catches_every_swap_of_neighbours(text: str) -> None:
    whole = text + check_digit(text)
    for place in range(len(whole) - 1):
        if whole[place] != whole[place + 1]:
            wrong = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]
            assert check_digit(wrong[:-1]) != wrong[-1]


@pytest.mark.parametrize("otp", ["000000", "738534"])
def test_every_acceptable_step_is_compared_whether_or_not_one_matched(
    otp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def compare(one: str, other: str) -> bool:
        compared.append(one)
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(typed, "hmac", SimpleNamespace(compare_digest=compare))
    typed.matching_time(otp, otp_key=b"12345678901234567890", at=MIDDAY + timedelta(seconds=1))
    assert len(compared) == 3


def test_of_two_acceptable_steps_with_one_otp_the_newest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyotp.TOTP.generate_otp", lambda *_: "000000")
    assert typed.matching_time("000000", otp_key=bytes(20), at=MIDDAY) == MIDDAY + timedelta(seconds=30)
