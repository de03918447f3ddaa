"""Read the audit of one customer."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from service.audit.models import LOOKS, AuditEntry


def list_audit(
    session: Session,
    nodes: Select[UUID],
    *,
    looks: bool = True,
    after: tuple[datetime, UUID] | None = None,
    limit: int | None,
) -> Sequence[AuditEntry]:
    """Return what was done to the files of these nodes, and who looked, newest first, `after` a time and id.

    Without `looks` it is their history: what was done, and by whom.
    """
    wanted = select(AuditEntry).where(AuditEntry.customer_id.in_(nodes))
    if not looks:
        wanted = wanted.where(AuditEntry.action.not_in(LOOKS))
    if after is not None:
        at, ident = after
        wanted = wanted.where(or_(AuditEntry.at < at, (AuditEntry.at == at) & (AuditEntry.id < ident)))
    return session.scalars(wanted.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit)).all()
