"""Where nothing more can be written, or no file opened, the service goes on with what it has."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from service.config import Settings
from service.sharing import share
from tests.conftest import LiveService, wait_until_ready
from tests.postgres import free_port

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SMALL = "mount -t tmpfs -o size=64k none"
TRY = ["unshare", "-rm", "sh", "-c", f"{SMALL} /dev/shm"]
can_mount = pytest.mark.skipif(
    shutil.which(TRY[0]) is None or subprocess.run(TRY, capture_output=True, check=False).returncode != 0,
    reason="only who may mount can have a full disk",
)
Serve = Callable[..., LiveService]


@pytest.fixture
def serve(settings: Settings, tmp_path: Path) -> Iterator[Serve]:
    """A function that starts the service by a shell, after what the shell is told to do first."""
    started: list[LiveService] = []

    def start(first: str, *, workers: int = 1, stderr: str = "log", **more: str) -> LiveService:
        port = free_port()
        environ = os.environ | more | {
            "UNSPOKEN_DATABASE_URL": settings.database_url,
            "UNSPOKEN_KEYS_FILE": str(settings.keys_file),
        }  # fmt: skip
        serving = f"{sys.executable} -m service serve --port {port} --workers {workers}"
        shell = ["sh", "-c", f"{first} && exec {serving}"]
        command = ["unshare", "-rm", *shell] if "mount" in first else shell
        with (tmp_path / stderr).open("ab") as log:
            process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=log)
        started.append(LiveService(f"http://127.0.0.1:{port}", environ, process))
        wait_until_ready(started[-1])
        return started[-1]

    yield start
    for live in started:
        live.process.terminate()
        live.process.wait(20)


@contextmanager
def connected(live: LiveService) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection("127.0.0.1", int(live.url.rpartition(":")[2]), timeout=20)) as connection:
        yield connection


def ask(live: LiveService, path: str = "/healthz") -> str:
    """Return an answer's body, got through a connection of its own, so that every worker serves."""
    with connected(live) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()


@can_mount
@on_sqlite
def test_where_memory_is_full_the_workers_share_their_metrics_on_disk(serve: Serve, tmp_path: Path) -> None:
    live = serve(f"{SMALL} /dev/shm", workers=2, TMPDIR=str(tmp_path))
    for _ in range(40):
        ask(live, "/pos/v1/keys")
    counted = 'unspoken_http_requests_total{method="GET",route="/pos/v1/keys",status="200"} 40.0'
    assert counted in ask(live, "/metrics")
    assert (tmp_path / "log").read_text().count("no room for metrics") == 1
    assert "worker" not in (tmp_path / "log").read_text().lower()
    live.process.terminate()
    live.process.wait(20)
    assert list(tmp_path.glob("unspoken-metrics-*")) == []


@can_mount
@on_sqlite
def test_where_the_disk_is_full_too_each_worker_counts_alone(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    live = serve(f"{SMALL} /dev/shm && {SMALL} {tmp_path}/small", workers=2, TMPDIR=f"{tmp_path}/small")
    for _ in range(40):
        ask(live)
    assert 'route="/healthz"' in ask(live, "/metrics")
    assert (tmp_path / "log").read_text().count("no room for metrics") == 2


@can_mount
@on_sqlite
def test_a_worker_that_comes_when_memory_has_become_full_counts_alone(serve: Serve, tmp_path: Path) -> None:
    live = serve("mount -t tmpfs -o size=2m none /dev/shm")
    [worker] = psutil.Process(live.process.pid).children()
    Path(f"/proc/{worker.pid}/root/dev/shm/filling").write_bytes(b"x" * 1_200_000)
    worker.kill()
    worker.wait(10)
    wait_until_ready(live)
    assert 'route="/readyz"' in ask(live, "/metrics")
    assert (tmp_path / "log").read_text().count("no room for metrics") == 1


KILLED = """
import os, pathlib, signal, sys
from service import sharing
sharing._MEMORY = pathlib.Path(sys.argv[1])
sharing.share(1)
os.kill(os.getpid(), signal.SIGKILL)
"""


@on_sqlite
def test_a_log_that_can_not_be_written_costs_no_answer(serve: Serve) -> None:
    live = serve("true", stderr="/dev/full")
    for _ in range(200):  # more than any buffer holds
        ask(live)


@on_sqlite
@pytest.mark.parametrize("late", [False, True])
def test_where_no_more_files_can_be_opened_who_is_connected_is_served(
    serve: Serve, tmp_path: Path, late: bool
) -> None:
    live = serve("true" if late else "ulimit -n 64")
    [worker] = psutil.Process(live.process.pid).children()
    if late:
        worker.rlimit(psutil.RLIMIT_NOFILE, (64, 64))
    with connected(live) as staying, ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(connected(live)).connect()
            staying.request("GET", "/healthz")
            assert staying.getresponse().read()
        stack.close()
        ask(live)
        staying.request("GET", "/healthz")
        assert staying.getresponse().read()
    assert worker.is_running()
    assert (tmp_path / "log").read_text().count("connection left waiting") == late


@on_sqlite
def test_it_asks_for_the_files_that_its_connections_need(serve: Serve) -> None:
    live = serve("ulimit -S -n 64")
    [worker] = psutil.Process(live.process.pid).children()
    assert worker.rlimit(psutil.RLIMIT_NOFILE)[0] > 1000


def test_what_a_killed_service_left_is_removed_and_what_serves_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    [left] = tmp_path.iterdir()
    monkeypatch.setattr("service.sharing._MEMORY", tmp_path)
    first, second = share(1), share(1)
    assert not left.exists()
    assert set(tmp_path.iterdir()) == {first, second}
