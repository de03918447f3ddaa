"""The identity lock: whoever writes an edge or an exclusive identifier does so alone."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

# Any number will do, as long as no one else locks it: the letters "one cust".
_IDENTITIES = int.from_bytes(b"one cust")


def lock_identities(session: Session) -> None:
    """Wait until no other transaction changes who is whom, and hold that until this one ends.

    Call it before the first write of the transaction. On SQLite a writing transaction is alone already.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_IDENTITIES)))
