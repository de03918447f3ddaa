import threading
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from pos_client import BackOff, NotAuthorised, Outcome, Refused, Unavailable
from pos_client.door import Door
from tests.pos_client.conftest import ADDRESS, OpenTill, a_code
from tests.pos_client.fake_service import TOKEN


def door(handle: Callable[[httpx2.Request], httpx2.Response], timeout: float = 2.0) -> Door:
    return Door(ADDRESS, transport=httpx2.MockTransport(handle), timeout=timeout, insecure=False)


def answer_with(status: int, **content: object) -> Callable[[httpx2.Request], httpx2.Response]:
    return lambda _: httpx2.Response(status, **content)  # type: ignore[arg-type]


def fail_with(error: Exception) -> Callable[[httpx2.Request], httpx2.Response]:
    def handle(request: httpx2.Request) -> httpx2.Response:
        raise error

    return handle


def test_a_call_carries_token_type_and_name() -> None:
    seen = []

    def note(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={})

    door(note).call("PUT", "/x", content="{}", token=TOKEN)
    (request,) = seen
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("unspoken-till")


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ConnectError("x"), httpx2.ConnectTimeout("x"), httpx2.ReadTimeout("x"), httpx2.ReadError("x"),
        httpx2.RemoteProtocolError("x"), httpx2.DecodingError("x"), OSError("x"),
    ],
)  # fmt: skip
def test_a_broken_network_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable):
        door(fail_with(error)).call("GET", "/x")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused), (404, Refused), (409, Refused), (413, Refused), (415, Refused), (422, Refused),
        (401, NotAuthorised), (403, NotAuthorised),
        (302, Unavailable), (408, Unavailable), (425, Unavailable), (429, Unavailable), (500, Unavailable),
        (503, Unavailable), (599, Unavailable),
    ],
)  # fmt: skip
def test_a_status_is_final_or_not_or_a_matter_of_credentials(status: int, kind: type[Exception]) -> None:
    problem = {"code": "some_code", "detail": "Some words.", "errors": [{"pointer": "/a", "detail": "b"}, 7]}
    with pytest.raises(kind) as caught:
        door(answer_with(status, json=problem, headers={"x-request-id": "r-1"})).call("GET", "/x")
    assert (caught.value.code, caught.value.status, caught.value.request_id) == ("some_code", status, "r-1")  # type: ignore[attr-defined]
    assert str(caught.value) == "Some words."


@pytest.mark.parametrize("status", [401, 403, 404, 407, 409, 422])
@pytest.mark.parametrize("body", [b"<h1>Sign in to the hotspot</h1>", b'{"detail": "Log in."}', b""])
def test_a_no_without_a_code_is_not_the_service_s(status: int, body: bytes) -> None:
    with pytest.raises(Unavailable) as caught:
        door(answer_with(status, content=body)).call("GET", "/x")
    assert (caught.value.code, caught.value.status) == ("garbage_answer", status)


@pytest.mark.parametrize("depth", [10, 900, 970, 990, 200_000])
def test_a_problem_nested_deeply_is_told_without_its_depths(depth: int) -> None:
    abyss = b"[" * depth + b"]" * depth
    problem = b'{"code": "x", "detail": %b, "title": "Some words.", "errors": [{"pointer": %b}]}' % (abyss, abyss)
    with pytest.raises((Refused, Unavailable)) as caught:
        door(answer_with(422, content=problem)).call("GET", "/x")
    assert isinstance(caught.value, Unavailable) or str(caught.value) == "Some words."


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("-7", 0.0), ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0), ("²", 0.0), ("", 0.0)]
)
def test_retry_after_is_read_in_seconds(header: str, seconds: float) -> None:
    headers = [(b"retry-after", header.encode())]
    with pytest.raises(Unavailable) as caught:
        door(answer_with(429, headers=headers)).call("GET", "/x")
    assert caught.value.retry_after == seconds


def test_an_answer_that_is_larger_than_any_is_none_and_is_not_kept() -> None:
    given = []

    def go_on() -> Iterator[bytes]:
        for _ in range(1000):
            given.append(1)
            yield b" " * (64 << 10)

    with pytest.raises(Unavailable) as caught:
        door(answer_with(200, content=go_on())).call("GET", "/x")
    assert caught.value.code == "garbage_answer"
    assert len(given) < 20


def test_an_answer_without_an_end_is_not_read_on_once_nobody_waits() -> None:
    ended = threading.Event()

    def drip() -> Iterator[bytes]:
        try:
            while True:
                time.sleep(0.02)
                yield b" "
        finally:
            ended.set()

    with pytest.raises(Unavailable):
        door(answer_with(200, content=drip()), timeout=0.1).call("GET", "/x")
    assert ended.wait(5)


def test_a_service_that_hangs_costs_the_time_out_and_no_more(open_till: OpenTill) -> None:
    hangs = threading.Event()

    def hang(request: httpx2.Request) -> httpx2.Response:
        hangs.wait(30)
        return httpx2.Response(500)

    till = open_till(token=TOKEN, transport=httpx2.MockTransport(hang), timeout=0.05)
    begun = time.monotonic()
    assert till.scan(a_code()).outcome is Outcome.PENDING
    assert time.monotonic() - begun < 5
    hangs.set()


def test_delays_grow_to_a_bound_with_jitter() -> None:
    naps: list[float] = []

    def fail() -> None:
        raise Unavailable("Not now.", code="x")

    with pytest.raises(Unavailable):
        BackOff(attempts=6, first=1.0, longest=4.0, sleep=naps.append, random=lambda: 0.0).run(fail)
    assert naps == [0.5, 1.0, 2.0, 2.0, 2.0]
    naps.clear()
    with pytest.raises(Unavailable):
        BackOff(attempts=100, sleep=naps.append).run(fail)
    assert max(naps) <= 30.0
    assert len(set(naps)) > 50
