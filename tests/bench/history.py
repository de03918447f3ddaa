"""Years of history, made inside the database: 1,000,000 customers with a card each, and 5,000,000 scans."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import text

from service.db import Database
from service.scans.models import Scan
from tests.bench.crowd import Crowd

CUSTOMERS = 1_000_000
SCANS_PER_CARD = 5

_POSTGRESQL = (
    "SET session_replication_role = replica",  # the rows are right: foreign keys need no look-up each
    "SET maintenance_work_mem = '512MB'",
    """INSERT INTO customers (id, created_at, canonical_id)
       SELECT id, now(), id FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, {customers})) AS fresh""",
    """INSERT INTO sessions
       SELECT gen_random_uuid(), sha256(uuid_send(id)), 'api', id, '{site}', now(), now() + interval '1 day'
       FROM customers""",
    """INSERT INTO cards
       SELECT hashint8extended(n, 1) & 9223372036854775807, 100000000 + n, customer_id, id, now()
       FROM (SELECT s.*, row_number() OVER () AS n FROM sessions s LEFT JOIN cards c ON c.session_id = s.id
             WHERE c.id IS NULL) AS cardless""",
    """INSERT INTO scans (id, terminal_id, store_id, kind, card_id, customer_id, step, outcome,
                          scanned_at, received_at, training, body_digest)
       SELECT gen_random_uuid(), '{terminal}', '{store}', '71', id, customer_id, n, 'identified',
              now() - n * interval '1 day', now() - n * interval '1 day', false, uuid_send(customer_id)
       FROM cards, generate_series(1, {scans}) AS n
       ORDER BY 1""",
)
_SQLITE = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -1000000",
    "BEGIN",
    """INSERT INTO customers (id, created_at, canonical_id)
       WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {customers}),
            fresh(id) AS MATERIALIZED (SELECT lower(hex(randomblob(16))) FROM many)
       SELECT id, unixepoch() * 1000000, id FROM fresh""",
    """INSERT INTO sessions (id, token_hash, kind, customer_id, site_id, created_at, expires_at)
       SELECT lower(hex(randomblob(16))), randomblob(32), 'api', id, '{site}',
              unixepoch() * 1000000, unixepoch() * 1000000 + 86400000000
       FROM customers""",
    """INSERT INTO cards (id, card_number, customer_id, session_id, created_at)
       SELECT random() & 9223372036854775807, 100000000 + row_number() OVER (), s.customer_id, s.id,
              unixepoch() * 1000000
       FROM sessions s LEFT JOIN cards c ON c.session_id = s.id WHERE c.id IS NULL""",
    """INSERT INTO scans (id, terminal_id, store_id, kind, card_id, customer_id, step, outcome,
                          scanned_at, received_at, training, body_digest)
       WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {scans})
       SELECT lower(hex(randomblob(16))), '{terminal}', '{store}', '71', id, customer_id, n, 'identified',
              (unixepoch() - n * 86400) * 1000000, (unixepoch() - n * 86400) * 1000000, false, randomblob(16)
       FROM cards CROSS JOIN many
       ORDER BY 1""",
    "COMMIT",
)


@dataclass(frozen=True)
class Stored:
    """How much is in a database."""

    customers: int
    cards: int
    scans: int


def relive(db: Database, crowd: Crowd) -> None:
    """Fill the database; the indexes of scans are dropped and made again, as any bulk load does."""
    indexes = list(Scan.__table__.indexes)  # type: ignore[attr-defined]
    for index in indexes:
        index.drop(db.engine)
    ids = {"site": crowd.site_id, "store": crowd.store_id, "terminal": crowd.terminal_ids[0]}
    given = {name: id_.hex for name, id_ in ids.items()} | {"customers": CUSTOMERS, "scans": SCANS_PER_CARD}
    _execute(db, [statement.format(**given) for statement in (_SQLITE if db.on_sqlite else _POSTGRESQL)])
    for index in indexes:
        index.create(db.engine)
    _execute(db, ["ANALYZE"] if db.on_sqlite else ["VACUUM ANALYZE", "CHECKPOINT"])


def count(db: Database) -> Stored:
    """Return how much is stored."""
    with db.read() as session:
        counts = (session.scalar(text(f"SELECT count(*) FROM {table}")) for table in ("customers", "cards", "scans"))
        return Stored(*(int(number) for number in counts))


def _execute(db: Database, statements: list[str]) -> None:
    """Run statements on a connection of the driver's own, the only one and in no transaction."""
    db.engine.dispose()
    url = db.engine.url
    connection: Any
    if db.on_sqlite:
        connection = sqlite3.connect(str(url.database), isolation_level=None)
    else:
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = psycopg.connect(dsn, autocommit=True)
    with closing(connection):
        for statement in statements:
            connection.execute(statement)
