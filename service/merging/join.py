"""Join two customers: one edge, and the guard rails that may leave it to a person."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.cards.sessions import put_away_unproved
from service.crypto.keystore import DataKey, KeyStore, open_or_none
from service.customers.models import Customer
from service.merging.consents import moment_after, settle_cards
from service.merging.do_not_link import are_kept_apart, lift
from service.merging.graph import component_of, settle
from service.merging.limits import DEMOTED_BY_MERGES, demote, find_weakest
from service.merging.lock import lock_identities
from service.merging.models import Merge, Rule
from service.merging.propose import mark_stale, propose
from service.merging.rails import DECIDED_BY_PERSONS, find_stops, look_at
from service.merging.reasons import SAME, Reason, words_of
from service.merging.rules import Rules

REASON_CONTEXT = "merges.reason"


@dataclass(frozen=True)
class Cause:
    """What speaks for a merge: `evidence` in ids and closed words, `reason` in an operator's own."""

    rule: Rule
    actor: Actor
    evidence: dict[str, Any] = field(default_factory=dict)
    reason: str | None = field(default=None, repr=False)


class Outcome(StrEnum):
    """What became of a join: `same` when they were one already, `forbidden` when nobody is even asked."""

    MERGED = "merged"
    SAME = "same"
    PROPOSED = "proposed"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class Joined:
    """What became of a join: who answers for the first customer now, and in words what stopped it."""

    outcome: Outcome
    customer_id: UUID
    merge_id: UUID | None = None
    proposal_id: UUID | None = None
    why: str | None = None


def join(
    session: Session, keystore: KeyStore, a: UUID, b: UUID, *, cause: Cause, rules: Rules, now: datetime
) -> Joined:
    """Make two customers one, if nothing stands against it; what only a person may decide becomes a proposal."""
    lock_identities(session)
    left, right = component_of(session, a), component_of(session, b)
    canonical = left[0].canonical_id
    if any(node.erased_at for node in (*left, *right)):
        return Joined(Outcome.FORBIDDEN, canonical, why=words_of([{"code": Reason.ERASED}]))
    if canonical == right[0].canonical_id:
        return _join_again(session, keystore, a, b, cause=cause, now=now)
    if _are_kept_apart(session, _ids(left), _ids(right), cause):
        return Joined(Outcome.FORBIDDEN, canonical, why=words_of([{"code": Reason.DO_NOT_LINK}]))
    kind = cause.evidence.get("kind")
    sides = look_at(session, keystore, left, right, kind=kind)
    stops = find_stops(*sides, rule=cause.rule, kind=kind, rules=rules)
    if stops:
        proposal_id = propose(session, a, b, reasons=_same(kind) + stops, now=now)
        outcome = Outcome.FORBIDDEN if proposal_id is None else Outcome.PROPOSED
        return Joined(outcome, canonical, proposal_id=proposal_id, why=words_of(stops))
    by_person = cause.rule in DECIDED_BY_PERSONS
    lifted = lift(session, _ids(left), _ids(right)) if by_person else []
    edge = _add_edge(session, keystore, (a, b), lifted=lifted, cause=cause, now=now)
    for end in (a, b):
        put_away_unproved(session, end, now)
    return _unite(session, keystore, edge, [*left, *right], actor=cause.actor, rules=rules)


def _are_kept_apart(session: Session, left: Collection[UUID], right: Collection[UUID], cause: Cause) -> bool:
    """Return whether a do-not-link stands against this cause: a person's decision lifts any.

    A shop and whoever shows it a code may undo what a shopper said, but not what the brand's own people did.
    """
    is_approval = cause.rule is Rule.APPROVED_LINK
    may_lift = cause.rule in DECIDED_BY_PERSONS and not is_approval
    return not may_lift and are_kept_apart(session, left, right, by_staff=is_approval)


def _unite(
    session: Session, keystore: KeyStore, edge: Merge, nodes: Sequence[Customer], *, actor: Actor, rules: Rules
) -> Joined:
    """Make one component of the two that a new edge joins."""
    now, idents = edge.created_at, _ids(nodes)
    weakest = find_weakest(session, keystore, idents, kinds=DEMOTED_BY_MERGES, limits=rules.limits)
    if weakest:
        edge.evidence = {**edge.evidence, "demoted": [demote(one, by=edge.id) for one in weakest]}
        for one in weakest:
            taken: dict[str, Any] = {"identifier_id": one.id, "kind": one.kind, "merge_id": edge.id}
            record(session, Action.IDENTIFIER_DEMOTED, one.customer_id, actor=actor, now=now, **taken)
    canonical = settle(session, nodes)
    session.flush()
    settle_cards(session, canonical, now)
    mark_stale(session, idents, now)
    _tell(session, edge, actor)
    session.flush()
    return Joined(Outcome.MERGED, canonical, edge.id)


def _join_again(session: Session, keystore: KeyStore, a: UUID, b: UUID, *, cause: Cause, now: datetime) -> Joined:
    """Keep one more reason why two are one, so that it doesn't matter which came first.

    Not against a do-not-link of these very two: an edge by itself would undo it once the others are gone.
    """
    low, high = sorted((a, b))
    wanted = Merge.a_id == low, Merge.b_id == high, Merge.undone_at.is_(None)
    merge_id = session.scalar(select(Merge.id).where(*wanted))
    if merge_id is None and a != b and not _are_kept_apart(session, [a], [b], cause):
        edge = _add_edge(session, keystore, (a, b), lifted=lift(session, [a], [b]), cause=cause, now=now)
        _tell(session, edge, cause.actor)
        merge_id = edge.id
    canonical = component_of(session, a)[0].canonical_id
    return Joined(Outcome.SAME, canonical, merge_id)


def _tell(session: Session, edge: Merge, actor: Actor) -> None:
    for ident, other in ((edge.a_id, edge.b_id), (edge.b_id, edge.a_id)):
        told: dict[str, Any] = {"merge_id": edge.id, "other_id": other, "rule": edge.rule}
        record(session, Action.CUSTOMERS_MERGED, ident, actor=actor, now=edge.created_at, **told)


def _add_edge(
    session: Session,
    keystore: KeyStore,
    ends: tuple[UUID, UUID],
    *,
    lifted: list[tuple[UUID, UUID]],
    cause: Cause,
    now: datetime,
) -> Merge:
    """Write an edge, and with it what kept the two apart until now."""
    low, high = sorted(ends)
    evidence = {name: str(value) if isinstance(value, UUID) else value for name, value in cause.evidence.items()}
    if lifted:
        evidence["lifted"] = [[str(one), str(other)] for one, other in lifted]
    edge = Merge(
        id=uuid4(),
        a_id=low,
        b_id=high,
        rule=cause.rule.value,
        evidence=evidence,
        actor_kind=cause.actor.kind.value,
        actor_id=cause.actor.id,
        reason_sealed=seal_reason(keystore, (low, high), cause.reason),
        created_at=max(moment_after(session, end, now) for end in ends),
    )
    session.add(edge)
    session.flush()
    return edge


def seal_reason(keystore: KeyStore, ends: tuple[UUID, UUID], reason: str | None) -> bytes | None:
    """Return what a person gave as a reason, as it is stored: for each of the two a copy under their own data key."""
    if reason is None:
        return None
    return b"".join(keystore.take(end).seal(reason, context=REASON_CONTEXT) for end in ends)


def open_reason(keys: Mapping[UUID, DataKey], ends: tuple[UUID, UUID], sealed: bytes | None) -> str | None:
    """Return what a person gave as a reason, by the data key of either of the two; None when neither opens it."""
    sealed = sealed or b""
    half = len(sealed) // 2
    copies = zip(ends, (sealed[:half], sealed[half:]), strict=True)
    opened = (open_or_none(keys.get(end), copy or None, context=REASON_CONTEXT) for end, copy in copies)
    return next((reason for reason in opened if reason is not None), None)


def _same(kind: str | None) -> list[dict[str, Any]]:
    return [{"code": code, "trust": "verified"} for same, code in SAME.items() if same == kind]


def _ids(nodes: Sequence[Customer]) -> list[UUID]:
    return [node.id for node in nodes]
