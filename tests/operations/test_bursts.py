"""Many requests at the same moment: nobody is hung up on because the others take long together."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from service.web.server import MOST_KEPT_BYTES
from tests.conftest import free_port

SECONDS_EACH = 0.25
TIMEOUT_SECONDS = 4
KEEP_ALIVE_SECONDS = 3
LARGE_BYTES = 8_000_000  # more than a connection holds while nobody reads
SLOW_SERVICE = f"""
import sys, time
from service.serve import _Server
from service.web.server import Worker

def answer(environ, start_response):
    body = b"ok"
    if environ["PATH_INFO"] == "/large":
        body *= {LARGE_BYTES // 2}
    else:
        time.sleep({SECONDS_EACH})
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]

options = {{
    "bind": "127.0.0.1:" + sys.argv[1], "workers": 1, "worker_class": Worker, "threads": 1,
    "timeout": {TIMEOUT_SECONDS}, "keepalive": {KEEP_ALIVE_SECONDS}, "control_socket_disable": True,
}}
_Server(answer, options).run()
"""
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def slow_service() -> Iterator[int]:
    """The port of one worker that takes its time, as ours do where a database is busy."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", SLOW_SERVICE, str(port)]) as process:
        for _ in range(100):
            try:
                connect(port).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
        process.terminate()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def connect_many(port: int, number: int, stack: ExitStack) -> list[socket.socket]:
    connections = [stack.enter_context(connect(port)) for _ in range(number)]
    time.sleep(0.3)  # until they are let in
    return connections


def test_a_worker_that_answers_many_at_once_is_not_taken_for_one_that_hangs(slow_service: int) -> None:
    with ExitStack() as stack:
        connections = connect_many(slow_service, int(1.5 * TIMEOUT_SECONDS / SECONDS_EACH), stack)
        for connection in connections:
            connection.sendall(ASK)
        for connection in connections:
            assert connection.recv(1024).startswith(b"HTTP/1.1 200 ")


def test_who_has_asked_is_answered_however_long_the_others_take(slow_service: int) -> None:
    with ExitStack() as stack:
        first, *others, late = connect_many(slow_service, int(1.5 * KEEP_ALIVE_SECONDS / SECONDS_EACH), stack)
        first.sendall(ASK)
        time.sleep(SECONDS_EACH / 4)
        for connection in others:  # all of them come in the next round
            connection.sendall(ASK)
        time.sleep(SECONDS_EACH * 2)
        late.sendall(ASK)
        for connection in (first, *others, late):
            assert connection.recv(1024).startswith(b"HTTP/1.1 200 ")


def test_who_reads_no_answer_keeps_nobody_waiting(slow_service: int) -> None:
    with ExitStack() as stack:
        *deaf, reader = connect_many(slow_service, 10, stack)
        begun = time.monotonic()
        for connection in deaf:
            connection.sendall(ASK.replace(b"/ ", b"/large ", 1) * 3)
        time.sleep(SECONDS_EACH)
        reader.sendall(ASK)
        assert reader.recv(1024).startswith(b"HTTP/1.1 200 ")
        assert time.monotonic() - begun < 2


def test_who_reads_no_answer_is_hung_up_on(slow_service: int) -> None:
    with connect(slow_service) as deaf:
        deaf.sendall(ASK.replace(b"/ ", b"/large ", 1))
        time.sleep(KEEP_ALIVE_SECONDS + 3)
        got = 0
        while piece := deaf.recv(1 << 16):
            got += len(piece)
        assert 0 < got < LARGE_BYTES


def test_of_answers_that_nobody_reads_only_so_much_is_kept(slow_service: int) -> None:
    with ExitStack() as stack:
        many = connect_many(slow_service, 4 * MOST_KEPT_BYTES // LARGE_BYTES, stack)
        for connection in many:
            connection.sendall(ASK.replace(b"/ ", b"/large ", 1))
        time.sleep(1)
        whole = 0
        for connection in many:
            got = 0
            with suppress(ConnectionResetError):
                while got < LARGE_BYTES and (piece := connection.recv(1 << 16)):
                    got += len(piece)
            whole += got > LARGE_BYTES
        assert 0 < whole < len(many)


def test_who_asks_on_while_an_answer_goes_out_slowly_is_answered_in_turn(slow_service: int) -> None:
    with connect(slow_service) as connection:
        connection.sendall(ASK.replace(b"/ ", b"/large ", 1) + ASK)
        time.sleep(0.5)
        connection.sendall(ASK.replace(b"/ ", b"/large ", 1))
        got = b""
        while got.count(b"HTTP/1.1 200 ") < 3 or len(got) < 2 * LARGE_BYTES:
            got += connection.recv(1 << 16)
        assert [len(part) > LARGE_BYTES for part in got.split(b"HTTP/1.1 200 ")[1:]] == [True, False, True]


def test_who_reads_slowly_gets_all_of_a_large_answer(slow_service: int) -> None:
    with connect(slow_service) as connection:
        connection.sendall(ASK.replace(b"/ ", b"/large ", 1))
        got = 0
        while got < LARGE_BYTES:
            time.sleep(0.01)
            got += len(connection.recv(1 << 16))
        assert got > LARGE_BYTES


def test_who_says_nothing_is_hung_up_on(slow_service: int) -> None:
    with connect(slow_service) as silent:
        begun = time.monotonic()
        assert silent.recv(1024) == b""
        assert time.monotonic() - begun < KEEP_ALIVE_SECONDS + 2
