import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text

from tests.cli.conftest import Shell, shell
from tests.world import Site, World

__all__ = ["shell"]


def table(header: str, *rows: str, delimiter: str = ",") -> str:
    """A CSV file of cells written with commas between them."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(line.split(",") for line in (header, *rows))
    return out.getvalue()


@dataclass
class Desk:
    """Somebody with a file to import, for one site."""

    world: World
    shell: Shell
    site: Site
    folder: Path

    def save(self, content: str | bytes, name: str = "customers.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, content: str | bytes, *options: str) -> Result:
        path = self.save(content)
        return self.shell.run("import", "customers", str(path), "--site", self.site.site_id, *options)

    def report(self, content: str | bytes, *options: str) -> Any:
        """Import, and return the report; a row that failed is no failure here."""
        done = self.run(content, "--json", *options)
        assert done.exit_code in (0, 1), done.output
        report = json.loads(done.stdout)
        assert done.exit_code == bool(report["failed"])
        assert report["rows"] == sum(report[name] for name in ("created", "updated", "unchanged", "failed"))
        return report

    def rows(self, content: str, *options: str) -> tuple[int, int, int, int]:
        """Import; return how many rows were created, updated, unchanged and failed."""
        report = self.report(content, *options)
        return report["created"], report["updated"], report["unchanged"], report["failed"]

    def customer(self, account_id: str) -> dict[str, Any]:
        """Return what the site reads of the customer who holds an account."""
        found = self.site.call("GET", f"/commerce/v1/customers/{self.site.account(account_id)}").json
        assert found is not None
        found["values"] = {one["kind"]: one["value"] for one in found["identifiers"]}
        found["trust"] = {one["kind"]: one["trust"] for one in found["identifiers"]}
        return found

    def count(self, table: str) -> int:
        with self.world.service.db.read() as session:
            return session.scalar(text(f"SELECT count(*) FROM {table}")) or 0


@pytest.fixture
def desk(world: World, shell: Shell, tmp_path: Path) -> Desk:
    return Desk(world, shell, world.site(), tmp_path)


@pytest.fixture
def trusted_desk(world: World, shell: Shell, tmp_path: Path) -> Desk:
    """A desk whose site may vouch for contacts."""
    return Desk(world, shell, world.site(may_vouch=("email", "phone")), tmp_path)


Dump = Callable[[], list[str]]


@pytest.fixture
def dump(world: World) -> Dump:
    """Everything in both databases, row by row."""

    def read() -> list[str]:
        found = []
        for db in (world.service.db, world.service.keystore.db):
            with db.read() as session:
                tables = session.connection()
                from sqlalchemy import inspect

                for name in sorted(inspect(tables).get_table_names()):
                    found += sorted(f"{name} {tuple(row)}" for row in session.execute(text(f"SELECT * FROM {name}")))
        return found

    return read
