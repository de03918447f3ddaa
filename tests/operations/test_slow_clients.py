"""Clients that say nothing, or stop halfway, keep nobody waiting; those that say much at once are served."""

import socket
import threading
import time
import urllib.request
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import psutil
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


HEAD = b"POST /pos/v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = b'{"enrolment_code": "x"}'
SLOW = {
    "head": (b"GET /hea", b"lthz HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    "body": (HEAD + b"Content-Length: 23\r\n\r\n" + BODY[:5], BODY[5:], 401),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n17\r\n" + BODY, b"\r\n0\r\n\r\n", 401),
    "length with zeros": (HEAD + b"Content-Length: 00000000000000000023\r\n\r\n" + BODY[:5], BODY[5:], 401),
    "chunk with zeros": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0000000017\r\n", BODY + b"\r\n0\r\n\r\n", 401),
    "chunk that looks like the last": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\n    \r\n4\r\n  \r\n\r\n",
        b"17\r\n" + BODY + b"\r\n0\r\n\r\n",
        401,
    ),
    "continue": (HEAD + b"Expect: 100-continue\r\nContent-Length: 23\r\n\r\n", BODY, 401),
}


@pytest.mark.parametrize("kind", SLOW)
@on_sqlite
def test_requests_that_stop_halfway_hold_nobody_up_and_are_served_when_they_go_on(
    live_service: LiveService, kind: str
) -> None:
    begun, rest, status = SLOW[kind]
    with ExitStack() as open_connections:
        stalled = [open_connections.enter_context(connect(live_service)) for _ in range(10)]
        for connection in stalled:
            connection.sendall(begun)
        time.sleep(0.2)
        assert sum(seconds_to_answer(live_service) for _ in range(10)) < 4
        for connection in stalled:
            connection.sendall(rest)
        for connection in stalled:
            answered = b""
            while f"HTTP/1.1 {status} ".encode() not in answered:
                chunk = connection.recv(1024)
                assert chunk, answered
                answered += chunk
            assert answered.count(b"HTTP/1.1 100 Continue\r\n\r\n") == (kind == "continue")


@on_sqlite
def test_a_body_that_is_too_large_is_refused_before_it_has_come(live_service: LiveService) -> None:
    with connect(live_service) as connection:
        connection.sendall(HEAD + b"Content-Length: 5000000\r\n\r\n{")
        answered = connection.recv(1024)
        assert answered.startswith(b"HTTP/1.1 413 ")
        assert b"\r\nConnection: close\r\n" in answered
        while connection.recv(65536):
            pass  # until the service ends the connection


@on_sqlite
def test_who_asks_to_close_among_other_options_is_left(live_service: LiveService) -> None:
    with connect(live_service) as connection:
        connection.sendall(ASK.replace(b"\r\n\r\n", b"\r\nConnection: TE, Close\r\n\r\n"))
        answered = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answered.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nConnection: close\r\n" in answered


@on_sqlite
def test_a_head_without_an_end_is_refused(live_service: LiveService) -> None:
    with connect(live_service) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 12_000)
        assert connection.recv(1024).startswith(b"HTTP/1.1 431 ")


@on_sqlite
def test_a_client_that_never_closes_holds_nobody_up(live_service: LiveService) -> None:
    with ExitStack() as open_connections:
        for _ in range(10):
            connection = open_connections.enter_context(connect(live_service))
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert connection.recv(1024).startswith(b"HTTP/1.0 200 ")
        assert sum(seconds_to_answer(live_service) for _ in range(10)) < 4


@on_sqlite
def test_the_service_ends_soon_though_clients_stay(live_service: LiveService) -> None:
    with ExitStack() as open_connections:
        for sent in (b"", b"GET /hea", ASK):
            connection = open_connections.enter_context(connect(live_service))
            connection.sendall(sent)
        time.sleep(0.2)
        live_service.process.terminate()
        assert live_service.process.wait(timeout=12) == 0


@on_sqlite
def test_many_requests_at_once_on_one_connection_are_all_answered(live_service: LiveService) -> None:
    with connect(live_service) as connection:
        connection.sendall(ASK * 600)
        answered = b""
        while answered.count(b"HTTP/1.1 200") < 600:
            chunk = connection.recv(65536)
            assert chunk, answered.count(b"HTTP/1.1 200")
            answered += chunk


@on_sqlite
def test_who_sends_much_at_once_waits_for_the_others_in_between(live_service: LiveService) -> None:
    with ExitStack() as open_connections:
        for _ in range(10):
            open_connections.enter_context(connect(live_service)).sendall(ASK * 1_400)
        assert sum(seconds_to_answer(live_service) for _ in range(10)) < 4


@on_sqlite
def test_who_reads_their_answers_slowly_holds_nobody_up(live_service: LiveService) -> None:
    with ExitStack() as open_connections:
        for _ in range(4):
            slow = open_connections.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            address = urlsplit(live_service.url)
            slow.connect((address.hostname, address.port))
            slow.sendall(ASK.replace(b"/healthz", b"/openapi.json") * 40)
            threading.Thread(target=sip, args=(slow,), daemon=True).start()
        time.sleep(0.5)
        assert seconds_to_answer(live_service) < 2


def sip(connection: socket.socket) -> None:
    with suppress(OSError):
        while connection.recv(2_000):
            time.sleep(0.5)


@on_sqlite
def test_a_connection_that_is_over_is_left_soon_though_others_stay_silent(live_service: LiveService) -> None:
    with ExitStack() as open_connections:
        workers = [child.pid for child in psutil.Process(live_service.process.pid).children()]
        for _ in range(8):
            open_connections.enter_context(connect(live_service))
        over = open_connections.enter_context(connect(live_service))
        over.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        while over.recv(1024):
            pass  # until the service has said its last word
        until = time.monotonic() + 6
        while any(is_leaving(pid) for pid in workers):
            assert time.monotonic() < until
            time.sleep(0.2)


def is_leaving(pid: int) -> bool:
    return any("FIN_WAIT" in one.status for one in psutil.Process(pid).net_connections("tcp"))


@pytest.mark.parametrize("chunk", [b"1\r\n \r\n", b"4;x=y\r\n    \r\n"], ids=len)
@on_sqlite
def test_a_body_in_very_many_chunks_is_read_in_little_time(live_service: LiveService, chunk: bytes) -> None:
    """A megabyte of them; gunicorn by itself would copy what is left for each."""
    with connect(live_service) as connection:
        many = chunk * (1_000_000 // len(chunk))
        connection.sendall(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + many + b"17\r\n" + BODY + b"\r\n0\r\n\r\n" + ASK
        )
        answered = b""
        begun = time.monotonic()
        while b"HTTP/1.1 200 " not in answered:
            piece = connection.recv(65536)
            assert piece, answered
            answered += piece
        assert b"HTTP/1.1 401 " in answered
        assert time.monotonic() - begun < 8


@pytest.mark.parametrize("size", [65_535, 65_536, 900_000])
@on_sqlite
def test_a_body_that_nobody_read_keeps_the_next_request(live_service: LiveService, size: int) -> None:
    with connect(live_service) as connection:
        head = b"POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
        connection.sendall(head + b"x" * size + ASK)
        answered = b""
        while answered.count(b"HTTP/1.1 ") < 2 or not answered.endswith(b"}"):
            piece = connection.recv(65536)
            assert piece, answered
            answered += piece
        assert answered.startswith(b"HTTP/1.1 404 ")
        assert b"HTTP/1.1 200 " in answered


@on_sqlite
def test_a_broken_body_that_nobody_read_is_answered_once(live_service: LiveService) -> None:
    head = b"POST /nope HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for body in (b"3\r\nabcXX0\r\n\r\n", b"0\r\nbad trailer\r\n\r\n"):
        with connect(live_service) as connection:
            connection.sendall(head + body)
            answered = b""
            while piece := connection.recv(65536):
                answered += piece
            assert answered.count(b"HTTP/1.1 ") == 1
            assert answered.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))
