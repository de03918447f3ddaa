"""What two records say for and against being one person's: how far fields agree, and how well chance explains it.

The model is that of Fellegi and Sunter (1969), with frequencies by value as in Winkler (2000): a field that agrees
in some way weighs m / u, where m is how often two records of one person do, and u how often those of two unrelated
people do. Beside "one person" and "unrelated" there is a third class, two of one household, who share a surname, an
address and perhaps a phone, but neither first name nor birth date: without it every family would be a duplicate.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from service.matching.compare import ALIKE, UNLIKE, Level, compare_birth, compare_code, compare_text
from service.matching.frequencies import Frequencies, Population
from service.matching.person import Person


class Field(StrEnum):
    """What is compared.

    `address`: whether anything of it agrees, for who moves changes all of it at once. `place`: postcode or city,
    whichever says more, for one follows from the other.
    """

    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    BIRTH_DATE = "birth_date"
    ADDRESS = "address"
    STREET = "street"
    ADDRESS_DETAIL = "address_detail"
    HOUSE_NUMBER = "house_number"
    PLACE = "place"
    EMAIL = "email"
    PHONE = "phone"


Levels = tuple[Level, ...]  # one a field, in the order of `Field`
_Found = tuple[Level, float]  # a level, and how likely it is by chance
_NOTHING: _Found = (Level.MISSING, 1.0)

# What two of one household share, and spell no better and no worse than one person does.
SHARED = frozenset(
    (Field.FAMILY_NAME, Field.ADDRESS, Field.STREET, Field.ADDRESS_DETAIL, Field.HOUSE_NUMBER, Field.PLACE)
)
# How often two of one household agree in what is their own: a name handed down, twins, a common mailbox or phone.
_NAMESAKES, _TWINS, _SHARED_EMAIL, _SHARED_PHONE = 0.03, 0.01, 0.1, 0.3
_SWAPPED_NAMES = 0.01  # how often anybody's first name and surname stand in each other's place


class Evidence(NamedTuple):
    """How far two records agree. `chance`: how often unrelated ones do; `household`: see `_weigh_household`."""

    levels: Levels
    chance: float
    household: float


def weigh(people: Population, a: Person, b: Person) -> Evidence | None:
    """Compare two records in every field; None when both names differ, and no birth date or contact is alike."""
    given, family = _compare_names(people, a, b)
    birth = _NOTHING
    if a.birth is not None and b.birth is not None:
        level = compare_birth(a.birth, b.birth)
        birth = level, people.birth.chance(a.birth, b.birth, level)
    email, phone = (
        _compare_contacts(people.emails, a.emails, b.emails),
        _compare_contacts(people.phones, a.phones, b.phones),
    )
    if given[0] is family[0] is Level.DIFFERENT and all(level in UNLIKE for level, _ in (birth, email, phone)):
        return None
    found = (given, family, birth, *_compare_address(people, a, b), email, phone)
    chance = 1.0
    for _, of_field in found:
        chance *= of_field
    return Evidence(tuple([level for level, _ in found]), chance, _weigh_household(*found))


def _weigh_household(given: _Found, family: _Found, birth: _Found, *others: _Found) -> float:
    """Return how many times likelier than by chance two of one household agree like this, slips of the pen apart."""
    *address, email, phone = others
    times = 1.0
    for _, chance in (family, *address):
        times /= chance
    own = ((given, _NAMESAKES), (birth, _TWINS), (email, _SHARED_EMAIL), (phone, _SHARED_PHONE))
    for (level, chance), often in own:
        if level is Level.SAME:
            times *= 1.0 + often / chance
    return times


def _compare(values: Frequencies, a: str, b: str, compare: Callable[[str, str], Level] = compare_text) -> _Found:
    if not a or not b:
        return _NOTHING
    level = compare(a, b)
    return level, 1.0 if level is Level.DIFFERENT else values.chance(a, b, level)


def _compare_names(people: Population, a: Person, b: Person) -> tuple[_Found, _Found]:
    """Compare first names and surnames; when neither are alike, each with the other."""
    given, family = _compare(people.given, a.given, b.given), _compare(people.family, a.family, b.family)
    if given[0] in ALIKE or family[0] in ALIKE:
        return given, family
    if compare_text(a.given, b.family) in ALIKE and compare_text(a.family, b.given) in ALIKE:
        rightly = people.given.of(b.given) * people.family.of(b.family)
        wrongly = people.given.of(a.given) * people.family.of(a.family) * _SWAPPED_NAMES
        return (Level.SWAPPED, max(rightly, wrongly)), _NOTHING
    return given, family


def _compare_address(people: Population, a: Person, b: Person) -> tuple[_Found, ...]:
    """Return whether anything agrees, then street, detail, house number and place."""
    parts = (
        *_compare_lines(people, a, b),
        _compare(people.number, a.number, b.number, compare_code),
        _compare_place(people, a, b),
    )
    levels = {level for level, _ in parts}
    if levels <= UNLIKE:
        moved = _NOTHING if levels == {Level.MISSING} else (Level.DIFFERENT, 1.0)
        return moved, _NOTHING, _NOTHING, _NOTHING, _NOTHING
    return (Level.SAME, 1.0), *parts


def _compare_lines(people: Population, a: Person, b: Person) -> tuple[_Found, _Found]:
    """Compare the street and the other lines of an address, which may stand in each other's place."""
    street, detail = _compare(people.street, a.street, b.street), _compare(people.detail, a.detail, b.detail)
    if street[0] not in ALIKE:
        if compare_text(a.street, b.detail) in ALIKE:
            return (Level.SWAPPED, people.street.of(a.street)), _NOTHING
        if compare_text(a.detail, b.street) in ALIKE:
            return (Level.SWAPPED, people.street.of(b.street)), _NOTHING
    return street, detail


def _compare_place(people: Population, a: Person, b: Person) -> _Found:
    postcode = _compare(people.postcode, a.postcode, b.postcode, compare_code)
    return min(postcode, _compare(people.city, a.city, b.city), key=_by_strength)


def _compare_contacts(values: Frequencies, a: Sequence[str], b: Sequence[str]) -> _Found:
    """Compare two people's e-mail addresses, or phones: the two that agree best count."""
    if not a or not b:
        return _NOTHING
    return min((_compare(values, x, y, compare_code) for x in a for y in b), key=_by_strength)


def _by_strength(found: _Found) -> tuple[float, bool]:
    level, chance = found
    return chance, level is Level.MISSING
