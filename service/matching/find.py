"""Find the probable duplicates among many records. Nothing that is computed here outlives the call."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from service.matching.blocks import PASSES, form_blocks
from service.matching.estimate import Likelihoods, estimate
from service.matching.evidence import Evidence, Levels, weigh
from service.matching.frequencies import Population
from service.matching.person import Person

# Pairs below these likelihoods, of being one person or of one household, are unrelated: they'd teach nothing.
_LEAST_ONE, _LEAST_HOUSEHOLD = 1e-3, 1e-2
STEPS = PASSES + 1


class Duplicate(NamedTuple):
    """Two records, by position, that are probably one person's, and how probably, 0 to 1."""

    first: int
    second: int
    probability: float


def find_duplicates(
    people: Sequence[Person], *, threshold: float, most: int, step: Callable[[], object] = lambda: None
) -> list[Duplicate]:
    """Return every two records that are one person's with at least this probability, the most probable first.

    `most` is how large a block of records is compared each with each; `step` is called `STEPS` times.
    """
    found = _gather(people, most, step)
    likelihoods = estimate(len(people), list(found.values()))
    judged = (Duplicate(*pair, likelihoods.of_one(evidence)) for pair, evidence in found.items())
    probable = [duplicate for duplicate in judged if duplicate.probability >= threshold]
    step()
    return sorted(probable, key=lambda duplicate: (-duplicate.probability, duplicate))


def _gather(people: Sequence[Person], most: int, step: Callable[[], object]) -> dict[tuple[int, int], Evidence]:
    """Return the pairs among the candidates that may be one person or one household."""
    population, likelihoods = Population(people), Likelihoods(len(people))
    found: dict[tuple[int, int], Evidence] = {}
    seldom: dict[Levels, Levels] = {}
    for blocks in form_blocks(people, most=most):
        for first, second in _pairs(blocks):
            if (first, second) in found:
                continue
            evidence = weigh(population, people[first], people[second])
            if evidence is not None and _says_something(likelihoods, evidence):
                levels = seldom.setdefault(evidence.levels, evidence.levels)  # kept once: there are few of them
                found[first, second] = evidence._replace(levels=levels)
        step()
    return found


def _pairs(blocks: Iterator[list[int]]) -> Iterator[tuple[int, int]]:
    for block in blocks:
        yield from combinations(block, 2)


def _says_something(likelihoods: Likelihoods, evidence: Evidence) -> bool:
    one, household = likelihoods.weigh(evidence)
    return one > _LEAST_ONE * likelihoods.size or household > _LEAST_HOUSEHOLD * likelihoods.size
