"""Find probable duplicates among all customers, and propose them to the operators.

Values are opened in memory for the length of one run; no match key and no folded value is written anywhere. What is
kept of two customers is the likelihood and, field by field, how far they agree in closed words.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.crypto.keystore import DataKey, KeyStore, open_or_none
from service.customers.identifiers import VALUE_CONTEXT
from service.customers.models import CONTACTS, Customer, Identifier, IdentifierKind
from service.customers.traits import open_traits
from service.matching.find import find_duplicates
from service.matching.person import Person, complete, read_person
from service.matching.words import tell_agreements
from service.merging.lock import lock_identities
from service.merging.models import Proposal
from service.merging.propose import propose
from service.merging.reasons import Reason
from service.merging.rules import Matching

_AT_ONCE = 1_000
_DECIMALS = 2  # of a likelihood: more would claim to know more than it does
Contacts = dict[UUID, dict[str, list[str]]]


class Match(NamedTuple):
    """Two customers, how likely they are one person (0 to 1), and how far each field agrees."""

    a_id: UUID
    b_id: UUID
    likelihood: float
    fields: dict[str, str]


class Proposed(NamedTuple):
    """A match that a person is asked about; `is_new` when nobody was asked before."""

    proposal_id: UUID
    match: Match
    is_new: bool


def count_nodes(session: Session) -> int:
    """Return how many records there are to read."""
    return session.scalar(select(func.count()).where(Customer.erased_at.is_(None))) or 0


def read_people(session: Session, keystore: KeyStore, *, step: Callable[[int], object]) -> dict[UUID, Person]:
    """Return what is known of every customer, all nodes together; `step` is told how many records were read."""
    people: dict[UUID, Person] = {}
    last = UUID(int=0)
    while nodes := _read_nodes(session, last):
        keys = keystore.find_many(node.id for node in nodes)
        contacts = _read_contacts(session, keys)
        for node in nodes:
            person = read_person(open_traits(keys.get(node.id), node), **contacts[node.id])
            known = people.get(node.canonical_id, Person())
            first, second = (person, known) if node.id == node.canonical_id else (known, person)
            people[node.canonical_id] = complete(first, second)
        last = nodes[-1].id
        session.expunge_all()
        step(len(nodes))
    return people


def match_people(people: dict[UUID, Person], matching: Matching, *, step: Callable[[], object]) -> list[Match]:
    """Return every two customers who are probably one, the likeliest first. `step` is called `STEPS` times."""
    known = [(ident, person) for ident, person in people.items() if person != Person()]
    records = [person for _, person in known]
    found = find_duplicates(records, threshold=matching.threshold, most=matching.largest_block, step=step)
    return [
        Match(
            known[pair.first][0],
            known[pair.second][0],
            round(pair.probability, _DECIMALS),
            tell_agreements(records[pair.first], records[pair.second]),
        )
        for pair in found
    ]


def propose_matches(session: Session, matches: Sequence[Match], *, now: datetime) -> list[Proposed]:
    """Ask a person about each match, but for those who are one by now, kept apart by a person, or erased."""
    lock_identities(session)
    proposed = []
    for match in matches:
        reasons = [{"code": Reason.SIMILAR.value, "fields": match.fields}]
        ident = propose(session, match.a_id, match.b_id, reasons=reasons, score=match.likelihood, now=now)
        if ident is not None:
            asked = session.get_one(Proposal, ident)
            proposed.append(Proposed(ident, match, is_new=asked.created_at == now))
    return proposed


def _read_nodes(session: Session, after: UUID) -> Sequence[Customer]:
    wanted = select(Customer).where(Customer.id > after, Customer.erased_at.is_(None))
    return session.scalars(wanted.order_by(Customer.id).limit(_AT_ONCE)).all()


def _read_contacts(session: Session, keys: dict[UUID, DataKey]) -> Contacts:
    """Return the live e-mail addresses and phones of these nodes."""
    found: Contacts = defaultdict(lambda: {"emails": [], "phones": []})
    of_kind = Identifier.kind.in_([kind.value for kind in CONTACTS])
    wanted = select(Identifier).where(Identifier.customer_id.in_(list(keys)), of_kind, Identifier.ended_at.is_(None))
    for row in session.scalars(wanted):
        value = open_or_none(keys[row.customer_id], row.value_sealed, context=VALUE_CONTEXT)
        if value is not None:
            found[row.customer_id]["emails" if row.kind == IdentifierKind.EMAIL else "phones"].append(value)
    return found
