from contextlib import suppress

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pos_client import NotACode, Rejection, read

DIGITS = "0123456789"
ANTISYMMETRIC = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2], [7, 0, 9, 2, 1, 5, 4, 8, 6, 3], [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6], [6, 1, 2, 3, 0, 4, 5, 9, 7, 8], [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4], [8, 9, 4, 5, 3, 6, 2, 0, 1, 7], [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
]  # fmt: skip


def damm(digits: str) -> str:
    interim = 0
    for digit in digits:
        interim = ANTISYMMETRIC[interim][int(digit)]
    return str(interim)


def luhn_holds(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mod10(digits: str) -> str:
    """The check digit of EAN, UPC, GTIN and SSCC."""
    weighed = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-weighed % 10)


def rejection(text: str) -> Rejection:
    with pytest.raises(NotACode) as caught:
        read(text)
    return caught.value.why


def digits_of(*lengths: int, least: int = 0) -> st.SearchStrategy[str]:
    return (
        st.sampled_from(lengths)
        .flatmap(lambda n: st.text(DIGITS, min_size=n, max_size=n))
        .filter(lambda text: int(text[:1]) >= least)
    )


def with_check_digit(body: str) -> str:
    return body + damm(body)


def could_be_an_sscc(code: str) -> bool:
    return "3" + code[2:4] in GS1_PREFIXES and mod10(code[:17]) == code[17]


GS1_PREFIXES = {*map(str, range(300, 381)), "383", "385", "387", "389", "390"}
"""Those that begin with 3: France, Bulgaria, Slovenia, Croatia, Bosnia, Montenegro, Kosovo."""
typed = (
    digits_of(15, least=1)
    .map(lambda rest: with_check_digit("73" + rest))
    .filter(lambda code: not could_be_an_sscc(code))
)
given_out = st.builds("".join, st.tuples(st.just("7388"), digits_of(13))).map(with_check_digit)
codes = st.one_of(
    st.integers(200, 253).flatmap(digits_of).map(lambda rest: "71" + rest),
    st.integers(300, 700).flatmap(digits_of).map(lambda rest: "72" + rest),
    digits_of(15).map(lambda rest: "73" + rest),
    typed,
    digits_of(39).map(lambda rest: "74" + rest),
)
blanks = st.text(" \t\r\n", max_size=3)


@given(codes, blanks, blanks, st.sampled_from(["", "]Q1"]))
def test_a_code_is_read_with_or_without_blanks_and_the_qr_prefix(
    code: str, before: str, after: str, prefix: str
) -> None:
    assert read(before + prefix + code + after) == code


@given(typed)
def test_typed_digits_may_be_grouped(code: str) -> None:
    assert read(f"{code[:2]} {code[2:5]} {code[5:8]} {code[8:11]} {code[11:14]} {code[14:]}") == code


@given(given_out)
def test_a_code_that_is_given_out_is_read_whole_and_by_its_last_sixteen_digits(code: str) -> None:
    assert read(code) == read(code[2:]) == code


@given(typed)
@example("738800000000000005")
@example("731500000000003700")
@example("737680387900934327")
def test_the_last_sixteen_typed_digits_are_completed_unless_they_look_like_a_payment_card(code: str) -> None:
    if not code[2:].startswith("88") and luhn_holds(code[2:]):
        assert rejection(code[2:]) is Rejection.ALL_DIGITS_NEEDED
    else:
        assert read(code[2:]) == code
        assert read(f"{code[2:6]} {code[6:10]} {code[10:14]} {code[14:]}") == code


@given(typed, st.integers(2, 17), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(code: str, place: int, by: int) -> None:
    wrong = code[:place] + str((int(code[place]) + by) % 10) + code[place + 1 :]
    assert rejection(wrong) is (Rejection.NOT_OURS if could_be_an_sscc(wrong) else Rejection.WRONG_DIGIT)


@given(typed, st.integers(2, 16))
def test_two_swapped_neighbours_are_noticed(code: str, place: int) -> None:
    assume(code[place] != code[place + 1])
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert rejection(swapped) is (Rejection.NOT_OURS if could_be_an_sscc(swapped) else Rejection.WRONG_DIGIT)


@given(digits_of(8, 12, 13, 14).map(lambda text: text[:-1] + mod10(text[:-1])))
@example("4006381333931")
def test_ean_upc_and_gtin_never_leave_the_till(code: str) -> None:
    assert rejection(code) is Rejection.NOT_OURS
    assert rejection("]E0" + code) is Rejection.NOT_OURS


@given(st.sampled_from(sorted(GS1_PREFIXES)), digits_of(13))
@example("300", "0000000000008")  # both check digits hold
def test_no_sscc_that_looks_like_a_typed_code_leaves_the_till(prefix: str, rest: str) -> None:
    body = "7" + prefix + rest
    sscc = body + mod10(body)
    for line in (sscc, "00" + sscc, "]C100" + sscc):
        assert rejection(line) is Rejection.NOT_OURS


@given(st.sampled_from(["01", "02"]), digits_of(14))
def test_a_gs1_trade_item_of_sixteen_digits_never_passes_for_typed_digits(identifier: str, gtin: str) -> None:
    assert rejection(identifier + gtin) is Rejection.NOT_OURS


@given(codes, st.sampled_from(["]C1", "]d2", "]Q3", "]E0", "]e0", "]Q0", "]q1", "]Q1]Q1", "\x1d"]))
def test_another_symbology_is_never_ours(code: str, prefix: str) -> None:
    assert rejection(prefix + code) is Rejection.NOT_OURS


@given(codes, st.data())
def test_a_group_separator_marks_a_gs1_string(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(code)))
    assert rejection(code[:place] + "\x1d" + code[place:]) is Rejection.NOT_OURS


@given(digits_of(16).filter(lambda text: luhn_holds(text) and not text.startswith("88")))
@example("4242424242424242")
@example("8430115195736391")
@example("9988016924997516")
def test_no_payment_card_number_is_read(number: str) -> None:
    assert rejection(number) in {Rejection.NOT_OURS, Rejection.ALL_DIGITS_NEEDED}


@given(digits_of(16, least=1).filter(lambda text: damm("73" + text[:15]) != text[15]))
def test_sixteen_digits_need_the_right_check_digit(digits: str) -> None:
    assert rejection(digits) is Rejection.NOT_OURS


@given(st.text(max_size=60))
def test_any_text_is_a_code_or_a_rejection(text: str) -> None:
    with suppress(NotACode):
        assert set(read(text)) <= set(DIGITS)


@given(digits_of(13, 18, 20).filter(lambda text: not text.startswith("73")))
def test_a_rejection_does_not_repeat_what_was_read(text: str) -> None:
    with pytest.raises(NotACode) as caught:
        read(text)
    assert text not in str(caught.value)


@pytest.mark.parametrize("length", [199, 254])
def test_an_issued_code_has_bounds(length: int) -> None:
    assert rejection("71" + "1" * length) is Rejection.NOT_OURS


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "]Q1", "71", "73" + "1" * 13, "73" + "1" * 17, "74" + "1" * 38, "74" + "1" * 40, "72" + "1" * 299,
        "72" + "1" * 701, "70" + "1" * 200, "71" + "1" * 100_000, "73" + "١" * 15, "https://unspoken.example/71",
        "-73" + "1" * 15, "73" + "1" * 14 + "²", "]Q1" + "1" * 16,
    ],
)  # fmt: skip
def test_what_only_resembles_a_code_is_ignored(text: str) -> None:
    assert rejection(text) is Rejection.NOT_OURS
