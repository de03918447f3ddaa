"""The database: engine, transactions, column types, and single statements at driver speed."""

from service.db.database import Database
from service.db.statement import Statement, insert_if_absent, insert_into, word
from service.db.types import Base, Duration, Json, UtcDateTime

__all__ = [
    "Base",
    "Database",
    "Duration",
    "Json",
    "Statement",
    "UtcDateTime",
    "insert_if_absent",
    "insert_into",
    "word",
]
