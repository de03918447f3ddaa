"""How far two values agree: a closed set of levels, by Damerau-Levenshtein and Jaro-Winkler distance."""

from enum import StrEnum
from functools import lru_cache

from rapidfuzz.distance import OSA, JaroWinkler

from service.matching.person import Birth

_CACHED = 2**17
_SIMILAR = 0.88  # Jaro-Winkler; Winkler's own tables take agreement from here on


class Level(StrEnum):
    """How far two values of a field agree. `missing`: one of them is unknown, which says nothing."""

    SAME = "same"
    ONE_SLIP = "one_slip"
    SIMILAR = "similar"
    PART = "part"
    SWAPPED = "swapped"
    DIFFERENT = "different"
    MISSING = "missing"


ALIKE = frozenset((Level.SAME, Level.ONE_SLIP))
UNLIKE = frozenset((Level.DIFFERENT, Level.MISSING))


@lru_cache(_CACHED)
def compare_text(a: str, b: str) -> Level:
    """Return how far two folded texts agree; one slip is a sign too many, missing, wrong, or two in wrong order."""
    if not a or not b:
        return Level.MISSING
    if a == b:
        return Level.SAME
    if OSA.distance(a, b, score_cutoff=1) <= 1:
        return Level.ONE_SLIP
    if JaroWinkler.similarity(a, b, score_cutoff=_SIMILAR) >= _SIMILAR:
        return Level.SIMILAR
    words_a, words_b = set(a.split()), set(b.split())
    return Level.PART if words_a <= words_b or words_b <= words_a else Level.DIFFERENT


@lru_cache(_CACHED)
def compare_code(a: str, b: str) -> Level:
    """Return how far two numbers or codes agree: near by means nothing, but for one slip."""
    level = compare_text(a, b)
    return Level.DIFFERENT if level in (Level.SIMILAR, Level.PART) else level


def compare_birth(a: Birth | None, b: Birth | None) -> Level:
    """Return how far two birth dates agree.

    `part`: one of year, month and day is another; `similar`: two digits are wrong; `swapped`: day and month are.
    """
    if a is None or b is None:
        return Level.MISSING
    if a == b:
        return Level.SAME
    slips = OSA.distance("".join(a), "".join(b), score_cutoff=2)
    if slips == 1:
        return Level.ONE_SLIP
    if a.year == b.year and a.month == b.day and a.day == b.month:
        return Level.SWAPPED
    if sum(x == y for x, y in zip(a, b, strict=True)) == len(a) - 1:
        return Level.PART
    return Level.SIMILAR if slips == 2 else Level.DIFFERENT
