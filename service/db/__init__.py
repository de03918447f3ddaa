"""The database: engine, transactions, column types, and single statements at driver speed."""

from service.db.bulk import enlarge_cache, insert_many, select_many, stored_time
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
    "enlarge_cache",
    "insert_if_absent",
    "insert_into",
    "insert_many",
    "select_many",
    "stored_time",
    "word",
]
