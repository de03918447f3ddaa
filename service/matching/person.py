"""A person as they are compared: what is known of them, folded so that habits of spelling don't count."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

_CACHED = 2**16
_WORDS = re.compile(r"\w+")
_LINES = re.compile(r"[,;\n]")
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
_NUMBER = re.compile(r"\b\d+ ?[a-z]?\b")
_LIGATURES = str.maketrans({"æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})


class Birth(NamedTuple):
    """A birth date in its parts, as digits: a slip changes one of them. It need not be in any calendar."""

    year: str
    month: str
    day: str


class Person(NamedTuple):
    """One record. What is unknown is empty."""

    given: str = ""
    family: str = ""
    birth: Birth | None = None
    street: str = ""
    detail: str = ""
    number: str = ""
    city: str = ""
    postcode: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


def read_person(traits: Mapping[str, Any], emails: Iterable[str] = (), phones: Iterable[str] = ()) -> Person:
    """Return a record from traits as they are kept (`given_name`, `birth_date`, `address` …) and normalised contacts.

    What has another shape than expected is unknown.
    """
    address = traits.get("address")
    address = address if isinstance(address, Mapping) else {}
    given, family = _read_names(traits)
    street, number, detail = _read_street(_text(address, "street"), fold(_text(address, "house_number")))
    return Person(
        given=given,
        family=family,
        birth=_read_birth(_text(traits, "birth_date")),
        street=street,
        detail=detail,
        number=number,
        city=fold(_text(address, "city")),
        postcode=fold(_text(address, "postcode")).replace(" ", ""),
        emails=tuple(emails),
        phones=tuple(phones),
    )


def complete(person: Person, other: Person) -> Person:
    """Return a record with what only another record of the same person knows, and the contacts of both."""
    pairs = zip(Person._fields, person, other, strict=True)
    known: dict[str, Any] = {name: own or theirs for name, own, theirs in pairs}
    known["emails"] = tuple(sorted({*person.emails, *other.emails}))
    known["phones"] = tuple(sorted({*person.phones, *other.phones}))
    return Person(**known)


@lru_cache(_CACHED)
def fold(text: str) -> str:
    """Return a text in small letters without accents and signs, its words one space apart."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    return " ".join(_WORDS.findall("".join(sign for sign in apart if not unicodedata.combining(sign))))


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _read_names(traits: Mapping[str, Any]) -> tuple[str, str]:
    """Return given and family name; a name kept in one piece is taken apart after its first word."""
    given, family = fold(_text(traits, "given_name")), fold(_text(traits, "family_name"))
    if not given and not family:
        given, _, family = fold(_text(traits, "name")).partition(" ")
    return given, family


def _read_birth(text: str) -> Birth | None:
    found = _DATE.fullmatch(text)
    return None if found is None else Birth(*found.groups())


def _read_street(text: str, number: str) -> tuple[str, str, str]:
    """Return street, house number and the other lines; a number not given apart is looked for in the street."""
    first, *others = _LINES.split(text, maxsplit=1)
    street, detail = fold(first), fold(" ".join(others))
    if number:
        return street, number, detail
    found = _NUMBER.search(street)
    if found is not None:
        return " ".join((street[: found.start()] + street[found.end() :]).split()), found[0].replace(" ", ""), detail
    if _NUMBER.fullmatch(detail):
        return street, detail.replace(" ", ""), ""
    return street, "", detail
