"""Why two records are alike: what agrees and how far, in closed words that hold nothing personal."""

from collections.abc import Iterable, Mapping

from service.matching.compare import ALIKE, Level, compare_birth, compare_code, compare_text
from service.matching.person import Person

_LABELS = {
    "names": "first name and surname",
    "given_name": "first name",
    "family_name": "surname",
    "birth_date": "birth date",
    "street": "street",
    "house_number": "house number",
    "city": "town",
    "postcode": "postcode",
    "email": "e-mail address",
    "phone": "phone",
}
_PHRASES = {
    Level.SAME: "the same {}",
    Level.SWAPPED: "{} in each other's place",
    Level.ONE_SLIP: "{} one letter apart",
    Level.SIMILAR: "a similar {}",
    Level.PART: "a {} that is the same in part",
    Level.DIFFERENT: "another {}",
}
_PHRASES_OF_DIGITS = {
    Level.SWAPPED: "day and month of the {} in each other's place",
    Level.ONE_SLIP: "{} one digit apart",
}
_OF_DIGITS = frozenset(("birth_date", "house_number", "postcode", "phone"))


def tell_agreements(a: Person, b: Person) -> dict[str, str]:
    """Return how far two records agree, by the name of the trait; what one of them doesn't know is left out."""
    levels = {
        "names": _compare_crosswise(a, b),
        "given_name": compare_text(a.given, b.given),
        "family_name": compare_text(a.family, b.family),
        "birth_date": compare_birth(a.birth, b.birth),
        "street": compare_text(a.street, b.street),
        "house_number": compare_code(a.number, b.number),
        "city": compare_text(a.city, b.city),
        "postcode": compare_code(a.postcode, b.postcode),
        "email": _closest(a.emails, b.emails),
        "phone": _closest(a.phones, b.phones),
    }
    if levels["names"] is Level.SWAPPED:
        del levels["given_name"], levels["family_name"]
    return {name: level.value for name, level in levels.items() if level is not Level.MISSING}


def say_agreements(agreements: Mapping[str, str]) -> str:
    """Return what goes after "they have": "the same birth date and postcode, surname one letter apart"."""
    by_phrase: dict[str, list[str]] = {}
    for level, phrase in _PHRASES.items():
        for name, label in _LABELS.items():
            if agreements.get(name) == level:
                of_digits = _PHRASES_OF_DIGITS.get(level, phrase)
                by_phrase.setdefault(of_digits if name in _OF_DIGITS else phrase, []).append(label)
    return ", ".join(phrase.format(_enumerate(labels)) for phrase, labels in by_phrase.items())


def _compare_crosswise(a: Person, b: Person) -> Level:
    straight = (compare_text(a.given, b.given), compare_text(a.family, b.family))
    crosswise = (compare_text(a.given, b.family), compare_text(a.family, b.given))
    swapped = ALIKE.isdisjoint(straight) and ALIKE.issuperset(crosswise)
    return Level.SWAPPED if swapped else Level.MISSING


def _closest(a: Iterable[str], b: tuple[str, ...]) -> Level:
    order = (Level.SAME, Level.ONE_SLIP, Level.DIFFERENT)
    return min((compare_code(x, y) for x in a for y in b), key=order.index, default=Level.MISSING)


def _enumerate(labels: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(labels[:-1]), labels[-1])))
