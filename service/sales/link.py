"""How a sale is linked: one SQL expression, so that a late scan settles its sales without a write."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import aliased

from service.codes.refusals import Refusal
from service.db import Duration, UtcDateTime
from service.sales.models import Link, Sale
from service.scans.models import Outcome, Scan

# A customer may be scanned before, during or after the basket, on any till of the store.
LINK_WINDOW = timedelta(hours=4)


def link_of(sale: Any = Sale) -> ColumnElement[str]:
    """Return the `Link` of the `Sale` in scope, or of bound parameters with a sale's attributes."""
    named = aliased(Scan)
    state = case(
        (named.training != sale.training, Link.REFUSED.value),
        (named.reason == Refusal.ALREADY_USED.value, Link.CONFLICT.value),
        (named.outcome != Outcome.IDENTIFIED.value, Link.REFUSED.value),
        (_are_near(sale, named), Link.LINKED.value),
        else_=Link.REFUSED.value,
    )
    # Ids are unique within a terminal only: the sale's own till comes first, so that no other can take its place.
    own_first = case((named.terminal_id == sale.terminal_id, 0), else_=1)
    found = select(state).where(named.id == sale.scan_id, named.store_id == sale.store_id)
    first = found.order_by(own_first, named.received_at).limit(1).correlate(Sale).scalar_subquery()
    pending = func.coalesce(first, literal(Link.PENDING.value))
    return case((sale.scan_id.is_(None), Link.UNIDENTIFIED.value), else_=pending)


def is_linked_to(scan: type[Scan]) -> ColumnElement[bool]:
    """Return whether the `Sale` in scope is linked to the scan in scope: the join from a customer's scans."""
    rival = aliased(Scan)
    own_rival = select(rival.id).where(
        rival.id == Sale.scan_id, rival.terminal_id == Sale.terminal_id, scan.terminal_id != Sale.terminal_id
    )
    return and_(
        scan.id == Sale.scan_id,
        scan.store_id == Sale.store_id,
        scan.training == Sale.training,
        scan.outcome == Outcome.IDENTIFIED.value,
        _are_near(Sale, scan),
        ~own_rival.exists(),
    )


def _are_near(sale: Any, scan: Any) -> ColumnElement[bool]:
    """Near by the till's clock, or by ours: a till that was offline sends both at once, hours later."""
    return or_(_within(sale.occurred_at, scan.scanned_at), _within(sale.received_at, scan.received_at))


def _within(moment: Any, other: Any) -> ColumnElement[bool]:
    add = other.op("+", return_type=UtcDateTime())
    subtract = other.op("-", return_type=UtcDateTime())
    span = literal(LINK_WINDOW, Duration())
    return and_(moment >= subtract(span), moment <= add(span))
