"""What a site itself gave to a customer: it may read that back, and take it back."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from service.customers.component import nodes_of
from service.customers.models import Identifier, IdentifierKind, Trust
from service.errors import Conflict, NotFound


def find_given(
    session: Session, identifier_id: UUID, *, site_id: UUID, may_vouch: Collection[str], customer_id: UUID
) -> Identifier:
    """Return a live identifier that a site may take back from a customer, since it gave it; `NotFound` for any other.

    `Conflict` when its owner has proved it since: where the site may not vouch for the kind, nobody else can have.
    """
    wanted = select(Identifier).where(Identifier.id == identifier_id, *_given_by(site_id, customer_id))
    found = session.scalars(wanted).one_or_none()
    if found is None or found.kind == IdentifierKind.ACCOUNT:
        raise NotFound("your site has given this customer no such identifier")
    proved = found.owner_proved_at is not None or found.trust == Trust.VERIFIED
    if proved and found.kind not in may_vouch:
        raise Conflict("its owner has proved it since: only they can remove it", code="proved_by_owner")
    return found


def list_given(session: Session, *, site_id: UUID, customer_id: UUID) -> list[Identifier]:
    """Return the live identifiers that a site itself gave to a customer, and its accounts, oldest first."""
    wanted = select(Identifier).where(*_given_by(site_id, customer_id))
    return list(session.scalars(wanted.order_by(Identifier.created_at, Identifier.id)))


def _given_by(site_id: UUID, customer_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of what a site gave to any node of a customer, and still stands."""
    return (
        Identifier.customer_id.in_(nodes_of(customer_id)),
        or_(Identifier.source_id == site_id, Identifier.issuer == site_id),
        Identifier.ended_at.is_(None),
    )
