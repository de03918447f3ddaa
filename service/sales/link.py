"""How a sale is linked: one SQL expression, so that a late scan settles its sales without a write."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import aliased

from service.codes.refusals import Refusal
from service.db import Duration, UtcDateTime, word
from service.sales.models import Link, Sale
from service.scans.models import Outcome, Scan

# A customer may be scanned before, during or after the basket, on any till of the store.
LINK_WINDOW = timedelta(hours=4)


def link_of(sale: Any = Sale) -> ColumnElement[str]:
    """Return the `Link` of the `Sale` in scope, or of bound parameters with a sale's attributes."""
    own, other = aliased(Scan), aliased(Scan)
    # Ids are unique within a terminal only: the sale's own till comes first, so that no other can take its place.
    of_own = _state(sale, own).where(own.terminal_id == sale.terminal_id)
    of_other = _state(sale, other).order_by(other.received_at, other.terminal_id).limit(1)
    states = [state.correlate(Sale).scalar_subquery() for state in (of_own, of_other)]
    pending = func.coalesce(*states, word(Link.PENDING))
    return case((sale.scan_id.is_(None), word(Link.UNIDENTIFIED)), else_=pending)


def is_linked_to(scan: type[Scan]) -> ColumnElement[bool]:
    """Return whether the `Sale` in scope is linked to the scan in scope: the join from a customer's scans."""
    return and_(
        scan.id == Sale.scan_id,
        scan.store_id == Sale.store_id,
        scan.training == Sale.training,
        scan.outcome == word(Outcome.IDENTIFIED),
        _are_near(Sale, scan),
        or_(scan.terminal_id == Sale.terminal_id, ~_has_rival(scan)),
    )


def _state(sale: Any, named: type[Scan]) -> Select[tuple[str]]:
    state = case(
        (named.training != sale.training, word(Link.REFUSED)),
        (named.reason == word(Refusal.ALREADY_USED), word(Link.CONFLICT)),
        (named.outcome != word(Outcome.IDENTIFIED), word(Link.REFUSED)),
        (_are_near(sale, named), word(Link.LINKED)),
        else_=word(Link.REFUSED),
    )
    return select(state).where(named.id == sale.scan_id, named.store_id == sale.store_id)


def _has_rival(scan: type[Scan]) -> ColumnElement[bool]:
    """Return whether another till's scan of the same id comes before this one: the same order as in `link_of`."""
    rival = aliased(Scan)
    earlier = or_(
        rival.terminal_id == Sale.terminal_id,
        rival.received_at < scan.received_at,
        (rival.received_at == scan.received_at) & (rival.terminal_id < scan.terminal_id),
    )
    return select(rival.id).where(rival.id == scan.id, rival.store_id == scan.store_id, earlier).exists()


def _are_near(sale: Any, scan: Any) -> ColumnElement[bool]:
    """Near by the till's clock, or by ours: a till that was offline sends both at once, hours later."""
    return or_(_within(sale.occurred_at, scan.scanned_at), _within(sale.received_at, scan.received_at))


def _within(moment: Any, other: Any) -> ColumnElement[bool]:
    add = other.op("+", return_type=UtcDateTime())
    subtract = other.op("-", return_type=UtcDateTime())
    span = literal(LINK_WINDOW, Duration())
    return and_(moment >= subtract(span), moment <= add(span))
