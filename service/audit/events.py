"""Read everything that changed, of all customers."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.audit.models import LOOKS, AuditEntry

_IS_CHANGE = AuditEntry.action.not_in([look.value for look in LOOKS])
Place = tuple[datetime, UUID]


def list_events(session: Session, *, after: Place | None, limit: int) -> Sequence[AuditEntry]:
    """Return every change of every customer, oldest first; `after` a line's time and id."""
    wanted = select(AuditEntry).where(_IS_CHANGE)
    if after is not None:
        at, ident = after
        wanted = wanted.where(or_(AuditEntry.at > at, (AuditEntry.at == at) & (AuditEntry.id > ident)))
    return session.scalars(wanted.order_by(AuditEntry.at, AuditEntry.id).limit(limit)).all()
