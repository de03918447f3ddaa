"""The database: engine, transactions, column types, and single statements at driver speed."""

from service.db.bulk import enlarge_cache, insert_many, select_many, stored_time
from service.db.database import Database
from service.db.statement import Statement, insert_if_absent, insert_into, word
from service.db.types import WITHOUT_ROWID, Base, Duration, Json, UtcDateTime, only

__all__ = [
    "WITHOUT_ROWID",
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
    "only",
    "select_many",
    "stored_time",
    "word",
]
