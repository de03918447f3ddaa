"""The key store: each customer's own data key, in a database apart from everything that the keys seal.

Destroying a key is how a person is forgotten: what it sealed stays unreadable even in backups of the main
database. The same store keeps the journal of erasures, so that a restored backup can be held against it.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    Executable,
    LargeBinary,
    MetaData,
    Table,
    Uuid,
    bindparam,
    delete,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from service.crypto.vault import Vault, seal, unseal
from service.db import Database, Statement, UtcDateTime, insert_into, insert_many
from service.errors import NotFound, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

_KEY_BYTES = 32
_metadata = MetaData()
_data_keys = Table(
    "data_keys",
    _metadata,
    Column("customer_id", Uuid(), primary_key=True),
    Column("sealed_key", LargeBinary, nullable=False),
)
_erasures = Table(
    "erasures",
    _metadata,
    Column("customer_id", Uuid(), primary_key=True),
    Column("erased_at", UtcDateTime(), nullable=False),
)


@dataclass(frozen=True)
class DataKey:
    """The key of one customer's personal values, 32 bytes."""

    key: bytes = field(repr=False)

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self.key)

    def seal(self, value: str, *, context: str) -> bytes:
        """Return a personal value as it is stored; `context` names the column, and must be given again to open."""
        return seal(self._cipher, value.encode(), context=context.encode())

    def open(self, sealed: bytes, *, context: str) -> str:
        """Return the value; `cryptography.exceptions.InvalidTag` when it isn't this customer's."""
        return unseal(self._cipher, sealed, context=context.encode()).decode()


def _named(method: Callable[Concatenate["KeyStore", P], T]) -> Callable[Concatenate["KeyStore", P], T]:
    """Have a failure name the key store, so that nobody looks for it in the main database."""

    @wraps(method)
    def asked(store: "KeyStore", /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(store, *args, **kwargs)
        except store.passing_errors as error:
            raise Unavailable("the key store does not answer: try again") from error

    return asked


class KeyStore:
    """Data keys by customer, and the journal of erasures. Nothing is cached: a destroyed key is gone at once.

    Every method raises `Unavailable` when the store's database does not answer.
    """

    def __init__(self, url: str, vault: Callable[[], Vault]) -> None:
        self._db = Database(url)
        self._vault = vault
        self._prepared = False
        self.destroyed = 0
        """How many data keys this object has destroyed."""

    @property
    def vault(self) -> Vault:
        """The service's keys for values at rest, as they are now."""
        return self._vault()

    @property
    def any_error(self) -> tuple[type[Exception], ...]:
        """What is raised when the store's database fails."""
        return (*self._db.any_error, Unavailable)

    @property
    def passing_errors(self) -> tuple[type[Exception], ...]:
        """What the store's database raises when it is gone, locked or out of something."""
        return self._db.passing_errors

    @property
    def db(self) -> Database:
        """The store's database. Its two tables are made at first use, so that there is nothing to migrate."""
        if not self._prepared:
            try:
                _metadata.create_all(self._db.writing_engine)
            except DBAPIError:
                if not self._is_prepared():  # else another process made them at the same instant
                    raise
            self._prepared = True
        return self._db

    def close(self) -> None:
        """Close every connection."""
        self._db.close()

    def after_fork(self) -> None:
        """Leave connections that were opened before a fork to the parent."""
        self._db.after_fork()

    def _is_prepared(self) -> bool:
        with self._db.engine.connect() as connection:
            return set(inspect(connection).get_table_names()) >= set(_metadata.tables)

    @_named
    def take(self, customer_id: UUID) -> DataKey:
        """Return a customer's data key, made at first use; of two that race, both get the one that stands.

        Made outside the caller's transaction: when that rolls back, a key that nothing was sealed with is left.
        `NotFound` for a customer who was erased: they get no second key.
        """
        found = self.find(customer_id)
        if found is not None:
            return found
        fresh = os.urandom(_KEY_BYTES)
        self.db.run(_ADD, {"customer_id": customer_id, "sealed_key": self._wrap(customer_id, fresh)})
        found = self.find(customer_id)
        if found is None:
            raise NotFound("there is no such customer")
        return found

    @_named
    def find(self, customer_id: UUID) -> DataKey | None:
        """Return a customer's data key, or None when there is none (any more)."""
        row = self.db.run(_FIND, {"customer_id": customer_id})
        return None if row is None else self._unwrap(customer_id, row[0])

    @_named
    def find_many(self, customer_ids: Iterable[UUID]) -> dict[UUID, DataKey]:
        """Return the data keys of many customers; those without one are left out."""
        wanted = _data_keys.c.customer_id.in_(list(customer_ids))
        with self.db.engine.connect() as connection:
            rows = connection.execute(select(_data_keys).where(wanted)).all()
        return {row.customer_id: self._unwrap(row.customer_id, row.sealed_key) for row in rows}

    @_named
    def has_any(self, customer_ids: Iterable[UUID]) -> bool:
        """Return whether one of the customers has a data key here."""
        wanted = select(_data_keys.c.customer_id).where(_data_keys.c.customer_id.in_(list(customer_ids))).limit(1)
        with self.db.engine.connect() as connection:
            return connection.execute(wanted).first() is not None

    @_named
    def keep_many(self, drawn: Iterable[tuple[str, bytes]]) -> None:
        """Keep data keys that `draw_key` made for new customers; their ids as 32 hexadecimal digits."""
        rows = list(drawn)
        if rows:
            with self.db.write() as session:
                insert_many(session, _data_keys, ("customer_id", "sealed_key"), rows)

    @_named
    def destroy(self, customer_ids: Iterable[UUID], now: datetime) -> None:
        """Destroy data keys for good, and journal that it was done. Safe to repeat."""
        gone = sorted(set(customer_ids))
        with self.db.write() as session:
            known = set(session.scalars(select(_erasures.c.customer_id).where(_erasures.c.customer_id.in_(gone))))
            journal = [{"customer_id": ident, "erased_at": now} for ident in gone if ident not in known]
            if journal:
                session.execute(_erasures.insert(), journal)
            self._destroy(session, _data_keys.c.customer_id.in_(gone))
        self._forget_log()

    @_named
    def enforce_journal(self) -> None:
        """Destroy the keys of everybody in the journal: an old copy of the store that was put back holds them."""
        with self.db.write() as session:
            self._destroy(session, _data_keys.c.customer_id.in_(select(_erasures.c.customer_id)))
        self._forget_log()

    @_named
    def erasures(self, *, newest: int | None = None) -> dict[UUID, datetime]:
        """Return the journal: every customer erased, or the newest so many, and when."""
        wanted = select(_erasures).order_by(_erasures.c.erased_at.desc()).limit(newest)
        with self.db.engine.connect() as connection:
            return {row.customer_id: row.erased_at for row in connection.execute(wanted)}

    @_named
    def count_erasures(self) -> int:
        """Return how many customers the journal holds. It only grows."""
        with self.db.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(_erasures)) or 0

    def _destroy(self, session: Session, wanted: ColumnElement[bool]) -> None:
        gone = session.execute(delete(_data_keys).where(wanted))
        self.destroyed += gone.rowcount  # type: ignore[attr-defined]

    def _forget_log(self) -> None:
        """Empty SQLite's write-ahead log, which still holds the pages as they were."""
        if not self._db.on_sqlite:
            return
        connection = self._db.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()

    def _wrap(self, customer_id: UUID, key: bytes) -> bytes:
        return self.vault.seal(key, context=_context(customer_id))

    def _unwrap(self, customer_id: UUID, sealed: Any) -> DataKey:
        try:
            return open_key(self.vault, customer_id, bytes(sealed))
        except InvalidTag:
            raise Unavailable("a data key does not open under this key file: it is another key store's") from None


def draw_key(vault: Vault, customer_id: UUID) -> tuple[DataKey, bytes]:
    """Return a fresh data key, and the form in which `KeyStore.keep_many` keeps it."""
    fresh = os.urandom(_KEY_BYTES)
    return DataKey(fresh), vault.seal(fresh, context=_context(customer_id))


def open_key(vault: Vault, customer_id: UUID, sealed: bytes) -> DataKey:
    """Return a customer's data key from the form in which it is kept."""
    return DataKey(vault.open(sealed, context=_context(customer_id)))


def open_or_none(key: DataKey | None, sealed: bytes | None, *, context: str) -> str | None:
    """Return a personal value, or None when it was never kept, or its key was destroyed."""
    if key is None or sealed is None:
        return None
    try:
        return key.open(bytes(sealed), context=context)
    except InvalidTag:
        return None


def _context(customer_id: UUID) -> bytes:
    return b"data_keys:" + customer_id.bytes


def _insert_key(dialect: Dialect) -> Executable:
    customer_id = bindparam("customer_id", type_=Uuid())
    is_erased = select(_erasures.c.customer_id).where(_erasures.c.customer_id == customer_id).exists()
    source = select(customer_id, bindparam("sealed_key", type_=LargeBinary())).where(~is_erased)
    insert = insert_into(_data_keys, dialect).from_select(["customer_id", "sealed_key"], source)
    return insert.on_conflict_do_nothing().returning(_data_keys.c.customer_id)


def _select_key(_: Dialect) -> Executable:
    return select(_data_keys.c.sealed_key).where(_data_keys.c.customer_id == bindparam("customer_id", type_=Uuid()))


_ADD = Statement(_insert_key)
_FIND = Statement(_select_key)
