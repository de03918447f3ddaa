"""How likely two records are one person's: estimated from the records themselves, without a labelled pair.

Expectation and maximisation (Dempster, Laird and Rubin 1977) over the candidate pairs. The starting values were
written down beforehand, from what is known of typing errors and of customer files in general; they count like a
number of pairs that were seen, so that few records change little and no estimate runs away. The likelihoods that
come out are honest: of the pairs at 0.9, one in ten or fewer is wrong.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.matching.compare import Level
from service.matching.evidence import SHARED, Evidence, Field, Levels

# How often two records of one person agree in this way.
_L = Level
_AGREEING: dict[Field, dict[Level, float]] = {
    Field.GIVEN_NAME: {
        _L.SAME: 0.85, _L.ONE_SLIP: 0.06, _L.SIMILAR: 0.03, _L.PART: 0.02, _L.SWAPPED: 0.01, _L.DIFFERENT: 0.03,
    },
    Field.FAMILY_NAME: {_L.SAME: 0.86, _L.ONE_SLIP: 0.06, _L.SIMILAR: 0.02, _L.PART: 0.02, _L.DIFFERENT: 0.04},
    Field.BIRTH_DATE: {
        _L.SAME: 0.88, _L.ONE_SLIP: 0.05, _L.PART: 0.03, _L.SWAPPED: 0.01, _L.SIMILAR: 0.01, _L.DIFFERENT: 0.02,
    },
    Field.ADDRESS: {_L.SAME: 0.85, _L.DIFFERENT: 0.15},
    Field.STREET: {
        _L.SAME: 0.8, _L.ONE_SLIP: 0.08, _L.SIMILAR: 0.04, _L.PART: 0.03, _L.SWAPPED: 0.01, _L.DIFFERENT: 0.04,
    },
    Field.ADDRESS_DETAIL: {_L.SAME: 0.6, _L.ONE_SLIP: 0.1, _L.SIMILAR: 0.1, _L.PART: 0.1, _L.DIFFERENT: 0.1},
    Field.HOUSE_NUMBER: {_L.SAME: 0.9, _L.ONE_SLIP: 0.05, _L.DIFFERENT: 0.05},
    Field.PLACE: {_L.SAME: 0.9, _L.ONE_SLIP: 0.05, _L.SIMILAR: 0.01, _L.PART: 0.01, _L.DIFFERENT: 0.03},
    Field.EMAIL: {_L.SAME: 0.4, _L.ONE_SLIP: 0.05, _L.DIFFERENT: 0.55},
    Field.PHONE: {_L.SAME: 0.45, _L.ONE_SLIP: 0.05, _L.DIFFERENT: 0.5},
}  # fmt: skip
# How many other records of the same person, and of others of the household, there are for each record.
_DUPLICATES, _HOUSEHOLD = 0.1, 0.3
# How much was seen before: the pairs that the agreements count for, and the records that the other two do.
_PAIRS_BEFORE, _RECORDS_BEFORE = 100.0, 50.0
_ROUNDS, _CLOSE = 30, 1e-3


@dataclass(frozen=True)
class Likelihoods:
    """What is known of `size` records: how often two of one person agree, field by field, and the two rates."""

    size: int
    duplicates: float = _DUPLICATES
    household: float = _HOUSEHOLD
    agreeing: tuple[dict[Level, float], ...] = tuple(_AGREEING[name] for name in Field)
    _known: dict[Levels, tuple[float, float]] = field(default_factory=dict, repr=False)

    def of_one(self, evidence: Evidence) -> float:
        """Return how likely the two are one person, 0 to 1."""
        return self.classify(evidence)[0]

    def classify(self, evidence: Evidence) -> tuple[float, float]:
        """Return how likely the two are one person, and how likely two of one household; else they are unrelated."""
        one, household = self.weigh(evidence)
        one, household = one * self.duplicates, household * self.household
        whole = self.size + one + household
        return one / whole, household / whole

    def weigh(self, evidence: Evidence) -> tuple[float, float]:
        """Return how many times likelier than two unrelated people one person, and two of a household, agree so."""
        known = self._known.get(evidence.levels)
        if known is None:
            known = self._known[evidence.levels] = self._agree(evidence.levels)
        in_all, in_shared = known
        return in_all / evidence.chance, in_shared * evidence.household

    def _agree(self, levels: Levels) -> tuple[float, float]:
        """Return how often two records of one person agree like this: in all, and in what a household shares."""
        in_all = in_shared = 1.0
        for of_field, agreeing, level in zip(Field, self.agreeing, levels, strict=True):
            often = agreeing.get(level, 1.0)
            in_all *= often
            in_shared *= often if of_field in SHARED else 1.0
        return in_all, in_shared


def estimate(size: int, found: Sequence[Evidence]) -> Likelihoods:
    """Return what the candidates among `size` records say of how records of one person agree."""
    now = Likelihoods(size)
    for _ in range(_ROUNDS):
        before, now = now, _improve(now, found)
        if abs(now.duplicates - before.duplicates) <= _CLOSE * before.duplicates:
            break
    return now


def _improve(now: Likelihoods, found: Sequence[Evidence]) -> Likelihoods:
    seen: defaultdict[Levels, float] = defaultdict(float)
    ones = households = 0.0
    for evidence in found:
        one, household = now.classify(evidence)
        seen[evidence.levels] += one
        ones, households = ones + one, households + household
    records = now.size + _RECORDS_BEFORE
    return Likelihoods(
        size=now.size,
        duplicates=(2 * ones + _RECORDS_BEFORE * _DUPLICATES) / records,
        household=(2 * households + _RECORDS_BEFORE * _HOUSEHOLD) / records,
        agreeing=tuple(_improve_field(number, _AGREEING[name], seen) for number, name in enumerate(Field)),
    )


def _improve_field(number: int, before: dict[Level, float], seen: Mapping[Levels, float]) -> dict[Level, float]:
    pairs = {level: often * _PAIRS_BEFORE for level, often in before.items()}
    for levels, ones in seen.items():
        if levels[number] is not Level.MISSING:
            pairs[levels[number]] += ones
    whole = sum(pairs.values())
    return {level: ones / whole for level, ones in pairs.items()}
