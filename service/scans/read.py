"""Read scans back: for the till that made them, for a site's customer, and for the shopper."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.cards.manage import freeze
from service.cards.models import Card, CardStatus
from service.customers.component import nodes_of
from service.customers.lock import lock_customer
from service.errors import NotFound
from service.lists import Cursor, older_than
from service.scans.models import Scan
from service.stores.models import Store, Terminal

Where = tuple[Scan, Store, Terminal]


def get_scan(session: Session, *, terminal_id: UUID, scan_id: UUID) -> Scan:
    """Return a scan of this till."""
    scan = session.get(Scan, (scan_id, terminal_id))
    if scan is None:
        raise NotFound("this till has made no such scan")
    return scan


def list_scans(session: Session, customer_id: UUID, *, after: Cursor | None, limit: int) -> Sequence[Where]:
    """Return a customer's scans, refused ones too, newest first, with where they were made."""
    own = Scan.customer_id.in_(nodes_of(customer_id))
    return session.execute(
        select(Scan, Store, Terminal)
        .join(Store, Store.id == Scan.store_id)
        .join(Terminal, Terminal.id == Scan.terminal_id)
        .where(own, ~Scan.training, *older_than(after, Scan.received_at, Scan.id))
        .order_by(Scan.received_at.desc(), Scan.id.desc())
        .limit(limit)
    ).all()


def flag_not_me(session: Session, customer_id: UUID, scan_id: UUID, now: datetime) -> Where:
    """Flag a scan that its customer says wasn't theirs, and freeze its card."""
    lock_customer(session, customer_id)
    found = session.execute(
        select(Scan, Store, Terminal)
        .join(Store, Store.id == Scan.store_id)
        .join(Terminal, Terminal.id == Scan.terminal_id)
        .where(Scan.id == scan_id, Scan.customer_id.in_(nodes_of(customer_id)), ~Scan.training)
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NotFound("there is no such scan of yours")
    scan, store, terminal = found
    scan.flagged_at = scan.flagged_at or now
    card = session.get_one(Card, scan.card_id, with_for_update=True)
    if card.status is not CardStatus.REVOKED:
        freeze(card, now)
    return scan, store, terminal
