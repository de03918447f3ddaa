import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, MetaData, Table, Uuid, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from service.cards.models import Card
from service.config import read_settings
from service.db import Base, Database, UtcDateTime
from service.migrations import current_revision, is_migrated, known_revisions, migrate
from service.tables import ALL_TABLES

MIGRATIONS = Path(__file__).parents[2] / "migrations"
EMPTY = "unspoken_ground"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with nothing in it."""
    if request.param == "sqlite":
        db = Database(f"sqlite:///{tmp_path}/empty.db")
        yield db
        db.close()
        return
    server: Database = request.getfixturevalue("postgres_database")
    address = server.engine.url.render_as_string(hide_password=False)
    name = f"{EMPTY}_{server.engine.url.database}"
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
        db = Database(make_url(address).set(database=name).render_as_string(hide_password=False))
        yield db
        db.close()
        connection.execute(f"DROP DATABASE {name}")


def config_for(db: Database) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["engine"] = db.writing_engine
    return config


def differences(db: Database, metadata: MetaData) -> list[object]:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))


def test_the_migrations_make_what_the_models_say(empty: Database) -> None:
    migrate(empty)
    assert differences(empty, Base.metadata) == []


def test_a_model_without_a_migration_would_be_found(empty: Database) -> None:
    migrate(empty)
    grown = MetaData()
    for table in Base.metadata.sorted_tables:
        table.to_metadata(grown)
    Table("forgotten", grown, Column("id", Integer, primary_key=True))
    assert "forgotten" in str(differences(empty, grown))


def test_indexes_hold_the_rows_that_the_models_say(empty: Database) -> None:
    migrate(empty)
    meant = {index.name: index.info.get("only") for table in Base.metadata.tables.values() for index in table.indexes}
    assert sum(condition is not None for condition in meant.values()) >= 7
    option = f"{empty.engine.dialect.name}_where"
    for table in Base.metadata.tables:
        for index in inspect(empty.engine).get_indexes(table):
            where = index.get("dialect_options", {}).get(option)
            condition = meant.pop(index["name"], None)
            assert plain(where) == plain(condition), index["name"]
    assert meant == {}


def plain(condition: object) -> str | None:
    """PostgreSQL writes (outcome)::text = 'identified'::text."""
    return None if condition is None else re.sub(r"::[a-z]+( varying)?|[()]", "", str(condition))


def test_tables_are_without_rowid_where_the_models_say_so(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/x.db")
    migrate(db)
    with db.read() as session:
        written = session.scalars(text("SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'")).all()
    db.close()
    assert set(written) == {name for name, table in Base.metadata.tables.items() if table.info.get("without_rowid")}


def test_a_worker_loads_the_dialect_of_its_own_database_only(tmp_path: Path) -> None:
    program = (
        "import sys, service.app, service.config;"
        "service.app.create_app(service.config.read_settings());"
        "sys.exit('sqlalchemy.dialects.postgresql' in sys.modules)"
    )
    environ = {"UNSPOKEN_DATABASE_URL": f"sqlite:///{tmp_path}/x.db", "UNSPOKEN_KEYS_FILE": f"{tmp_path}/keys.json"}
    assert subprocess.run([sys.executable, "-c", program], env=os.environ | environ, check=False).returncode == 0


def test_there_is_one_head_and_files_are_numbered_in_order() -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    assert len(script.get_heads()) == 1
    in_order = [revision.revision for revision in reversed(list(script.walk_revisions()))]
    assert in_order == known_revisions()


def test_every_model_is_in_the_list_of_tables() -> None:
    assert {table.__tablename__ for table in ALL_TABLES} == set(Base.metadata.tables)


def test_migrating_twice_changes_nothing(empty: Database) -> None:
    assert not is_migrated(empty)
    assert migrate(empty) == known_revisions()
    assert is_migrated(empty)
    assert migrate(empty) == []


def test_two_machines_that_migrate_at_once_both_end_well(empty: Database) -> None:
    environ = os.environ | {"UNSPOKEN_DATABASE_URL": empty.engine.url.render_as_string(hide_password=False)}
    command = [sys.executable, "-m", "service", "migrate"]
    both = [subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[1] for process in both] == ["", ""]
    assert [process.returncode for process in both] == [0, 0]
    assert is_migrated(empty)
    assert differences(empty, Base.metadata) == []


def test_going_back_and_forth_leaves_the_same_schema(empty: Database) -> None:
    migrate(empty)
    command.downgrade(config_for(empty), "base")
    assert set(inspect(empty.engine).get_table_names()) <= {"alembic_version"}
    assert current_revision(empty) is None
    migrate(empty)
    assert differences(empty, Base.metadata) == []


def test_cards_of_before_their_otp_keys_followed_from_the_number_are_kept(empty: Database) -> None:
    command.upgrade(config_for(empty), "0003")
    owner, session_id, now = uuid4(), uuid4(), datetime(2026, 11, 1, tzinfo=UTC)
    opened = {"kind": "api", "token_hash": bytes(32), "customer_id": owner, "created_at": now, "expires_at": now}
    made = {"card_number": 887654321, "customer_id": owner, "session_id": session_id, "created_at": now}
    with empty.write() as session:
        insert_row(session, "customers", {"id": owner, "created_at": now, "canonical_id": owner})
        insert_row(session, "sessions", {"id": session_id} | opened)
        insert_row(session, "cards", {"id": 1, "otp_key": bytes(49)} | made)
    migrate(empty)
    with empty.read() as session:
        card = session.scalars(select(Card)).one()
        assert {name: getattr(card, name) for name in made} == made


def insert_row(session: Session, name: str, row: dict[str, Any]) -> None:
    types = {UUID: Uuid(), datetime: UtcDateTime()}
    columns = [Column(key, types.get(type(value))) for key, value in row.items()]
    session.execute(Table(name, MetaData(), *columns).insert(), row)


def test_a_database_migrated_further_still_serves(empty: Database) -> None:
    migrate(empty)
    with empty.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert is_migrated(empty), "machines of the version before must go on while the others are upgraded"


def test_migrations_run_by_alembics_own_command_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"sqlite:///{tmp_path}/own.db"
    monkeypatch.setenv("UNSPOKEN_DATABASE_URL", address)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
    db = Database(read_settings().database_url)
    assert is_migrated(db)
    db.close()
