"""Make the rows of new customers, as the driver takes them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from service.audit.models import COMMAND, Action
from service.crypto.vault import Vault
from service.customers.models import NO_ISSUER, IdentifierKind, Trust
from service.importing.draft import Draft
from service.importing.ids import make_ids
from service.importing.known import SOURCE, Known, strength_of
from service.importing.propose import Shared
from service.importing.target import Target

CUSTOMER = ("id", "created_at", "canonical_id", "verified_at", "traits")
IDENTIFIER = (
    "id", "customer_id", "kind", "issuer", "trust", "exclusive", "value_index", "index_version", "value_sealed",
    "source", "source_id", "created_at", "proved_at",
)  # fmt: skip
AUDIT = ("id", "at", "customer_id", "action", "actor_kind", "detail")
_ACCOUNT, _VERIFIED = IdentifierKind.ACCOUNT.value, Trust.VERIFIED.value


class Proved(NamedTuple):
    """A proved identifier that others hold too, and the line that brought it."""

    line: int
    identifier_id: str


class Making:
    """Makes the rows of one batch; `shared` and `proved` are the identifiers that others hold too."""

    def __init__(self, vault: Vault, known: Known, target: Target, now: Any) -> None:
        self._known, self._target, self._now = known, target, now
        self._version = vault.index("", now=target.now).version
        self._place = [key.version for key in vault.index_keys].index(self._version)
        self._in_batch: dict[bytes, list[str]] = {}  # who holds a value; its kind is in the digest
        self._held_alone: set[bytes] = set()
        self.shared: list[Shared] = []
        self.proved: list[Proved] = []

    def customers(self, drafts: Sequence[Draft]) -> Iterator[tuple[Any, ...]]:
        """Yield a row a customer."""
        now = self._now
        for _, ident, _, traits, held in drafts:
            is_verified = any(trust == _VERIFIED for _, trust, _, _ in held)
            yield ident, now, ident, now if is_verified else None, traits

    def identifiers(self, drafts: Sequence[Draft]) -> Iterator[tuple[Any, ...]]:
        """Yield a row an identifier."""
        ids = iter(make_ids(sum(len(held) for *_, held in drafts)))
        site, nobody, now, version = self._target.site_id.hex, NO_ISSUER.hex, self._now, self._version
        for line, customer_id, _, _, held in drafts:
            for kind, trust, digests, sealed in held:
                ident, digest, issuer, exclusive, proved_at = next(ids), digests[self._place], nobody, False, None
                if kind == _ACCOUNT:
                    issuer, exclusive = site, True
                elif not (others := self._others(kind, digests, customer_id)):
                    pass
                elif trust == _VERIFIED:
                    self.proved.append(Proved(line, ident))
                else:
                    self.shared.append(Shared(line, customer_id, kind, others))
                if trust == _VERIFIED:
                    exclusive, proved_at = self._takes_alone(kind, digests), now
                yield (
                    ident, customer_id, kind, issuer, trust, exclusive, digest, version, sealed, SOURCE, site, now,
                    proved_at,
                )  # fmt: skip

    def audit(self, drafts: Sequence[Draft]) -> Iterator[tuple[Any, ...]]:
        """Yield one line a customer: who they are known by, and which row of which import said so."""
        import_id, now = str(self._target.import_id), self._now
        by, created = COMMAND.kind.value, Action.CUSTOMER_CREATED.value
        for ident, (line, customer_id, _, _, held) in zip(make_ids(len(drafts)), drafts, strict=True):
            detail = {"import_id": import_id, "line": line, "kinds": [kind for kind, *_ in held]}
            yield ident, now, customer_id, created, by, orjson.dumps(detail).decode()

    def _others(self, kind: str, digests: list[bytes], customer_id: str) -> list[str]:
        """Return who holds a value already, strongest first, and remember that this one does."""
        in_batch = self._in_batch.setdefault(digests[0], [])
        known = self._known.of(kind, digests) if self._known.holders else []
        others = [row.customer_id for row in sorted(known, key=strength_of, reverse=True)] + in_batch
        in_batch.append(customer_id)
        return others

    def _takes_alone(self, kind: str, digests: list[bytes]) -> bool:
        """Return whether a proved value has no other one holder."""
        if digests[0] in self._held_alone or any(row.exclusive for row in self._known.of(kind, digests)):
            return False
        self._held_alone.add(digests[0])
        return True
