"""Undo a merge: exactly what it did, and a do-not-link so that nothing but a person does it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.crypto.keystore import KeyStore
from service.customers.models import Customer
from service.errors import Conflict, NotFound
from service.merging.consents import settle_cards
from service.merging.do_not_link import keep_apart
from service.merging.graph import active_edges, component_of, components, settle
from service.merging.join import seal_reason
from service.merging.limits import settle_limits
from service.merging.lock import lock_identities
from service.merging.models import Merge
from service.merging.rules import Rules


@dataclass(frozen=True)
class Undone:
    """Who answers for the two ends now; `still_connected` when other edges still join them."""

    merge_id: UUID
    customer_ids: tuple[UUID, UUID]
    still_connected: bool


def undo(
    session: Session,
    keystore: KeyStore,
    merge_id: UUID,
    *,
    actor: Actor,
    reason: str | None,
    rules: Rules,
    now: datetime,
) -> Undone:
    """Take an edge back, and what it demoted; `Conflict` when that was done before."""
    lock_identities(session)
    edge = _find(session, merge_id)
    nodes = component_of(session, edge.a_id)
    if any(node.erased_at for node in nodes):
        raise Conflict("the customer was erased: there is nothing left to separate", code="erased")
    now = max(now, edge.created_at)  # no edge ends before it began, whatever the clocks say
    edge.undone_at, edge.undone_by_kind, edge.undone_by_id = now, actor.kind.value, actor.id
    edge.undo_reason_sealed = seal_reason(keystore, (edge.a_id, edge.b_id), reason)
    session.flush()
    of = _separate(session, nodes)
    parts = [[node for node in of if of[node] == answering] for answering in sorted(set(of.values()))]
    settle_limits(session, keystore, parts, limits=rules.limits)
    session.flush()
    for answering in set(of.values()):
        settle_cards(session, answering, now)
    for a, b in [(edge.a_id, edge.b_id), *_lifted(edge)]:
        keep_apart(session, a, b, actor=actor, now=now)
    connected = of[edge.a_id] == of[edge.b_id]
    _tell(session, edge, still_connected=connected, actor=actor, now=now)
    return Undone(edge.id, (of[edge.a_id], of[edge.b_id]), connected)


def _find(session: Session, merge_id: UUID) -> Merge:
    edge = session.get(Merge, merge_id, populate_existing=True)
    if edge is None:
        raise NotFound("there is no such merge")
    if edge.undone_at is not None:
        raise Conflict("this merge was undone before", code="already_undone")
    return edge


def _separate(session: Session, nodes: Sequence[Customer]) -> dict[UUID, UUID]:
    """Let each component that the edges leave have its own answering node; return it by node."""
    known = {node.id: node for node in nodes}
    canonical_of: dict[UUID, UUID] = {}
    for part in components(known, active_edges(session, known)):
        canonical = settle(session, [known[ident] for ident in part])
        canonical_of |= dict.fromkeys(part, canonical)
    return canonical_of


def _lifted(edge: Merge) -> list[tuple[UUID, UUID]]:
    return [(UUID(a), UUID(b)) for a, b in edge.evidence.get("lifted", ())]


def _tell(session: Session, edge: Merge, *, still_connected: bool, actor: Actor, now: datetime) -> None:
    """Tell both customers, so that the history of each says it."""
    for ident, other in ((edge.a_id, edge.b_id), (edge.b_id, edge.a_id)):
        told: dict[str, Any] = {
            "merge_id": edge.id,
            "other_id": other,
            "rule": edge.rule,
            "merged_at": edge.created_at.isoformat(),
        }
        record(
            session, Action.CUSTOMERS_UNMERGED, ident, actor=actor, now=now, still_connected=still_connected, **told
        )
    session.flush()
