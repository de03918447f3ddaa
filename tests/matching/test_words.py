"""Why two records are alike, in words."""

import pytest

from service.matching.person import read_person
from service.matching.words import say_agreements, tell_agreements
from tests.matching.records import maria, moved


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            maria(family_name="Quintanar"),
            "the same first name, birth date, street, house number, town and postcode, surname one letter apart",
        ),
        (
            maria(given_name="Quintana", family_name="Maria", address=None),
            "the same birth date, first name and surname in each other's place",
        ),
        (maria(birth_date="1984-05-13", address=None), "the same first name and surname, birth date one digit apart"),
        (
            maria(given_name="Carlos", birth_date="1970-01-01", address=moved(street="Gran Vía")),
            "the same surname, house number, town and postcode, another first name, birth date and street",
        ),
    ],
)
def test_what_agrees_is_said_first_and_what_differs_last(other: dict[str, object], words: str) -> None:
    assert say_agreements(tell_agreements(read_person(maria()), read_person(other))) == words


def test_contacts_are_told_by_the_two_that_agree_best() -> None:
    ours = read_person({}, ["a@example.com", "maria@example.com"], ["+34600111222"])
    theirs = read_person({}, ["maria@exmaple.com"], ["+34911111111"])
    assert tell_agreements(ours, theirs) == {"email": "one_slip", "phone": "different"}


def test_nothing_personal_is_in_what_is_told() -> None:
    told = tell_agreements(read_person(maria()), read_person(maria()))
    assert not any(value in str(told).lower() for value in ("maria", "quintana", "1984", "mayor", "28013"))
