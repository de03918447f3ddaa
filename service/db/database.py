"""The engine, transactions, and single statements at driver speed.

Connections run in the driver's autocommit mode. A transaction begins with an explicit BEGIN (on SQLite
BEGIN IMMEDIATE when it will write), so a lone statement costs one round trip and no COMMIT.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, ExceptionContext, make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection

from service.db.checkpoints import Checkpoints
from service.db.statement import Statement
from service.db.turns import Turns

# What somebody else has locked is waited for so long, well below the time after which a worker is taken for dead.
BUSY_TIMEOUT_SECONDS = 10
# A lone statement on PostgreSQL is mostly a till's, which gives up after 2 s: nobody is served by waiting longer.
LONE_TIMEOUT_SECONDS = 2
# A server that is gone, or accepts and says nothing, must not hold a worker until it is killed for that.
_POSTGRES_WAITS = {"connect_timeout": 5, "tcp_user_timeout": 10_000}  # seconds; milliseconds
_WRITES, _WAITED = "unspoken_writes", "unspoken_waited"
_NOTICED_SECONDS = 0.1
# The statements given to `run` find rows by unique keys, whatever the values are. Left to itself, PostgreSQL may plan
# one anew each time, which takes longer than running it.
_PLAN_ONCE = "SET plan_cache_mode = force_generic_plan"
_SHORTEN_OURS = """
SELECT set_config(name, %(patience)s, false) FROM pg_settings WHERE name = 'lock_timeout' AND source = 'session'
"""
# Synchronous NORMAL survives a crash of the process, not a power cut: its last commits may be lost then.
# A scan touches pages of three trees; with SQLite's own 1,000 pages a busy shop would copy its log back, and wait
# for the disk, nine times a second. With these it is once, and the log grows to 40 MB.
# Whatever is deleted is overwritten in the file: many builds of SQLite do that anyway, and what was erased must go.
# A connection's pages are worth nothing once another process has written, so it keeps 512 KiB of them and not 2 MB.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "wal_autocheckpoint=10000",
    "secure_delete=ON",
    "cache_size=-512",
)


class Database:
    """One engine, and the three ways to use it: `write`, `read` and `run`."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        parsed = make_url(url)
        self.on_sqlite = parsed.get_backend_name() == "sqlite"
        self._turns: Turns | None = None
        self._checkpoints: Checkpoints | None = None
        common: dict[str, Any] = {
            "json_serializer": lambda value: orjson.dumps(value).decode(),
            "json_deserializer": orjson.loads,
            "pool_size": pool_size,
            "pool_reset_on_return": None,  # every user ends what they began
            "hide_parameters": True,  # errors go to logs, parameters must not
        }
        if self.on_sqlite:
            path = Path(parsed.database or "")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._path = path
            self._turns = Turns(f"{path}-turn")
            # check_same_thread: a pooled connection may be closed by another thread than its user.
            arguments = {"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None, "check_same_thread": False}
            self.engine = create_engine(url, paramstyle="named", connect_args=arguments, **common)
            event.listen(self.engine, "do_connect", lambda *_: _make_private(path))
            event.listen(self.engine, "connect", _prepare_sqlite)
        else:
            # The pool serves transactions only, so asking first whether a connection still stands costs no scan.
            arguments = {name: value for name, value in _POSTGRES_WAITS.items() if name not in parsed.query}
            self.engine = create_engine(
                url, isolation_level="AUTOCOMMIT", pool_pre_ping=True, connect_args=arguments, **common
            )
            event.listen(self.engine, "connect", _prepare_postgres)
            event.listen(self.engine, "handle_error", _name_read_only)
        event.listen(self.engine, "begin", _begin)
        self.writing_engine = self.engine.execution_options(**{_WRITES: True})
        driver = self.engine.dialect.loaded_dbapi
        self.driver_error: type[Exception] = driver.Error
        self.any_error = (self.driver_error, SQLAlchemyError)
        # The server is gone, locked, out of something or, as a standby, read-only: worth trying again.
        self.passing_errors: tuple[type[Exception], ...] = (driver.OperationalError, OperationalError)
        if not self.on_sqlite:
            self.passing_errors += (driver.errors.ReadOnlySqlTransaction,)
        if self._turns is not None:
            self._checkpoints = self._count_checkpoints(self._turns)
        self._opened: set[PoolProxiedConnection] = set()
        self._kept = _Kept(self._opened)
        event.listen(self.engine, "engine_disposed", lambda _engine: self._kept.close())

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction that may write: returning commits, raising rolls back."""
        with self._turn() as waited:
            engine = self.writing_engine
            if waited > _NOTICED_SECONDS:
                engine = engine.execution_options(**{_WAITED: waited})
            with Session(engine, expire_on_commit=False) as session, session.begin():
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
        bound = prepared.bind(params)
        with self._turn() if prepared.writes else nullcontext(0.0) as waited:
            try:
                rows = self._fetch(prepared.sql, bound, waited)
            except self.driver_error as error:
                if not self._is_lost(error):
                    raise
                rows = self._fetch(prepared.sql, bound, waited)
        return prepared.result(rows[0]) if rows else None

    def close(self) -> None:
        """Close every connection, also those that threads have kept."""
        if self._checkpoints is not None:
            self._checkpoints.wait()
        self.engine.dispose()
        while self._opened:
            self._opened.pop().close()
        if self._turns is not None:
            self._turns.close()

    def was_replaced(self) -> bool:
        """Return whether the SQLite file that this thread writes to is another than the one that has its name now.

        Somebody removed it, or put another in its place: what is written still goes into the one that nobody will
        find again.
        """
        if not self.on_sqlite or self._kept.file is None:
            return False
        try:
            return self._kept.file != _identity(self._path)
        except OSError:
            return True

    def is_read_only(self) -> bool:
        """Return whether the server takes no writes, as a standby doesn't."""
        if self.on_sqlite:
            return False
        with self.engine.connect() as connection:
            return connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"

    def after_fork(self) -> None:
        """Leave connections that were opened before a fork to the parent, and checkpoints, which it counts alone."""
        self._opened = set()
        self._kept = _Kept(self._opened)
        self.engine.dispose(close=False)
        if self._turns is not None:
            self._checkpoints = self._count_checkpoints(self._turns)

    def _count_checkpoints(self, turns: Turns) -> Checkpoints:
        return Checkpoints(self.engine.raw_connection, turns, self.driver_error)

    def _turn(self) -> AbstractContextManager[float]:
        if self._turns is None or self._checkpoints is None:
            return nullcontext(0.0)
        self._checkpoints.count()
        return self._turns.taken()

    def _fetch(self, sql: str, bound: dict[str, Any], waited: float) -> Any:
        """Run a statement to its end: SQLite commits, and lets go of its snapshot, only then."""
        cursor = self._kept.cursor
        if cursor is None:
            cursor = self._kept.keep(self.engine.raw_connection())
            if self.on_sqlite:
                self._kept.file = _identity(self._path)
            else:
                _prepare_lone(cursor)
        with _waiting_less(cursor.connection, waited) if waited > _NOTICED_SECONDS else nullcontext():
            return cursor.execute(sql, bound).fetchall()

    def _is_lost(self, error: Exception) -> bool:
        """Return whether an error says that the server closed the connection; then all of them are dropped."""
        kept = self._kept.connection
        # Once detached, `driver_connection` is None.
        connection = None if kept is None else kept.dbapi_connection
        if not self.engine.dialect.is_disconnect(error, connection, None):  # type: ignore[arg-type]
            return False
        self.engine.dispose()
        return True


class _Kept(threading.local):
    """A thread's own connection and cursor: taking one from the pool costs more than the statement it runs."""

    connection: PoolProxiedConnection | None = None
    cursor: Any = None
    file: tuple[int, int] | None = None

    def __init__(self, opened: set[PoolProxiedConnection]) -> None:
        self._opened = opened

    def keep(self, connection: PoolProxiedConnection) -> Any:
        """Take a connection out of its pool for good; return its cursor."""
        connection.detach()
        self._opened.add(connection)
        self.connection, self.cursor = connection, connection.cursor()
        return self.cursor

    def close(self) -> None:
        """Close the connection."""
        connection, self.connection, self.cursor, self.file = self.connection, None, None, None
        if connection is not None:
            self._opened.discard(connection)
            connection.close()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _make_private(path: Path) -> None:
    """Make a database's file before SQLite does, for its owner alone: what is written beside it gets its mode."""
    if not path.exists():
        path.touch(mode=0o600)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _prepare_postgres(connection: Any, _record: Any) -> None:
    """Have who finds a lock wait for a while only, unless the server or the URL says how long."""
    unsaid = "current_setting('lock_timeout') = '0'"
    connection.execute(f"SELECT set_config('lock_timeout', '{BUSY_TIMEOUT_SECONDS}s', false) WHERE {unsaid}")


def _prepare_lone(cursor: Any) -> None:
    """Prepare a kept connection; a `lock_timeout` that the operator has set stays."""
    cursor.execute(_PLAN_ONCE)
    cursor.execute(_SHORTEN_OURS, {"patience": f"{LONE_TIMEOUT_SECONDS}s"})


def _name_read_only(context: ExceptionContext) -> OperationalError | None:
    """Have a transaction fail as a lone statement does where the server is read-only: in a way that may pass."""
    error = context.original_exception
    if not isinstance(error, context.dialect.loaded_dbapi.errors.ReadOnlySqlTransaction):
        return None
    return OperationalError(context.statement, None, error, hide_parameters=True)


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(_WRITES) or connection.dialect.name != "sqlite":
        connection.exec_driver_sql("BEGIN")
        return
    waited = options.get(_WAITED, 0.0)
    with _waiting_less(connection.connection.driver_connection, waited) if waited else nullcontext():
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _waiting_less(connection: Any, waited: float) -> Iterator[None]:
    """Have SQLite wait for its lock only for what is left, once so many seconds were waited for the turn.

    While somebody who takes no turn holds it, each who waits behind another would else wait that much longer.
    """
    left = max(BUSY_TIMEOUT_SECONDS - waited, 0)
    connection.execute(f"PRAGMA busy_timeout={left * 1000:.0f}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000:.0f}")
