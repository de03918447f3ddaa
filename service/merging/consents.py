"""Consent of a customer, whatever nodes they are made of, and what withdrawing it does to their cards."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
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


def moment_after(session: Session, customer_id: UUID, now: datetime) -> datetime:
    """Return now, or when a customer last said something or was joined, if that is later.

    Clocks of two machines differ, and requests wait for each other: what comes later must read as later.
    """
    said = select(func.max(Consent.at)).where(Consent.customer_id.in_(nodes_of(customer_id)))
    last = session.scalar(said)
    return max(now, *(join.at for join in joins_of(session, customer_id)), last or now)


def may_be_identified(session: Session, customer_id: UUID) -> bool:
    """Return whether a customer has not withdrawn that tills may know them."""
    nodes = nodes_of(customer_id)
    withdrawn = Consent.customer_id.in_(nodes), Consent.purpose == Purpose.IDENTIFICATION, ~Consent.granted
    if session.scalar(select(Consent.id).where(*withdrawn).limit(1)) is None:
        return True
    held = read_consents(session, customer_id)[Purpose.IDENTIFICATION]
    return held is None or held.granted


def settle_cards(session: Session, customer_id: UUID, now: datetime) -> None:
    """Withhold the cards of a customer who lets no till know them, and give back those of one who does.

    Call it, under the identity lock, whenever that may have changed: by a word of theirs, a merge or an unmerge.
    Whoever is just making a card or giving one back is waited for, and whoever comes after sees what holds now.
    """
    nodes = select(Customer.id).where(Customer.id.in_(nodes_of(customer_id)))
    session.execute(nodes.order_by(Customer.id).with_for_update())
    theirs = Card.customer_id.in_(nodes_of(customer_id))
    if may_be_identified(session, customer_id):
        session.execute(update(Card).where(theirs, Card.withheld_at.is_not(None)).values(withheld_at=None))
    else:
        session.execute(update(Card).where(theirs, Card.withheld_at.is_(None)).values(withheld_at=now))
