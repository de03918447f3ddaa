"""Read everything that changed, of all customers."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.models import LOOKS, AuditEntry
from service.lists import Cursor

_IS_CHANGE = AuditEntry.action.not_in([look.value for look in LOOKS])


def list_events(session: Session, *, after: Cursor | None, limit: int) -> Sequence[AuditEntry]:
    """Return every change of every customer, oldest first."""
    wanted = select(AuditEntry).where(_IS_CHANGE)
    if after is not None:
        same = (AuditEntry.at == after.at) & (AuditEntry.id > after.id)
        wanted = wanted.where((AuditEntry.at > after.at) | same)
    return session.scalars(wanted.order_by(AuditEntry.at, AuditEntry.id).limit(limit)).all()
