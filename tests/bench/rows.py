"""Rows of the table: figures, ratios, and whether they hold."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from tests.bench.cases import Limit, Ratio
from tests.bench.load import Outcome

Row = dict[str, Any]
_FIGURES = ("per_second", "p50_ms", "p99_ms")


def make_row(
    name: str, database: str | None, limits: Sequence[Limit], ratios: Mapping[Ratio, float], **figures: Any
) -> Row:
    """Return one row: `must` and `aim` as the words of each limit, by the name of its ratio."""
    return {
        "case": name,
        "database": database,
        **figures,
        "ratios": {ratio: round(value, 3) for ratio, value in ratios.items()},
        "must": {limit.ratio: _words(limit, limit.must) for limit in limits},
        "aim": {limit.ratio: _words(limit, limit.aim) for limit in limits},
        "holds_must": all(limit.holds(ratios[limit.ratio], limit.must) for limit in limits),
        "holds_aim": all(limit.holds(ratios[limit.ratio], limit.aim) for limit in limits),
    }


def failed_row(name: str, database: str | None, reason: str) -> Row:
    """Return the row of a measurement that failed."""
    return {"case": name, "database": database, "failed": reason, "holds_must": False, "holds_aim": False}


def middle(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return the median of each figure over the rounds."""
    return {name: round(median(getattr(outcome, name) for outcome in outcomes), 2) for name in _FIGURES}


def rate_ratio(ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> float:
    """Return the median over the rounds of our answers a second ÷ theirs in the same round."""
    return median(one.per_second / other.per_second for one, other in zip(ours, theirs, strict=True))


def _words(limit: Limit, wanted: float) -> str:
    return f"{'<=' if limit.at_most else '>='} {wanted:g}"
