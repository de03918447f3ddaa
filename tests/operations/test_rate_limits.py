import json
import mmap
import multiprocessing
import struct
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from service.web import buckets, guards
from service.web.buckets import Buckets, Limit
from tests.conftest import LiveService
from tests.world import World

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The buckets' clock, in seconds, which a test moves."""
    reading = [1000.0]
    monkeypatch.setattr(buckets.time, "monotonic", lambda: reading[0])
    return reading


def test_a_bucket_gives_its_burst_and_then_its_rate(moment: list[float]) -> None:
    pool, limit = Buckets(), Limit(per_second=50, burst=500)
    assert [pool.take(b"till", limit) for _ in range(500)] == [0.0] * 500
    assert pool.take(b"till", limit) == pytest.approx(0.02)
    moment[0] += 1
    assert sum(pool.take(b"till", limit) == 0.0 for _ in range(100)) == 50


def test_a_bucket_fills_no_higher_than_its_burst(moment: list[float]) -> None:
    pool, limit = Buckets(), Limit(per_second=10, burst=5)
    pool.take(b"till", limit)
    moment[0] += 86_400
    assert sum(pool.take(b"till", limit) == 0.0 for _ in range(50)) == 5


def test_waiting_as_long_as_told_is_enough(moment: list[float]) -> None:
    pool, limit = Buckets(), Limit(per_second=3, burst=2)
    waits = [pool.take(b"till", limit) for _ in range(3)]
    moment[0] += waits[-1]
    assert pool.take(b"till", limit) == 0.0


@pytest.mark.usefixtures("moment")
def test_what_one_caller_takes_another_keeps() -> None:
    pool, limit = Buckets(), Limit(per_second=1, burst=1)
    assert pool.take(b"one", limit) == 0.0
    assert pool.take(b"one", limit) > 0.0
    assert pool.take(b"two", limit) == 0.0


def test_processes_that_take_at_once_get_no_more_than_one_would() -> None:
    pool, limit, begun = Buckets(), Limit(per_second=1, burst=20_000), time.monotonic()
    fork = multiprocessing.get_context("fork")
    with closing(mmap.mmap(-1, 8 * 4)) as counts:
        children = [fork.Process(target=take_for, args=(2, pool, limit, counts, place)) for place in range(4)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        granted = sum(struct.unpack("4q", counts[:]))
    assert 20_000 <= granted <= 20_001 + (time.monotonic() - begun)


def take_for(seconds: float, pool: Buckets, limit: Limit, counts: mmap.mmap, place: int) -> None:
    until, granted = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        granted += pool.take(b"till", limit) == 0.0
    struct.pack_into("q", counts, place * 8, granted)


def test_the_limits_are_those_that_were_promised() -> None:
    assert Limit(per_second=50, burst=500) == guards.TERMINAL_LIMIT
    assert Limit(per_second=100, burst=1000) == guards.SITE_LIMIT
    assert Limit(per_second=10, burst=100) == guards.SESSION_LIMIT


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each door's own limit, a tenth of the promised burst: that a bucket gives the whole of it is shown above."""
    for name in ("TERMINAL_LIMIT", "SITE_LIMIT", "SESSION_LIMIT"):
        promised: Limit = getattr(guards, name)
        monkeypatch.setattr(guards, name, Limit(promised.per_second, promised.burst // 10))


@on_sqlite
@pytest.mark.usefixtures("small")
def test_a_till_is_slowed_down_after_its_burst(world: World, moment: list[float]) -> None:
    till, other = world.till(), world.till()
    answers = flood(lambda: till.call("PUT", f"/pos/v1/scans/{uuid4()}", data="x"), limit=50)
    assert_slowed(answers, passed=415)
    assert other.call("GET", "/pos/v1/terminal").status_code == 200, "a limit is the till's own"
    moment[0] += 2
    assert till.call("GET", "/pos/v1/terminal").status_code == 200


@on_sqlite
@pytest.mark.usefixtures("moment", "small")
def test_a_session_is_slowed_down_after_its_burst(world: World) -> None:
    site = world.site()
    maria, nuria = site.shopper("maria"), site.shopper("nuria")
    answers = flood(
        lambda: maria.call("GET", "/shopper/v1/code"), limit=guards.SESSION_LIMIT.burst - 1
    )  # one card made
    assert_slowed(answers, passed=200)
    assert nuria.call("GET", "/shopper/v1/code").status_code == 200


@on_sqlite
@pytest.mark.usefixtures("moment", "small")
def test_a_site_is_slowed_down_after_its_burst(world: World) -> None:
    site, other = world.site(), world.site("Another shop")
    path = f"/commerce/v1/customers/{site.account()}"
    answers = flood(lambda: site.call("GET", path), limit=guards.SITE_LIMIT.burst - 1)  # one account was put
    assert_slowed(answers, passed=200)
    assert other.account()


@on_sqlite
@pytest.mark.usefixtures("moment")
def test_guesses_are_slowed_down_by_address_but_good_tokens_still_pass(world: World) -> None:
    till, maria, site = world.till(), world.shopper(), world.site()
    guess = {"Authorization": "Bearer ust_" + "a" * 49}
    answers = flood(lambda: world.client.get("/pos/v1/terminal", headers=guess), limit=150)
    assert {answer.status_code for answer in answers} == {401}, "a whole store may mistype for a while"
    more = flood(lambda: world.client.get("/pos/v1/terminal", headers=guess), limit=100)
    assert_slowed([answer for answer in more if answer.status_code == 429][:1])
    for door in ("/shopper/v1/cards", "/commerce/v1/customers/" + str(uuid4())):
        assert world.client.get(door).status_code == 429, "the address pays, whichever door it tries"
    assert till.call("GET", "/pos/v1/terminal").status_code == 200
    assert maria.call("GET", "/shopper/v1/code").status_code == 200
    assert site.call("PUT", "/commerce/v1/accounts/maria", {}).status_code == 201
    elsewhere = world.client.get("/pos/v1/terminal", headers=guess, environ_base={"REMOTE_ADDR": "10.1.1.1"})
    assert elsewhere.status_code == 401


@on_sqlite
@pytest.mark.usefixtures("moment")
def test_a_missing_cookie_costs_its_address_once(world: World) -> None:
    answers = flood(lambda: world.client.post("/shopper/v1/session", json={}), limit=guards.ADDRESS_LIMIT.burst)
    assert_slowed(answers, passed=401)


@on_sqlite
@pytest.mark.usefixtures("moment")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/pos/v1/enrol", {"enrolment_code": "use_guess"}),
        ("/shopper/v1/handoff", {"handoff": "ush_guess"}),
        ("/shopper/v1/sign-in", {"kind": "email", "value": "no address"}),
        ("/shopper/v1/sign-in/2b6f0cc9-04d1-4f2a-8f5e-6d3f4b1c7a10", {"code": "000000"}),
    ],
)
def test_one_time_secrets_can_not_be_guessed_fast(world: World, path: str, body: dict[str, str]) -> None:
    answers = flood(lambda: world.client.post(path, json=body), limit=guards.ADDRESS_LIMIT.burst)
    assert answers[-1].status_code == 429


@on_sqlite
@pytest.mark.usefixtures("moment")
@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_an_address_is_an_ipv4_address_or_the_64_bits_of_a_network(
    world: World, one: str, other: str, shared: bool
) -> None:
    def guess(address: str) -> TestResponse:
        return world.client.get("/pos/v1/terminal", environ_base={"REMOTE_ADDR": address})

    flood(lambda: guess(one), limit=guards.ADDRESS_LIMIT.burst)
    assert guess(other).status_code == (429 if shared else 401)


def test_a_limit_holds_for_all_workers_together(live_service: LiveService) -> None:
    address = urlsplit(live_service.url)
    site_key = live_service.cli("site", "add", "Web shop")["secret_key"]
    call(address.netloc, "PUT", "/commerce/v1/accounts/maria", site_key)
    opened = call(address.netloc, "POST", "/commerce/v1/accounts/maria/sessions", site_key)
    token, started = json.loads(opened.data)["session_token"], time.monotonic()
    answers = [call(address.netloc, "GET", "/shopper/v1/cards", token)]
    while answers[-1].status == 200 and len(answers) < 1_000:
        # A connection of its own each time, so that every worker serves.
        answers.append(call(address.netloc, "GET", "/shopper/v1/cards", token))
    limit, seconds = guards.SESSION_LIMIT, time.monotonic() - started
    assert (answers[-1].status, answers[-1].retry_after) == (429, "1")
    assert limit.burst <= len(answers) - 1 <= limit.burst + limit.per_second * seconds + 5


@dataclass(frozen=True)
class Answer:
    """What came back over the wire."""

    status: int
    retry_after: str | None
    data: bytes


def call(netloc: str, method: str, path: str, token: str) -> Answer:
    with closing(HTTPConnection(netloc, timeout=20)) as connection:
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return Answer(response.status, response.headers["Retry-After"], response.read())


def flood(call: Callable[[], TestResponse], *, limit: int) -> list[Any]:
    """Call as often as a limit allows, and once more."""
    return [call() for _ in range(limit + 1)]


def assert_slowed(answers: list[Any], *, passed: int | None = None) -> None:
    *before, last = answers
    assert {answer.status_code for answer in before} <= {passed}
    assert (last.status_code, last.json["code"]) == (429, "rate_limited")
    assert int(last.headers["Retry-After"]) >= 1
