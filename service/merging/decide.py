"""Read and decide proposals: accepting merges, rejecting keeps apart."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.crypto.keystore import DataKey, KeyStore
from service.errors import Conflict, NotFound
from service.lists import Cursor, older_than
from service.merging.do_not_link import keep_apart
from service.merging.join import Cause, Joined, Outcome, join, open_reason, seal_reason
from service.merging.lock import lock_identities
from service.merging.models import Decider, Proposal, ProposalStatus
from service.merging.reasons import Reason
from service.merging.rules import Rules


def list_proposals(
    session: Session, *, status: ProposalStatus, after: Cursor | None = None, limit: int
) -> Sequence[Proposal]:
    """Return proposals of a status, newest first; those `after` a cursor."""
    wanted = select(Proposal).where(Proposal.status == status.value)
    wanted = wanted.where(*older_than(after, Proposal.created_at, Proposal.id))
    return session.scalars(wanted.order_by(Proposal.created_at.desc(), Proposal.id.desc()).limit(limit)).all()


def accept(
    session: Session, keystore: KeyStore, proposal_id: UUID, *, cause: Cause, rules: Rules, now: datetime
) -> Joined:
    """Decide that the two are one: `cause` is `Rule.PROPOSAL` by an operator, `Rule.OWNER_CONFIRMED` by the owner.

    Where the owner's word isn't enough (it can't be for two CRM ids), the proposal stays open for an operator.
    """
    lock_identities(session)
    proposal = _get_open(session, proposal_id)
    evidence = {**cause.evidence, "proposal_id": proposal.id}
    because = Cause(cause.rule, cause.actor, evidence, cause.reason)
    joined = join(session, keystore, proposal.a_id, proposal.b_id, cause=because, rules=rules, now=now)
    if joined.outcome is Outcome.FORBIDDEN:
        raise Conflict(f"the two can't be joined: {joined.why}")
    if joined.outcome is Outcome.PROPOSED:
        proposal.decider = Decider.OPERATOR.value
    else:
        _decide(proposal, ProposalStatus.ACCEPTED, actor=cause.actor, now=now)
        proposal.merge_id = joined.merge_id
    session.flush()
    return joined


def reject(session: Session, proposal_id: UUID, *, actor: Actor, now: datetime) -> Proposal:
    """Decide that the two are not one: a do-not-link keeps them apart from now on."""
    lock_identities(session)
    proposal = _get_open(session, proposal_id)
    _decide(proposal, ProposalStatus.REJECTED, actor=actor, now=now)
    keep_apart(session, proposal.a_id, proposal.b_id, actor=actor, now=now)
    for ident in (proposal.a_id, proposal.b_id):
        record(session, Action.DUPLICATE_REJECTED, ident, actor=actor, now=now, proposal_id=proposal.id)
    session.flush()
    return proposal


def write_note(keystore: KeyStore, proposal: Proposal, words: str) -> None:
    """Keep what a person said to a decision, sealed under the data keys of both customers."""
    sealed = base64.b64encode(seal_reason(keystore, (proposal.a_id, proposal.b_id), words) or b"").decode()
    proposal.reasons = [*proposal.reasons, {"code": Reason.NOTE, "sealed": sealed}]


def open_note(keys: Mapping[UUID, DataKey], proposal: Proposal) -> str | None:
    """Return what a person said to a decision, if anything."""
    sealed = next((base64.b64decode(item["sealed"]) for item in proposal.reasons if "sealed" in item), None)
    return open_reason(keys, (proposal.a_id, proposal.b_id), sealed)


def _get_open(session: Session, proposal_id: UUID) -> Proposal:
    found = session.get(Proposal, proposal_id, populate_existing=True)
    if found is None:
        raise NotFound("there is no such proposal")
    if found.status != ProposalStatus.OPEN:
        raise Conflict(f"this proposal is decided: it is {found.status}", code="already_decided")
    return found


def _decide(proposal: Proposal, status: ProposalStatus, *, actor: Actor, now: datetime) -> None:
    proposal.status, proposal.decided_at, proposal.decided_by = status.value, now, actor.id
