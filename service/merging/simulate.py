"""Simulate: which merges a change of rules would add, and which it would not have made. Nothing is written.

The limits of e-mails, phones, loyalty cards and CRM ids count: a value that a customer proved beyond them is a mere
claim, which merges nobody. That of anonymous ids can't: a device leads to its node however far it is believed, so
who signs up with it is joined all the same. What was ended since is no longer there to be counted.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from service.crypto.keystore import KeyStore
from service.customers.models import IdentifierKind
from service.merging.models import Merge, Rule
from service.merging.rails import Side, find_stops, may_have_changed_hands
from service.merging.reasons import SAME, Reason, words_of
from service.merging.rules import Rules
from service.merging.snapshot import Key, Snapshot, Value, take_snapshot

_TODAY = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Change:
    """Two customers who would become one; with `merge_id`, two nodes who would not have. `why` in words."""

    customer_ids: tuple[UUID, UUID]
    kind: str
    why: str
    merge_id: UUID | None = None


@dataclass(frozen=True)
class Simulation:
    """What a change of rules would change."""

    merges: list[Change]
    splits: list[Change]


def simulate(session: Session, keystore: KeyStore, *, present: Rules, changed: Rules) -> Simulation:
    """Return what `changed` rules would make of the data as it is that the `present` ones would not.

    Every active edge is replayed in its order: a person's stands, one made by the rules is judged again. Then all
    who proved the same value are looked at. Both sets of rules are played; the difference is told.
    """
    snapshot = take_snapshot(session, keystore)
    before, after = _Replay(snapshot, present).play(), _Replay(snapshot, changed).play()
    joined = {frozenset(merge.customer_ids) for merge in before.merges}
    parted = {split.merge_id for split in before.splits}
    return Simulation(
        [merge for merge in after.merges if frozenset(merge.customer_ids) not in joined],
        [split for split in after.splits if split.merge_id not in parted],
    )


class _Replay:
    """The components as they grow under some rules."""

    def __init__(self, snapshot: Snapshot, rules: Rules) -> None:
        self._data, self._rules = snapshot, rules
        self._part_of = {node: {node} for node in snapshot.canonical_of}

    def play(self) -> Simulation:
        """Play every edge, then every shared value."""
        splits = [split for edge in self._data.edges if (split := self._make_again(edge)) is not None]
        merges = [merge for value in self._data.values for merge in self._join_holders(value)]
        return Simulation(merges, [split for split in splits if not self._are_one(*split.customer_ids)])

    def _make_again(self, edge: Merge) -> Change | None:
        """Make an edge again, or return it with what these rules have against it."""
        kind = str(edge.evidence.get("kind"))
        by_rule = edge.rule == Rule.VERIFIED_IDENTIFIER and not self._are_one(edge.a_id, edge.b_id)
        stops = self._stops_of(edge, kind) if by_rule else []
        if stops:
            return Change((edge.a_id, edge.b_id), kind, words_of(stops), edge.id)
        self._unite(edge.a_id, edge.b_id)
        return None

    def _stops_of(self, edge: Merge, kind: str) -> list[dict[str, Any]]:
        ends = edge.a_id, edge.b_id
        stops = self._stops(*ends, kind=kind)
        value = self._data.value_of.get(UUID(edge.evidence["identifier_id"]))
        if value is None:
            return stops
        if not all(self._counts(value, end, edge.created_at) for end in ends):
            stops.append({"code": Reason.DEMOTED, "kind": kind})
        return stops + self._says_nothing(value)

    def _join_holders(self, value: Value) -> Iterator[Change]:
        """Join all who proved a value; yield those who are not one today."""
        if self._says_nothing(value):
            return
        for (a, proved), (b, before) in combinations(value.proved_by, 2):
            if self._are_one(a, b) or may_have_changed_hands(value.kind, proved - before):
                continue
            if self._counts(value, a) and self._counts(value, b) and not self._stops(a, b, kind=value.kind):
                self._unite(a, b)
                today = self._data.canonical_of[a], self._data.canonical_of[b]
                if today[0] != today[1]:
                    same = [{"code": SAME[IdentifierKind(value.kind)], "trust": "verified"}]
                    yield Change(today, value.kind, words_of(same))

    def _stops(self, a: UUID, b: UUID, *, kind: str) -> list[dict[str, Any]]:
        """Return what stands between two customers."""
        left, right = self._part_of[a], self._part_of[b]
        if any(frozenset((one, other)) in self._data.apart for one in left for other in right):
            return [{"code": Reason.DO_NOT_LINK}]
        return find_stops(
            self._side(left), self._side(right), rule=Rule.VERIFIED_IDENTIFIER, kind=kind, rules=self._rules
        )

    def _says_nothing(self, value: Value) -> list[dict[str, Any]]:
        """Return why a value leads to nobody, whoever holds it."""
        stops: list[dict[str, Any]] = []
        if value.text is not None and self._rules.blocks(IdentifierKind(value.kind), value.text):
            stops.append({"code": Reason.BLOCKED})
        if self._count(value.held_by) > self._rules.hub.customers:
            stops.append({"code": Reason.HUB})
        return stops

    def _counts(self, value: Value, node: UUID, at: datetime = _TODAY) -> bool:
        """Return whether a value was, at a time, within the limit of what its customer proved.

        What its owner proved counts first, then the latest, and of what was said at once the index decides.
        """
        # Several crm ids in one customer are an operator's decision: only the node's own are counted.
        nodes = {node} if value.kind == IdentifierKind.CRM else self._part_of[node]
        proved: dict[Hashable, tuple[bool, datetime, bytes]] = {}
        for proof in (proof for node in nodes for proof in self._data.proofs.get(node, ())):
            if proof.kind == value.kind and proof.since <= at:
                by_owner = proof.by_owner is not None and proof.by_owner <= at
                weight = by_owner, proof.proved if proof.proved <= at else proof.since, proof.value_index
                proved[proof.key] = max(weight, proved.get(proof.key, weight))
        stronger = sum(weight > proved[value.key] for weight in proved.values()) if value.key in proved else 0
        return stronger < self._rules.limits.of(value.kind)

    def _side(self, nodes: Iterable[UUID]) -> Side:
        unique: dict[Key, set[Hashable]] = defaultdict(set)
        for node in nodes:
            for key, value in self._data.unique.get(node, ()):
                unique[key].add(value)
        return Side(unique, not self._data.named.isdisjoint(nodes))

    def _count(self, nodes: Iterable[UUID]) -> int:
        return len({id(self._part_of[node]) for node in nodes})

    def _are_one(self, a: UUID, b: UUID) -> bool:
        return self._part_of[a] is self._part_of[b]

    def _unite(self, a: UUID, b: UUID) -> None:
        small, large = sorted((self._part_of[a], self._part_of[b]), key=len)
        large |= small
        self._part_of |= dict.fromkeys(small, large)
