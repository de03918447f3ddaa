"""Do-not-link: two customers whom only a person may join again."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.orm import Session

from service.audit.models import Actor, ActorKind
from service.db import insert_if_absent
from service.merging.models import DoNotLink


def keep_apart(session: Session, a: UUID, b: UUID, *, actor: Actor, now: datetime) -> None:
    """Forbid every automatic merge of the components that hold these two nodes. Safe to repeat."""
    low, high = sorted((a, b))
    by = {"actor_kind": actor.kind.value, "actor_id": actor.id}
    insert_if_absent(session, DoNotLink, a_id=low, b_id=high, created_at=now, **by)


def are_kept_apart(
    session: Session, left: Collection[UUID], right: Collection[UUID], *, by_staff: bool = False
) -> bool:
    """Return whether a do-not-link, or one that the brand's own people laid, stands between the two sides."""
    laid = select(DoNotLink.a_id).where(_between(left, right))
    if by_staff:
        laid = laid.where(DoNotLink.actor_kind != ActorKind.SHOPPER)
    return session.scalar(laid.limit(1)) is not None


def lift(session: Session, left: Collection[UUID], right: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Remove what keeps two sides apart; return the pairs."""
    gone = delete(DoNotLink).where(_between(left, right)).returning(DoNotLink.a_id, DoNotLink.b_id)
    return [(row.a_id, row.b_id) for row in session.execute(gone)]


def _between(left: Iterable[UUID], right: Iterable[UUID]) -> ColumnElement[bool]:
    ours, theirs = list(left), list(right)
    return or_(
        and_(DoNotLink.a_id.in_(ours), DoNotLink.b_id.in_(theirs)),
        and_(DoNotLink.a_id.in_(theirs), DoNotLink.b_id.in_(ours)),
    )
