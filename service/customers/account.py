"""The customer behind a site's account: find them, or make them. `service.merging.put_account` does the rest."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.crypto.keystore import KeyStore
from service.crypto.vault import Vault
from service.customers.identifiers import add_identifier, find_live, refresh
from service.customers.models import Customer, Identifier, IdentifierKind, Trust


def find_account(session: Session, *, site_id: UUID, account_id: str, vault: Vault) -> UUID | None:
    """Return the node that holds this account of the site, or None."""
    held = _find_row(session, site_id=site_id, account_id=account_id, vault=vault)
    return None if held is None else held.customer_id


def see_account(
    session: Session, keystore: KeyStore, *, site_id: UUID, account_id: str, now: datetime
) -> Identifier | None:
    """Return the live identifier of this account of the site, brought up to date, or None."""
    seen = _find_row(session, site_id=site_id, account_id=account_id, vault=keystore.vault)
    if seen is not None:
        refresh(keystore, seen, account_id, now)
    return seen


def make_customer(session: Session, *, actor: Actor, now: datetime) -> Customer:
    """Make a customer of one node."""
    customer_id = uuid4()
    customer = Customer(id=customer_id, created_at=now, canonical_id=customer_id)
    session.add(customer)
    session.flush()
    record(session, Action.CUSTOMER_CREATED, customer_id, actor=actor, now=now)
    return customer


def make_account(
    session: Session, keystore: KeyStore, *, site_id: UUID, account_id: str, actor: Actor, now: datetime
) -> Identifier:
    """Make the customer of an account that nobody holds. The caller holds the identity lock."""
    return add_identifier(
        session,
        keystore,
        customer_id=make_customer(session, actor=actor, now=now).id,
        kind=IdentifierKind.ACCOUNT,
        value=account_id,
        trust=Trust.VOUCHED,
        actor=actor,
        now=now,
        issuer=site_id,
    )


def _find_row(session: Session, *, site_id: UUID, account_id: str, vault: Vault) -> Identifier | None:
    live = find_live(session, vault, IdentifierKind.ACCOUNT, account_id, issuer=site_id)
    return live[0] if live else None
