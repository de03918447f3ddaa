"""Write a line of the audit."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from service.audit.models import Action, Actor, AuditEntry


def record(
    session: Session,
    action: Action,
    customer_id: UUID | None,
    *,
    actor: Actor,
    now: datetime,
    why: str | None = None,
    **detail: Any,
) -> AuditEntry:
    """Add one line to the audit. `detail` takes ids, closed words and counts: nothing of a person."""
    entry = AuditEntry(
        id=uuid4(),
        at=now,
        customer_id=customer_id,
        action=action.value,
        actor_kind=actor.kind.value,
        actor_id=actor.id,
        why=why,
        detail={name: str(value) if isinstance(value, UUID) else value for name, value in detail.items()},
    )
    session.add(entry)
    return entry
