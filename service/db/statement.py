"""Statements in SQLAlchemy Core, compiled once, for the few paths where the ORM and its cache are too slow."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Dialect, Executable, String, Table, inspect, literal_column
from sqlalchemy.orm import Session

from service.db.types import Base

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PgInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

_Processors = dict[str, Callable[[Any], Any] | None]


def insert_into(table: type[Base] | Table, dialect: Dialect) -> "PgInsert | SqliteInsert":
    """Return the dialect's own INSERT, which both need for ON CONFLICT. Only the dialect in use is loaded."""
    if dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as insert_sqlite

        return insert_sqlite(table)
    from sqlalchemy.dialects.postgresql import insert as insert_pg

    return insert_pg(table)


def insert_if_absent(session: Session, table: type[Base], **values: Any) -> bool:
    """Insert a row unless a unique constraint already holds one like it; return whether it was inserted."""
    insert = insert_into(table, session.get_bind().dialect).values(**values)
    first_key = inspect(table).primary_key[0]
    return session.execute(insert.on_conflict_do_nothing().returning(first_key)).first() is not None


def word(member: StrEnum) -> ColumnElement[str]:
    """Write a word of a closed set into SQL; as a parameter it would be sent, and converted, each time."""
    return literal_column(f"'{member.value}'", String())


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
        self.writes: bool = statement.is_dml
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
