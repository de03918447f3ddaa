"""Consent of a customer, whatever nodes they are made of, and what withdrawing it does to their cards."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from service.cards.models import Card
from service.consent.models import Consent, Purpose
from service.consent.weigh import Joined, weigh
from service.customers.component import nodes_of
from service.customers.models import Customer
from service.merging.models import Merge


def read_consents(session: Session, customer_id: UUID) -> dict[Purpose, Consent | None]:
    """Return for each purpose the statement that holds for the customer, or None when nobody asked them."""
    nodes = nodes_of(customer_id)
    said = list(session.scalars(select(Consent).where(Consent.customer_id.in_(nodes)).order_by(Consent.at)))
    joins = list(joins_of(session, customer_id))
    about = {purpose: [item for item in said if item.purpose == purpose] for purpose in Purpose}
    return {purpose: weigh(customer_id, about[purpose], joins) for purpose in Purpose}


def joins_of(session: Session, customer_id: UUID) -> Iterator[Joined]:
    """Yield which nodes of a customer became one, and when."""
    active = Merge.a_id.in_(nodes_of(customer_id)), Merge.undone_at.is_(None)
    for row in session.execute(select(Merge.a_id, Merge.b_id, Merge.created_at).where(*active)):
        yield Joined(row.a_id, row.b_id, row.created_at)


def may_be_identified(session: Session, customer_id: UUID) -> bool:
    """Return whether a customer has not withdrawn that tills may know them."""
    nodes = nodes_of(customer_id)
    withdrawn = Consent.customer_id.in_(nodes), Consent.purpose == Purpose.IDENTIFICATION, ~Consent.granted
    if session.scalar(select(Consent.id).where(*withdrawn).limit(1)) is None:
        return True
    held = read_consents(session, customer_id)[Purpose.IDENTIFICATION]
    return held is None or held.granted


def freeze_cards(session: Session, customer_id: UUID, now: datetime) -> None:
    """Freeze every card of a customer, as if they had done it one by one. The caller holds the identity lock.

    Whoever is just making a card or giving one back is waited for, and whoever comes after sees what was withdrawn.
    """
    nodes = select(Customer.id).where(Customer.id.in_(nodes_of(customer_id)))
    session.execute(nodes.order_by(Customer.id).with_for_update())
    usable = (*_cards_of(customer_id), Card.frozen_at.is_(None))
    session.execute(update(Card).where(*usable).values(frozen_at=now))


def freeze_unless_identified(session: Session, customer_id: UUID, now: datetime) -> None:
    """After a merge, let a withdrawal of either side hold for the cards of both."""
    if not may_be_identified(session, customer_id):
        freeze_cards(session, customer_id, now)


def unfreeze_after_unmerge(session: Session, customer_id: UUID, frozen_at: datetime) -> None:
    """After an unmerge, give back the cards that the merge at that moment froze, where their owner may have them."""
    if may_be_identified(session, customer_id):
        by_merge = (*_cards_of(customer_id), Card.frozen_at == frozen_at)
        session.execute(update(Card).where(*by_merge).values(frozen_at=None))


def _cards_of(customer_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return Card.customer_id.in_(nodes_of(customer_id)), Card.revoked_at.is_(None)
