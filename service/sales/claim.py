"""Claim a sale with the code on its receipt, now, later, or before the till has sent the sale."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.customers.component import nodes_of
from service.customers.lock import lock_customer
from service.db import word
from service.errors import Conflict, UnspokenError
from service.lists import Cursor
from service.merging.lock import lock_identities
from service.sales.link import CLAIM_WAITS, CLAIM_WINDOW, is_claimed_by, link_of, link_of_scan
from service.sales.models import Claim, Link, Sale
from service.sales.returned import returned_minor
from service.stores.models import Store, Terminal

MOST_A_DAY = 5
_DAY = timedelta(days=1)
_ANOTHERS = (word(Link.LINKED), word(Link.CONFLICT))

# The sale, where it was made, and what came back of it.
Where = tuple[Sale, Store, Terminal, int]


class ClaimedTooMany(UnspokenError):
    """A customer claims more receipts in a day than a person collects; after `wait` there is room for one more."""

    code = "claimed_too_many"

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"you have claimed {MOST_A_DAY} receipts within a day: claim this one tomorrow")
        self.wait = wait


class ClaimStatus(StrEnum):
    """Where a claim stands. `waiting`: the sale hasn't arrived yet; `void`: it came too late, or was another's."""

    CLAIMED = "claimed"
    WAITING = "waiting"
    VOID = "void"


@dataclass(frozen=True)
class Claimed:
    """What a claim came to, with the sale once it is there. `repeated`: it was this customer's before."""

    status: ClaimStatus
    where: Where | None
    repeated: bool


def claim_sale(session: Session, claim_hash: bytes, *, customer_id: UUID, actor: Actor, now: datetime) -> Claimed:
    """Give the sale with this claim code to a customer, once; `Conflict` or `ClaimedTooMany` when it can't be.

    `NotFound` when the customer was erased since they were recognised.
    """
    # One at a time: neither the count of the day nor the customer's component may change meanwhile.
    lock_identities(session)
    lock_customer(session, customer_id)
    where = _find_sale(session, claim_hash)
    claim = session.get(Claim, claim_hash)
    if claim is not None and not _has_lapsed(claim, where, now):
        return _repeat(session, claim, where, customer_id)
    if claim is not None:
        session.delete(claim)
        session.flush()
    if where is not None:
        _check_claimable(session, where[0], now)
    _check_day(session, customer_id, now)
    session.add(Claim(claim_hash=claim_hash, customer_id=customer_id, claimed_at=now))
    return _tell(session, where, customer_id=customer_id, actor=actor, now=now)


def list_claims(
    session: Session, customer_id: UUID | None, *, after: Cursor | None, limit: int
) -> Sequence[tuple[Claim, Sale | None, Store | None, bool]]:
    """Return who claimed which sale, newest first; a claim without one waits, or is void.

    The last tells whether a scan identified who made the sale: then it waits for nothing.
    """
    arrived = select(Sale.id).where(Sale.claim_hash == Claim.claim_hash, ~Sale.training)
    is_anothers = arrived.where(link_of_scan().in_(_ANOTHERS)).correlate(Claim).exists()
    order = (Claim.claimed_at.desc(), Claim.claim_hash.desc())
    query = (
        select(Claim, Sale, Store, is_anothers)
        .select_from(Claim)
        .outerjoin(Sale, is_claimed_by(Claim))
        .outerjoin(Store, Store.id == Sale.store_id)
    )
    if customer_id is not None:
        query = query.where(Claim.customer_id.in_(nodes_of(customer_id)))
    if after is not None:
        # A hash is longer than the id that begins it, so it comes after it.
        same = (Claim.claimed_at == after.at) & (Claim.claim_hash < after.id.bytes)
        query = query.where((Claim.claimed_at < after.at) | same)
    return session.execute(query.order_by(*order).limit(limit)).all()


def cursor_of(claim: Claim) -> Cursor:
    """Return where a page that ends with this claim stops."""
    return Cursor(claim.claimed_at, UUID(bytes=bytes(claim.claim_hash)[:16]))


def status_of(claim: Claim, sale: Sale | None, now: datetime, *, is_anothers: bool) -> ClaimStatus:
    """Return where a claim stands, given the sale that it holds, if any, and whether it is another's."""
    if sale is not None:
        return ClaimStatus.CLAIMED
    is_void = is_anothers or now > claim.claimed_at + CLAIM_WAITS
    return ClaimStatus.VOID if is_void else ClaimStatus.WAITING


def _find_sale(session: Session, claim_hash: bytes) -> Where | None:
    """Return the first sale to arrive with this code, locked, so that no till links it meanwhile."""
    return session.execute(
        select(Sale, Store, Terminal, returned_minor())
        .join(Store, Store.id == Sale.store_id)
        .join(Terminal, Terminal.id == Sale.terminal_id)
        .where(Sale.claim_hash == claim_hash)
        .order_by(Sale.training, Sale.received_at, Sale.id, Sale.terminal_id)
        .limit(1)
        .with_for_update(of=Sale)
    ).one_or_none()


def _has_lapsed(claim: Claim, where: Where | None, now: datetime) -> bool:
    """Return whether a claim waited in vain; then its code is free again."""
    return (now if where is None else where[0].received_at) > claim.claimed_at + CLAIM_WAITS


def _repeat(session: Session, claim: Claim, where: Where | None, customer_id: UUID) -> Claimed:
    own = select(Claim.claim_hash).where(Claim.customer_id.in_(nodes_of(customer_id)))
    if session.scalar(own.where(Claim.claim_hash == claim.claim_hash)) is None:
        raise _taken()
    if where is None:
        return Claimed(ClaimStatus.WAITING, None, repeated=True)
    held = select(Sale.id).join(Claim, is_claimed_by(Claim)).where(_is(where[0]))
    if session.scalar(held) is None:
        raise _not_claimable()
    return Claimed(ClaimStatus.CLAIMED, where, repeated=True)


def _check_claimable(session: Session, sale: Sale, now: datetime) -> None:
    if sale.training:
        raise Conflict("the receipt was made for practice: there is nothing to claim", code="not_claimable")
    if now > sale.received_at + CLAIM_WINDOW:
        raise Conflict("a receipt can be claimed for 30 days, and they are over", code="too_late")
    if session.scalar(select(link_of()).where(_is(sale))) not in (Link.UNIDENTIFIED, Link.REFUSED):
        raise _not_claimable()


def _check_day(session: Session, customer_id: UUID, now: datetime) -> None:
    own = select(Claim.claimed_at).where(Claim.customer_id.in_(nodes_of(customer_id)), Claim.claimed_at > now - _DAY)
    fifth = session.scalar(own.order_by(Claim.claimed_at.desc()).offset(MOST_A_DAY - 1).limit(1))
    if fifth is not None:
        raise ClaimedTooMany(fifth + _DAY - now)


def _tell(session: Session, where: Where | None, *, customer_id: UUID, actor: Actor, now: datetime) -> Claimed:
    status = ClaimStatus.WAITING if where is None else ClaimStatus.CLAIMED
    sale_id = None if where is None else where[0].id
    record(session, Action.SALE_CLAIMED, customer_id, actor=actor, now=now, status=status.value, sale_id=sale_id)
    return Claimed(status, where, repeated=False)


def _is(sale: Sale) -> ColumnElement[bool]:
    return (Sale.id == sale.id) & (Sale.terminal_id == sale.terminal_id)


def _taken() -> Conflict:
    return Conflict("this receipt was claimed before, by somebody else", code="already_claimed")


def _not_claimable() -> Conflict:
    return Conflict("this receipt belongs to whoever was scanned for it", code="not_claimable")
