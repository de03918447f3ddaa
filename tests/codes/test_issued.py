import re
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import assume, example, given
from hypothesis import strategies as st

from service.codes import issued
from service.codes.digits import from_digits, to_digits
from service.codes.issued import IssuedCode
from service.codes.keys import CodeKey, KeyRing
from service.codes.refusals import CodeRefused, Refusal
from tests.codes.judge import ring
from tests.vectors.build import MIDDAY, SIGNER, Message, cbor
from tests.vectors.build import issued as written

GOOD = Message()
card_ids = st.integers(-(2**63), 2**63 - 1)
moments = st.datetimes(datetime(1970, 1, 2), datetime(2106, 2, 7), timezones=st.just(UTC))  # noqa: DTZ001


def outcome(code: str, keys: KeyRing | None = None, now: datetime = MIDDAY) -> IssuedCode | Refusal:
    """What a code says, or why it is refused; any other exception is a bug."""
    try:
        return issued.read(code, ring=keys or ring(), now=now)
    except CodeRefused as refused:
        return refused.reason


@given(card_ids, moments, st.sampled_from(ring().keys))
def test_what_is_issued_is_read_back(card_id: int, now: datetime, key: CodeKey) -> None:
    endless = replace(key, verifies_until=None)
    code = issued.issue(card_id, key=endless, now=now)
    assert re.fullmatch(r"71[1-9][0-9]{245}", code)
    assert outcome(code, KeyRing([endless]), now) == IssuedCode(card_id, now.replace(microsecond=0))


def test_two_codes_of_a_card_share_nothing_but_their_form() -> None:
    first, second = (from_digits(issued.issue(5, key=ring().keys[1], now=MIDDAY)[2:]) for _ in range(2))
    assert first[20:36] != second[20:36]
    assert first[38:] != second[38:]


@given(st.binary(min_size=102, max_size=102))
def test_every_message_of_102_bytes_has_246_digits_and_no_shorter_one_has(data: bytes) -> None:
    assert len(to_digits(b"\x84" + data[1:])) == 246
    assert len(to_digits(b"\xff" * 101)) < 246


@given(st.text())
@example("71" + "1" * 10_000)
@example("71" + "٣" * 246)
def test_any_text_is_refused_as_malformed(text: str) -> None:
    assert outcome(text) is Refusal.MALFORMED
    assert outcome("71" + text) is Refusal.MALFORMED


@given(st.text("0123456789", min_size=246, max_size=246))
def test_any_digits_are_refused_as_malformed(digits: str) -> None:
    assert outcome("71" + digits) is Refusal.MALFORMED


@given(st.integers(0, 101), st.integers(1, 255))
def test_a_code_with_any_byte_changed_is_refused(place: int, by: int) -> None:
    data = bytearray(GOOD.data)
    data[place] ^= by
    assert isinstance(outcome(written(bytes(data))), Refusal)


@given(st.integers(2, 247), st.integers(1, 9))
def test_a_code_with_any_digit_changed_is_refused(place: int, by: int) -> None:
    digits = GOOD.code
    changed = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]
    assert isinstance(outcome(changed), Refusal)


@given(st.lists(st.tuples(st.integers(0, 102), st.integers(0, 102), st.binary(max_size=6)), max_size=4))
def test_a_code_cut_and_spliced_in_any_way_is_refused_or_unchanged(edits: list[tuple[int, int, bytes]]) -> None:
    data = GOOD.data
    for start, end, new in edits:
        data = data[:start] + new + data[end:]
    result = outcome(written(data))
    assert isinstance(result, Refusal) or data == GOOD.data


atoms = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.binary(max_size=64)
    | st.text(max_size=9)
)
cbor_values = st.recursive(
    atoms,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.integers(0, 9), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from([0, 1, 2, 3]), cbor_values)
def test_a_message_with_any_part_replaced_is_refused(index: int, value: object) -> None:
    parts = GOOD.parts
    assume(value != parts[index] or type(value) is not type(parts[index]))
    parts[index] = value
    assert isinstance(outcome(written(cbor(parts))), Refusal)


@given(st.dictionaries(st.sampled_from([6, 7, 6.0, "iat", 4, -6]), cbor_values, max_size=4))
def test_a_message_with_any_other_claims_is_malformed_however_well_signed(claims: dict[object, object]) -> None:
    assert outcome(Message(payload=cbor(claims)).code) is Refusal.MALFORMED


def test_only_a_key_of_the_ring_is_looked_for() -> None:
    known = {key.kid for key in ring().published(MIDDAY)} - {SIGNER.kid}
    for kid in set(range(256)) - {SIGNER.kid}:
        code = Message(protected=b"\xa2\x01\x27\x04\x41" + bytes((kid,))).code
        assert outcome(code) is (Refusal.BAD_SIGNATURE if kid in known else Refusal.UNKNOWN_KEY)
