"""The bare apps that the service is held against: `nothing` (A), `one_insert` (B), and `one_object`, an ORM's B."""

import os
from typing import Any

from flask import Flask, request
from sqlalchemy import Column, MetaData, String, Table, create_engine, event, insert
from sqlalchemy.engine import Engine

DATABASE_VARIABLE = "BENCH_DATABASE_URL"

_metadata = MetaData()
_rows = Table("bench_rows", _metadata, Column("id", String(36), primary_key=True))
_insert = insert(_rows)


def nothing() -> Flask:
    """A: parse JSON, return JSON."""
    app = Flask("nothing")

    @app.post("/")
    def post() -> dict[str, Any]:
        request.get_json()
        return {"ok": True}

    return app


def one_insert() -> Flask:
    """B: A, and one Core INSERT on a unique key, and COMMIT."""
    app = Flask("one_insert")
    engine = _connect(os.environ[DATABASE_VARIABLE])

    @app.post("/")
    def post() -> tuple[dict[str, Any], int]:
        body = request.get_json()
        with engine.begin() as connection:
            connection.execute(_insert, {"id": body["id"]})
        return {"ok": True}, 201

    return app


def one_object() -> Flask:
    """B, with the ORM instead of the Core: what a Flask + SQLAlchemy app mostly is. It is weighed only."""
    from sqlalchemy.orm import DeclarativeBase, Session

    class Base(DeclarativeBase):
        metadata = _metadata

    class Row(Base):
        __table__ = _rows

    app = Flask("one_object")
    engine = _connect(os.environ[DATABASE_VARIABLE])

    @app.post("/")
    def post() -> tuple[dict[str, Any], int]:
        body = request.get_json()
        with Session(engine) as session, session.begin():
            session.add(Row(id=body["id"]))
        return {"ok": True}, 201

    return app


def make_table(url: str) -> None:
    """Make the table that B writes to."""
    engine = _connect(url)
    _metadata.create_all(engine)
    engine.dispose()


def _connect(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", prepare)
    return engine


def prepare(connection: Any, _record: Any) -> None:
    """Set SQLite up as the service does."""
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")
