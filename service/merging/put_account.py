"""Put a site's account: its customer, the identifiers and traits that the site gives, and what they cause."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.audit.models import Actor, ActorKind
from service.crypto.keystore import KeyStore
from service.customers.account import make_account, see_account
from service.customers.component import canonical_of, nodes_of
from service.customers.identifiers import add_identifier, find_live, live_with
from service.customers.models import Customer, Identifier, IdentifierKind, Trust
from service.customers.traits import change_traits, read_traits, write_traits
from service.merging.anonymous import sign_up, switch_away
from service.merging.join import Outcome as Join
from service.merging.judge import Given
from service.merging.limits import keep_limits
from service.merging.lock import lock_identities
from service.merging.rails import SECOND_CRM, has_room_for_crm
from service.merging.reconcile import reconcile
from service.merging.rules import Rules

# Claimed identifiers count for no limit of the rules, so this bounds what a site can pile up on one account.
MAX_IDENTIFIERS = 100
# Each device is a node of its own, and every merge looks at all nodes of a customer.
MAX_DEVICES = 200


class Outcome(StrEnum):
    """What became of an account that was put. `pending`: a proposal or a limit keeps something waiting."""

    CREATED = "created"
    UPDATED = "updated"
    LINKED = "linked"
    PENDING = "pending"


@dataclass(frozen=True)
class Account:
    """An account as a site gives it: accepted identifiers, and traits to lay over the known ones."""

    site_id: UUID
    account_id: str
    identifiers: list[Given] = field(default_factory=list)
    traits: dict[str, Any] = field(default_factory=dict)


@dataclass
class Put:
    """What became of an account: its canonical customer, what waits for a person, and what was left out."""

    customer_id: UUID
    created: bool
    linked: bool = False
    limited: bool = False
    identifiers: list[dict[str, str]] = field(default_factory=list)
    proposals: dict[UUID, str | None] = field(default_factory=dict)
    problems: list[dict[str, str]] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """What became of it, in a word."""
        if self.linked:
            return Outcome.LINKED
        if self.proposals or self.limited:
            return Outcome.PENDING
        return Outcome.CREATED if self.created else Outcome.UPDATED


def put_account(session: Session, keystore: KeyStore, *, account: Account, rules: Rules, now: datetime) -> Put:
    """Find or make the account's node, give it what the site gives, and let that reconcile. Safe to repeat."""
    named: dict[str, Any] = {"site_id": account.site_id, "account_id": account.account_id, "now": now}
    if not account.identifiers and not account.traits:
        known = see_account(session, keystore, **named)
        if known is not None:
            return Put(canonical_of(session, known.customer_id), created=False)
    lock_identities(session)
    known = see_account(session, keystore, **named)  # another may have put it meanwhile
    held = known or make_account(session, keystore, actor=Actor(ActorKind.SITE, account.site_id), **named)
    node_id = held.customer_id
    put = Put(node_id, created=known is None)
    put.problems += _change_traits(session, keystore, node_id, account.traits)
    giving = _Giving(session, keystore, node_id, account.site_id, rules, now, put)
    giving.give(account.identifiers)
    put.customer_id = canonical_of(session, node_id)
    return put


def _change_traits(
    session: Session, keystore: KeyStore, node_id: UUID, traits: dict[str, Any]
) -> list[dict[str, str]]:
    if not traits:
        return []
    node = session.get_one(Customer, node_id, populate_existing=True)
    known = read_traits(keystore, node)
    changed, problems = change_traits(known, traits)
    if changed != known:
        write_traits(keystore, node, changed)
    names = ((name.replace("~", "~0").replace("/", "~1"), words) for name, words in problems.items())
    return [{"pointer": f"/traits/{name}", "detail": words} for name, words in names]


@dataclass(frozen=True)
class _Giving:
    """Gives identifiers to the node of an account, all of them before the first has consequences, and notes these."""

    session: Session
    keystore: KeyStore
    node_id: UUID
    site_id: UUID
    rules: Rules
    now: datetime
    put: Put

    @property
    def actor(self) -> Actor:
        """The site that gives."""
        return Actor(ActorKind.SITE, self.site_id)

    def give(self, items: Sequence[Given]) -> None:
        """Give the node its identifiers: what comes of them doesn't depend on their order: the index decides."""
        devices = [item for item in items if item.kind is IdentifierKind.ANONYMOUS]
        given = [(item, self._add(item)) for item in items if item not in devices and self._is_let_in(item)]
        pointers = {added.id: item.pointer for item, added in given}
        for item, added in sorted(given, key=lambda pair: bytes(pair[1].value_index)):
            self._reconcile(item, added, pointers)
        told = [(item.kind, added.trust) for item, added in given]
        for item in devices:
            if self._is_let_in(item):
                sign_up(self.session, self.keystore, customer_id=self.node_id, rules=self.rules, **self._using(item))
                told.append((item.kind, item.trust))
            else:
                switch_away(self.session, self.keystore, **self._using(item))
        self.put.identifiers = [{"kind": kind.value, "trust": trust} for kind, trust in told]

    def _is_let_in(self, item: Given) -> bool:
        if self._has_room(item):
            return True
        words = f"an account holds at most {MAX_IDENTIFIERS} identifiers: unlink others first"
        if item.kind is IdentifierKind.ANONYMOUS:
            words = f"a customer has at most {MAX_DEVICES} devices: what this one did stays by itself"
        self.put.problems.append({"pointer": item.pointer, "detail": words})
        return False

    def _add(self, item: Given) -> Identifier:
        trust = item.trust
        crm = item.kind is IdentifierKind.CRM and trust is not Trust.CLAIMED
        if crm and not has_room_for_crm(self.session, self.keystore, self.node_id, item.value, self.rules):
            self.put.problems.append({"pointer": item.pointer, "detail": SECOND_CRM})
            self.put.limited, trust = True, Trust.CLAIMED
        return add_identifier(
            self.session,
            self.keystore,
            customer_id=self.node_id,
            kind=item.kind,
            value=item.value,
            trust=trust,
            actor=self.actor,
            now=self.now,
        )

    def _reconcile(self, item: Given, added: Identifier, pointers: dict[UUID, str]) -> None:
        """Draw the consequences of one identifier. `pointers` are those of all that were added with it."""
        by_rules: dict[str, Any] = {"actor": self.actor, "rules": self.rules, "now": self.now}
        for one in keep_limits(self.session, self.keystore, added, **by_rules):
            most = self.rules.limits.of(item.kind)
            words = f"a customer has at most {most} of this kind: the weakest became a claim"
            self.put.problems.append({"pointer": pointers.get(one.id, item.pointer), "detail": words})
            self.put.limited = True
        joined = reconcile(self.session, self.keystore, added, **by_rules)
        if joined is not None:
            self.put.linked |= joined.outcome is Join.MERGED
            if joined.proposal_id is not None:
                self.put.proposals[joined.proposal_id] = joined.why

    def _using(self, device: Given) -> dict[str, Any]:
        """Say that the site's user uses a device now."""
        return {
            "site_id": self.site_id,
            "anonymous_id": device.value,
            "actor": self.actor,
            "now": self.now,
        }

    def _has_room(self, item: Given) -> bool:
        """Return whether the node may hold this one too: one that it holds already takes no room."""
        if item.kind is IdentifierKind.ANONYMOUS:
            return self._has_room_for(item.value)
        live = Identifier.customer_id == self.node_id, Identifier.ended_at.is_(None)
        held = self.session.scalar(select(func.count()).select_from(Identifier).where(*live)) or 0
        if held < MAX_IDENTIFIERS:
            return True
        same = find_live(self.session, self.keystore.vault, item.kind, item.value)
        return any(row.customer_id == self.node_id for row in same)

    def _has_room_for(self, anonymous_id: str) -> bool:
        """Return whether the customer may have one more device: those that were unlinked are still nodes."""
        nodes = nodes_of(self.node_id)
        devices = Identifier.customer_id.in_(nodes), Identifier.kind == IdentifierKind.ANONYMOUS
        held = self.session.scalar(select(func.count()).select_from(Identifier).where(*devices)) or 0
        if held < MAX_DEVICES:
            return True
        own = live_with(self.keystore.vault, IdentifierKind.ANONYMOUS, anonymous_id, issuer=self.site_id)
        return self.session.scalar(select(Identifier.id).where(*own, *devices)) is not None
