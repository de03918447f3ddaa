"""Made-up customers: many strangers, so that what is common is known, and the few that a test is about."""

import random
from typing import Any

from service.matching.find import find_duplicates
from service.matching.person import Person, read_person

_GIVEN = (
    *("ana", "luis", "carmen", "jorge", "elena", "pablo", "lucia", "mario"),
    *("irene", "diego", "nuria", "hugo", "sara", "oscar", "marta", "ivan"),
)
_FAMILY = (
    *("garcia", "lopez", "martin", "sanchez", "ruiz", "moreno", "alvarez"),
    *("romero", "navarro", "torres", "ramos", "gil", "serrano", "blanco"),
)
_STREETS = ("calle mayor", "calle luna", "avenida del mar", "plaza nueva", "calle del sol", "ronda sur")
THRESHOLD, MOST = 0.7, 20


def maria(**changed: Any) -> dict[str, Any]:
    address = {"street": "Calle Mayor", "house_number": "5", "city": "Madrid", "postcode": "28013"}
    traits = {"given_name": "María", "family_name": "Quintana", "birth_date": "1984-05-31", "address": address}
    return traits | changed


def moved(**changed: str) -> dict[str, str]:
    return {**maria()["address"], **changed}


def strangers(count: int = 400) -> list[dict[str, Any]]:
    """Return as many unrelated people. None is one letter from Maria's surname, or lives in her street's 5."""
    rng = random.Random(3)
    return [
        {
            "given_name": rng.choice([*_GIVEN, "maria"]),
            "family_name": f"{rng.choice(_FAMILY)} {rng.choice(_FAMILY)}",
            "birth_date": f"{rng.randint(1930, 2008)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            "address": {
                "street": rng.choice(_STREETS),
                "house_number": str(rng.randint(6, 90)),
                "postcode": f"{28000 + rng.randrange(60)}",
                "city": "Madrid",
            },
        }
        for _ in range(count)
    ]


def likelihood(first: Person, second: Person) -> float:
    """Return how likely the two are one person among strangers, 0 when they aren't proposed."""
    people = [first, second, *(read_person(traits) for traits in strangers())]
    found = {
        (one.first, one.second): one.probability for one in find_duplicates(people, threshold=THRESHOLD, most=MOST)
    }
    return found.get((0, 1), 0.0)
