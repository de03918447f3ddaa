"""Where the demo plays: a folder of its own, and the real service in processes of its own."""

import fcntl
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

import httpx2

from service.config import Settings

FOLDER = Path("instance/demo")
START_SECONDS = 45.0
# Longer than gunicorn's patience with its workers (30 s): killed before, it would leave them behind.
STOP_SECONDS = 40.0
ANY_PORT = 0
_WORKERS = "2"


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
def running_service(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `unspoken serve` as an operator would, until the block ends; `DemoFailed` when it doesn't start."""
    service = _serve(settings, log)
    try:
        if not _becomes_ready(service, settings.public_url):
            raise DemoFailed(f"the service did not start, see {log}")
        yield service
    finally:
        _stop(service)


def _empty(folder: Path) -> None:
    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def _serve(settings: Settings, log: Path) -> subprocess.Popen[bytes]:
    # The operator's own settings must not reach the demo.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("UNSPOKEN_")}
    environ |= {
        "UNSPOKEN_DATABASE_URL": settings.database_url,
        "UNSPOKEN_KEYS_FILE": str(settings.keys_file),
        "UNSPOKEN_PUBLIC_URL": settings.public_url,
    }
    port = settings.public_url.rpartition(":")[2]
    command = [sys.executable, "-m", "service", "serve", "--port", port, "--workers", _WORKERS]
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603
            command, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
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
