"""The base of every table, and the types of columns that the two databases write differently."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Interval, MetaData
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine

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


class Json(TypeDecorator[Any]):
    """A JSON value: jsonb on PostgreSQL, text on SQLite. None is NULL."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(JSON(none_as_null=True))
        from sqlalchemy.dialects.postgresql import JSONB

        return dialect.type_descriptor(JSONB(none_as_null=True))


# How a table or an index is meant to be where SQLAlchemy has words for one database only: to know those words it
# would load that database's whole dialect, 2 MB in each worker. Migrations make it so; a test compares.
WITHOUT_ROWID = {"without_rowid": True}


def only(condition: str) -> dict[str, str]:
    """Say which rows an index has."""
    return {"only": condition}


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
