"""An import of customers, held against the bare bulk insert of the same file in the same run."""

import csv
import random
import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import median
from uuid import UUID

from sqlalchemy import Column, MetaData, Table, Text, create_engine, event

from service import clock
from service.config import Settings
from service.crypto.keystore import KeyStore
from service.crypto.live import open_keys
from service.db import Database
from service.importing.columns import match_columns
from service.importing.reader import ROWS_A_BATCH, Job, batches
from service.importing.run import run
from service.importing.source import look_at
from service.merging.rules import load_rules
from service.migrations import migrate
from service.sites.add import add_site
from tests.bench.bare import prepare
from tests.bench.cases import IMPORT, Kind, Ratio
from tests.bench.databases import Databases
from tests.bench.problems import MeasurementFailed
from tests.bench.progress import Progress
from tests.bench.rows import Row, make_row

NAME = "import of customers"
_HEADER = (
    "account_id", "email", "phone", "given_name", "family_name", "birth_date", "street", "house_number", "city",
    "postcode", "country",
)  # fmt: skip
_GIVEN = ("María", "José", "Ana", "Luis", "Carmen", "Lucía", "Pablo", "Elena", "Sergio", "Nuria")
_FAMILY = ("García", "López", "Martínez", "Sánchez", "Pérez", "Gómez", "Ruiz", "Díaz", "Moreno", "Núñez")


def import_row(
    kind: Kind,
    databases: Databases,
    settings: Callable[[str], Settings],
    *,
    rounds: int,
    rows: int,
    progress: Progress,
) -> Row:
    """Import one file into a new database, and insert it into a bare table, round by round."""
    path = databases.folder / "customers.csv"
    write_file(path, rows)
    ours, bare = [], []
    for number in range(rounds):
        bare.append(rows / _insert_bare(databases.make(kind, f"import_bare_{number}"), path))
        ours.append(rows / _import(settings(databases.make(kind, f"import_ours_{number}")), path, rows))
        progress.say(f"{kind}: {NAME}: {ours[-1]:,.0f} rows/s, bare {bare[-1]:,.0f}")
    ratio = median(one / other for one, other in zip(ours, bare, strict=True))
    figures = {"ours": {"per_second": round(median(ours))}, "b": {"per_second": round(median(bare))}}
    return make_row(NAME, kind, IMPORT, {Ratio.TO_B: ratio}, rows=rows, **figures)


def write_file(path: Path, rows: int) -> None:
    """Write a file as an old shop has it: one in a hundred shares an e-mail address with somebody."""
    chance = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for number in range(rows):
            given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
            known_as = chance.randrange(number) if number and chance.random() < 0.01 else number
            writer.writerow(
                (
                    f"A{number:07}", f"customer.{known_as}@example.org", f"+346{number:08}", given, family,
                    f"19{chance.randrange(40, 99)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
                    f"Calle {chance.choice(_FAMILY)}", chance.randrange(1, 200), "Madrid",
                    f"28{chance.randrange(1000):03}", "ES",
                )
            )  # fmt: skip


def _insert_bare(url: str, path: Path) -> float:
    """Return the seconds that a bulk insert of every row as plain texts takes, by executemany, a commit a batch."""
    engine, metadata = create_engine(url), MetaData()
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", prepare)
    table = Table("bare", metadata, *(Column(name, Text, unique=name == "account_id") for name in _HEADER))
    metadata.create_all(engine)
    started = time.perf_counter()
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        while some := list(islice(reader, ROWS_A_BATCH)):
            with engine.begin() as connection:
                connection.execute(table.insert(), some)
    took = time.perf_counter() - started
    engine.dispose()
    return took


def _import(settings: Settings, path: Path, rows: int) -> float:
    """Return the seconds that an import takes, from looking at the file to the report."""
    keys = open_keys(settings)
    with (
        closing(Database(settings.database_url)) as db,
        closing(KeyStore(settings.keystore_url, lambda: keys.current().vault)) as keystore,
    ):
        migrate(db)
        site_id = _add_site(db)
        db.engine.dispose()
        started = time.perf_counter()
        source = look_at(path)
        columns = match_columns(source.header, {})
        rules, vault = load_rules(None), keystore.vault
        job = Job(source, columns, rules, settings.phone_region, frozenset(), vault, clock.now())
        with batches(job) as read:
            report = run(db, keystore, read, job=job, site_id=site_id, progress=lambda _: None)
        took = time.perf_counter() - started
    if report.created != rows or report.failed:
        raise MeasurementFailed(f"{report.created:,} of {rows:,} rows were imported")
    return took


def _add_site(db: Database) -> UUID:
    with db.write() as session:
        return add_site(session, name="Old shop", now=clock.now())[0].id
