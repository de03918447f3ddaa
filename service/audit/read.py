"""Read the audit of one customer."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from service.audit.models import LOOKS, AuditEntry
from service.lists import Cursor, older_than


def list_audit(
    session: Session,
    nodes: Select[UUID],
    *,
    looks: bool = True,
    after: Cursor | None = None,
    limit: int | None,
) -> Sequence[AuditEntry]:
    """Return what was done to the files of these nodes, and who looked, newest first.

    Without `looks` it is their history: what was done, and by whom.
    """
    wanted = select(AuditEntry).where(AuditEntry.customer_id.in_(nodes))
    if not looks:
        wanted = wanted.where(AuditEntry.action.not_in(LOOKS))
    wanted = wanted.where(*older_than(after, AuditEntry.at, AuditEntry.id))
    return session.scalars(wanted.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit)).all()
