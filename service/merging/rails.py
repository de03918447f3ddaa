"""Guard rails: what keeps two customers from becoming one without a person."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from service.crypto.keystore import KeyStore
from service.customers.identifiers import find_live
from service.customers.models import Customer, IdentifierKind
from service.customers.traits import open_traits
from service.merging.graph import active_edges, component_of, components
from service.merging.limits import held_by
from service.merging.models import Rule
from service.merging.reasons import Reason
from service.merging.rules import Rules

# Phone companies give a number that nobody used for months to somebody else.
RECYCLED_AFTER = timedelta(days=180)
UNIQUE = (IdentifierKind.ACCOUNT, IdentifierKind.CRM)
_NAMES = frozenset(("given_name", "family_name", "name"))
# A person at the brand decides what the rules would not. Owners decide for themselves, but don't see the brand's CRM.
DECIDED_BY_OPERATORS = frozenset((Rule.OPERATOR, Rule.PROPOSAL))
DECIDED_BY_PERSONS = DECIDED_BY_OPERATORS | {Rule.APPROVED_LINK, Rule.OWNER_CONFIRMED}


@dataclass(frozen=True)
class Side:
    """What the guard rails look at of one of two customers: the values of which it may hold few, and its name."""

    unique: dict[tuple[str, UUID], set[Hashable]]
    named: bool


def may_have_changed_hands(kind: str, between: timedelta) -> bool:
    """Return whether so much time lies between two proofs of a value that it may be somebody else's by now."""
    return kind == IdentifierKind.PHONE and abs(between) >= RECYCLED_AFTER


def look_at(
    session: Session, keystore: KeyStore, left: Sequence[Customer], right: Sequence[Customer], *, kind: str | None
) -> tuple[Side, Side]:
    """Return two components as the guard rails see them; names are opened only where a phone speaks for a merge."""
    ours: dict[tuple[str, UUID], set[Hashable]] = defaultdict(set)
    theirs: dict[tuple[str, UUID], set[Hashable]] = defaultdict(set)
    on_left, nodes = {node.id for node in left}, [node.id for node in (*left, *right)]
    for key, held in held_by(session, keystore, nodes, UNIQUE).items():
        for value, rows in held.items():
            for row in rows:
                (ours if row.customer_id in on_left else theirs)[key].add(value)
    by_phone = kind == IdentifierKind.PHONE
    left_named, right_named = (by_phone and bool(find_named(keystore, nodes)) for nodes in (left, right))
    return Side(ours, left_named), Side(theirs, right_named)


def find_named(keystore: KeyStore, nodes: Iterable[Customer]) -> set[UUID]:
    """Return which of these nodes a name is known of."""
    told = [node for node in nodes if node.traits is not None]
    keys = keystore.find_many(node.id for node in told) if told else {}
    return {node.id for node in told if any(open_traits(keys.get(node.id), node).get(name) for name in _NAMES)}


def find_stops(left: Side, right: Side, *, rule: Rule, kind: str | None, rules: Rules) -> list[dict[str, Any]]:
    """Return the reasons why a merge of two customers is left to a person; none when it may be made.

    `kind` is the kind of identifier that alone speaks for it, if one does.
    """
    if rule in DECIDED_BY_OPERATORS:
        return []
    stops = _broken_limits(left, right, rules)
    if rule is not Rule.VERIFIED_IDENTIFIER:
        return stops
    if kind not in rules.merging.by_itself:
        stops.append({"code": Reason.NOT_BY_ITSELF, "kind": kind})
    phone_alone = kind == IdentifierKind.PHONE and not rules.merging.phone_alone_merges_named
    if phone_alone and left.named and right.named:
        stops.append({"code": Reason.PHONE_ALONE})
    return stops


SECOND_CRM = "this customer has another CRM id from elsewhere: this one is a claim until an operator decides"


def has_room_for_crm(session: Session, keystore: KeyStore, node_id: UUID, value: str, rules: Rules) -> bool:
    """Return whether a node may hold this CRM id too, beside those of the nodes that rules joined it with.

    Two that conflict never are one customer by rules alone, whichever of them is told first.
    """
    nodes = [node.id for node in component_of(session, node_id)]
    edges = active_edges(session, nodes, without=DECIDED_BY_OPERATORS)
    [joined] = [part for part in components(nodes, edges) if node_id in part]
    same = {row.id for row in find_live(session, keystore.vault, IdentifierKind.CRM, value)}
    held = held_by(session, keystore, joined - {node_id}, [IdentifierKind.CRM])
    others = [rows for values in held.values() for rows in values.values() if same.isdisjoint(row.id for row in rows)]
    return len(others) < rules.limits.crm


def _broken_limits(left: Side, right: Side, rules: Rules) -> list[dict[str, Any]]:
    """Return the limits that a merge would break, or break further."""
    broken = []
    for key in sorted(left.unique.keys() & right.unique.keys()):
        ours, theirs = left.unique[key], right.unique[key]
        kind = key[0]
        if len(ours | theirs) > max(rules.limits.of(kind), len(ours), len(theirs)):
            code = Reason.CONFLICTING_CRM if kind == IdentifierKind.CRM else Reason.LIMIT
            broken.append({"code": code, "kind": kind})
    return broken
