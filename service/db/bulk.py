"""Many rows at once, as fast as the driver goes: an IN of thousands, and inserts of thousands.

Values go in and come out as the driver has them, except ids: they are 32 hexadecimal digits on both databases.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from service.db.types import UtcDateTime

_TIME = UtcDateTime()
# SQLite compiles a statement anew for each number of values, so all but the last of many have this one.
_VALUES_A_STATEMENT = 500


def insert_many(session: Session, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows. JSON goes in as text; PostgreSQL gets them by COPY."""
    connection = session.connection()
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        sql = f"INSERT INTO {table.name} ({names}) VALUES ({_marks(len(columns))})"  # noqa: S608 - our own names
        if given := [tuple(row) for row in rows]:
            connection.exec_driver_sql(sql, given)
        return
    raw = connection.connection.cursor()
    try:
        with raw.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    except connection.dialect.loaded_dbapi.Error as error:
        raise DBAPIError("COPY", None, error) from error


def select_many(
    session: Session, table: Table, columns: Sequence[str], *, key: str, values: Sequence[Any]
) -> Iterator[tuple[Any, ...]]:
    """Yield the columns of every row whose `key` is one of the values."""
    connection = session.connection()
    sql = f"SELECT {', '.join(columns)} FROM {table.name} WHERE {key}"  # noqa: S608 - our own names
    if connection.dialect.name == "sqlite":
        for start in range(0, len(values), _VALUES_A_STATEMENT):
            some = tuple(values[start : start + _VALUES_A_STATEMENT])
            yield from map(tuple, connection.exec_driver_sql(f"{sql} IN ({_marks(len(some))})", some))
    elif values:
        kind = table.c[key].type.compile(connection.dialect)
        for row in connection.exec_driver_sql(f"{sql} = ANY(%s::{kind}[])", (list(values),)):
            yield tuple(value.hex if isinstance(value, UUID) else value for value in row)


def enlarge_cache(session: Session) -> None:
    """Let SQLite keep 64 MB of pages: among its own 2 MB, the page of a look-up is gone by the insert."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA cache_size = -65536")


def stored_time(session: Session, moment: datetime) -> Any:
    """Return a moment as the driver takes it."""
    return _TIME.process_bind_param(moment, session.get_bind().dialect)


def _marks(count: int) -> str:
    return ", ".join("?" * count)
