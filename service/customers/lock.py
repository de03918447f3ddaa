"""Lock a customer against erasure: what is added to a file must not outlive the file."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.customers.models import Customer
from service.errors import NotFound


def lock_customer(session: Session, customer_id: UUID) -> None:
    """Keep a node from being erased until the transaction ends; `NotFound` when it was erased already.

    A verb that adds something under a node, and holds no identity lock, calls it first. An erasure locks the node's
    row against it, so of the two one waits for the other. On SQLite a writing transaction is alone already.
    """
    shared = select(Customer.erased_at).where(Customer.id == customer_id).with_for_update(read=True, key_share=True)
    found = session.execute(shared).one_or_none()
    if found is None or found.erased_at is not None:
        raise NotFound("there is no such customer")
