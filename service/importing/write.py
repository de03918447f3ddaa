"""Write a batch: new customers at once, changed ones one by one, then what their identifiers cause."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from service.audit.models import COMMAND, Action, AuditEntry
from service.crypto.keystore import KeyStore
from service.customers.models import NO_ISSUER, Customer, Identifier, IdentifierKind, Trust
from service.db import insert_many, stored_time
from service.importing.draft import Draft, Held
from service.importing.ids import make_ids
from service.importing.known import SOURCE, Known, look_up, strength_of
from service.importing.propose import Shared, propose_many
from service.importing.report import Report
from service.importing.sort import sort_out
from service.importing.target import Target
from service.importing.update import update
from service.merging.lock import lock_identities
from service.merging.reconcile import reconcile

_TABLES = Identifier.metadata.tables
_CUSTOMER = ("id", "created_at", "canonical_id", "verified_at", "traits")
_IDENTIFIER = (
    "id", "customer_id", "kind", "issuer", "trust", "exclusive", "value_index", "index_version", "value_sealed",
    "source", "source_id", "created_at", "proved_at",
)  # fmt: skip
_AUDIT = ("id", "at", "customer_id", "action", "actor_kind", "detail")


class Proved(NamedTuple):
    """A proved identifier that others hold too, and the line that brought it."""

    line: int
    identifier_id: str


def write(session: Session, keystore: KeyStore, drafts: Sequence[Draft], *, target: Target, report: Report) -> None:
    """Store a batch of good rows in the caller's transaction. What is stored already stays as it is."""
    lock_identities(session)
    known = look_up(session, keystore, drafts, site_id=target.site_id)
    fresh, changes = sort_out(keystore.vault, drafts, known, report)
    made = _insert(session, keystore, fresh, known, target)
    propose_many(session, made.shared, target=target, report=report)
    rules, now = target.rules, target.now
    for proved in made.proved:
        added = session.get_one(Identifier, UUID(proved.identifier_id))
        report.note(proved.line, reconcile(session, keystore, added, actor=COMMAND, rules=rules, now=now))
    for change in changes:
        for joined in update(session, keystore, change, site_id=target.site_id, rules=rules, now=now):
            report.note(change.opened.draft.line, joined)


def _insert(session: Session, keystore: KeyStore, drafts: Sequence[Draft], known: Known, target: Target) -> "_Making":
    """Insert new customers, their keys first; return what was made, and what others hold too."""
    keystore.keep_many((draft.customer_id, draft.sealed_key) for draft in drafts)
    making = _Making(keystore, known, target, stored_time(session, target.now))
    identifiers = list(making.identifiers(drafts))
    insert_many(session, _TABLES[Customer.__tablename__], _CUSTOMER, map(making.customer, drafts))
    insert_many(session, _TABLES[Identifier.__tablename__], _IDENTIFIER, identifiers)
    insert_many(session, _TABLES[AuditEntry.__tablename__], _AUDIT, making.audit(drafts))
    return making


class _Making:
    """Makes the rows of a batch's new customers, as the driver takes them."""

    def __init__(self, keystore: KeyStore, known: Known, target: Target, now: Any) -> None:
        self._known, self._target, self._now = known, target, now
        vault = keystore.vault
        self._version = vault.index("", now=target.now).version
        self._place = [key.version for key in vault.index_keys].index(self._version)
        self._site, self._nobody = target.site_id.hex, NO_ISSUER.hex
        self._in_batch: dict[bytes, list[str]] = {}  # who holds a value; its kind is in the digest
        self._held_alone: set[bytes] = set()
        self.shared: list[Shared] = []
        self.proved: list[Proved] = []

    def customer(self, draft: Draft) -> tuple[Any, ...]:
        is_verified = any(held.trust == Trust.VERIFIED for held in draft.held)
        ident, now = draft.customer_id, self._now
        return ident, now, ident, now if is_verified else None, draft.sealed_traits

    def identifiers(self, drafts: Sequence[Draft]) -> Iterator[tuple[Any, ...]]:
        ids = iter(make_ids(sum(len(draft.held) for draft in drafts)))
        for draft in drafts:
            for held in draft.held:
                yield self._identifier(next(ids), draft, held)

    def _identifier(self, ident: str, draft: Draft, held: Held) -> tuple[Any, ...]:
        digest = held.digests[self._place]
        is_account = held.kind == IdentifierKind.ACCOUNT
        is_verified = held.trust == Trust.VERIFIED
        others = [] if is_account else self._others(held, digest, draft)
        if others and is_verified:
            self.proved.append(Proved(draft.line, ident))
        elif others:
            self.shared.append(Shared(draft.line, draft.customer_id, held.kind, others))
        return (
            ident, draft.customer_id, held.kind, self._site if is_account else self._nobody, held.trust,
            is_account or (is_verified and self._takes_alone(held, digest)), digest, self._version, held.sealed,
            SOURCE, self._site, self._now, self._now if is_verified else None,
        )  # fmt: skip

    def audit(self, drafts: Sequence[Draft]) -> Iterator[tuple[Any, ...]]:
        """Yield one line a customer: who they are known by, and which row of which import said so."""
        told = {"import_id": str(self._target.import_id)}
        by, created = COMMAND.kind.value, Action.CUSTOMER_CREATED.value
        for ident, draft in zip(make_ids(len(drafts)), drafts, strict=True):
            detail = orjson.dumps({**told, "line": draft.line, "kinds": [held.kind for held in draft.held]}).decode()
            yield ident, self._now, draft.customer_id, created, by, detail

    def _others(self, held: Held, digest: bytes, draft: Draft) -> list[str]:
        """Return who holds a value already, strongest first, and remember that this one does."""
        in_batch = self._in_batch.setdefault(digest, [])
        known = self._known.of(held) if self._known.holders else []
        others = [row.customer_id for row in sorted(known, key=strength_of, reverse=True)] + in_batch
        in_batch.append(draft.customer_id)
        return others

    def _takes_alone(self, held: Held, digest: bytes) -> bool:
        """Return whether a proved value has no other one holder."""
        if digest in self._held_alone or any(row.exclusive for row in self._known.of(held)):
            return False
        self._held_alone.add(digest)
        return True
