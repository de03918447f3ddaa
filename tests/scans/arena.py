"""An arena: the real service with several workers, on a database of its own, and requests that race for real."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from sqlalchemy import text

from service import clock
from service.app import create_app
from service.config import read_settings
from service.crypto import keyfile
from service.db import Database
from service.migrations import migrate
from tests.conftest import LiveService, wait_until_ready
from tests.postgres import free_port
from tests.world import Caller, World

WORKERS = 4


@dataclass(frozen=True)
class Reply:
    """An answer of the live service."""

    status_code: int
    json: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shot:
    """A request that waits for its fellows."""

    caller: Caller | None
    method: str
    path: str
    body: Any

    def encoded(self, host: str) -> bytes:
        content = json.dumps(self.body).encode()
        head = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", "Connection: close"]
        head += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        if self.caller is not None:
            head.append(f"Authorization: Bearer {self.caller.token}")
        return "\r\n".join(head).encode() + b"\r\n\r\n" + content


class Arena(World):
    """A world whose answers come from the live service; stores, sites and invitations go straight to its database."""

    live: LiveService

    @property
    def client(self) -> "Arena":  # type: ignore[override]
        return self

    def open(self, path: str, *, method: str, headers: dict[str, str], json: Any = None) -> Reply:
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        return self.at_once([Shot(Caller(self, token), method, path, json)])[0]

    def post(self, path: str, *, json: Any) -> Reply:
        return self.at_once([Shot(None, "POST", path, json)])[0]

    def at_once(self, shots: Sequence[Shot]) -> list[Reply]:
        """Open a connection for each request, send them all, and only then read the answers."""
        address = urlsplit(self.live.url)
        with ExitStack() as stack:
            open_socket = lambda: socket.create_connection((address.hostname, address.port), timeout=60)  # noqa: E731
            lines = [stack.enter_context(open_socket()) for _ in shots]
            for line, shot in zip(lines, shots, strict=True):
                line.sendall(shot.encoded(address.netloc))
            return [_read(line) for line in lines]

    def count(self, sql: str, **values: Any) -> int:
        """Return what `SELECT count(*) FROM …` finds."""
        with self.service.db.read() as session:
            return int(session.scalar(text(f"SELECT count(*) FROM {sql}"), values) or 0)

    def kill_workers(self) -> int:
        """Kill every worker with SIGKILL; return how many there were."""
        workers = psutil.Process(self.live.process.pid).children()
        for worker in workers:
            worker.kill()
        return len(workers)


def _read(line: socket.socket) -> Reply:
    response = http.client.HTTPResponse(line)
    response.begin()
    body = response.read()
    return Reply(response.status, json.loads(body) if body else None, dict(response.headers))


@contextmanager
def open_arena(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Arena]:
    """Start the service on a fresh database; stop it afterwards."""
    keyfile.save_new(folder / "keys.json", keyfile.create(clock.now()))
    port = free_port()
    given = {
        "UNSPOKEN_DATABASE_URL": _fresh_database(kind, folder, request),
        "UNSPOKEN_KEYS_FILE": str(folder / "keys.json"),
        "UNSPOKEN_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", "service", "serve", "--port", str(port), "--workers", str(WORKERS)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | given, stderr=log)
    settings = read_settings(given)
    arena = Arena(create_app(settings), clock.now, settings)  # type: ignore[arg-type]
    arena.live = LiveService(given["UNSPOKEN_PUBLIC_URL"], os.environ | given, process)
    try:
        wait_until_ready(arena.live)
        yield arena
    finally:
        arena.service.db.close()
        process.terminate()
        process.wait(20)


def _fresh_database(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "unspoken.db")
        return f"sqlite:///{folder / 'unspoken.db'}"
    server: Database = request.getfixturevalue("postgres_database")
    name = f"arena_{folder.name.replace('-', '_')}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    address = server.engine.url.set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    db = Database(server.engine.url.set(database=name).render_as_string(hide_password=False))
    migrate(db)
    db.close()
    return db.engine.url.render_as_string(hide_password=False)
