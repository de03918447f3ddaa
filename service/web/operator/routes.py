"""Routes for the brand's operators: read a customer whole, join two, part them again."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response

from service.audit.models import Action, AuditEntry
from service.audit.read import list_audit
from service.audit.record import record
from service.crypto.keystore import DataKey, open_or_none
from service.customers.component import canonical_of, nodes_of
from service.customers.find import find_people
from service.customers.identifiers import VALUE_CONTEXT
from service.customers.models import NO_ISSUER, Customer, Identifier
from service.customers.traits import component_traits, open_traits
from service.errors import Conflict
from service.lists import Cursor
from service.merging.join import Cause, Outcome, join, open_reason
from service.merging.models import DoNotLink, Merge, Rule
from service.merging.read import File, read_file
from service.merging.undo import undo
from service.web.context import actor, now, service
from service.web.looking_up import normalised
from service.web.operation import answer, operation
from service.web.operator.models import (
    FileHistoryOut,
    FileOut,
    FoundPeopleOut,
    HistoryQuery,
    MergedOut,
    MergeIn,
    SoughtIn,
    UndoIn,
    UndoneOut,
)
from service.web.pages import page
from service.web.types import WhyQuery

bp = Blueprint("operator", __name__)


@bp.post("/customers/lookup")
@operation({200: FoundPeopleOut}, body=SoughtIn, problems=(404,))
def post_lookup(body: SoughtIn) -> Response:
    """Find who holds or claims an identifier: several may, and nobody is an empty list.

    The look is audited under each who is found, with who and why; the shopper sees it.
    """
    value = normalised(body.kind, body.value)
    with service().db.write() as session:
        found = find_people(
            session,
            service().keys.vault,
            body.kind,
            value,
            site_id=body.site_id,
            actor=actor(),
            why=body.reason,
            now=now(),
        )
    return answer({"items": [vars(one) for one in found]})


@bp.get("/customers/<uuid:customer_id>")
@operation({200: FileOut}, query=WhyQuery, problems=(404,))
def get_customer(customer_id: UUID, query: WhyQuery) -> Response:
    """Read all that is known of who a customer is: every node, identifier, merge and do-not-link.

    The look is audited with who and why; the shopper sees it.
    """
    with service().db.write() as session:
        file = read_file(session, customer_id)
        canonical = file.canonical
        record(session, Action.READ, canonical.id, actor=actor(), now=now(), why=query.why)
        traits = component_traits(session, service().keystore, customer_id)
        told = _describe(file) | {"traits": traits}
    return answer({"requested_id": customer_id, "absorbed": canonical.id != customer_id, **told})


@bp.get("/customers/<uuid:customer_id>/history")
@operation({200: FileHistoryOut}, query=HistoryQuery, problems=(404,))
def get_history(customer_id: UUID, query: HistoryQuery) -> Response:
    """List what was changed in a customer's file, newest first: who linked what, when, on what evidence."""
    with service().db.write() as session:
        canonical = canonical_of(session, customer_id)
        record(session, Action.HISTORY_READ, canonical, actor=actor(), now=now(), why=query.why)
        nodes = nodes_of(customer_id)
        rows = list_audit(session, nodes, looks=False, after=query.cursor, limit=query.limit + 1)
    cursors = [Cursor(row.at, row.id) for row in rows]
    return answer(page([_change(row) for row in rows], cursors, query.limit))


@bp.post("/customers/<uuid:customer_id>/merge")
@operation({200: MergedOut, 201: MergedOut}, body=MergeIn, problems=(404, 409))
def post_merge(customer_id: UUID, body: MergeIn) -> Response:
    """Make two customers one, by a person's decision: only an erasure stands against it.

    200 when they were one already. Undo it with the `merge_id`: nothing is rewritten by either.
    """
    cause = Cause(Rule.OPERATOR, actor(), reason=body.reason)
    with service().db.write() as session:
        joined = join(
            session,
            service().keystore,
            customer_id,
            body.other_id,
            cause=cause,
            rules=service().rules,
            now=now(),
        )
    if joined.outcome is Outcome.FORBIDDEN:
        raise Conflict(f"the two can't be joined: {joined.why}", code="erased")
    merged = {"merge_id": joined.merge_id, "customer_id": joined.customer_id}
    return answer(merged, 201 if joined.outcome is Outcome.MERGED else 200)


@bp.post("/merges/<uuid:merge_id>/undo")
@operation({200: UndoneOut}, body=UndoIn, problems=(404, 409))
def post_undo(merge_id: UUID, body: UndoIn) -> Response:
    """Take a merge back, with all that it changed, and forbid that the rules make it again."""
    with service().db.write() as session:
        undone = undo(
            session, service().keystore, merge_id, actor=actor(), reason=body.reason, rules=service().rules, now=now()
        )
    parted = {"merge_id": undone.merge_id, "customer_ids": undone.customer_ids}
    return answer(parted | {"still_connected": undone.still_connected})


def _describe(file: File) -> dict[str, Any]:
    ends = {node.id for node in file.nodes} | {end for edge in file.merges for end in (edge.a_id, edge.b_id)}
    keys = service().keystore.find_many(ends)
    return {
        "customer_id": file.canonical.id,
        "created_at": file.canonical.created_at,
        "erased_at": file.canonical.erased_at,
        "nodes": [_node(node, keys.get(node.id)) for node in file.nodes],
        "identifiers": [_held(row, keys.get(row.customer_id)) for row in file.identifiers],
        "merges": [_edge(edge, keys) for edge in file.merges],
        "do_not_links": [_apart(pair) for pair in file.do_not_links],
    }


def _node(node: Customer, key: DataKey | None) -> dict[str, Any]:
    return {
        "customer_id": node.id,
        "created_at": node.created_at,
        "verified_at": node.verified_at,
        "erased_at": node.erased_at,
        "traits": open_traits(key, node),
    }


def _held(row: Identifier, key: DataKey | None) -> dict[str, Any]:
    return {
        "identifier_id": row.id,
        "customer_id": row.customer_id,
        "kind": row.kind,
        "issuer": None if row.issuer == NO_ISSUER else row.issuer,
        "value": open_or_none(key, row.value_sealed, context=VALUE_CONTEXT),
        "trust": row.trust,
        "exclusive": row.exclusive,
        "source": row.source,
        "source_id": row.source_id,
        "since": row.created_at,
        "proved_at": row.proved_at,
        "ended_at": row.ended_at,
        "demoted_by": row.demoted_by,
    }


def _edge(edge: Merge, keys: dict[UUID, DataKey]) -> dict[str, Any]:
    return {
        "merge_id": edge.id,
        "customer_ids": [edge.a_id, edge.b_id],
        "rule": edge.rule,
        "evidence": edge.evidence,
        "by": edge.actor_kind,
        "by_id": edge.actor_id,
        "reason": open_reason(keys, (edge.a_id, edge.b_id), edge.reason_sealed),
        "at": edge.created_at,
        "undone_at": edge.undone_at,
        "undone_by": edge.undone_by_kind,
        "undone_by_id": edge.undone_by_id,
        "undo_reason": open_reason(keys, (edge.a_id, edge.b_id), edge.undo_reason_sealed),
    }


def _apart(pair: DoNotLink) -> dict[str, Any]:
    return {
        "customer_ids": [pair.a_id, pair.b_id],
        "by": pair.actor_kind,
        "by_id": pair.actor_id,
        "at": pair.created_at,
    }


def _change(row: AuditEntry) -> dict[str, Any]:
    return {
        "at": row.at,
        "what": row.action,
        "customer_id": row.customer_id,
        "by": row.actor_kind,
        "by_id": row.actor_id,
        "evidence": row.detail,
    }
