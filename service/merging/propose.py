"""Propose that two customers are one, for a person to decide."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from service.audit.models import SYSTEM, Action
from service.audit.record import record
from service.merging.do_not_link import are_kept_apart
from service.merging.graph import component_of
from service.merging.models import Decider, Proposal, ProposalStatus

Reasons = list[dict[str, Any]]
_IS_OPEN = Proposal.status == ProposalStatus.OPEN.value


def propose(
    session: Session,
    a: UUID,
    b: UUID,
    *,
    reasons: Reasons,
    score: float | None = None,
    decider: Decider = Decider.OPERATOR,
    now: datetime,
) -> UUID | None:
    """Ask a person whether two customers are one; return the proposal, or the open one that asks it already.

    None when they are one, when a do-not-link stands between them, or when one was erased. For the owner to decide,
    `a` is the customer who proved the contact. The caller holds the identity lock, so nobody asks the same meanwhile.
    """
    left, right = component_of(session, a), component_of(session, b)
    ours, theirs = [node.id for node in left], [node.id for node in right]
    erased = any(node.erased_at for node in (*left, *right))
    if erased or left[0].canonical_id == right[0].canonical_id or are_kept_apart(session, ours, theirs):
        return None
    by_owner = decider is Decider.OWNER
    same = _between([a], [b]) if by_owner else or_(_between(ours, theirs), _between(theirs, ours))
    found = _find_open(session, same)
    if found is None:
        pair = (a, b) if by_owner else (min(a, b), max(a, b))
        return _add(session, pair, reasons=reasons, score=score, decider=decider, now=now)
    _ask_again(found, reasons, by_owner=by_owner)
    session.flush()
    return found.id


def mark_stale(session: Session, nodes: Collection[UUID], now: datetime) -> None:
    """End the open proposals within one component: what they ask is answered."""
    stale = {"status": ProposalStatus.STALE.value, "decided_at": now}
    session.execute(update(Proposal).where(_between(nodes, nodes), _IS_OPEN).values(stale))


def _ask_again(found: Proposal, reasons: Reasons, *, by_owner: bool) -> None:
    told = {(reason["code"], reason.get("kind")): reason for reason in (*found.reasons, *reasons)}
    found.reasons = list(told.values())
    if by_owner:
        found.decider = Decider.OWNER.value  # an operator's question that the owner can answer


def _add(
    session: Session,
    pair: tuple[UUID, UUID],
    *,
    reasons: Reasons,
    score: float | None,
    decider: Decider,
    now: datetime,
) -> UUID:
    (a, b), ident = pair, uuid4()
    words = {"decider": decider.value, "status": ProposalStatus.OPEN.value, "reasons": reasons, "score": score}
    session.add(Proposal(id=ident, a_id=a, b_id=b, created_at=now, **words))
    codes = [str(reason["code"]) for reason in reasons]
    # Both histories name the proposal and not the other one: whoever planted a contact must not learn who proved it.
    for one in pair:
        record(session, Action.DUPLICATE_PROPOSED, one, actor=SYSTEM, now=now, proposal_id=ident, reasons=codes)
    session.flush()
    return ident


def _find_open(session: Session, among: ColumnElement[bool]) -> Proposal | None:
    return session.scalars(select(Proposal).where(among, _IS_OPEN).order_by(Proposal.created_at, Proposal.id)).first()


def _between(ours: Collection[UUID], theirs: Collection[UUID]) -> ColumnElement[bool]:
    return and_(Proposal.a_id.in_(list(ours)), Proposal.b_id.in_(list(theirs)))
