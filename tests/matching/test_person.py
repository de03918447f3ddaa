"""How a record is read: habits of spelling don't count."""

from typing import Any

import pytest

from service.matching.compare import Level, compare_birth
from service.matching.person import Birth, Person, complete, fold, read_person


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("  José  María ", "jose maria"),
        ("O'Neill-Smith", "o neill smith"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Łukasz Ørsted", "lukasz orsted"),
        ("Νίκος", "νικοσ"),
    ],
)
def test_texts_are_folded(written: str, folded: str) -> None:
    assert fold(written) == folded


@pytest.mark.parametrize(
    ("street", "number", "read"),
    [
        ("Calle Mayor", "5", ("calle mayor", "5", "")),
        ("Calle Mayor 5", None, ("calle mayor", "5", "")),
        ("Calle Mayor, 5", None, ("calle mayor", "5", "")),
        ("12b High Street, Rose Cottage", None, ("high street", "12b", "rose cottage")),
        ("High Street\nFlat 3", "12", ("high street", "12", "flat 3")),
    ],
)
def test_a_street_is_told_from_its_number_and_the_other_lines(
    street: str, number: str | None, read: tuple[str, str, str]
) -> None:
    person = read_person({"address": {"street": street, "house_number": number}})
    assert (person.street, person.number, person.detail) == read


def test_a_name_in_one_piece_is_taken_apart() -> None:
    assert read_person({"name": "María García López"})[:2] == ("maria", "garcia lopez")


@pytest.mark.parametrize(
    "traits",
    [{}, {"birth_date": "yesterday"}, {"given_name": 7, "address": "Calle Mayor"}, {"address": {"street": None}}],
)
def test_what_has_another_shape_is_unknown(traits: dict[str, Any]) -> None:
    assert read_person(traits) == Person()


def test_a_record_is_completed_by_another_of_the_same_person() -> None:
    one = Person(given="ana", emails=("b@example.com",))
    other = Person(given="anna", birth=Birth("1984", "05", "31"), emails=("a@example.com",))
    both = ("a@example.com", "b@example.com")
    assert complete(one, other) == Person(given="ana", birth=Birth("1984", "05", "31"), emails=both)


def test_a_birth_date_with_day_and_month_exchanged_is_a_slip() -> None:
    assert compare_birth(Birth("1984", "05", "12"), Birth("1984", "12", "05")) is Level.SWAPPED
