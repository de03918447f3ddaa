"""Ask a person, for a whole batch at once, whether new customers are those who hold the same contact already.

One by one that is `reconcile`: here nobody is proved, and a new customer has neither merges nor a do-not-link, so of
its rules only the hub is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from service.audit.models import SYSTEM, Action, AuditEntry
from service.customers.models import Customer, IdentifierKind, Trust
from service.db import insert_many, select_many, stored_time
from service.importing.ids import make_ids
from service.importing.report import Report
from service.importing.target import Target
from service.merging.models import Decider, Proposal, ProposalStatus
from service.merging.reasons import SAME, words_of

_TABLES = Customer.metadata.tables
_PROPOSAL = ("id", "a_id", "b_id", "decider", "reasons", "status", "created_at")
_AUDIT = ("id", "at", "customer_id", "action", "actor_kind", "detail")


class Shared(NamedTuple):
    """A value that a new customer shares, unproved, with others: their nodes, the strongest holder first."""

    line: int
    customer_id: str
    kind: str
    others: list[str]


@dataclass
class _Pair:
    """A new customer and whom they may be, and why."""

    line: int
    ends: tuple[str, str]
    reasons: list[dict[str, str]] = field(default_factory=list)


def propose_many(session: Session, shared: Sequence[Shared], *, target: Target, report: Report) -> None:
    """Write a proposal for each new customer and each customer that they share a value with."""
    pairs = _pair(session, shared, most=target.rules.hub.customers)
    now, proposals, audit = stored_time(session, target.now), [], []
    by, status = Decider.OPERATOR.value, ProposalStatus.OPEN.value
    for ident, pair in zip(make_ids(len(pairs)), pairs, strict=True):
        low, high = sorted(pair.ends)
        proposals.append((ident, low, high, by, orjson.dumps(pair.reasons).decode(), status, now))
        codes = [reason["code"] for reason in pair.reasons]
        told = orjson.dumps({"proposal_id": str(UUID(ident)), "reasons": codes}).decode()
        proposed = Action.DUPLICATE_PROPOSED.value
        for audit_id, end in zip(make_ids(2), (low, high), strict=True):
            audit.append((audit_id, now, end, proposed, SYSTEM.kind.value, told))
        report.note_proposal(pair.line, UUID(ident), words_of(pair.reasons))
    insert_many(session, _TABLES[Proposal.__tablename__], _PROPOSAL, proposals)
    insert_many(session, _TABLES[AuditEntry.__tablename__], _AUDIT, audit)


def _pair(session: Session, shared: Sequence[Shared], *, most: int) -> list[_Pair]:
    """Return who may be whom; nobody by a value that more than `most` customers hold."""
    others = sorted({other for one in shared for other in one.others})
    customers = _TABLES[Customer.__tablename__]
    answering = dict(select_many(session, customers, ("id", "canonical_id"), key="id", values=others))
    pairs: dict[tuple[str, str], _Pair] = {}
    for one in shared:
        if len({answering[other] for other in one.others}) >= most:
            continue
        strongest = one.others[0]
        pair = pairs.setdefault(
            (one.customer_id, answering[strongest]), _Pair(one.line, (one.customer_id, strongest))
        )
        pair.reasons.append({"code": SAME[IdentifierKind(one.kind)].value, "trust": Trust.CLAIMED.value})
    return list(pairs.values())
