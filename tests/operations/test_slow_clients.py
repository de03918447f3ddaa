"""Clients that say nothing, or stop halfway, keep nobody waiting for long; those that say much at once are served."""

import socket
import time
import urllib.request
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.conftest import LiveService

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(live: LiveService) -> socket.socket:
    address = urlsplit(live.url)
    return socket.create_connection((address.hostname, address.port), timeout=20)


def seconds_to_answer(live: LiveService) -> float:
    begun = time.monotonic()
    with urllib.request.urlopen(f"{live.url}/healthz", timeout=30) as answer:
        assert answer.status == 200
    return time.monotonic() - begun


@on_sqlite
def test_connections_that_say_nothing_hold_nobody_up(live_service: LiveService) -> None:
    with ExitStack() as open_connections:
        for _ in range(20):
            open_connections.enter_context(connect(live_service))
        time.sleep(0.2)
        assert sum(seconds_to_answer(live_service) for _ in range(10)) < 4


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /hea",
        b"POST /pos/v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    ],
    ids=["head", "body"],
)
@on_sqlite
def test_a_request_that_stops_halfway_is_given_up(live_service: LiveService, begun: bytes) -> None:
    with ExitStack() as open_connections:
        stalled = [open_connections.enter_context(connect(live_service)) for _ in range(2)]
        for connection in stalled:
            connection.sendall(begun)
        time.sleep(0.2)
        assert seconds_to_answer(live_service) < 15, "both workers waited for the rest, but not for ever"
        for connection in stalled:
            assert not connection.recv(1024).startswith(b"HTTP/1.1 5")
    assert live_service.process.poll() is None


@on_sqlite
def test_many_requests_at_once_on_one_connection_are_all_answered(live_service: LiveService) -> None:
    with connect(live_service) as connection:
        connection.sendall(ASK * 600)
        answered = b""
        while answered.count(b"HTTP/1.1 200") < 600:
            chunk = connection.recv(65536)
            assert chunk, answered.count(b"HTTP/1.1 200")
            answered += chunk
