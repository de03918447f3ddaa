"""Merges and unmerges that race: no edge is lost, nobody waits for ever, no pointer runs in a ring."""

import random
import threading
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import select

from service.customers.models import Customer
from service.errors import Conflict
from service.merging.anonymous import see_anonymous
from service.merging.decide import accept, reject
from service.merging.duplicates import Match, propose_matches
from service.merging.join import Cause, Outcome, join
from service.merging.models import Merge, Rule
from service.merging.propose import propose
from service.merging.undo import undo
from tests.merging.people import EMAIL, OPERATOR, People
from tests.merging.test_components import check
from tests.others import Others, waits

ROUNDS = 25
Job = Callable[[], object]


def at_once(jobs: list[Job]) -> list[object]:
    """Run jobs in threads that start together; return their results, and raise the first error."""
    results: list[object] = [None] * len(jobs)
    gate = threading.Barrier(len(jobs))

    def run(number: int, job: Job) -> None:
        gate.wait()
        try:
            results[number] = job()
        except Exception as error:  # noqa: BLE001 - told to the test below
            results[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "two merges wait for each other"
    errors = [result for result in results if isinstance(result, Exception)]
    if errors:
        raise errors[0]
    return results


def merging(people: People, a: UUID, b: UUID) -> Job:
    def run() -> object:
        with people.world.service.db.write() as session:
            cause = Cause(Rule.OPERATOR, OPERATOR)
            now = people.world.clock()
            return join(session, people.keystore, a, b, cause=cause, rules=people.rules, now=now)

    return run


def undoing(people: People, merge_id: UUID | None) -> Job:
    assert merge_id is not None

    def run() -> object:
        with people.world.service.db.write() as session:
            now = people.world.clock()
            return undo(session, people.keystore, merge_id, actor=OPERATOR, reason=None, rules=people.rules, now=now)

    return run


def active(people: People) -> set[frozenset[UUID]]:
    with people.world.service.db.read() as session:
        rows = session.execute(select(Merge.a_id, Merge.b_id).where(Merge.undone_at.is_(None)))
        return {frozenset((row.a_id, row.b_id)) for row in rows}


def test_merges_that_cross_lose_no_edge_and_make_no_ring(people: People) -> None:
    for _ in range(ROUNDS):
        a, b, c = (people.node() for _ in range(3))
        pairs = [(a, b), (b, c), (c, a), (b, a)]
        random.shuffle(pairs)
        at_once([merging(people, *pair) for pair in pairs])
        assert {frozenset(pair) for pair in pairs} <= active(people)
        assert people.are_one(a, b, c)
    check(people)


def test_two_chains_that_meet_in_the_middle_become_one(people: People) -> None:
    for _ in range(ROUNDS):
        chain = [people.node() for _ in range(6)]
        links = list(pairwise(chain))
        random.shuffle(links)
        at_once([merging(people, *link) for link in links])
        assert people.are_one(*chain)
    check(people)


def test_a_merge_and_an_unmerge_that_race_both_count(people: People) -> None:
    for _ in range(ROUNDS):
        a, b, c = (people.node() for _ in range(3))
        first = people.join(a, b).merge_id
        at_once([undoing(people, first), merging(people, b, c), merging(people, a, c)])
        assert active(people) & {frozenset((a, b))} == set()
        assert {frozenset((b, c)), frozenset((a, c))} <= active(people)
        assert people.are_one(a, b, c)
    check(people)


def test_of_two_unmerges_of_one_merge_one_is_told_that_it_was_done(people: People) -> None:
    for _ in range(ROUNDS):
        a, b = people.node(), people.node()
        merge_id = people.join(a, b).merge_id

        def once(merge_id: UUID | None = merge_id) -> str:
            try:
                undoing(people, merge_id)()
            except Exception as error:  # noqa: BLE001
                return type(error).__name__
            return "undone"

        assert sorted(map(str, at_once([once, once]))) == ["Conflict", "undone"]
        assert not people.are_one(a, b)
    check(people)


def test_the_same_merge_at_the_same_time_is_one_edge(people: People) -> None:
    for _ in range(ROUNDS):
        a, b = people.node(), people.node()
        done = at_once([merging(people, a, b), merging(people, b, a)])
        outcomes = sorted(result.outcome for result in done)  # type: ignore[attr-defined]
        assert outcomes == [Outcome.MERGED, Outcome.SAME]
    check(people)


def test_verified_identifiers_that_arrive_at_once_join_their_holders(people: People) -> None:
    for number in range(ROUNDS):
        known = [people.node() for _ in range(3)]
        value = f"n{number}@example.com"
        at_once([partial(people.give, node, EMAIL, value) for node in known])
        assert people.are_one(*known)
    with people.world.service.db.read() as session:
        assert len(session.scalars(select(Customer.id)).all()) == 3 * ROUNDS
    check(people)


def test_of_two_who_see_a_device_first_the_second_gets_the_node_of_the_first(people: People) -> None:
    def see() -> UUID:
        now = people.world.clock()
        with people.world.service.db.write() as session:
            return see_anonymous(session, people.keystore, site_id=UUID(int=77), anonymous_id="device", now=now)

    with Others(people.world) as pool:
        with people.write() as session:
            now = people.now()
            node = see_anonymous(session, people.keystore, site_id=UUID(int=77), anonymous_id="device", now=now)
            seeing = pool.submit(see)
            assert waits(seeing)
        assert seeing.result(20) == node


@pytest.mark.parametrize("second", ["accept", "reject"])
def test_of_two_who_decide_a_proposal_one_is_told_that_it_was_decided(people: People, second: str) -> None:
    a, b = people.node(), people.node()
    with people.write() as session:
        proposal_id = propose(session, a, b, reasons=[{"code": "similar"}], now=people.now())
    assert proposal_id is not None

    def decide(verb: str) -> None:
        with people.world.service.db.write() as session:
            if verb == "reject":
                reject(session, proposal_id, actor=OPERATOR, now=people.world.clock())
            else:
                cause, given = Cause(Rule.PROPOSAL, OPERATOR), {"rules": people.rules, "now": people.world.clock()}
                accept(session, people.keystore, proposal_id, cause=cause, **given)

    with Others(people.world) as pool:
        with people.write() as session:
            cause = Cause(Rule.PROPOSAL, OPERATOR)
            accept(session, people.keystore, proposal_id, cause=cause, rules=people.rules, now=people.now())
            deciding = pool.submit(decide, second)
            assert waits(deciding)
        with pytest.raises(Conflict):
            deciding.result(20)
    assert people.are_one(a, b)
    assert [proposal.id for proposal in people.proposals("accepted")] == [proposal_id]


def test_two_who_are_just_becoming_one_are_not_proposed(people: People) -> None:
    a, b = people.node(), people.node()

    def find() -> list[object]:
        with people.world.service.db.write() as session:
            return list(propose_matches(session, [Match(a, b, 0.9, {})], now=people.world.clock()))

    with Others(people.world) as pool:
        with people.write() as session:
            cause = Cause(Rule.OPERATOR, OPERATOR)
            join(session, people.keystore, a, b, cause=cause, rules=people.rules, now=people.now())
            finding = pool.submit(find)
            assert waits(finding)
        assert finding.result(20) == []
    assert people.proposals() == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_a_merge_read_before_its_turn_is_read_again(people: People) -> None:
    """Ana was read, then Eva, who is older, became one with her; Ana, verified by now, answers for all."""
    eva, ana, ida = (people.node() for _ in range(3))
    with people.world.service.db.write() as session:
        read = session.get_one(Customer, ana)
        with Others(people.world) as pool:
            pool.submit(people.join, ana, eva).result(20)
        assert people.canonical(ana) == eva
        read.verified_at = people.now()
        session.flush()
        cause = Cause(Rule.OPERATOR, OPERATOR)
        join(session, people.keystore, ana, ida, cause=cause, rules=people.rules, now=people.now())
    assert [people.canonical(node) for node in (ana, eva, ida)] == [ana] * 3
