"""Databases to measure on: SQLite files, and a PostgreSQL of our own that really waits for the disk."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from service.config import read_settings
from tests.bench.cases import Kind
from tests.bench.problems import MeasurementFailed
from tests.postgres import URL_VARIABLE, running_postgres

_SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}
_ASKED = ("server_version", "fsync", "full_page_writes", "synchronous_commit", "shared_buffers")


@dataclass(frozen=True)
class Databases:
    """Makes empty databases; `postgres` is what the server says of its settings."""

    server: str
    folder: Path
    postgres: dict[str, Any]

    def make(self, kind: Kind, name: str) -> str:
        """Return the URL of a new database, as the service writes it."""
        if kind is Kind.SQLITE:
            return f"sqlite:///{self.folder / f'{name}.db'}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = make_url(read_settings({"UNSPOKEN_DATABASE_URL": self.server}).database_url)
        return url.set(database=name).render_as_string(hide_password=False)


@contextlib.contextmanager
def running_databases(folder: Path) -> Iterator[Databases]:
    """Start PostgreSQL with fsync on, whatever the tests' own server does, and make sure of it."""
    os.environ.pop(URL_VARIABLE, None)
    with running_postgres(_SETTINGS) as server:
        with psycopg.connect(server) as connection:
            told = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in _ASKED}  # type: ignore[index]
        if any(told[name] != "on" for name in ("fsync", "full_page_writes", "synchronous_commit")):
            raise MeasurementFailed(f"PostgreSQL would not wait for the disk: {told}")
        yield Databases(server, folder, told)
