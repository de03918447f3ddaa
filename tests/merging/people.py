"""Nodes, identifiers and edges, made directly; and what must always hold of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor, ActorKind, AuditEntry
from service.crypto import keyfile
from service.crypto.keystore import KeyStore
from service.customers.identifiers import add_identifier, end_identifier
from service.customers.models import NO_ISSUER, Customer, Identifier, IdentifierKind, Trust
from service.customers.traits import write_traits
from service.db import Base
from service.merging.anonymous import see_anonymous, sign_up
from service.merging.join import Cause, Joined, join
from service.merging.lock import lock_identities
from service.merging.models import Proposal, Rule
from service.merging.reconcile import reconcile
from service.merging.rules import Rules
from service.merging.undo import Undone, undo
from tests.world import World

OPERATOR = Actor(ActorKind.OPERATOR, UUID(int=7))
SHOPPER = Actor(ActorKind.SHOPPER, UUID(int=8))
SITE = Actor(ActorKind.SITE, UUID(int=9))
EMAIL, PHONE, CRM, CARD = (
    IdentifierKind.EMAIL,
    IdentifierKind.PHONE,
    IdentifierKind.CRM,
    IdentifierKind.LOYALTY_CARD,
)


@dataclass
class People:
    """The customers of a world, one transaction a call. Time passes by itself: a second before each new thing."""

    world: World
    rules: Rules

    @property
    def keystore(self) -> KeyStore:
        return self.world.service.keystore

    def now(self) -> datetime:
        self.world.clock.forward(seconds=1)
        return self.world.clock()

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self.world.service.db.write() as session:
            lock_identities(session)
            yield session

    def node(self, name: str | None = None, *, verified: bool = False, ident: UUID | None = None) -> UUID:
        """Make a customer: one node, with a name if one is given."""
        ident, now = ident or uuid4(), self.now()
        customer = Customer(id=ident, created_at=now, canonical_id=ident, verified_at=now if verified else None)
        with self.write() as session:
            session.add(customer)
            session.flush()
            if name is not None:
                write_traits(self.keystore, customer, {"given_name": name})
        return ident

    def give(
        self,
        node: UUID,
        kind: IdentifierKind,
        value: str,
        trust: Trust = Trust.VERIFIED,
        *,
        actor: Actor = SITE,
        issuer: UUID = NO_ISSUER,
    ) -> Joined | None:
        """Give a node an identifier, and let that have its consequences."""
        now = self.now()
        with self.write() as session:
            common: dict[str, Any] = {"actor": actor, "now": now}
            held = add_identifier(
                session,
                self.keystore,
                customer_id=node,
                kind=kind,
                value=value,
                trust=trust,
                issuer=issuer,
                **common,
            )
            return reconcile(session, self.keystore, held, rules=self.rules, **common)

    def join(self, a: UUID, b: UUID, rule: Rule = Rule.OPERATOR, **evidence: Any) -> Joined:
        now = self.now()
        with self.write() as session:
            cause = Cause(rule, OPERATOR, evidence)
            return join(session, self.keystore, a, b, cause=cause, rules=self.rules, now=now)

    def undo(self, merge_id: UUID | None, reason: str | None = "not the same") -> Undone:
        assert merge_id is not None
        now = self.now()
        with self.write() as session:
            return undo(session, self.keystore, merge_id, actor=OPERATOR, reason=reason, rules=self.rules, now=now)

    def see(self, site_id: UUID, anonymous_id: str) -> UUID:
        now = self.now()
        with self.write() as session:
            return see_anonymous(session, self.keystore, site_id=site_id, anonymous_id=anonymous_id, now=now)

    def sign_up(self, site_id: UUID, anonymous_id: str, customer_id: UUID) -> UUID:
        who: dict[str, Any] = {"site_id": site_id, "anonymous_id": anonymous_id, "customer_id": customer_id}
        now = self.now()
        with self.write() as session:
            return sign_up(session, self.keystore, actor=SITE, rules=self.rules, now=now, **who)

    def end(self, node: UUID) -> None:
        """Take from a node everything it holds."""
        now = self.now()
        with self.write() as session:
            for row in session.scalars(select(Identifier).where(Identifier.customer_id == node)):
                end_identifier(row, now)

    def rows(self) -> set[tuple[str, ...]]:
        """Return everything that stands in any table, but for which node answers for which."""
        with self.world.service.db.read() as session:
            return {
                (table.name, *map(str, row))
                for table in Base.metadata.sorted_tables
                for row in session.execute(select(*[one for one in table.columns if one.name != "canonical_id"]))
            }

    def rotate_index_key(self) -> None:
        path = self.world.settings.keys_file
        keys = keyfile.rotate_index(keyfile.load(path), self.world.clock(), at_once=True)
        keyfile.save(path, keys)

    def change(self, part: str, **values: Any) -> None:
        """Change the rules."""
        changed = getattr(self.rules, part).model_copy(update=values)
        self.rules = self.rules.model_copy(update={part: changed})

    def canonical(self, node: UUID) -> UUID:
        with self.world.service.db.read() as session:
            return session.get_one(Customer, node).canonical_id

    def are_one(self, *nodes: UUID) -> bool:
        return len({self.canonical(node) for node in nodes}) == 1

    def proposals(self, status: str = "open") -> list[Proposal]:
        with self.world.service.db.read() as session:
            wanted = select(Proposal).where(Proposal.status == status).order_by(Proposal.created_at, Proposal.id)
            return list(session.scalars(wanted))

    def held(self, node: UUID) -> dict[UUID, tuple[str, str, bool, UUID | None]]:
        """Return the live identifiers of a node: kind, trust, whether it is the one holder, what demoted it."""
        live = Identifier.customer_id == node, Identifier.ended_at.is_(None)
        with self.world.service.db.read() as session:
            rows = session.scalars(select(Identifier).where(*live))
            return {row.id: (row.kind, row.trust, row.exclusive, row.demoted_by) for row in rows}

    def told(self, *actions: Action) -> list[AuditEntry]:
        """Return what the audit holds of some actions, oldest first."""
        wanted = AuditEntry.action.in_([action.value for action in actions])
        with self.world.service.db.read() as session:
            return list(session.scalars(select(AuditEntry).where(wanted).order_by(AuditEntry.at)))

    def state(self) -> dict[str, Any]:
        """Return who is whom and who holds what: everything that an unmerge must bring back."""
        with self.world.service.db.read() as session:
            nodes = {node.id: node.canonical_id for node in session.scalars(select(Customer))}
            held = {
                row.id: (row.customer_id, row.trust, row.exclusive, row.demoted_by, row.ended_at)
                for row in session.scalars(select(Identifier))
            }
        return {"nodes": nodes, "identifiers": held}
