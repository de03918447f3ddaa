"""Where the demo plays: a folder of its own, and the real service in processes of its own."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

FOLDER = Path("instance/demo")
START_SECONDS = 45.0
# Longer than gunicorn's patience with its workers (30 s): killed before, it would leave them behind.
STOP_SECONDS = 40.0
ANY_PORT = 0
_WORKERS = "2"
_PROGRAM = (sys.executable, "-m", "service")


class DemoFailed(Exception):
    """Something did not go as it must; the message says what."""


@contextmanager
def own_folder() -> Iterator[Path]:
    """Yield the demo's folder, emptied and locked; while another demo plays there, one beside it."""
    for number in count(1):
        folder = FOLDER if number == 1 else FOLDER.with_name(f"{FOLDER.name}-{number}")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _empty(folder)
            yield folder
            return
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


def free_port(preferred: int) -> int:
    """Return the preferred port of this machine if nobody listens there, else any other."""
    for port in (preferred, ANY_PORT):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)) as probe:
            return int(probe.getsockname()[1])
    raise DemoFailed("this machine has no free port")


@contextmanager
def running_service(environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `unspoken serve` as an operator would, until the block ends; `DemoFailed` when it doesn't start."""
    url = environ["UNSPOKEN_PUBLIC_URL"]
    service = _start(environ, log, "serve", "--port", url.rpartition(":")[2], "--workers", _WORKERS)
    try:
        if not _becomes_ready(service, url):
            raise DemoFailed(f"the service did not start, see {log}")
        yield service
    finally:
        _stop(service)


@contextmanager
def running_worker(environ: dict[str, str], log: Path) -> Iterator[None]:
    """Run `unspoken worker` until the block ends: it sends the messages."""
    worker = _start(environ, log, "worker")
    try:
        yield
    finally:
        _stop(worker)


def run_command(environ: dict[str, str], *arguments: str) -> Any:
    """Run an `unspoken` command as an operator would; return its JSON, or raise `DemoFailed` with its last line."""
    command = [*_PROGRAM, *arguments, "--json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise DemoFailed((done.stderr.strip().splitlines() or ["the command failed"])[-1])
    return json.loads(done.stdout)


def own_environ(folder: Path, url: str) -> dict[str, str]:
    """Return the environment of the demo's processes: the operator's own settings must not reach them."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("UNSPOKEN_")}
    return environ | {
        "UNSPOKEN_DATABASE_URL": f"sqlite:///{folder / 'unspoken.db'}",
        "UNSPOKEN_KEYS_FILE": str(folder / "keys.json"),
        "UNSPOKEN_OUTBOX": str(folder / "outbox.jsonl"),
        "UNSPOKEN_PUBLIC_URL": url,
    }


def _empty(folder: Path) -> None:
    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def _start(environ: dict[str, str], log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603
            [*_PROGRAM, *arguments], env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )


def _becomes_ready(service: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while service.poll() is None and time.monotonic() < deadline:
        with suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/readyz", trust_env=False).is_success:
                return True
        time.sleep(0.1)
    return False


def _stop(service: subprocess.Popen[bytes]) -> None:
    service.terminate()
    try:
        service.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        service.kill()
        service.wait()
