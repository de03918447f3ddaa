"""Check a till's sums, pure. What doesn't add up is a warning: the money is taken, so a sale is never refused."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

Lines = Iterable[dict[str, Any]]
Warnings = list[dict[str, str]]

# A till may round each line its own way.
_ROUNDING_MINOR = 1


def check_sale(total_minor: int, lines: Lines) -> Warnings:
    """Return `total_mismatch` and `line_mismatch` warnings. Line keys: quantity, unit_price_minor?, total_minor."""
    lines = list(lines)
    warnings = [_line_mismatch(line) for line in lines if not _line_adds_up(line)]
    summed = sum(line["total_minor"] for line in lines)
    if lines and summed != total_minor:
        detail = f"the lines sum to {summed}, the sale says {total_minor}"
        warnings.append({"code": "total_mismatch", "detail": detail})
    return warnings


def check_return(returned: Lines, *, earlier: Lines, sold: Lines) -> Warnings:
    """Return `over_return` for what comes back more often than it was sold, earlier returns counted in."""
    sold = list(sold)
    by_line = {line["line_id"]: line for line in sold}
    by_sku: Counter[str] = Counter()
    for line in sold:
        if line.get("sku"):
            by_sku[line["sku"]] += _quantity(line)
    back: Counter[tuple[str, str]] = Counter()
    asked = list(returned)
    for line in [*earlier, *asked]:
        if key := _key(line):
            back[key] += _quantity(line)
    over = {key for line in asked if (key := _key(line)) and back[key] > _sold(key, by_line, by_sku)}
    return [{"code": "over_return", "detail": f"more of {name} returned than sold"} for _, name in sorted(over)]


def _line_adds_up(line: dict[str, Any]) -> bool:
    price = line.get("unit_price_minor")
    return price is None or abs(Decimal(line["quantity"]) * price - line["total_minor"]) <= _ROUNDING_MINOR


def _line_mismatch(line: dict[str, Any]) -> dict[str, str]:
    detail = f"line {line['line_id']}: quantity times unit price is not {line['total_minor']}"
    return {"code": "line_mismatch", "detail": detail}


def _quantity(line: dict[str, Any]) -> int:
    """Return a quantity in millionths, as a magnitude: some tills write returns as negative."""
    return abs(int(Decimal(line["quantity"]) * 1_000_000))


def _key(line: dict[str, Any]) -> tuple[str, str] | None:
    for field in ("line_id", "sku"):
        if line.get(field):
            return field, line[field]
    return None


def _sold(key: tuple[str, str], by_line: dict[str, dict[str, Any]], by_sku: Counter[str]) -> int:
    field, name = key
    if field == "sku":
        return by_sku[name]
    return _quantity(by_line[name]) if name in by_line else 0
