"""Read the audit of one customer."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import Session, aliased

from service.audit.models import LOOKS, TOLD_TO_BOTH, AuditEntry
from service.lists import Cursor, older_than


def list_audit(
    session: Session,
    nodes: Select[UUID],
    *,
    looks: bool = True,
    once: bool = False,
    after: Cursor | None = None,
    limit: int | None,
) -> Sequence[AuditEntry]:
    """Return what was done to the files of these nodes, and who looked, newest first.

    Without `looks` it is their history: what was done, and by whom. With `once` a merge is told in one line, though
    each of its two customers has one.
    """
    wanted = select(AuditEntry).where(AuditEntry.customer_id.in_(nodes))
    if not looks:
        wanted = wanted.where(AuditEntry.action.not_in(LOOKS))
    if once:
        wanted = wanted.where(~_stands_twice(nodes))
    wanted = wanted.where(*older_than(after, AuditEntry.at, AuditEntry.id))
    return session.scalars(wanted.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit)).all()


def _stands_twice(nodes: Select[UUID]) -> ColumnElement[bool]:
    other = aliased(AuditEntry)
    return exists().where(
        AuditEntry.action.in_(TOLD_TO_BOTH),
        other.customer_id.in_(nodes),
        other.at == AuditEntry.at,
        other.action == AuditEntry.action,
        other.detail["merge_id"].as_string() == AuditEntry.detail["merge_id"].as_string(),
        other.id > AuditEntry.id,
    )
