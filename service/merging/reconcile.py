"""Reconcile: what a new identifier causes, at the moment it is written.

It is the same in any order of arrival, but where a rail stops a merge: there who came first stays.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.models import Actor, ActorKind
from service.crypto.keystore import KeyStore
from service.customers.component import canonical_of
from service.customers.identifiers import find_live, open_value
from service.customers.models import Customer, Identifier, IdentifierKind, Trust
from service.merging.graph import component_of, settle
from service.merging.join import Cause, Joined, Outcome, join
from service.merging.limits import keep_limits, take_up
from service.merging.lock import lock_identities
from service.merging.models import Rule
from service.merging.propose import propose
from service.merging.rails import may_have_changed_hands
from service.merging.reasons import SAME, Reason, words_of
from service.merging.rules import Rules


def reconcile(
    session: Session, keystore: KeyStore, identifier: Identifier, *, actor: Actor, rules: Rules, now: datetime
) -> Joined | None:
    """Draw the consequences of a fresh identifier; None when it leads to nobody else, as those of one site do.

    Verified meets verified: one customer. Anything less is a question for a person. Beyond a limit the weakest
    identifiers of the customer go back to claimed, maybe this one. A hub leads nowhere.
    """
    if identifier.kind not in SAME:
        return None
    lock_identities(session)
    _settle_again(session, keystore, identifier, actor=actor)
    keep_limits(session, keystore, identifier, actor=actor, rules=rules, now=now)
    others = _others(session, keystore, identifier, rules)
    if not others:
        return None
    proved = [other for other in others if _prove_the_same(identifier, other)]
    joined = _join_holders(
        session, keystore, identifier, proved, cause=_cause(identifier, actor), rules=rules, now=now
    )
    if joined is not None and joined.outcome is Outcome.MERGED:
        return joined
    asked = _propose_strongest(session, identifier, [other for other in others if other not in proved], now)
    return joined or asked


def _settle_again(session: Session, keystore: KeyStore, identifier: Identifier, *, actor: Actor) -> None:
    """Let a demoted identifier that its owner proves anew count again, and a first verified node answer."""
    if identifier.trust != Trust.VERIFIED:
        return
    if identifier.demoted_by is not None and actor.kind is ActorKind.SHOPPER:
        take_up(session, keystore, identifier)
    nodes = component_of(session, identifier.customer_id)
    if len(nodes) > 1:
        settle(session, nodes)


def _others(session: Session, keystore: KeyStore, identifier: Identifier, rules: Rules) -> list[Identifier]:
    """Return who else holds the value, strongest first; nobody when that says nothing."""
    kind, value = IdentifierKind(identifier.kind), open_value(keystore, identifier)
    if value is None:
        return []
    live = find_live(session, keystore.vault, kind, value, issuer=identifier.issuer)
    answering = _canonical_ids(session, {row.customer_id for row in live} | {identifier.customer_id})
    if len(set(answering.values())) > rules.hub.customers:
        return []
    own = answering[identifier.customer_id]
    return [row for row in live if answering[row.customer_id] != own]


def _join_holders(
    session: Session,
    keystore: KeyStore,
    identifier: Identifier,
    others: list[Identifier],
    *,
    cause: Cause,
    rules: Rules,
    now: datetime,
) -> Joined | None:
    """Join whoever proved the same value, as far as the rules let; None when nobody did."""
    best = None
    for other in others:
        joined = join(session, keystore, identifier.customer_id, other.customer_id, cause=cause, rules=rules, now=now)
        best = best if best is not None and best.outcome is Outcome.MERGED else joined
    return best


def _prove_the_same(identifier: Identifier, other: Identifier) -> bool:
    """Return whether both were proved, and not so far apart that the value may have another owner by now."""
    between = (identifier.proved_at or identifier.created_at) - (other.proved_at or other.created_at)
    is_proved = identifier.trust == other.trust == Trust.VERIFIED
    return is_proved and not may_have_changed_hands(identifier.kind, between)


def _propose_strongest(
    session: Session, identifier: Identifier, others: list[Identifier], now: datetime
) -> Joined | None:
    """Ask an operator whether the strongest of the others who hold the value is the same person."""
    for other in others:
        reasons = _reasons(identifier, other)
        proposal_id = propose(session, identifier.customer_id, other.customer_id, reasons=reasons, now=now)
        if proposal_id is not None:
            canonical = canonical_of(session, identifier.customer_id)
            return Joined(Outcome.PROPOSED, canonical, proposal_id=proposal_id, why=words_of(reasons))
    return None


def _reasons(identifier: Identifier, other: Identifier) -> list[dict[str, Any]]:
    same = SAME[IdentifierKind(identifier.kind)]
    if identifier.trust == other.trust == Trust.VERIFIED:
        return [{"code": same, "trust": Trust.VERIFIED}, {"code": Reason.RECYCLED}]
    return [{"code": same, "trust": Trust.CLAIMED}]


def _cause(identifier: Identifier, actor: Actor) -> Cause:
    evidence = {"kind": identifier.kind, "identifier_id": identifier.id}
    return Cause(Rule.VERIFIED_IDENTIFIER, actor, evidence)


def _canonical_ids(session: Session, nodes: set[UUID]) -> dict[UUID, UUID]:
    rows = session.execute(select(Customer.id, Customer.canonical_id).where(Customer.id.in_(nodes)))
    return {row.id: row.canonical_id for row in rows}
