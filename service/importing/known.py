"""What the database knows of the people in a batch: who holds which value, and the files of those the rows mean."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from service.audit.models import ActorKind
from service.crypto.keystore import KeyStore, open_or_none
from service.customers.models import NO_ISSUER, STRENGTH, Identifier, IdentifierKind
from service.customers.traits import TRAITS_CONTEXT
from service.db import select_many
from service.importing.draft import Draft, name_of

SOURCE = ActorKind.COMMAND.value
_IDENTIFIERS, _CUSTOMERS = Identifier.metadata.tables["identifiers"], Identifier.metadata.tables["customers"]
_COLUMNS = (
    "id", "customer_id", "kind", "issuer", "value_index", "trust", "exclusive", "source", "source_id",
    "demoted_by", "ended_at",
)  # fmt: skip
# In the order in which they are a row's key.
KEY_KINDS = (
    IdentifierKind.ACCOUNT,
    IdentifierKind.CRM,
    IdentifierKind.LOYALTY_CARD,
    IdentifierKind.EMAIL,
    IdentifierKind.PHONE,
)
_IDS_OF_RECORDS = KEY_KINDS[1:3]


class Holder(NamedTuple):
    """A live identifier, as the database has it."""

    id: str
    customer_id: str
    kind: str
    issuer: str
    digest: bytes
    trust: str
    exclusive: bool
    source: str
    source_id: str | None
    demoted_by: str | None


@dataclass
class Node:
    """A known customer's node: its live identifiers and traits. `key_kind` is what it was imported under."""

    id: str
    identifiers: list[Holder]
    traits: dict[str, Any]
    key_kind: str


@dataclass
class Known:
    """Who holds the values of a batch, by kind and digest; accounts are those of the file's site."""

    site: str
    holders: dict[tuple[str, bytes], list[Holder]] = field(default_factory=lambda: defaultdict(list))
    nodes: dict[str, Node] = field(default_factory=dict)

    def of(self, kind: str, digests: list[bytes]) -> list[Holder]:
        """Return who holds a value, under whichever version of the index key."""
        found: list[Holder] = []
        for digest in digests:
            found += self.holders.get((kind, digest), ())
        return found

    def candidates(self, draft: Draft) -> list[str]:
        """Return the nodes that may be what a row means: the holder of its account, else what was imported before."""
        kind, _, digests, _ = draft[-1][0]
        is_account = kind == IdentifierKind.ACCOUNT
        return [row.customer_id for row in self.of(kind, digests) if is_account or was_imported(row, self.site)]

    def find_node(self, draft: Draft, name: str) -> Node | None:
        """Return the node that a row means: imported under the same key, and for a mere contact the same name."""
        kind, *_ = draft[-1][0]
        nodes = [self.nodes[ident] for ident in sorted(self.candidates(draft))]
        if kind == IdentifierKind.ACCOUNT:
            return nodes[0] if nodes else None
        same = [node for node in nodes if node.key_kind == kind]
        if kind in _IDS_OF_RECORDS:
            return next(iter(same or nodes), None)
        return next((node for node in same if name_of(node.traits) == name), None)


def look_up(session: Session, keystore: KeyStore, drafts: Sequence[Draft], *, site_id: UUID) -> Known:
    """Read everything that is known of a batch, in a handful of statements."""
    known = Known(site_id.hex)
    digests = list({digest for *_, held in drafts for _, _, found, _ in held for digest in found})
    for holder in _live(session, "value_index", digests):
        of_site = holder.kind == IdentifierKind.ACCOUNT and holder.issuer == known.site
        if of_site or holder.issuer == NO_ISSUER.hex:
            known.holders[holder.kind, holder.digest].append(holder)
    wanted = {ident for draft in drafts for ident in known.candidates(draft)} if known.holders else set()
    if wanted:
        known.nodes = _read_nodes(session, keystore, sorted(wanted), known.site)
    return known


def was_imported(row: Holder, site: str) -> bool:
    """Return whether an earlier import for this site gave an identifier."""
    return row.source == SOURCE and row.source_id == site


def strength_of(row: Holder) -> tuple[bool, int]:
    """Return how strongly a value is held: by its one holder first, then by trust."""
    return bool(row.exclusive), STRENGTH[row.trust]


def _live(session: Session, key: str, values: Sequence[Any]) -> Iterable[Holder]:
    for *row, ended_at in select_many(session, _IDENTIFIERS, _COLUMNS, key=key, values=values):
        if ended_at is None:
            yield Holder(*row)


def _read_nodes(session: Session, keystore: KeyStore, idents: list[str], site: str) -> dict[str, Node]:
    held: dict[str, list[Holder]] = defaultdict(list)
    for row in _live(session, "customer_id", idents):
        held[row.customer_id].append(row)
    keys = keystore.find_many(UUID(ident) for ident in idents)
    nodes = {}
    for ident, sealed in select_many(session, _CUSTOMERS, ("id", "traits"), key="id", values=idents):
        text = open_or_none(keys.get(UUID(ident)), sealed, context=TRAITS_CONTEXT)
        nodes[ident] = Node(ident, held[ident], json.loads(text) if text else {}, _key_kind(held[ident], site))
    return nodes


def _key_kind(held: list[Holder], site: str) -> str:
    kinds = {row.kind for row in held if was_imported(row, site) or row.issuer == site}
    return next((kind.value for kind in KEY_KINDS if kind in kinds), "")
