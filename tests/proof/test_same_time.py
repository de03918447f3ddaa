import gc
import random
import statistics
import time
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from service.web import guards
from service.web.buckets import Limit
from tests.proof.people import EMAIL, PHONE, Maria, contact_of
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
    """The medians of 200 interleaved requests each, for contacts that somebody proved and others that nobody has."""
    site = world.site(may_vouch=["email"])
    for number in range(REQUESTS):
        contact = contact_of(known(number)) | {"verified": True}
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
            shapes.add((*told(answer), tuple(answer.headers.keys())))
    assert len(shapes) == 1, shapes
    low, high = sorted(statistics.median(times) for times in spent.values())
    return high / low - 1


def told(answer: TestResponse) -> tuple[int, str]:
    """Return what an answer says, but for the request's own id."""
    return answer.status_code, str(dict(answer.json or {}) | {"request_id": None})


def test_the_answer_is_the_same_whatever_we_know_of_a_contact(world: World, maria: Maria) -> None:
    vouching, other = world.site(may_vouch=["phone"]), world.site("Other shop")
    vouching.call("PUT", "/commerce/v1/accounts/m1", {"identifiers": [contact_of(PHONE) | {"verified": True}]})
    other.call("PUT", "/commerce/v1/accounts/m2", {"identifiers": [contact_of("claimed@example.com")]})
    other.call(
        "PUT", "/commerce/v1/accounts/m3", {"identifiers": [contact_of("said@example.com") | {"verified": True}]}
    )
    maria.sign_in(EMAIL)
    contacts = (EMAIL, PHONE, "claimed@example.com", "said@example.com", "nobody@example.com", "+34600999888")
    answers = {contact: told(maria.call("POST", "sign-in", contact_of(contact))) for contact in contacts}
    assert {status for status, _ in answers.values()} == {202}
    assert len(set(answers.values())) == 1, answers


def test_a_wrong_code_is_told_the_same_whoever_was_asked_for(world: World, maria: Maria) -> None:
    maria.sign_in(EMAIL)
    answers = []
    for contact in (EMAIL, "nobody@example.com"):
        request_id = maria.ask(contact)
        code = maria.inbox.code(contact)
        answer = maria.enter(request_id, f"{(int(code) + 1) % 10**6:06}")
        answers.append((answer.status_code, answer.json))
    assert answers[0] == answers[1]
