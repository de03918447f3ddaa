"""How common each value is among the very records that are compared: to agree on a rare one says more."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

from rapidfuzz.distance import OSA

from service.matching.compare import Level
from service.matching.person import Birth, Person

# How often a value is written with a slip. Beside a common value a rare one is most likely such a slip of it, and
# anybody of that name may have made it: so it takes little away from what agreeing on the common one says.
_SLIPS = 0.05
# However rare two values are: how often those of unrelated people are one slip apart, or similar.
_LEAST = {Level.ONE_SLIP: 1e-4, Level.SIMILAR: 1e-3, Level.PART: 1e-3}
_LEAST_PART = 1e-3
_PARTS = range(len(Birth._fields))
_TWO_DIGITS = 0.01
# A few records don't tell what is common: shares start from these, which count like so many records seen before.
_SEEN_BEFORE = 100
_YEARS, _MONTHS, _DAYS = 70, 12, 30


class Frequencies:
    """The shares of one field's values, 0 to 1.

    `usual` is the share of a value before anything was seen, `slips` how often unrelated ones are one slip apart.
    Shares are of the values that are known, or of so many records.
    """

    def __init__(self, values: Iterable[str], *, usual: float, slips: float = 0.0, records: int = 0) -> None:
        counts = Counter(value for value in values if value)
        whole, before = max(counts.total(), records) + _SEEN_BEFORE, usual * _SEEN_BEFORE
        self._rarest = (1 + before) / whole
        self._shares = {value: (count + before) / whole for value, count in counts.items()}
        self._least = _LEAST if not slips else {**_LEAST, Level.ONE_SLIP: slips}

    def of(self, value: str) -> float:
        """Return how likely an unrelated record has this value."""
        return self._shares.get(value, self._rarest)

    def chance(self, a: str, b: str, level: Level) -> float:
        """Return how likely an unrelated record agrees with `a` as far as `b` does, or the other way round."""
        if a == b:
            return self.of(a)
        least = self._least.get(level)
        if least is None:
            return 1.0
        rarer, commoner = sorted((self.of(a), self.of(b)))
        return min(max(least, rarer + _SLIPS * commoner), 1.0)


class BirthFrequencies:
    """The shares of years, months and days of birth, and of those one slip away from each."""

    def __init__(self, births: Sequence[Birth]) -> None:
        counts = [Counter(birth[part] for birth in births) for part in _PARTS]
        whole, before = len(births) + _SEEN_BEFORE, [_SEEN_BEFORE / many for many in (_YEARS, _MONTHS, _DAYS)]
        self._shares = [{value: (n + before[part]) / whole for value, n in counts[part].items()} for part in _PARTS]
        self._slips = [{value: _slips_of(value, shares) for value in shares} for shares in self._shares]

    def chance(self, a: Birth, b: Birth, level: Level) -> float:
        """Return how likely an unrelated record agrees with `a` in this way."""
        if level in (Level.SAME, Level.SWAPPED):
            return self._same(a, _PARTS)
        if level is Level.SIMILAR:
            return _TWO_DIGITS
        agreeing = [part for part in _PARTS if a[part] == b[part]]
        if level is Level.DIFFERENT or len(agreeing) != len(_PARTS) - 1:
            return 1.0
        (other,) = set(_PARTS) - set(agreeing)
        apart = self._slips[other][a[other]] if level is Level.ONE_SLIP else 1.0
        return min(self._same(a, agreeing) * apart * len(_PARTS), 1.0)  # it might have been any of the parts

    def _same(self, birth: Birth, parts: Iterable[int]) -> float:
        chance = 1.0
        for part in parts:
            chance *= self._shares[part][birth[part]]
        return chance


def _slips_of(value: str, shares: dict[str, float]) -> float:
    near = sum(share for other, share in shares.items() if OSA.distance(value, other, score_cutoff=1) == 1)
    return max(near, _LEAST_PART)


class Population:
    """What the people who are compared have in common."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.given = Frequencies((person.given for person in people), usual=0.01)
        self.family = Frequencies((person.family for person in people), usual=0.005)
        self.birth = BirthFrequencies([person.birth for person in people if person.birth is not None])
        self.street = Frequencies((person.street for person in people), usual=0.002)
        self.detail = Frequencies((person.detail for person in people), usual=0.005)
        self.number = Frequencies((person.number for person in people), usual=0.02, slips=0.15)
        self.city = Frequencies((person.city for person in people), usual=0.05)
        self.postcode = Frequencies((person.postcode for person in people), usual=0.01, slips=0.01)
        # A contact is made to be nobody else's: that few records have one makes it no commoner.
        emails, phones = (person.emails for person in people), (person.phones for person in people)
        self.emails = Frequencies(chain.from_iterable(emails), usual=0.0, records=len(people))
        self.phones = Frequencies(chain.from_iterable(phones), usual=0.0, records=len(people))
