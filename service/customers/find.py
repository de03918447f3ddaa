"""Find the people behind a value: for a site those who hold an account with it, for the brand's own staff everybody.

Not everybody who writes a letter has an account.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.crypto.vault import Vault
from service.customers.component import holds_account
from service.customers.identifiers import STRONGEST_FIRST, live_with
from service.customers.models import NO_ISSUER, OF_A_SITE, Customer, Identifier, IdentifierKind, Trust
from service.errors import NotFound
from service.sites.models import Site


@dataclass(frozen=True)
class Found:
    """A customer who holds or claims a value, and what their claim to it is worth. `source`: who told us."""

    customer_id: UUID
    trust: str
    exclusive: bool
    source: str
    since: datetime


def fault_of_site(kind: IdentifierKind, site_id: UUID | None) -> str | None:
    """Return in words why a value of this kind can't be looked for with this site, or without one; None if it can."""
    if kind in OF_A_SITE and site_id is None:
        return "accounts and anonymous ids are a site's own: say of which site"
    if kind not in OF_A_SITE and site_id is not None:
        return "only accounts and anonymous ids are a site's own: leave the site out"
    return None


def find_people(
    session: Session,
    vault: Vault,
    kind: IdentifierKind,
    value: str,
    *,
    site_id: UUID | None,
    actor: Actor,
    why: str,
    now: datetime,
) -> list[Found]:
    """Return everyone who holds or claims a normalised value: its one holder first, then by trust and age.

    Each customer is there once, under the id that answers for them. The look is noted under each. `NotFound` when
    there is no such site.
    """
    if site_id is not None and session.get(Site, site_id) is None:
        raise NotFound("there is no such site")
    live = live_with(vault, kind, value, issuer=site_id or NO_ISSUER)
    holders = (
        select(Customer.canonical_id, Identifier)
        .join(Identifier, Identifier.customer_id == Customer.id)
        .where(*live, Customer.erased_at.is_(None))
        .order_by(*STRONGEST_FIRST)
    )
    found: dict[UUID, Found] = {}
    for customer_id, row in session.execute(holders):
        found.setdefault(customer_id, Found(customer_id, row.trust, row.exclusive, row.source, row.created_at))
    for owner in found or (None,):
        told = {"kind": kind.value, "found": owner is not None}
        record(session, Action.LOOKED_UP, owner, actor=actor, now=now, why=why, **told)
    return list(found.values())


def look_up(session: Session, vault: Vault, *, site_id: UUID, kind: IdentifierKind, value: str) -> UUID | None:
    """Return the customer with this normalised value who holds an account of the site, or None.

    Of several the one who holds the value alone answers, then the most trusted, then the oldest. What another site
    merely claimed is none of this one's business.
    """
    held = live_with(vault, kind, value, issuer=site_id if kind in OF_A_SITE else NO_ISSUER)
    heard = or_(Identifier.trust != Trust.CLAIMED, Identifier.source_id == site_id)
    found = (
        select(Customer.canonical_id)
        .join(Identifier, Identifier.customer_id == Customer.id)
        .where(*held, heard, Customer.erased_at.is_(None), holds_account(Customer.canonical_id, site_id))
        .order_by(*STRONGEST_FIRST)
    )
    return session.scalar(found.limit(1))
