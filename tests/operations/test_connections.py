"""New connections go to the worker that has the fewest, and to any other when that one doesn't come."""

import os
import signal
import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import psutil
import pytest

from service.web.counts import Counts
from tests.conftest import LiveService, Start

ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def connect(live: LiveService) -> socket.socket:
    address = urlsplit(live.url)
    return socket.create_connection((address.hostname, address.port), timeout=10)


def workers_of(live: LiveService, number: int) -> list[psutil.Process]:
    """Return the workers, once there are so many; the service answers when the first of them is there."""
    deadline = time.monotonic() + 10
    while len(workers := psutil.Process(live.process.pid).children()) < number:
        assert time.monotonic() < deadline, workers
        time.sleep(0.05)
    time.sleep(0.2)  # until they listen
    return workers


def connections_of(workers: list[psutil.Process], live: LiveService) -> list[int]:
    port = urlsplit(live.url).port
    return sorted(
        sum(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in worker.net_connections())
        for worker in workers
    )


@on_sqlite
def test_connections_that_stay_are_shared_out_evenly(start_service: Start) -> None:
    live = start_service(workers=4)
    workers = workers_of(live, 4)
    with ExitStack() as stack:
        for _ in range(16):
            connection = stack.enter_context(connect(live))
            connection.sendall(ASK)
            assert connection.recv(1024).startswith(b"HTTP/1.1 200 ")
        fewest, *_, most = connections_of(workers, live)
        assert most - fewest <= 2


@on_sqlite
def test_a_worker_that_hangs_keeps_no_new_connection_from_the_others(start_service: Start) -> None:
    live = start_service(workers=2)
    with ExitStack() as stack:
        hanging = workers_of(live, 2)[0]
        os.kill(hanging.pid, signal.SIGSTOP)
        stack.callback(os.kill, hanging.pid, signal.SIGCONT)
        begun = time.monotonic()
        for _ in range(20):
            connection = stack.enter_context(connect(live))
            connection.sendall(ASK)
            assert connection.recv(1024).startswith(b"HTTP/1.1 200 ")
        assert time.monotonic() - begun < 4


@on_sqlite
def test_who_replaces_a_killed_worker_gets_the_new_connections(start_service: Start) -> None:
    live = start_service(workers=2)
    killed, _ = workers_of(live, 2)
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(connect(live)).sendall(ASK)
        time.sleep(0.2)
        killed.kill()
        killed.wait(10)
        workers = workers_of(live, 2)
        for _ in range(8):
            connection = stack.enter_context(connect(live))
            connection.sendall(ASK)
            assert connection.recv(1024).startswith(b"HTTP/1.1 200 ")
        fewest, _ = connections_of(workers, live)
        assert fewest >= 3


def test_only_workers_that_are_there_count() -> None:
    counts = Counts()
    assert not counts.somebody_has_fewer(1)
    counts.tell(1, 0)
    counts.tell(2, 3)
    assert counts.somebody_has_fewer(3)
    assert not counts.somebody_has_fewer(0)
    counts.forget(1)
    assert not counts.somebody_has_fewer(3)
    assert counts.somebody_has_fewer(4)


@on_sqlite
def test_a_worker_that_takes_no_more_connections_rests(start_service: Start) -> None:
    live = start_service(workers=1)
    [worker] = workers_of(live, 1)
    with ExitStack() as stack:
        stack.enter_context(connect(live)).sendall(ASK[:10])
        time.sleep(0.2)
        worker.terminate()  # it ends when its clients have: until then it listens no more
        time.sleep(0.2)
        before = sum(worker.cpu_times()[:2])
        time.sleep(1)
        assert sum(worker.cpu_times()[:2]) - before < 0.5


@on_sqlite
def test_a_master_that_was_killed_leaves_its_port_to_another_though_clients_go_on_asking(
    start_service: Start,
) -> None:
    live = start_service(workers=2)
    workers = workers_of(live, 2)
    with connect(live) as connection:
        live.process.kill()
        told, deadline = b"", time.monotonic() + 10
        while b"connection: close" not in told.lower():
            assert time.monotonic() < deadline
            connection.sendall(ASK)
            told = connection.recv(4096)
            assert told.startswith(b"HTTP/1.1 200 ")
            time.sleep(0.05)
    _, left = psutil.wait_procs(workers, timeout=5)
    assert left == []
    with socket.create_server(("127.0.0.1", urlsplit(live.url).port or 0)):
        pass
