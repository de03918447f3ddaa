import gc
import random
import statistics
import time
from collections.abc import Iterator

import pytest

from service.web import guards
from service.web.buckets import Limit
from tests.proof.people import EMAIL, Maria, contact_of
from tests.world import World

REQUESTS = 200
ROUNDS = 4
WITHIN = 0.10


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No limit for one address, and no collection of garbage in the middle of a request."""
    monkeypatch.setattr(guards, "ADDRESS_LIMIT", Limit(per_second=1e6, burst=10**6))
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def known(number: int) -> str:
    return f"known{number:03}@example.com"


def unknown(number: int) -> str:
    return f"other{number:03}@example.com"


def test_asking_takes_the_same_time_and_gets_the_same_answer_whoever_is_asked_for(world: World, maria: Maria) -> None:
    """The medians of 200 interleaved requests each, for contacts that have a file and others that have none."""
    site = world.site()
    for number in range(REQUESTS):
        contact = contact_of(known(number))
        put = site.call("PUT", f"/commerce/v1/accounts/{number}", {"identifiers": [contact]})
        assert put.status_code == 201
    maria.sign_in(EMAIL)
    # A machine that is busy with something else may spoil a round; a path that tells the two apart spoils each.
    assert any(medians_differ(maria) <= WITHIN for _ in range(ROUNDS))


def medians_differ(maria: Maria) -> float:
    """Return by how much the slower median is above the faster one. Each contact is asked for once."""
    maria.world.clock.forward(minutes=1)
    spent: dict[str, list[float]] = {"known": [], "unknown": []}
    shapes = set()
    for number in range(REQUESTS):
        pair = [("known", known(number)), ("unknown", unknown(number))]
        for kind, contact in random.sample(pair, 2):
            start = time.perf_counter()
            answer = maria.call("POST", "sign-in", contact_of(contact))
            spent[kind].append(time.perf_counter() - start)
            shapes.add((answer.status_code, tuple(answer.json), tuple(answer.headers.keys())))
    assert len(shapes) == 1, shapes
    low, high = sorted(statistics.median(times) for times in spent.values())
    return high / low - 1


def test_a_wrong_code_is_told_the_same_whoever_was_asked_for(world: World, maria: Maria) -> None:
    maria.sign_in(EMAIL)
    told = []
    for contact in (EMAIL, "nobody@example.com"):
        request_id = maria.ask(contact)
        code = maria.inbox.code(contact)
        answer = maria.enter(request_id, f"{(int(code) + 1) % 10**6:06}")
        told.append((answer.status_code, answer.json))
    assert told[0] == told[1]
