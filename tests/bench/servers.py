"""Servers under load: the service as shipped, and the bare apps under the same gunicorn settings."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from service import serve
from service.config import Settings
from tests.bench.bare import DATABASE_VARIABLE, make_table
from tests.bench.problems import MeasurementFailed
from tests.postgres import free_port

_START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A gunicorn on a port of 127.0.0.1."""

    port: int
    process: psutil.Popen

    def memory(self) -> dict[str, float]:
        """Return what one worker holds, in MB: RSS, and PSS, which shares out what workers have in common."""
        workers = [worker.memory_full_info() for worker in self.process.children()]
        return {f"{kind}_mb": median(getattr(worker, kind) for worker in workers) / 1e6 for kind in ("rss", "pss")}


@contextlib.contextmanager
def running_service(settings: Settings, folder: Path, *, workers: int) -> Iterator[Server]:
    """Run `unspoken serve`, with everything on and its log in a file."""
    environ = {"UNSPOKEN_DATABASE_URL": settings.database_url, "UNSPOKEN_KEYS_FILE": str(settings.keys_file)}
    port = free_port()
    with _running(
        ["-m", "service", "serve", "--port", str(port), "--workers", str(workers)], port, environ, folder
    ) as server:
        yield server


@contextlib.contextmanager
def running_bare(app: str, folder: Path, *, workers: int, database_url: str = "") -> Iterator[Server]:
    """Run a bare app; with `database_url`, on its table there."""
    if database_url:
        make_table(database_url)
    port = free_port()
    options = {
        "bind": f"127.0.0.1:{port}",
        "workers": workers,
        "worker-class": "gthread",
        "threads": serve.THREADS,
        "keep-alive": serve.KEEP_ALIVE_SECONDS,
        "timeout": serve.TIMEOUT_SECONDS,
        "log-level": "warning",
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    command = ["-m", "gunicorn", *given, "--preload", "--no-control-socket", f"tests.bench.bare:{app}()"]
    with _running(command, port, {DATABASE_VARIABLE: database_url}, folder) as server:
        yield server


@contextlib.contextmanager
def _running(command: list[str], port: int, environ: dict[str, str], folder: Path) -> Iterator[Server]:
    log = folder / f"{port}.log"
    with log.open("wb") as output:
        process = psutil.Popen([sys.executable, *command], env=os.environ | environ, stdout=output, stderr=output)
    try:
        _wait(port, process, log)
        yield Server(port, process)
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: psutil.Popen, log: Path) -> None:
    import socket

    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise MeasurementFailed(f"a server did not start: {log.read_text()[-500:]}")


def settings_used(workers: int) -> dict[str, object]:
    """Return the gunicorn settings that all servers run under."""
    return {
        "workers": workers,
        "worker_class": "gthread",
        "threads": serve.THREADS,
        "keep_alive_seconds": serve.KEEP_ALIVE_SECONDS,
        "preload": True,
    }
