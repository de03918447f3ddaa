"""After a rotation of the index key: bring what was written under older versions under the newest, bit by bit.

Look-ups find every version meanwhile. A row whose value was never kept comes along when it is next seen.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.crypto.keystore import KeyStore
from service.crypto.vault import Vault
from service.customers.identifiers import index_anew, open_values
from service.customers.models import Identifier

BATCH = 500


def find_stale(session: Session, vault: Vault, *, after: UUID | None, now: datetime) -> Sequence[UUID]:
    """Return the next identifiers, by id, that stand under an older version than what is written now."""
    newest = vault.index("", now=now).version
    stale = select(Identifier.id).where(Identifier.index_version < newest, Identifier.value_sealed.is_not(None))
    if after is not None:
        stale = stale.where(Identifier.id > after)
    return session.scalars(stale.order_by(Identifier.id).limit(BATCH)).all()


def reindex(session: Session, keystore: KeyStore, identifier_ids: Sequence[UUID], *, now: datetime) -> int:
    """Write these identifiers' index anew; return how many could be. The caller holds the identity lock."""
    rows = session.scalars(select(Identifier).where(Identifier.id.in_(identifier_ids))).all()
    values = open_values(keystore, rows)
    done = 0
    for row in rows:
        value = values[row.id]
        if value is not None:
            index_anew(keystore.vault, row, value, now)
            done += 1
    return done


def count_by_version(session: Session) -> dict[int, int]:
    """Return how many live identifiers stand under each version of the index key."""
    counted = select(Identifier.index_version, func.count()).where(Identifier.ended_at.is_(None))
    rows = session.execute(counted.group_by(Identifier.index_version))
    return {row[0]: row[1] for row in rows}
