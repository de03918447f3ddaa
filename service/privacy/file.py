"""A person's file, as the sections of an export are read from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from service.crypto.keystore import DataKey, KeyStore
from service.crypto.vault import Vault
from service.customers.component import nodes_of
from service.customers.models import Customer
from service.errors import NotFound
from service.lists import in_parts
from service.privacy.blank import blank, ids_in
from service.sites.models import Site

Section = list[dict[str, Any]]


@dataclass(frozen=True)
class File:
    """One customer: all nodes, oldest first, and the keys to what is sealed. `sites` names the sites by id."""

    session: Session
    customers: Sequence[Customer]
    nodes: Select[UUID]
    keys: dict[UUID, DataKey]
    vault: Vault
    sites: dict[UUID, str]

    @property
    def own_ids(self) -> set[UUID]:
        """The ids that the person goes by."""
        return {node.id for node in self.customers}

    def own(self, *idents: UUID) -> list[UUID]:
        """Return those of some customers who are this one: an export names nobody else."""
        return [ident for ident in idents if ident in self.own_ids]

    def source(self, kind: str | None, ident: UUID | None) -> str | None:
        """Return who did something: a site by its name, anybody else by what they are."""
        return kind if ident is None else self.sites.get(ident, kind)

    def without_others(self, told: Sequence[Any]) -> list[Any]:
        """Return details or evidence with the ids of other people left empty."""
        asked, others = sorted(ids_in(told) - self.own_ids), set[str]()
        for some in in_parts(asked):
            known = select(Customer.id).where(Customer.id.in_(some))
            others |= {str(ident) for ident in self.session.scalars(known)}
        return [blank(one, others) for one in told]


def open_file(session: Session, keystore: KeyStore, customer_id: UUID) -> File:
    """Return the file of the customer behind a node; `NotFound` when there is none (any more)."""
    nodes = nodes_of(customer_id)
    own = select(Customer).where(Customer.id.in_(nodes), Customer.erased_at.is_(None))
    customers = session.scalars(own.order_by(Customer.created_at, Customer.id)).all()
    if not customers:
        raise NotFound("there is no such customer")
    keys = keystore.find_many(node.id for node in customers)
    sites = {row.id: row.name for row in session.execute(select(Site.id, Site.name))}
    return File(session, customers, nodes, keys, keystore.vault, sites)
