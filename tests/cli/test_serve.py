import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest

from service.config import Settings
from service.crypto import keyfile
from service.serve import default_workers
from tests.cli.conftest import Shell
from tests.conftest import LiveService, Start, wait_until_ready
from tests.postgres import free_port

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ROOT = Path(__file__).parents[2]


def environ_of(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "UNSPOKEN_DATABASE_URL": settings.database_url,
        "UNSPOKEN_KEYS_FILE": str(settings.keys_file),
    }


@on_sqlite
def test_a_port_in_use_ends_it_with_one_and_words(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "service", "serve", "--port", port, "--json"]
        done = subprocess.run(
            command, env=environ_of(settings), capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "failed"
    assert port in done.stderr
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@on_sqlite
def test_it_says_where_it_serves(settings: Settings, host: str) -> None:
    command = [sys.executable, "-m", "service", "serve", "--host", host, "--port", "0", "--json"]
    with subprocess.Popen(command, env=environ_of(settings), stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        told = json.loads(serving.stdout.readline())
        assert httpx2.get(f"{told['url']}/healthz").status_code == 200
        serving.terminate()
        assert serving.stdout.read() == ""
    assert (told["workers"], serving.returncode) == (default_workers(on_sqlite=True), 0)


@pytest.mark.parametrize(
    ("processors", "on_sqlite", "workers"), [(1, True, 2), (8, True, 9), (1, False, 2), (8, False, 16)]
)
def test_there_are_two_workers_a_processor_but_on_sqlite_one_and_one_more(
    processors: int, on_sqlite: bool, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    assert default_workers(on_sqlite=on_sqlite) == workers


@on_sqlite
def test_told_to_end_while_its_workers_start_it_ends_soon(settings: Settings) -> None:
    command = [sys.executable, "-m", "service", "serve", "--port", "0", "--workers", "8", "--json"]
    for wait in range(5):
        with subprocess.Popen(command, env=environ_of(settings), stdout=subprocess.PIPE) as starting:
            assert starting.stdout is not None
            starting.stdout.readline()
            time.sleep(wait / 50)
            starting.terminate()
            assert starting.wait(15) == 0


SLOW_BIRTH = """
import os, sys, time
def be_born():
    print("born", os.getpid(), file=sys.stderr, flush=True)
    time.sleep(1)
os.register_at_fork(after_in_child=be_born)
from service.cli import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@on_sqlite
def test_a_worker_that_is_told_to_end_while_it_is_made_ends(settings: Settings, number: signal.Signals) -> None:
    command = [sys.executable, "-c", SLOW_BIRTH, "serve", "--port", "0", "--workers", "1"]
    with subprocess.Popen(command, env=environ_of(settings), stderr=subprocess.PIPE, text=True) as starting:
        assert starting.stderr is not None
        newborn = next(line.split()[1] for line in starting.stderr if line.startswith("born"))
        starting.send_signal(number)
        os.kill(int(newborn), signal.SIGTERM if number == signal.SIGTERM else signal.SIGQUIT)  # as its master does
        assert starting.wait(15) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@on_sqlite
def test_a_signal_ends_it_gracefully(live_service: LiveService, number: signal.Signals) -> None:
    live_service.process.send_signal(number)
    assert live_service.process.wait(20) == 0
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{live_service.url}/healthz")


@on_sqlite
def test_a_request_under_way_is_answered_before_it_ends(live_service: LiveService) -> None:
    port = int(live_service.url.rpartition(":")[2])
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.putrequest("POST", "/pos/v1/enrol")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "26")
        connection.endheaders(b'{"enrolment_')
        time.sleep(0.5)  # the worker is reading by now
        live_service.process.terminate()
        connection.send(b'code": "x"}   ')
        assert connection.getresponse().status == 401
    assert live_service.process.wait(20) == 0


def test_without_migrations_it_serves_but_is_not_ready(bare: Shell, tmp_path: Path) -> None:
    port = free_port()
    environ = os.environ | {name: value for name, value in bare.environ.items() if value is not None}
    command = [sys.executable, "-m", "service", "serve", "--port", str(port), "--workers", "1"]
    log = tmp_path / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(command, env=environ, stderr=errors)
    live = LiveService(f"http://127.0.0.1:{port}", environ, process)
    try:
        answer = until_answered(live, "/readyz")
        assert "Not ready: the database lacks migrations: run `unspoken migrate`" in log.read_text().splitlines()
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert "unspoken migrate" in answer.json()["detail"]
        assert httpx2.get(f"{live.url}/healthz").status_code == 200
        token = "uss_" + "a" * 49
        refused = httpx2.get(f"{live.url}/shopper/v1/cards", headers={"Authorization": f"Bearer {token}"})
        assert refused.status_code in (401, 503)
        bare.json("migrate")
        wait_until_ready(live)
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("migrated", [True, False])
def test_the_worker_purges_until_it_is_told_to_stop(bare: Shell, migrated: bool) -> None:
    if migrated:
        bare.json("migrate")
    environ = os.environ | {name: value for name, value in bare.environ.items() if value is not None}
    command = [sys.executable, "-m", "service", "worker"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        wanted = "purged" if migrated else "job failed"
        assert any(json.loads(line)["event"] == wanted for line in process.stderr)
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture
def plain_gunicorn(database_url: str, tmp_path: Path) -> Iterator[LiveService]:
    """`wsgi:app`, as another server than our own would run it."""
    keys_file, port = tmp_path / "keys.json", free_port()
    keyfile.save_new(keys_file, keyfile.create(datetime.now(UTC)))
    environ = environ_of(Settings(database_url=database_url, keys_file=keys_file))
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2", "wsgi:app"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stderr=log, cwd=ROOT)
    live = LiveService(f"http://127.0.0.1:{port}", environ, process)
    try:
        wait_until_ready(live)
        yield live
    finally:
        process.terminate()
        process.wait(20)


def test_any_wsgi_server_can_run_it(plain_gunicorn: LiveService) -> None:
    store_id = plain_gunicorn.cli("store", "add", "Gran Vía")["store_id"]
    code = plain_gunicorn.cli("terminal", "invite", store_id)["enrolment_code"]
    enrolled = httpx2.post(f"{plain_gunicorn.url}/pos/v1/enrol", json={"enrolment_code": code})
    assert enrolled.status_code == 201
    headers = {"Authorization": f"Bearer {enrolled.json()['terminal_token']}"}
    assert httpx2.get(f"{plain_gunicorn.url}/pos/v1/terminal", headers=headers).status_code == 200
    assert "unspoken_http_requests_total" in httpx2.get(f"{plain_gunicorn.url}/metrics").text


@on_sqlite
def test_the_numbers_of_several_workers_add_up(start_service: Start) -> None:
    live = start_service(workers=3)
    for _ in range(60):
        # A connection of its own each time, so that every worker serves.
        assert get(live, "/pos/v1/keys") == 200
    counted = [line for line in httpx2.get(f"{live.url}/metrics").text.splitlines() if '"/pos/v1/keys"' in line]
    assert 'unspoken_http_requests_total{method="GET",route="/pos/v1/keys",status="200"} 60.0' in counted
    assert 'unspoken_http_request_seconds_count{route="/pos/v1/keys"} 60.0' in counted
    assert 'unspoken_http_request_seconds_bucket{le="+Inf",route="/pos/v1/keys"} 60.0' in counted


@on_sqlite
def test_bodies_in_chunks_and_of_wrong_length_are_told_off(live_service: LiveService) -> None:
    port = int(live_service.url.rpartition(":")[2])
    head = b"POST /pos/v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    small = b'1a\r\n{"enrolment_code": "use_"}\r\n0\r\n\r\n'
    big = chunk * 65 + b"0\r\n\r\n"
    assert exchange(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + small) == (401, "unauthorized")
    assert exchange(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + big) == (413, "body_too_large")
    assert exchange(port, head + b"Content-Length: 2000000\r\n\r\n{}") == (413, "body_too_large")
    assert exchange(port, head + b'Content-Length: 99\r\n\r\n{"enrol') == (400, "bad_request")
    assert exchange(port, head + b'Content-Length: 99\r\n\r\n{"enrolment_code": "x"}') == (400, "bad_request")
    for chunks in (b"zz\r\n\r\n", b"-5\r\n\r\n", b"5\r\n{}{}{}{}0\r\n\r\n", b"5;\0\r\n\r\n"):
        answered = exchange(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
        assert answered == (400, "bad_request"), chunks
    assert exchange(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk[:99])[0] == 400
    assert exchange(port, head + b"Content-Length: nonsense\r\n\r\n{}")[0] == 400
    assert httpx2.get(f"{live_service.url}/healthz").status_code == 200


def exchange(port: int, request: bytes) -> tuple[int, str]:
    """Send raw bytes, and nothing after them; return the status and the problem's code."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    return status, json.loads(body)["code"] if b"problem+json" in head else ""


def get(live: LiveService, path: str) -> int:
    with closing(HTTPConnection("127.0.0.1", int(live.url.rpartition(":")[2]), timeout=20)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


def until_answered(live: LiveService, path: str) -> httpx2.Response:
    for _ in range(200):
        assert live.process.poll() is None, "the service ended at once"
        try:
            return httpx2.get(f"{live.url}{path}", timeout=5)
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError("the service does not answer")
