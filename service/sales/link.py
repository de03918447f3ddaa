"""How a sale is linked: one SQL expression, so that a late scan or an early claim settles its sales without a write.

A claim holds while no scan that the sale names identifies anyone, is awaited or is in conflict. Once it holds,
scans that arrive later change nothing: the first to stand keeps the sale.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, literal, or_, select, tuple_, union
from sqlalchemy.orm import aliased

from service.codes.refusals import Refusal
from service.db import Duration, UtcDateTime, word
from service.sales.models import Claim, Link, Sale
from service.scans.models import Outcome, Scan

# A customer may be scanned before, during or after the basket, on any till of the store.
LINK_WINDOW = timedelta(hours=4)
# A claim may come this long before the till's upload, and this long after it.
CLAIM_WAITS = timedelta(hours=72)
CLAIM_WINDOW = timedelta(days=30)

_OPEN = (word(Link.UNIDENTIFIED), word(Link.REFUSED))


def link_of(sale: Any = Sale) -> ColumnElement[str]:
    """Return the `Link` of the `Sale` in scope, or of bound parameters with a sale's attributes."""
    claim = aliased(Claim)
    holds = select(claim.claim_hash).where(_may_hold(claim, sale)).correlate(Sale).exists()
    of_scan = link_of_scan(sale)
    claimed = and_(sale.claim_hash.is_not(None), of_scan.in_(_OPEN), holds)
    return case((claimed, word(Link.LINKED)), else_=of_scan)


def link_of_scan(sale: Any = Sale, *, claimable: bool = True) -> ColumnElement[str]:
    """Return what the scan alone makes of a sale; `claimable` is whether the sale may have a claim code."""
    own, other = aliased(Scan), aliased(Scan)
    # Ids are unique within a terminal only: the sale's own till comes first, so that no other can take its place.
    of_own = _state(sale, own, claimable=claimable).where(own.terminal_id == sale.terminal_id)
    of_other = _state(sale, other, claimable=claimable).order_by(other.received_at, other.terminal_id).limit(1)
    states = [state.correlate(Sale).scalar_subquery() for state in (of_own, of_other)]
    pending = func.coalesce(*states, word(Link.PENDING))
    return case((sale.scan_id.is_(None), word(Link.UNIDENTIFIED)), else_=pending)


def is_linked_to(scan: type[Scan]) -> ColumnElement[bool]:
    """Return whether the `Sale` in scope is linked to the scan in scope: the join from a customer's scans."""
    return and_(
        scan.id == Sale.scan_id,
        # Said so that SQLite, which keeps no statistics, never goes through all sales of the store instead.
        (scan.store_id == Sale.store_id).is_(True),
        scan.training == Sale.training,
        scan.outcome == word(Outcome.IDENTIFIED),
        _are_near(Sale, scan),
        or_(scan.terminal_id == Sale.terminal_id, ~_has_rival(scan)),
        _counts(Sale, scan),
    )


def is_claimed_by(claim: type[Claim]) -> ColumnElement[bool]:
    """Return whether the `Sale` in scope is linked by the claim in scope: the join from a customer's claims."""
    return and_(_may_hold(claim, Sale), link_of_scan(Sale).in_(_OPEN))


def linked_keys(nodes: Select[UUID]) -> Subquery:
    """Return id and terminal of every sale that is linked to the scans or claims of these nodes."""
    key = select(Sale.id, Sale.terminal_id)
    scanned = key.join(Scan, is_linked_to(Scan)).where(Scan.customer_id.in_(nodes))
    claimed = key.join(Claim, is_claimed_by(Claim)).where(Claim.customer_id.in_(nodes))
    return union(scanned, claimed).subquery()


def _may_hold(claim: type[Claim], sale: Any) -> ColumnElement[bool]:
    """Return whether a claim is for this sale: in time, and of the sales with one code the first to arrive."""
    first = aliased(Sale)
    arrived = tuple_(first.received_at, first.id, first.terminal_id)
    before = arrived < tuple_(sale.received_at, sale.id, sale.terminal_id)
    earlier = select(first.id).where(first.claim_hash == sale.claim_hash, ~first.training, before)
    return and_(
        claim.claim_hash == sale.claim_hash,
        ~sale.training,
        sale.received_at <= _add(claim.claimed_at, CLAIM_WAITS),
        ~earlier.correlate(Sale).exists(),
    )


def _state(sale: Any, named: type[Scan], *, claimable: bool) -> Select[tuple[str]]:
    state = case(
        (named.training != sale.training, word(Link.REFUSED)),
        (named.reason == word(Refusal.ALREADY_USED), word(Link.CONFLICT)),
        (named.outcome != word(Outcome.IDENTIFIED), word(Link.REFUSED)),
        (named.customer_id.is_(None), word(Link.UNIDENTIFIED)),  # whom it identified was erased since
        (_are_near(sale, named), word(Link.LINKED)),
        else_=word(Link.REFUSED),
    )
    found = select(state).where(named.id == sale.scan_id, named.store_id == sale.store_id)
    return found.where(_counts(sale, named)) if claimable else found


def _counts(sale: Any, named: type[Scan]) -> ColumnElement[bool]:
    """Return whether a scan came before a claim held: one holds once the sale and the first of its scans have come.

    When it was made needs no look: a sale that a scan has linked can't be claimed any more.
    """
    claim, known = aliased(Claim), aliased(Scan)
    held_before = select(claim.claim_hash).where(
        _may_hold(claim, sale),
        known.id == sale.scan_id,
        known.store_id == sale.store_id,
        known.received_at < named.received_at,
        sale.received_at < named.received_at,
    )
    return or_(sale.claim_hash.is_(None), ~held_before.correlate(Sale, named).exists())


def _has_rival(scan: type[Scan]) -> ColumnElement[bool]:
    """Return whether another till's scan of the same id comes before this one: the same order as in `link_of`."""
    rival = aliased(Scan)
    earlier = or_(
        rival.terminal_id == Sale.terminal_id,
        rival.received_at < scan.received_at,
        (rival.received_at == scan.received_at) & (rival.terminal_id < scan.terminal_id),
    )
    named = (rival.id == scan.id, rival.store_id == scan.store_id)
    return select(rival.id).where(*named, earlier, _counts(Sale, rival)).correlate(Sale, scan).exists()


def _are_near(sale: Any, scan: Any) -> ColumnElement[bool]:
    """Near by the till's clock, or by ours: a till that was offline sends both at once, hours later."""
    return or_(_within(sale.occurred_at, scan.scanned_at), _within(sale.received_at, scan.received_at))


def _within(moment: Any, other: Any) -> ColumnElement[bool]:
    return and_(moment >= _add(other, -LINK_WINDOW), moment <= _add(other, LINK_WINDOW))


def _add(moment: Any, span: timedelta) -> ColumnElement[Any]:
    add: ColumnElement[Any] = moment.op("+", return_type=UtcDateTime())(literal(span, Duration()))
    return add
