from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_client import Line, LineKind
from pos_client.money import format_amount, parse_amount, parse_line


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("25.00", "EUR", 2500), ("25", "EUR", 2500), ("25,5", "EUR", 2550), ("0.01", "EUR", 1), ("0", "EUR", 0),
        ("-5.00", "EUR", -500), ("2500", "JPY", 2500), ("1.234", "KWD", 1234),
        ("999999999999.99", "EUR", 99999999999999),
    ],
)  # fmt: skip
def test_an_amount_is_read_in_minor_units(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("25.001", "EUR"),
        ("25.5", "JPY"),
        ("1e3", "EUR"),
        ("", "EUR"),
        ("1.000,00", "EUR"),
        ("٢", "EUR"),
        ("NaN", "EUR"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        parse_amount(text, currency)


@given(st.integers(-(10**11), 10**11), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_what_is_written_can_be_read(minor: int, currency: str) -> None:
    amount, _, _ = format_amount(minor, currency).partition(" ")
    assert parse_amount(amount, currency) == minor


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("25.00 T-shirt", Line(description="T-shirt", unit_price_minor=2500, total_minor=2500)),
        (
            "2 x 12.50 T-shirt, blue #TS-1",
            Line(
                description="T-shirt, blue", quantity=Decimal(2), unit_price_minor=1250, total_minor=2500, sku="TS-1"
            ),
        ),
        (
            "0.350x9.99 Ham",
            Line(description="Ham", quantity=Decimal("0.350"), unit_price_minor=999, total_minor=350),
        ),
        (
            "-5.00 Summer sale",
            Line(description="Summer sale", kind=LineKind.DISCOUNT, unit_price_minor=-500, total_minor=-500),
        ),
        (
            "gift_card: 50 Gift card",
            Line(description="Gift card", kind=LineKind.GIFT_CARD, unit_price_minor=5000, total_minor=5000),
        ),
    ],
)
def test_a_line_is_read_as_a_person_types_it(text: str, line: Line) -> None:
    assert parse_line(text, "EUR") == line


@pytest.mark.parametrize("text", ["", "T-shirt", "25.00", "2 x T-shirt", "bribe: 5.00 Guard", "5.001 Pin", "x 5 Pin"])
def test_what_is_no_line_is_refused_in_plain_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"like '2 x|use one of|decimals"):
        parse_line(text, "EUR")
