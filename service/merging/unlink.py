"""Unlink an account, or an identifier, from a customer: from then on it leads to nobody."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.cards.manage import put_away
from service.customers.identifiers import end_identifier
from service.customers.models import Identifier, IdentifierKind
from service.merging.lock import lock_identities
from service.sessions.hold import hold_sessions
from service.sessions.models import Handoff, ShopperSession


def unlink(session: Session, identifier: Identifier, *, actor: Actor, now: datetime) -> None:
    """End an identifier; with an account, every session, card and handoff that its site opened for it."""
    lock_identities(session)
    end_identifier(identifier, now)
    told: dict[str, Any] = {"identifier_id": identifier.id, "kind": identifier.kind}
    record(session, Action.IDENTIFIER_UNLINKED, identifier.customer_id, actor=actor, now=now, **told)
    if identifier.kind == IdentifierKind.ACCOUNT:
        _close_sessions(session, identifier, now)


def _close_sessions(session: Session, account: Identifier, now: datetime) -> None:
    hold_sessions(
        session, lambda table: (table.customer_id == account.customer_id) & (table.site_id == account.issuer)
    )
    opened = ShopperSession.customer_id == account.customer_id, ShopperSession.site_id == account.issuer
    still_open = select(ShopperSession).where(*opened, ShopperSession.ended_at.is_(None))
    for one in session.scalars(still_open).all():
        put_away(session, one, now)
    waiting = Handoff.customer_id == account.customer_id, Handoff.site_id == account.issuer
    session.execute(delete(Handoff).where(*waiting))
