"""See where a customer's card is open, and end that: one session, all but one's own, or every one."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor, ActorKind
from service.audit.record import record
from service.cards.manage import put_away
from service.cards.models import Card
from service.customers.component import has_proved, nodes_of
from service.errors import NotFound
from service.sessions.hold import hold_sessions
from service.sessions.models import Handoff, SessionKind, ShopperSession
from service.sessions.recognise import ShopperIdentity, no_session


def list_sessions(session: Session, customer_id: UUID, now: datetime) -> list[tuple[ShopperSession, Card | None]]:
    """Return a customer's live sessions, each with its live card, newest first; one that is pending does nothing."""
    carried = and_(Card.session_id == ShopperSession.id, Card.revoked_at.is_(None))
    found = select(ShopperSession, Card).outerjoin(Card, carried).where(*_shown_of(customer_id, now))
    rows = session.execute(found.order_by(ShopperSession.created_at.desc(), ShopperSession.id))
    return [(row, card) for row, card in rows]


def end_session(session: Session, shopper: ShopperIdentity, session_id: UUID, now: datetime) -> None:
    """End one of the shopper's sessions with its card, their own or another; `NotFound` when it isn't theirs."""
    both = ShopperSession.id.in_((shopper.session_id, session_id)), *_shown_of(shopper.customer_id, now)
    locked = select(ShopperSession).where(*both).order_by(ShopperSession.id).with_for_update(of=ShopperSession)
    live = {row.id: row for row in session.scalars(locked)}
    if shopper.session_id not in live:
        raise no_session()
    if session_id not in live:
        raise NotFound("there is no such session of yours")
    put_away(session, live[session_id], now)
    if session_id != shopper.session_id:
        _record(session, shopper, Counter([live[session_id].customer_id]), now)


def end_others(session: Session, shopper: ShopperIdentity, now: datetime) -> int:
    """End every session of the shopper's but this one, with cards and handoffs; return how many there were."""
    ended = put_away_all(session, shopper.customer_id, now, but=shopper.session_id)
    own = ShopperSession.id == shopper.session_id, *_live_of(shopper.customer_id, now)
    if session.scalar(select(ShopperSession.id).where(*own)) is None:  # somebody ended it at this very moment
        raise no_session()
    _record(session, shopper, ended, now)
    return ended.total()


def put_away_all(
    session: Session, customer_id: UUID, now: datetime, *, but: UUID | None = None, signed_in: bool = True
) -> Counter[UUID]:
    """End every session of a customer, but one if named, with their cards and every handoff that waits.

    Without `signed_in` those that sites opened. Return how many sessions of which node there were, without those
    that nobody had confirmed.
    """
    nodes = nodes_of(customer_id)
    hold_sessions(session, lambda table: table.customer_id.in_(nodes))
    which = [ShopperSession.customer_id.in_(nodes), ShopperSession.id.is_distinct_from(but)]
    ended = _put_away(session, which if signed_in else [*which, ShopperSession.site_id.is_not(None)], now)
    session.execute(delete(Handoff).where(Handoff.customer_id.in_(nodes)))
    return ended


def put_away_unproved(session: Session, customer_id: UUID, now: datetime) -> None:
    """End the signed-in sessions, with their cards, of a customer who has no contact any more to sign in with.

    Who proved a contact and lost it, to its new owner say, stays in their own file. But nobody else's joins it under
    such a session: it would open that file, too, for who has proved nothing of it.
    """
    nodes = nodes_of(customer_id)
    which = [ShopperSession.customer_id.in_(nodes), ShopperSession.site_id.is_(None)]
    if session.scalar(select(ShopperSession.id).where(*which).limit(1)) is None:  # mostly
        return
    if not has_proved(session, customer_id):
        hold_sessions(session, lambda table: table.customer_id.in_(nodes))
        _put_away(session, which, now)


def _put_away(session: Session, which: Sequence[ColumnElement[bool]], now: datetime) -> Counter[UUID]:
    ending = update(ShopperSession).where(*which, *_is_live(now)).values(ended_at=now)
    ended = session.execute(ending.returning(ShopperSession.customer_id, ShopperSession.kind)).all()
    carried = Card.session_id.in_(select(ShopperSession.id).where(*which)), Card.revoked_at.is_(None)
    session.execute(update(Card).where(*carried).values(revoked_at=now))
    return Counter(node_id for node_id, kind in ended if kind != SessionKind.PENDING)


def _is_live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return ShopperSession.ended_at.is_(None), ShopperSession.expires_at > now


def _live_of(customer_id: UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return ShopperSession.customer_id.in_(nodes_of(customer_id)), *_is_live(now)


def _shown_of(customer_id: UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return *_live_of(customer_id, now), ShopperSession.kind != SessionKind.PENDING


def _record(session: Session, shopper: ShopperIdentity, ended: Counter[UUID], now: datetime) -> None:
    """Write down in the history of each node how many of its sessions ended."""
    actor = Actor(ActorKind.SHOPPER, shopper.session_id)
    for node_id, count in sorted(ended.items()):
        record(session, Action.SIGNED_OUT, node_id, actor=actor, now=now, sessions=count)
