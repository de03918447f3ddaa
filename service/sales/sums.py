"""Check a till's sums, pure. What doesn't add up is a warning: the money is taken, so a sale is never refused."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import cycle
from typing import Any

Lines = Iterable[dict[str, Any]]
Warnings = list[dict[str, str]]

# A till may round each line its own way.
_ROUNDING_MINOR = 1
_QUANTITY_UNITS = 10**18  # a quantity has at most 18 decimals
_GTIN = re.compile(r"[0-9]{8,14}")


def check_sale(total_minor: int, lines: Lines) -> Warnings:
    """Return `total_mismatch`, `line_mismatch`, `odd_gtin` and `duplicate_line` warnings.

    Line keys: line_id, quantity, unit_price_minor?, total_minor, gtin?.
    """
    lines = list(lines)
    warnings = [_line_mismatch(line) for line in lines if not _line_adds_up(line)]
    warnings += [_odd_gtin(line) for line in lines if "gtin" in line and not _is_gtin(line["gtin"])]
    for name, times in Counter(line["line_id"] for line in lines).items():
        if times > 1:
            detail = f"{times} lines are called {name}: a return that names it counts against all of them"
            warnings.append({"code": "duplicate_line", "detail": detail})
    summed = sum(line["total_minor"] for line in lines)
    if lines and summed != total_minor:
        detail = f"the lines sum to {summed}, the sale says {total_minor}"
        warnings.append({"code": "total_mismatch", "detail": detail})
    return warnings


def check_return(returned: Lines, *, earlier: Lines, sold: Lines) -> Warnings:
    """Return `over_return` for what comes back more often than it was sold, earlier returns counted in.

    What comes back by its line counts as one of its article, too.
    """
    asked, sold = list(returned), list(sold)
    sku_of = {line["line_id"]: line.get("sku") for line in sold}
    left: Counter[tuple[str, str]] = Counter()
    for line in sold:
        left["line", line["line_id"]] += _quantity(line)
        left["sku", line.get("sku") or ""] += _quantity(line)
    for line in [*earlier, *asked]:
        left.subtract(dict.fromkeys(_keys(line, sku_of), _quantity(line)))
    over = {keys[0][1] for line in asked if (keys := [key for key in _keys(line, sku_of) if left[key] < 0])}
    return [{"code": "over_return", "detail": f"more of {name} returned than sold"} for name in sorted(over)]


def _line_adds_up(line: dict[str, Any]) -> bool:
    price = line.get("unit_price_minor")
    return price is None or abs(Decimal(line["quantity"]) * price - line["total_minor"]) <= _ROUNDING_MINOR


def _line_mismatch(line: dict[str, Any]) -> dict[str, str]:
    detail = f"line {line['line_id']}: quantity times unit price is not {line['total_minor']}"
    return {"code": "line_mismatch", "detail": detail}


def _is_gtin(gtin: str) -> bool:
    """Return whether these are 8 to 14 digits that end with their check digit (GS1 General Specifications, 7.9)."""
    if not _GTIN.fullmatch(gtin):
        return False
    return sum(int(digit) * weight for digit, weight in zip(reversed(gtin), cycle((1, 3)), strict=False)) % 10 == 0


def _odd_gtin(line: dict[str, Any]) -> dict[str, str]:
    detail = f"line {line['line_id']}: the gtin isn't 8 to 14 digits that end with their check digit"
    return {"code": "odd_gtin", "detail": detail}


def _quantity(line: dict[str, Any]) -> int:
    """Return a quantity in its smallest units, as a magnitude: some tills write returns as negative."""
    return abs(int(Decimal(line["quantity"]) * _QUANTITY_UNITS))


def _keys(line: dict[str, Any], sku_of: Mapping[str, str | None]) -> list[tuple[str, str]]:
    """Return what a returned line counts against: its line, and its article."""
    name = line.get("line_id")
    sku = sku_of.get(name) if name else line.get("sku")
    return [(kind, named) for kind, named in (("line", name), ("sku", sku)) if named]
