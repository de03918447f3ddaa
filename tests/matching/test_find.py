"""Which two records are taken for one person's."""

from typing import Any

import pytest

from service.matching.find import STEPS, find_duplicates
from service.matching.person import Person, read_person
from tests.matching.records import MOST, THRESHOLD, likelihood, maria, moved, strangers

MAIL, PHONE = "maria@example.com", "+34600111222"


@pytest.mark.parametrize(
    "typed",
    [
        maria(),
        maria(family_name="Qiuntana"),
        maria(given_name="Maira", birth_date="1984-05-13"),
        maria(birth_date="1984-06-31"),
        maria(given_name="Quintana", family_name="Maria"),
        maria(given_name="MARIA", family_name="quintana", address=moved(street="calle mayor", postcode="28031")),
        maria(address=None),
        maria(birth_date=None, family_name="Quintan"),
        maria(address=moved(street="Avenida de América", house_number="80", postcode="08001", city="Barcelona")),
    ],
)
def test_a_record_typed_wrongly_is_found(typed: dict[str, Any]) -> None:
    assert likelihood(read_person(maria()), read_person(typed)) >= THRESHOLD


@pytest.mark.parametrize(
    "other",
    [
        maria(given_name="Carlos", birth_date="1982-11-02"),
        maria(given_name="Carlos", birth_date=None),
        maria(birth_date="2012-09-01"),
        maria(given_name="Ana", family_name="Garcia Lopez", birth_date="1971-02-03"),
        maria(family_name="Garcia Lopez", birth_date="1971-02-03"),
    ],
    ids=["husband", "of one household", "daughter of the same name", "the next tenant", "namesake next door"],
)
def test_someone_else_of_the_same_address_is_not(other: dict[str, Any]) -> None:
    assert not likelihood(read_person(maria()), read_person(other))


def test_a_shared_phone_makes_no_couple_one() -> None:
    husband = read_person(maria(given_name="Carlos", birth_date="1982-11-02"), phones=[PHONE])
    assert not likelihood(read_person(maria(), phones=[PHONE]), husband)


def test_an_e_mail_address_and_a_name_suffice() -> None:
    nobody_else = {"given_name": "Maria", "family_name": "Quintana"}
    assert likelihood(read_person(maria(), [MAIL, "old@example.com"]), read_person(nobody_else, [MAIL])) >= THRESHOLD


def test_what_many_share_says_little_and_what_is_rare_says_much() -> None:
    common = Person(given="ana", family="garcia lopez", city="madrid")
    people = [common, common, *(read_person(traits) for traits in strangers()), *[common] * 30]
    assert not find_duplicates(people, threshold=THRESHOLD, most=MOST)
    rare = Person(given="ottilie", family="przybylski", city="ulm")
    assert likelihood(rare, rare) >= THRESHOLD


@pytest.mark.parametrize("others", [0, 1, 10])
def test_the_few_customers_of_a_new_shop_are_compared_as_well(others: int) -> None:
    typed = maria(family_name="Qiuntana", birth_date="1984-05-13")
    people = [read_person(traits) for traits in (maria(), typed, *strangers(others))]
    assert len(find_duplicates(people, threshold=THRESHOLD, most=MOST)) == 1


def test_strangers_are_not_paired() -> None:
    people = [read_person(traits) for traits in strangers(2_000)]
    assert len(find_duplicates(people, threshold=THRESHOLD, most=MOST)) <= 2


def test_the_likeliest_come_first_and_every_step_is_told() -> None:
    steps = []
    slip = maria(birth_date="1984-05-13", family_name="Quintan", address=None)
    people = [read_person(traits) for traits in (maria(), slip, maria(), *strangers())]
    found = find_duplicates(people, threshold=THRESHOLD, most=MOST, step=lambda: steps.append(1))
    assert [one.probability for one in found] == sorted((one.probability for one in found), reverse=True)
    assert (found[0].first, found[0].second) == (0, 2)
    assert len(steps) == STEPS


@pytest.mark.parametrize("people", [[], [Person()], [Person(), Person()], [Person(given="ana")] * 2])
def test_nobody_and_nothing_known_finds_nobody(people: list[Person]) -> None:
    assert find_duplicates(people, threshold=THRESHOLD, most=MOST) == []
