"""The database: engine, transactions, column types, and single statements at driver speed.

Connections run in the driver's autocommit mode. A transaction begins with an explicit BEGIN (on SQLite
BEGIN IMMEDIATE when it will write), so a lone statement costs one round trip and no COMMIT.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Executable,
    Interval,
    MetaData,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import Insert as PgInsert
from sqlalchemy.dialects.postgresql import insert as insert_pg
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DisconnectionError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator, TypeEngine

BUSY_TIMEOUT_SECONDS = 10
PING_AFTER_IDLE_SECONDS = 1.0
_WRITES = "unspoken_writes"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Base(DeclarativeBase):
    """The base of every table, with named constraints so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC: timestamptz on PostgreSQL, integer microseconds since 1970 on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse a naive time; turn an aware one into what the column holds."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time has no place in the database")
        if dialect.name != "sqlite":
            return value
        return _microseconds(value - _EPOCH)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return an aware time in UTC."""
        if value is None:
            return None
        if dialect.name != "sqlite":
            return value.astimezone(UTC)  # type: ignore[no-any-return]
        return _EPOCH + timedelta(microseconds=value)


class Duration(TypeDecorator[timedelta]):
    """A span to add to a `UtcDateTime`: an interval on PostgreSQL, integer microseconds on SQLite."""

    impl = Interval
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the type."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Interval())

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> Any:
        """Turn a span into what the database adds."""
        return _microseconds(value) if value is not None and dialect.name == "sqlite" else value


Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


Insert = PgInsert | SqliteInsert
_Processors = dict[str, Callable[[Any], Any] | None]


def insert_into(table: type[Base], dialect: Dialect) -> Insert:
    """Return the dialect's own INSERT, which both dialects need for ON CONFLICT."""
    return insert_sqlite(table) if dialect.name == "sqlite" else insert_pg(table)


def insert_if_absent(session: Session, table: type[Base], **values: Any) -> bool:
    """Insert a row unless a unique constraint already holds one like it; return whether it was inserted."""
    insert = insert_into(table, session.get_bind().dialect).values(**values)
    first_key = inspect(table).primary_key[0]
    return session.execute(insert.on_conflict_do_nothing().returning(first_key)).first() is not None


class Statement:
    """One Core statement, compiled once a dialect, for the few paths where the ORM and its cache are too slow.

    `build` is given the dialect and returns a SELECT, or an INSERT or UPDATE with RETURNING.
    """

    def __init__(self, build: Callable[[Dialect], Executable]):
        self._build = build
        self._prepared: dict[str, _Prepared] = {}

    def prepared(self, dialect: Dialect) -> "_Prepared":
        """Return the compiled statement."""
        if dialect.name not in self._prepared:
            self._prepared[dialect.name] = _Prepared(self._build(dialect), dialect)
        return self._prepared[dialect.name]


class _Prepared:
    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.sql: str = compiled.string
        self._binds: _Processors = {}
        self._constants: dict[str, Any] = {}
        for name, bind in compiled.binds.items():
            process = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if bind.required:
                self._binds[name] = process
            else:
                self._constants[name] = process(bind.value) if process else bind.value
        columns = statement.exported_columns
        self._results = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]

    def bind(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters as the driver takes them."""
        bound = dict(self._constants)
        for name, process in self._binds.items():
            bound[name] = process(params[name]) if process else params[name]
        return bound

    def result(self, row: Sequence[Any] | None) -> tuple[Any, ...] | None:
        """Return the driver's row as Python values."""
        if row is None:
            return None
        pairs = zip(row, self._results, strict=True)
        return tuple(process(value) if process else value for value, process in pairs)


class Database:
    """One engine, and the three ways to use it: `write`, `read` and `run`."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        parsed = make_url(url)
        self.on_sqlite = parsed.get_backend_name() == "sqlite"
        common: dict[str, Any] = {
            "json_serializer": lambda value: orjson.dumps(value).decode(),
            "json_deserializer": orjson.loads,
            "pool_size": pool_size,
            "pool_reset_on_return": None,  # every user ends what they began
            "hide_parameters": True,  # errors go to logs, parameters must not
        }
        if self.on_sqlite:
            Path(parsed.database or "").parent.mkdir(parents=True, exist_ok=True)
            # check_same_thread: a pooled connection may be closed by another thread than its user.
            arguments = {"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None, "check_same_thread": False}
            self.engine = create_engine(url, paramstyle="named", connect_args=arguments, **common)
            event.listen(self.engine, "connect", _prepare_sqlite)
        else:
            self.engine = create_engine(url, isolation_level="AUTOCOMMIT", **common)
            event.listen(self.engine, "checkout", self._ping_if_idle)
        event.listen(self.engine, "begin", _begin)
        self.writing_engine = self.engine.execution_options(**{_WRITES: True})
        self.driver_error: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        self.any_error = (self.driver_error, SQLAlchemyError)
        # The server is gone, locked or out of something: worth trying again.
        self.passing_errors = (self.engine.dialect.loaded_dbapi.OperationalError, OperationalError)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction that may write: returning commits, raising rolls back."""
        with Session(self.writing_engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One transaction that only reads."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def run(self, statement: Statement, params: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Run one autocommitted statement at driver level and return its first row, or None.

        A connection that the server has closed is replaced and the statement run once more: every statement
        given here must be safe to repeat.
        """
        prepared = statement.prepared(self.engine.dialect)
        return prepared.result(self._run(prepared.sql, prepared.bind(params), tries=2))

    def _run(self, sql: str, bound: dict[str, Any], *, tries: int) -> Any:
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(sql, bound)
            row = cursor.fetchone()
            cursor.close()
            return row
        except self.driver_error as error:
            if not self.engine.dialect.is_disconnect(error, connection.driver_connection, None):  # type: ignore[arg-type]
                raise
            connection.invalidate(error)
            self.engine.dispose()  # the others in the pool are as dead
            if tries == 1:
                raise
        finally:
            connection.close()
        return self._run(sql, bound, tries=tries - 1)

    def _ping_if_idle(self, connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        """Replace a connection that the server closed while it lay idle; one in steady use isn't asked."""
        moment = time.monotonic()
        idle = moment - record.info.get("used_at", moment)
        record.info["used_at"] = moment
        if idle < PING_AFTER_IDLE_SECONDS:
            return
        try:
            self.engine.dialect.do_ping(connection)
        except self.driver_error as error:
            raise DisconnectionError from error

    def close(self) -> None:
        """Close the pool; a forked process calls this before its first query."""
        self.engine.dispose(close=False)


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES) and connection.dialect.name == "sqlite"
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
