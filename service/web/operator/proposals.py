"""Routes for operators who decide which probable duplicates are one person."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response

from service.audit.models import Action
from service.audit.record import record
from service.crypto.keystore import DataKey
from service.lists import Cursor
from service.merging.decide import accept, list_proposals, open_note, reject, write_note
from service.merging.join import Cause
from service.merging.models import Proposal, ProposalStatus, Rule
from service.merging.reasons import Reason, words_of
from service.web.context import actor, now, service
from service.web.operation import answer, operation
from service.web.operator.models import AcceptedOut, DecideIn, ProposalsOut, ProposalsQuery, RejectedOut
from service.web.pages import page

bp = Blueprint("operator_proposals", __name__)


@bp.get("/proposals")
@operation({200: ProposalsOut}, query=ProposalsQuery)
def get_proposals(query: ProposalsQuery) -> Response:
    """List probable duplicates, newest first, each with why in words. Each customer named sees that you looked."""
    with service().db.write() as session:
        status = ProposalStatus(query.status)
        rows = list_proposals(session, status=status, after=query.cursor, limit=query.limit + 1)
        named = sorted({end for row in rows[: query.limit] for end in (row.a_id, row.b_id)})
        for customer_id in named:
            record(session, Action.PROPOSALS_READ, customer_id, actor=actor(), now=now(), why=query.why)
        keys = service().keystore.find_many(named)
        items = [_describe(row, keys) for row in rows]
    return answer(page(items, [Cursor(row.created_at, row.id) for row in rows], query.limit))


@bp.post("/proposals/<uuid:proposal_id>/accept")
@operation({200: AcceptedOut}, body=DecideIn, problems=(404, 409))
def post_accept(proposal_id: UUID, body: DecideIn) -> Response:
    """Decide that the two are one person, and merge them. It can be undone like any merge."""
    cause = Cause(Rule.PROPOSAL, actor(), reason=body.reason)
    with service().db.write() as session:
        joined = accept(session, service().keystore, proposal_id, cause=cause, rules=service().rules, now=now())
    accepted = {"proposal_id": proposal_id, "status": "accepted"}
    return answer(accepted | {"merge_id": joined.merge_id, "customer_id": joined.customer_id})


@bp.post("/proposals/<uuid:proposal_id>/reject")
@operation({200: RejectedOut}, body=DecideIn, problems=(404, 409))
def post_reject(proposal_id: UUID, body: DecideIn) -> Response:
    """Decide that the two are not one person: from now on nothing but a person joins them."""
    with service().db.write() as session:
        rejected = reject(session, proposal_id, actor=actor(), now=now())
        if body.reason is not None:
            write_note(service().keystore, rejected, body.reason)
    return answer({"proposal_id": proposal_id, "status": rejected.status})


def _describe(row: Proposal, keys: dict[UUID, DataKey]) -> dict[str, Any]:
    return {
        "proposal_id": row.id,
        "customer_ids": [row.a_id, row.b_id],
        "why": words_of(row.reasons),
        "reasons": [reason for reason in row.reasons if reason["code"] != Reason.NOTE],
        "score": row.score,
        "decider": row.decider,
        "status": row.status,
        "created_at": row.created_at,
        "decided_at": row.decided_at,
        "decided_by": row.decided_by,
        "merge_id": row.merge_id,
        "note": open_note(keys, row),
    }
