"""Fixtures for every test: a fresh, migrated database of each kind, and a world around it."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.engine import make_url

from service.app import compose, create_app
from service.config import Settings, read_settings
from service.db import Base, Database
from service.migrations import migrate
from service.web.context import EXTENSION
from tests.postgres import free_port, running_postgres
from tests.privacy.recorder import Recorder
from tests.world import Clock, World

_first_app: list[Flask] = []
_databases: dict[str, Database] = {}
DATABASES = ("sqlite", "postgresql")
_LARGE = 1 << 20  # bytes; beyond this, looking for what refers to a deleted row takes minutes
_LARGEST_TABLE = "SELECT max(pg_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace"


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """What a test leaves in the environment is gone before the next one."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    db = Database(f"sqlite:///{path}")
    migrate(db)
    db.close()
    return path


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[Database]:
    """One migrated database a test process; each test empties it."""
    name = f"unspoken_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with running_postgres() as server:
        url = make_url(read_settings({"UNSPOKEN_DATABASE_URL": server}).database_url)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name}")
            connection.execute(f"CREATE DATABASE {name}")
        db = Database(url.set(database=name).render_as_string(hide_password=False))
        migrate(db)
        yield db
        db.close()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty, migrated database: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = template.with_name("unspoken.db")
        for left in path.parent.glob("unspoken*"):
            left.unlink()
        shutil.copy(template, path)
        return f"sqlite:///{path}"
    db: Database = request.getfixturevalue("postgres_database")
    with db.write() as session:
        tables = reversed(Base.metadata.sorted_tables)
        # TRUNCATE makes every table and index anew: fifty times slower than DELETE while they are small.
        if session.scalar(text(_LARGEST_TABLE)) > _LARGE:
            session.execute(text(f"TRUNCATE {', '.join(table.name for table in tables)}"))
        else:
            for table in tables:
                session.execute(table.delete())
    return db.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    from service.crypto import keyfile

    keyfile.save_new(tmp_path / "keys.json", keyfile.create(Clock().now))
    return read_settings({"UNSPOKEN_DATABASE_URL": database_url, "UNSPOKEN_KEYS_FILE": str(tmp_path / "keys.json")})


def fresh_app(settings: Settings, clock: Clock) -> Flask:
    """Return an app as `create_app` makes it. What takes longest is worked out once a process: its routes, and
    the statements that an engine has compiled.
    """
    if not _first_app:
        _first_app.append(create_app(settings))
    app = copy(_first_app[0])
    vars(app).update({name: _copied(value) for name, value in vars(app).items()})
    database = _databases.setdefault(settings.database_url, Database(settings.database_url))
    app.extensions[EXTENSION] = replace(compose(settings, now=clock), db=database)
    return app


def _copied(value: Any) -> Any:
    """Copy lists and dictionaries, so that a test may change its own app; share everything else."""
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if not isinstance(value, dict):
        return value
    copied = copy(value)
    copied.update({key: _copied(item) for key, item in value.items()})
    return copied


@pytest.fixture
def world(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The service and, beside it in this process, the commands: all read one clock, which isn't the machine's."""
    clock = Clock()
    monkeypatch.setattr("service.clock.now", clock)
    app = fresh_app(settings, clock)
    recorder = Recorder()
    app.after_request(recorder.look)
    world = World(app, clock, settings)
    yield world
    told = recorder.secrets_told(world.service.db)
    world.service.db.close()
    world.service.keystore.close()
    assert not recorder.faults + told


@dataclass
class LiveService:
    """The real service: gunicorn in processes of its own. `cli` runs an `unspoken` command and parses its JSON."""

    url: str
    environ: dict[str, str]
    process: subprocess.Popen[bytes]

    def cli(self, *arguments: str) -> Any:
        command = [sys.executable, "-m", "service", *arguments, "--json"]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


Start = Callable[..., LiveService]


@pytest.fixture
def start_service(database_url: str, tmp_path: Path) -> Iterator[Start]:
    """A function that starts the real service on the test's database, with more settings if given."""
    started: list[LiveService] = []

    def start(*, workers: int = 2, **settings: str) -> LiveService:
        port = free_port()
        environ = os.environ | {
            "UNSPOKEN_DATABASE_URL": database_url,
            "UNSPOKEN_KEYS_FILE": str(tmp_path / "keys.json"),
            "UNSPOKEN_PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        environ |= settings
        if not (tmp_path / "keys.json").exists():
            subprocess.run([sys.executable, "-m", "service", "keys", "init"], env=environ, check=True)
        command = [sys.executable, "-m", "service", "serve", "--port", str(port), "--workers", str(workers)]
        with (tmp_path / f"log-{port}").open("wb") as log:
            process = subprocess.Popen(command, env=environ, stderr=log)
        live = LiveService(f"http://127.0.0.1:{port}", environ, process)
        started.append(live)
        wait_until_ready(live)
        return live

    yield start
    for live in started:
        live.process.terminate()
        live.process.wait(20)


@pytest.fixture
def live_service(start_service: Start) -> LiveService:
    """The real service on the test's database."""
    return start_service()


def wait_until_ready(live: LiveService) -> None:
    import time

    for _ in range(200):
        assert live.process.poll() is None, "the service ended at once"
        try:
            with urllib.request.urlopen(f"{live.url}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the service did not become ready")
