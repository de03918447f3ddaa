"""Unname: take the ids of erased people out of what the files of other customers say."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.audit.models import ERASED_SESSION, LOOKS, AuditEntry
from service.customers.models import Customer
from service.lists import in_parts
from service.merging.models import DoNotLink, Merge, Proposal
from service.privacy.blank import blank
from service.sessions.models import ShopperSession


def unname(session: Session, nodes: Sequence[UUID]) -> None:
    """Blank the ids of the nodes and of their sessions in the histories of those whom they were ever compared with.

    Merges, proposals and do-not-links lead to these, so it goes before they are deleted. A shopper who took part is
    told as an erased session, so that what they did isn't read as the other customer's own doing.
    """
    gone = {str(node) for node in nodes}
    sessions = set(session.scalars(select(ShopperSession.id).where(ShopperSession.customer_id.in_(nodes))))
    changed: list[dict[str, Any]] = []
    for some in in_parts(_counterparts(session, nodes)):
        line = select(AuditEntry.id, AuditEntry.actor_id, AuditEntry.detail)
        history = line.where(AuditEntry.customer_id.in_(some), AuditEntry.action.not_in(LOOKS))
        for row in session.execute(history):
            actor_id = ERASED_SESSION if row.actor_id in sessions else row.actor_id
            told = {"actor_id": actor_id, "detail": blank(row.detail, gone)}
            if told != {"actor_id": row.actor_id, "detail": row.detail}:
                changed.append({"id": row.id, **told})
    if changed:
        session.execute(update(AuditEntry), changed)


def _counterparts(session: Session, nodes: Sequence[UUID]) -> list[UUID]:
    """Return every other customer, with all nodes, whom somebody compared or joined one of the nodes with."""
    found: set[UUID] = set()
    for table in (Merge, Proposal, DoNotLink):
        found |= set(session.scalars(select(table.b_id).where(table.a_id.in_(nodes))))
        found |= set(session.scalars(select(table.a_id).where(table.b_id.in_(nodes))))
    whole: set[UUID] = set()
    for some in in_parts(sorted(found)):
        answering = select(Customer.canonical_id).where(Customer.id.in_(some))
        whole |= set(session.scalars(select(Customer.id).where(Customer.canonical_id.in_(answering))))
    return sorted(whole - set(nodes))
