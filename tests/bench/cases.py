"""The cases under load, and the limits of every row."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.bench import requests
from tests.bench.crowd import Crowd


class Kind(StrEnum):
    """The two databases."""

    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


class Ratio(StrEnum):
    """What a limit is set on."""

    TO_A = "to_a"
    TO_B = "to_b"
    P99_TO_P50 = "p99_to_p50"
    LARGE_TO_SMALL = "large_to_small"
    TO_BARE_VERIFY = "to_bare_verify"
    SVG_MS = "svg_ms"
    SVG_BYTES = "svg_bytes"
    RSS_TO_B = "rss_to_b"
    PSS_TO_B = "pss_to_b"
    RSS_TO_ORM = "rss_to_orm"
    F1 = "f1"
    PRECISION = "precision"


@dataclass(frozen=True)
class Limit:
    """What a figure must reach, and what we aim at: at least so much, or with `at_most` at most."""

    ratio: Ratio
    must: float
    aim: float
    at_most: bool = False

    def holds(self, value: float, wanted: float) -> bool:
        """Return whether a figure reaches what is wanted of it."""
        return value <= wanted if self.at_most else value >= wanted


@dataclass(frozen=True)
class Case:
    """Requests to the service, the answer that each must get, and the limits for each database."""

    name: str
    make: Callable[[Crowd, int], list[bytes]]
    status: int
    text: str
    limits: dict[Kind, tuple[Limit, ...]]


def _on_both(*limits: Limit) -> dict[Kind, tuple[Limit, ...]]:
    return dict.fromkeys(Kind, limits)


ISSUED = Case(
    "scan of an issued code",
    requests.scans_of_issued_codes,
    201,
    '"identified"',
    {
        Kind.POSTGRESQL: (Limit(Ratio.TO_B, 0.70, 0.95), Limit(Ratio.TO_A, 0.25, 0.33)),
        Kind.SQLITE: (Limit(Ratio.TO_B, 0.55, 0.95), Limit(Ratio.TO_A, 0.25, 0.45)),
    },
)
TYPED = Case(
    "scan of a typed code",
    requests.scans_of_typed_codes,
    201,
    '"identified"',
    {
        Kind.POSTGRESQL: (Limit(Ratio.TO_A, 0.25, 0.30),),
        Kind.SQLITE: (Limit(Ratio.TO_A, 0.30, 0.40),),
    },
)
LINKED_SALE = Case(
    "sale with three lines",
    requests.linked_sales,
    201,
    '"linked"',
    _on_both(Limit(Ratio.TO_B, 0.45, 0.70)),
)
UNIDENTIFIED_SALE = Case(
    "sale with three lines, no scan",
    requests.unidentified_sales,
    201,
    '"unidentified"',
    _on_both(Limit(Ratio.TO_B, 0.45, 0.70)),
)
CODE = Case(
    "issue a code",
    requests.codes_to_show,
    200,
    '"typed_code"',
    _on_both(Limit(Ratio.TO_A, 0.50, 0.65)),
)
CASES = (ISSUED, TYPED, LINKED_SALE, UNIDENTIFIED_SALE, CODE)

IMPORT = (Limit(Ratio.TO_B, 0.15, 0.20),)
TAIL = (Limit(Ratio.P99_TO_P50, 4, 2.5, at_most=True),)
GROWTH = (Limit(Ratio.LARGE_TO_SMALL, 1.25, 1.10, at_most=True),)
VERIFY = (Limit(Ratio.TO_BARE_VERIFY, 1.4, 1.2, at_most=True),)
SVG = (Limit(Ratio.SVG_MS, 6, 6, at_most=True), Limit(Ratio.SVG_BYTES, 6_000, 6_000, at_most=True))
# The service is built on the ORM; the ratios to B, which loads the Core only, are shown beside it.
MEMORY = (Limit(Ratio.RSS_TO_ORM, 1.6, 1.4, at_most=True),)
