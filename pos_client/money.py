"""Amounts and lines of a sale as a person types them: `2 x 12.50 T-shirt #TS-1`."""

import re
from decimal import ROUND_HALF_UP, Decimal

from pos_client.basket import Line, LineKind

_WHOLE = re.compile("BIF|CLP|DJF|GNF|ISK|JPY|KMF|KRW|PYG|RWF|UGX|VND|VUV|XAF|XOF|XPF")
_THOUSANDTHS = re.compile("BHD|IQD|JOD|KWD|LYD|OMR|TND")
"""The currencies of ISO 4217 that don't have two decimals."""

_AMOUNT = re.compile(r"-?[0-9]{1,12}(?:[.,][0-9]{1,3})?")
_LINE = re.compile(
    r"(?:(?P<kind>[a-z_]+):\s*)?"
    r"(?:(?P<quantity>[0-9]{1,6}(?:\.[0-9]{1,3})?)\s*[x×*]\s*)?"
    rf"(?P<price>{_AMOUNT.pattern})"
    r"\s+(?![x×*]\s)(?P<description>\S.*?)"
    r"(?:\s+#(?P<sku>\S+))?"
)


def parse_amount(text: str, currency: str) -> int:
    """Return an amount such as 25.00 in minor units; raise ValueError if the currency can't express it."""
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"{text!r} is not an amount; write it like 25.00.")
    minor = Decimal(text.replace(",", ".")).scaleb(_decimals(currency))
    if minor != minor.to_integral_value():
        raise ValueError(f"{text!r} has more decimals than {currency}.")
    return int(minor)


def format_amount(minor: int, currency: str) -> str:
    """Return minor units as a person reads them: 25.00 EUR."""
    return f"{Decimal(minor).scaleb(-_decimals(currency)):f} {currency}"


def parse_line(text: str, currency: str) -> Line:
    """Return a line of a sale from `[KIND:] [QUANTITY x] PRICE DESCRIPTION [#SKU]`; raise ValueError."""
    match = _LINE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a line; write it like '2 x 12.50 T-shirt #TS-1'.")
    price = parse_amount(match["price"], currency)
    quantity = Decimal(match["quantity"] or 1)
    return Line(
        description=match["description"],
        quantity=quantity,
        unit_price_minor=price,
        total_minor=int((quantity * price).to_integral_value(ROUND_HALF_UP)),
        kind=_line_kind(match["kind"], price),
        sku=match["sku"],
    )


def _line_kind(word: str | None, price: int) -> LineKind:
    if word is None:
        return LineKind.DISCOUNT if price < 0 else LineKind.ITEM
    if word not in frozenset(LineKind):
        raise ValueError(f"{word!r} is no kind of line; use one of {', '.join(LineKind)}.")
    return LineKind(word)


def _decimals(currency: str) -> int:
    if _WHOLE.fullmatch(currency):
        return 0
    return 3 if _THOUSANDTHS.fullmatch(currency) else 2
