"""Which records are compared at all: those that share enough for it to be rare.

Dynamic blocking, as in McNeill, Kardes and Borthwick (2012): the records that agree in one key are a block; a block
that is too large is divided by the keys after it, until it is small or no key is left. So a few thousand records are
compared when they share one thing, a million only when they share several, by the same code.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from service.matching.person import Person

Key = Callable[[Person], Hashable]
_MOST_KEYS = 4
_BEGINNING = 3  # of a name: slips are rarest there

_WHOLE: tuple[Key, ...] = (
    lambda person: person.given,
    lambda person: person.family,
    lambda person: person.birth,
    lambda person: person.street,
    lambda person: person.number,
    lambda person: person.city,
    lambda person: person.postcode,
    lambda person: person.detail,
)
_PARTS: tuple[Key, ...] = (
    lambda person: person.given[:_BEGINNING],
    lambda person: person.family[:_BEGINNING],
    lambda person: person.birth and person.birth.year,
    lambda person: person.birth and person.birth.month,
    lambda person: person.birth and person.birth.day,
)
_CONTACTS: tuple[Callable[[Person], tuple[str, ...]], ...] = (
    lambda person: person.emails,
    lambda person: person.phones,
)
PASSES = len(_CONTACTS) + len(_WHOLE) + len(_PARTS)


def form_blocks(people: Sequence[Person], *, most: int) -> Iterator[Iterator[list[int]]]:
    """Yield `PASSES` passes of blocks: positions of 2 to `most` records. The same two may meet in several blocks."""
    for contacts in _CONTACTS:
        yield _keep_small(_share(people, contacts).values(), most)
    for keys in (_WHOLE, _PARTS):
        for number in range(len(keys)):
            yield _divide(people, range(len(people)), keys[number:], most=most, depth=1)


def _share(people: Sequence[Person], contacts: Callable[[Person], tuple[str, ...]]) -> dict[str, list[int]]:
    parts: dict[str, list[int]] = defaultdict(list)
    for position, person in enumerate(people):
        for contact in set(contacts(person)):
            parts[contact].append(position)
    return parts


def _keep_small(blocks: Iterable[list[int]], most: int) -> Iterator[list[int]]:
    return (block for block in blocks if 1 < len(block) <= most)


def _divide(
    people: Sequence[Person], block: Sequence[int], keys: tuple[Key, ...], *, most: int, depth: int
) -> Iterator[list[int]]:
    """Divide a block by the first key; what is still too large, by each of the others in turn."""
    key, *others = keys
    parts: dict[Hashable, list[int]] = defaultdict(list)
    for position in block:
        value = key(people[position])
        if value:
            parts[value].append(position)
    yield from _keep_small(parts.values(), most)
    large = [part for part in parts.values() if len(part) > most] if depth < _MOST_KEYS else []
    for part in large:
        for number in range(len(others)):
            yield from _divide(people, part, tuple(others[number:]), most=most, depth=depth + 1)
