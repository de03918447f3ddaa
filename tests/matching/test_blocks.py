"""Which records are compared: never all with all, and yet those that share something rare."""

from itertools import combinations

from service.matching.blocks import PASSES, form_blocks
from service.matching.person import Birth, Person

MOST = 5


def pairs(people: list[Person], *, most: int = MOST) -> set[tuple[int, int]]:
    passes = list(form_blocks(people, most=most))
    assert len(passes) == PASSES
    return {pair for blocks in passes for block in blocks for pair in combinations(block, 2)}


def test_who_shares_only_what_many_share_is_not_compared() -> None:
    people = [Person(given="ana", number=str(one)) for one in range(100)]
    assert not pairs(people)


def test_a_large_block_is_divided_until_it_is_small() -> None:
    crowd = [Person(given="ana", family="garcia", city="madrid", number=str(one)) for one in range(100)]
    twice = Person(given="ana", family="garcia", city="madrid", number="7", street="calle mayor")
    assert {(100, 101)} <= pairs([*crowd, twice, twice])


def test_a_contact_that_many_share_leads_nowhere() -> None:
    assert not pairs([Person(emails=("info@example.com",)) for _ in range(MOST + 1)])
    assert pairs([Person(emails=("a@example.com", "b@example.com")), Person(emails=("b@example.com",))]) == {(0, 1)}


def test_a_typing_error_in_any_one_field_still_leads_there() -> None:
    whole = Person("ana", "garcia", Birth("1984", "05", "31"), "calle mayor", "", "5", "madrid", "28013")
    crowd = [Person("ana", "garcia", Birth(str(1900 + one), "05", "31"), city="madrid") for one in range(40)]
    for field in ("given", "family", "street", "number", "city", "postcode"):
        assert (0, 1) in pairs([whole, whole._replace(**{field: "xxx"}), *crowd]), field
    assert (0, 1) in pairs([whole, whole._replace(birth=Birth("1948", "05", "31")), *crowd])
