"""One customer is a component of nodes: who answers for it, which nodes belong to it, and who may read it."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, select
from sqlalchemy.orm import Session, aliased

from service.customers.models import CONTACTS, Customer, Identifier, IdentifierKind
from service.errors import NotFound


def nodes_of(customer_id: UUID | ColumnElement[UUID]) -> Select[UUID]:
    """Return the ids of every node that is one customer with this node, as a subquery for `IN`."""
    asked = aliased(Customer)
    canonical = select(asked.canonical_id).where(asked.id == customer_id).scalar_subquery()
    return select(Customer.id).where(Customer.canonical_id == canonical)


def live_of(customer_id: UUID, *kinds: IdentifierKind) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of a live identifier, of one of these kinds, that any node of a customer holds."""
    of_kind = Identifier.kind.in_([kind.value for kind in kinds])
    return Identifier.customer_id.in_(nodes_of(customer_id)), of_kind, Identifier.ended_at.is_(None)


def proved_contacts_of(customer_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of a customer's live contacts that their owner has proved, trusted still or not."""
    return (*live_of(customer_id, *CONTACTS), Identifier.owner_proved_at.is_not(None))


def has_proved(session: Session, customer_id: UUID) -> bool:
    """Return whether the owner of a customer's file has proved a contact themselves that they still have."""
    return session.scalar(select(Identifier.id).where(*proved_contacts_of(customer_id)).limit(1)) is not None


def canonical_of(session: Session, customer_id: UUID) -> UUID:
    """Return the id of the node that answers for this one; `NotFound` when there is no such node."""
    canonical = session.scalar(select(Customer.canonical_id).where(Customer.id == customer_id))
    if canonical is None:
        raise NotFound("there is no such customer")
    return canonical


def holds_account(canonical_id: SQLColumnExpression[UUID], site_id: UUID) -> ColumnElement[bool]:
    """Return whether any node of the customer whom this id answers for holds a live account of the site."""
    node, account = aliased(Customer), aliased(Identifier)
    held = (
        node.canonical_id == canonical_id,
        account.kind == IdentifierKind.ACCOUNT,
        account.issuer == site_id,
        account.ended_at.is_(None),
    )
    return select(account.id).join(node, node.id == account.customer_id).where(*held).exists()


def find_for_site(session: Session, *, site_id: UUID, customer_id: UUID) -> Customer:
    """Return the canonical node of a customer who holds an account of the site; `NotFound` for anyone else."""
    asked = aliased(Customer)
    answers = select(Customer).join(asked, asked.canonical_id == Customer.id).where(asked.id == customer_id)
    theirs = answers.where(Customer.erased_at.is_(None), holds_account(Customer.id, site_id))
    customer = session.scalars(theirs).one_or_none()
    if customer is None:
        raise NotFound("there is no such customer with an account of your site")
    return customer
