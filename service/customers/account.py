"""Find or create the customer behind a site's account."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from service.crypto.vault import Vault
from service.customers.models import Customer, Identifier, IdentifierKind, Trust
from service.db import insert_if_absent
from service.errors import NotFound


def find_account(session: Session, *, site_id: UUID, account_id: str, vault: Vault) -> UUID | None:
    """Return the customer who holds this account of the site, or None."""
    return session.scalars(
        select(Identifier.customer_id).where(
            Identifier.kind == IdentifierKind.ACCOUNT,
            Identifier.issuer == site_id,
            Identifier.value_index.in_(vault.indexes(IdentifierKind.ACCOUNT, account_id)),
            Identifier.exclusive,
        )
    ).one_or_none()


def put_account(
    session: Session, *, site_id: UUID, account_id: str, vault: Vault, now: datetime
) -> tuple[UUID, bool]:
    """Return the account's customer and whether they were created just now; of two that race, one creates."""
    found = find_account(session, site_id=site_id, account_id=account_id, vault=vault)
    if found is not None:
        return found, False
    customer_id = uuid4()
    customer = Customer(id=customer_id, created_at=now, canonical_id=customer_id)
    session.add(customer)
    session.flush()
    index = vault.index(IdentifierKind.ACCOUNT, account_id, now=now)
    claimed = insert_if_absent(
        session,
        Identifier,
        id=uuid4(),
        customer_id=customer.id,
        kind=IdentifierKind.ACCOUNT,
        issuer=site_id,
        trust=Trust.VOUCHED,
        exclusive=True,
        value_index=index.digest,
        index_version=index.version,
        source="site",
        source_id=site_id,
        created_at=now,
    )
    if claimed:
        return customer.id, True
    session.delete(customer)
    session.flush()
    found = find_account(session, site_id=site_id, account_id=account_id, vault=vault)
    assert found is not None
    return found, False


def get_customer(session: Session, *, site_id: UUID, customer_id: UUID) -> Customer:
    """Return a customer who holds an account of the site; `NotFound` for anyone else."""
    holds = exists().where(Identifier.customer_id == Customer.id, Identifier.issuer == site_id)
    customer = session.scalars(select(Customer).where(Customer.id == customer_id, holds)).one_or_none()
    if customer is None:
        raise NotFound("there is no such customer with an account of your site")
    return customer
