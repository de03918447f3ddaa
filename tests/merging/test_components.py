"""Any sequence of links, merges and unmerges gives the components of the active edges, in any order of arrival."""

from collections.abc import Callable
from itertools import combinations
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from service.audit.models import AuditEntry
from service.customers.models import Customer, Identifier
from service.merging.graph import components
from service.merging.models import DoNotLink, Merge, Proposal, Rule
from tests.merging.people import EMAIL, People

MOST_NODES = 5
_slow = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
nodes = st.integers(0, MOST_NODES - 1)
pairs = st.tuples(nodes, nodes).filter(lambda pair: pair[0] != pair[1])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("merge"), pairs),
        st.tuples(st.just("undo"), st.integers(0, 20)),
        st.tuples(st.just("verify"), st.tuples(nodes, st.integers(0, 2))),
        st.tuples(st.just("link"), pairs),
    ),
    max_size=14,
)


def empty(people: People) -> None:
    """Forget everybody: each example begins in an empty world."""
    with people.write() as session:
        for table in (AuditEntry, Proposal, DoNotLink, Merge, Identifier, Customer):
            session.execute(delete(table))


def check(people: People) -> None:
    """Compare canonical ids with a plain look at the active edges: every pointer leads to the one that is due."""
    with people.world.service.db.read() as session:
        known = {node.id: node for node in session.scalars(select(Customer))}
        active = session.execute(select(Merge.a_id, Merge.b_id).where(Merge.undone_at.is_(None))).all()
    reach: dict[UUID, set[UUID]] = {ident: {ident} for ident in known}
    for _ in known:
        for a, b in active:
            reach[a] |= reach[b]
            reach[b] |= reach[a]
    for ident, node in known.items():
        answers = min(reach[ident], key=lambda one: (known[one].verified_at is None, known[one].created_at, one))
        assert node.canonical_id == answers
        assert known[node.canonical_id].canonical_id == node.canonical_id


def play(people: People, known: list[UUID], step: tuple[str, Any]) -> None:
    what, given_ = step
    if what == "merge":
        people.join(known[given_[0]], known[given_[1]])
    elif what == "link":
        people.join(known[given_[0]], known[given_[1]], Rule.VERIFIED_IDENTIFIER, kind="email")
    elif what == "verify":
        people.give(known[given_[0]], EMAIL, f"v{given_[1]}@example.com")
    else:
        with people.world.service.db.read() as session:
            wanted = select(Merge.id).where(Merge.undone_at.is_(None)).order_by(Merge.created_at, Merge.id)
            active = session.scalars(wanted).all()
        if active:
            people.undo(active[given_ % len(active)])


@_slow
@given(steps=steps)
def test_any_sequence_of_links_merges_and_unmerges_gives_the_components_of_the_active_edges(
    people: People, steps: list[tuple[str, Any]]
) -> None:
    empty(people)
    known = [people.node(verified=number % 2 == 1) for number in range(MOST_NODES)]
    for step in steps:
        play(people, known, step)
        check(people)


@_slow
@given(edges=st.lists(pairs, max_size=8), data=st.data())
def test_the_order_in_which_edges_arrive_changes_nothing(
    people: People, edges: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Not even once one of them is undone: a merge of two who were one already is kept as one more reason."""
    undone = data.draw(st.sampled_from(edges)) if edges else None
    seen = []
    for order in (edges, data.draw(st.permutations(edges))):
        empty(people)
        known = [people.node(ident=UUID(int=100 + number)) for number in range(MOST_NODES)]
        merges = {frozenset((a, b)): people.join(known[a], known[b]).merge_id for a, b in order}
        before = {node: people.canonical(node) for node in known}
        if undone is not None:
            people.undo(merges[frozenset(undone)])
        check(people)
        seen.append((before, {node: people.canonical(node) for node in known}))
    assert seen[0] == seen[1]


@_slow
@given(verified=st.permutations([(0, 0), (1, 0), (1, 1), (2, 1), (3, 2), (4, 2), (0, 2)]))
def test_verified_identifiers_give_the_same_customers_in_any_order_of_arrival(
    people: People, verified: list[tuple[int, int]]
) -> None:
    empty(people)
    known = [people.node() for _ in range(MOST_NODES)]
    for node, value in verified:
        people.give(known[node], EMAIL, f"v{value}@example.com")
    assert people.are_one(*known)
    check(people)


@_slow
@given(
    before=st.lists(pairs, max_size=4),
    held=st.lists(st.tuples(nodes, st.integers(0, 9)), max_size=12),
    merged=pairs,
)
@example(before=[], held=[(0, 0), (3, 0), (2, 1), (0, 2), (2, 0)], merged=(0, 1))
def test_merge_then_unmerge_is_the_identity(
    people: People, before: list[tuple[int, int]], held: list[tuple[int, int]], merged: tuple[int, int]
) -> None:
    """On components, canonical ids and identifiers: with limits of two, many of these merges demote some."""
    empty(people)
    people.change("limits", email=2, phone=2)
    known = [people.node(verified=number % 2 == 1) for number in range(MOST_NODES)]
    for a, b in before:
        people.join(known[a], known[b])
    for node, value in held:
        people.give(known[node], EMAIL, f"v{value}@example.com")
    was = people.state()
    joined = people.join(known[merged[0]], known[merged[1]])
    people.undo(joined.merge_id) if joined.outcome == "merged" else None
    assert people.state() == was


@given(edges=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=15))
def test_components_are_those_of_a_plain_search(edges: list[tuple[int, int]]) -> None:
    known = [UUID(int=number) for number in range(10)]
    found = components(known, [(known[a], known[b]) for a, b in edges])
    assert sorted(ident for part in found for ident in part) == known
    part_of: Callable[[int], int] = lambda number: next(  # noqa: E731
        index for index, part in enumerate(found) if known[number] in part
    )
    for a, b in edges:
        assert part_of(a) == part_of(b)
    touching = {frozenset((part_of(a), part_of(b))) for a, b in edges}
    assert all(frozenset(pair) not in touching for pair in combinations(range(len(found)), 2))
