"""Limits: how many identifiers of a kind one customer may hold, and what becomes of the weakest."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, true
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.crypto.keystore import KeyStore
from service.customers.component import nodes_of
from service.customers.identifiers import find_live, open_value
from service.customers.models import STRENGTH, Identifier, IdentifierKind, Trust
from service.merging.models import Merge
from service.merging.rules import Limits, Rules

# Of crm ids and accounts nothing is demoted by a merge: a merge that would have to is a person's decision.
DEMOTED_BY_MERGES = (
    IdentifierKind.EMAIL,
    IdentifierKind.PHONE,
    IdentifierKind.LOYALTY_CARD,
    IdentifierKind.ANONYMOUS,
)
Held = dict[Hashable, list[Identifier]]


def held_by(
    session: Session, keystore: KeyStore, nodes: Collection[UUID], kinds: Iterable[IdentifierKind]
) -> dict[tuple[str, UUID], Held]:
    """Return what counts for limits: by kind and issuer, the identifiers of each value.

    Two nodes that hold one value hold it once.
    """
    rows = session.scalars(
        select(Identifier)
        .where(
            Identifier.customer_id.in_(list(nodes)),
            Identifier.kind.in_([kind.value for kind in kinds]),
            Identifier.trust != Trust.CLAIMED,
            Identifier.ended_at.is_(None),
        )
        .order_by(Identifier.id)
    )
    found: dict[tuple[str, UUID], Held] = defaultdict(lambda: defaultdict(list))
    for row, value in _with_values(keystore, rows.all()):
        found[row.kind, row.issuer][value].append(row)
    return found


def find_weakest(
    session: Session, keystore: KeyStore, nodes: Collection[UUID], *, kinds: Iterable[IdentifierKind], limits: Limits
) -> list[Identifier]:
    """Return the identifiers beyond the limits: the least trusted, then what no owner proved, then the oldest.

    Of what was said at once the index decides, which is the same whatever the order.
    """
    beyond = []
    for (kind, _), held in held_by(session, keystore, nodes, kinds).items():
        weakest_first = sorted(held.values(), key=_weight)
        for rows in weakest_first[: max(0, len(held) - limits.of(kind))]:
            beyond += rows
    return beyond


def keep_limits(
    session: Session, keystore: KeyStore, identifier: Identifier, *, actor: Actor, rules: Rules, now: datetime
) -> list[Identifier]:
    """Demote what is beyond the limit once an identifier was added; return what was, perhaps this very one."""
    kind = IdentifierKind(identifier.kind)
    # Several crm ids in one customer are an operator's decision: only the node's own are counted here.
    nodes = [identifier.customer_id]
    if kind is not IdentifierKind.CRM:
        nodes = list(session.scalars(nodes_of(identifier.customer_id)))
    weakest = find_weakest(session, keystore, nodes, kinds=[kind], limits=rules.limits)
    for one in weakest:
        _demote_for_now(session, one)
        told: dict[str, Any] = {"identifier_id": one.id, "kind": one.kind}
        record(session, Action.IDENTIFIER_DEMOTED, one.customer_id, actor=actor, now=now, **told)
    session.flush()
    return weakest


def demote(identifier: Identifier, *, by: UUID | None) -> dict[str, Any]:
    """Take an identifier's trust away; return what a merge must remember to give it back."""
    taken = {"identifier_id": str(identifier.id), "trust": identifier.trust, "exclusive": identifier.exclusive}
    identifier.trust, identifier.exclusive, identifier.demoted_by = Trust.CLAIMED.value, False, by
    return taken


def _demote_for_now(session: Session, identifier: Identifier) -> None:
    """Demote an identifier on account of a merge of its customer, if there is one: its end gives the trust back."""
    of_node = or_(Merge.a_id == identifier.customer_id, Merge.b_id == identifier.customer_id)
    newest_first = select(Merge).where(of_node, Merge.undone_at.is_(None)).order_by(Merge.created_at.desc(), Merge.id)
    edge = session.scalars(newest_first.limit(1)).first()
    if edge is None or identifier.kind not in DEMOTED_BY_MERGES:
        demote(identifier, by=None)
    else:
        before = [item for item in edge.evidence.get("demoted", ()) if item["identifier_id"] != str(identifier.id)]
        edge.evidence = {**edge.evidence, "demoted": [*before, demote(identifier, by=edge.id)]}


def give_back(session: Session, keystore: KeyStore, edge: Merge, nodes: Collection[UUID] | None = None) -> None:
    """Give identifiers, of these nodes or of all, back what a merge took.

    Unless their owner has ended them, or another holds the value now.
    """
    taken = {UUID(item["identifier_id"]): item for item in edge.evidence.get("demoted", ())}
    of_nodes = true() if nodes is None else Identifier.customer_id.in_(list(nodes))
    wanted = Identifier.id.in_(taken), Identifier.demoted_by == edge.id, of_nodes
    for row in session.scalars(select(Identifier).where(*wanted)).all():
        row.demoted_by = None
        if row.ended_at is None:
            was = taken[row.id]
            row.trust = max(row.trust, was["trust"], key=STRENGTH.__getitem__)
            row.exclusive = was["exclusive"] and not _has_holder(session, keystore, row)
    session.flush()


def settle_limits(
    session: Session, keystore: KeyStore, parts: Collection[Collection[UUID]], *, limits: Limits
) -> None:
    """Give back, in the components that a merge's end left, what merges took that are no longer in them.

    Each keeps its own limits all the same.
    """
    for part in parts:
        theirs = Identifier.customer_id.in_(list(part)), Identifier.demoted_by.is_not(None)
        elsewhere = or_(Merge.undone_at.is_not(None), Merge.a_id.not_in(list(part)))
        left = select(Merge).join(Identifier, Identifier.demoted_by == Merge.id).where(*theirs, elsewhere).distinct()
        for edge in session.scalars(left.order_by(Merge.created_at, Merge.id)).all():
            give_back(session, keystore, edge, part)
        for one in find_weakest(session, keystore, part, kinds=DEMOTED_BY_MERGES, limits=limits):
            _demote_for_now(session, one)
    session.flush()


def take_up(session: Session, keystore: KeyStore, identifier: Identifier) -> None:
    """Let an identifier that a merge demoted count again: its owner proved it anew."""
    identifier.demoted_by = None
    identifier.exclusive = not _has_holder(session, keystore, identifier)
    session.flush()


def _has_holder(session: Session, keystore: KeyStore, identifier: Identifier) -> bool:
    kind, value = IdentifierKind(identifier.kind), open_value(keystore, identifier)
    if value is None:
        return True  # its owner is being erased: it holds nothing any more
    return any(row.exclusive for row in find_live(session, keystore.vault, kind, value, issuer=identifier.issuer))


def _weight(rows: list[Identifier]) -> tuple[int, bool, datetime, bytes]:
    return (
        max(STRENGTH[row.trust] for row in rows),
        any(row.owner_proved_at is not None for row in rows),
        max(row.proved_at or row.created_at for row in rows),
        min(bytes(row.value_index) for row in rows),
    )


def _with_values(keystore: KeyStore, rows: Sequence[Identifier]) -> Iterator[tuple[Identifier, Hashable]]:
    """Pair each row with what tells its value: its index, or the value itself while the index key is rotated."""
    mixed = len({row.index_version for row in rows}) > 1
    for row in rows:
        yield row, (open_value(keystore, row) or row.value_index) if mixed else row.value_index
