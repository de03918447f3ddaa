"""An unmerge is exact, done once, and says what it left."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from service.audit.models import Action
from service.consent.texts import TEXT_VERSION
from service.customers.identifiers import end_identifier
from service.customers.models import Customer, Identifier
from service.errors import Conflict, NotFound
from service.merging.models import DoNotLink, Merge
from tests.erasure.scene import Scene
from tests.merging.people import EMAIL, SHOPPER, People


def test_the_oldest_verified_node_answers_and_each_for_itself_after_the_unmerge(people: People) -> None:
    old, verified, young = people.node(), people.node(verified=True), people.node(verified=True)
    first, second = people.join(old, young), people.join(verified, old)
    assert (first.customer_id, second.customer_id) == (young, verified)
    assert {people.canonical(node) for node in (old, verified, young)} == {verified}
    undone = people.undo(second.merge_id)
    assert undone.still_connected is False
    assert set(undone.customer_ids) == {young, verified}
    assert (people.canonical(old), people.canonical(verified)) == (young, verified)


def test_of_two_as_old_the_lower_id_answers(people: People) -> None:
    low, high = people.node(ident=UUID(int=1)), UUID(int=2)
    people.world.clock.forward(seconds=-1)
    people.node(ident=high)
    assert people.join(high, low).customer_id == low


def test_a_first_proof_makes_its_node_answer_for_the_customer(people: People) -> None:
    old, young = people.node(), people.node()
    people.join(old, young)
    assert people.canonical(young) == old
    people.give(young, EMAIL, "ana@example.com", actor=SHOPPER)
    assert people.canonical(old) == young


def test_what_other_merges_still_join_stays_one_and_is_said(people: People) -> None:
    a, b, c = (people.node() for _ in range(3))
    direct = people.join(a, b)
    people.join(b, c)
    people.join(c, a)
    undone = people.undo(direct.merge_id)
    assert (undone.still_connected, undone.customer_ids) == (True, (a, a))
    assert people.are_one(a, b, c)


def test_a_merge_is_undone_once(people: People) -> None:
    merge_id = people.join(people.node(), people.node()).merge_id
    people.undo(merge_id)
    with pytest.raises(Conflict) as refused:
        people.undo(merge_id)
    assert refused.value.code == "already_undone"
    with pytest.raises(NotFound):
        people.undo(uuid4())


def test_no_merge_ends_before_it_began_whatever_the_clocks_say(people: People) -> None:
    merge_id = people.join(people.node(), people.node()).merge_id
    people.world.clock.forward(seconds=-10)
    people.undo(merge_id)
    with people.world.service.db.read() as session:
        edge = session.get_one(Merge, merge_id)
        assert edge.undone_at == edge.created_at


def test_an_unmerge_writes_a_do_not_link_and_both_histories(people: People) -> None:
    a, b = people.node(), people.node()
    merge_id = people.join(a, b).merge_id
    people.undo(merge_id)
    with people.world.service.db.read() as session:
        [apart] = session.scalars(select(DoNotLink))
        assert [apart.a_id, apart.b_id] == sorted((a, b))
        edge = session.get_one(Merge, merge_id)
        assert edge.undone_at is not None
        assert edge.undo_reason_sealed is not None
        assert b"not the same" not in edge.undo_reason_sealed
    told = people.told(Action.CUSTOMERS_MERGED, Action.CUSTOMERS_UNMERGED)
    assert [row.action for row in told] == ["customers.merged"] * 2 + ["customers.unmerged"] * 2
    assert {row.customer_id for row in told[1:]} == {a, b}
    assert {row.detail["merge_id"] for row in told} == {str(merge_id)}
    assert {row.detail["merged_at"] for row in told[2:]} == {edge.created_at.isoformat()}


def test_nodes_are_never_rewritten(people: People) -> None:
    """A merge and its undoing touch the canonical pointer of a node, and nothing else of it."""
    a, b = people.node("Ana"), people.node("Luis")

    def stands() -> list[tuple[object, ...]]:
        with people.world.service.db.read() as session:
            rows = session.scalars(select(Customer).order_by(Customer.id))
            return [(row.id, row.created_at, row.verified_at, row.traits, row.erased_at) for row in rows]

    before = stands()
    people.undo(people.join(a, b).merge_id)
    assert stands() == before


def test_a_merge_and_its_undoing_rewrite_nothing_that_happened(people: People) -> None:
    """Scans, claims, cards and all the rest stay on the node under which they were captured."""
    scene = Scene(people.world)
    scene.shop()
    for shopper in (scene.maria, scene.second):
        said = {"granted": True, "text_version": TEXT_VERSION}
        assert shopper.call("PUT", "/shopper/v1/consents/profiling", said).status_code == 200

    before = people.rows()
    assert {"scans", "sales", "returns", "claims", "cards", "sessions", "consents"} <= {name for name, *_ in before}
    ours, theirs = scene.nodes
    merged = people.join(ours, theirs)
    assert before <= people.rows()
    people.undo(merged.merge_id)
    assert before <= people.rows()


def test_what_a_merge_demoted_comes_back_although_a_site_repeated_itself_meanwhile(people: People) -> None:
    people.change("limits", email=1)
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "old@example.com")
    people.give(b, EMAIL, "new@example.com")
    before = people.held(a)
    merged = people.join(a, b)
    people.give(a, EMAIL, "old@example.com")
    assert [held[1:] for held in people.held(a).values()] == [("claimed", False, merged.merge_id)]
    people.undo(merged.merge_id)
    assert people.held(a) == before


def test_what_its_owner_ended_since_the_merge_stays_ended(people: People) -> None:
    people.change("limits", email=1)
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "old@example.com")
    people.give(b, EMAIL, "new@example.com")
    merged = people.join(a, b)
    [demoted] = people.held(a)
    with people.write() as session:
        end_identifier(session.get_one(Identifier, demoted), people.now())
    people.undo(merged.merge_id)
    assert people.held(a) == {}
    _, (_, trust, exclusive, demoted_by, ended_at) = next(
        (ident, row) for ident, row in people.state()["identifiers"].items() if ident == demoted
    )
    assert (trust, exclusive, demoted_by) == ("claimed", False, None)
    assert ended_at is not None


def test_what_another_holds_by_now_under_a_new_index_key_is_not_held_twice(people: People) -> None:
    people.change("limits", email=1)
    a, b, other = people.node(), people.node(), people.node()
    people.give(a, EMAIL, "old@example.com")
    people.give(b, EMAIL, "new@example.com")
    merged = people.join(a, b)
    people.rotate_index_key()
    people.give(other, EMAIL, "old@example.com")
    assert [held[2] for held in people.held(other).values()] == [True]
    people.undo(merged.merge_id)
    assert [held[1:3] for held in people.held(a).values()] == [("verified", False)]


def test_an_erased_customer_is_not_unmerged(people: People) -> None:
    a, b = people.node(), people.node()
    merged = people.join(a, b)
    with people.write() as session:
        session.get_one(Customer, b).erased_at = people.now()
    with pytest.raises(Conflict) as refused:
        people.undo(merged.merge_id)
    assert refused.value.code == "erased"


def test_a_value_that_can_no_longer_be_read_is_held_by_nobody(people: People) -> None:
    people.change("limits", email=1)
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "old@example.com")
    people.give(b, EMAIL, "new@example.com")
    merged = people.join(a, b)
    people.keystore.destroy([a], people.now())
    people.undo(merged.merge_id, reason=None)
    assert [held[2] for held in people.held(a).values()] == [False]


def trusts(people: People, node: UUID) -> list[str]:
    return sorted(trust for _, trust, _, _ in people.held(node).values())


def test_who_is_alone_again_gets_back_what_a_later_merge_of_the_others_took(people: People) -> None:
    people.change("limits", email=2)
    x, y, z = (people.node() for _ in range(3))
    people.give(x, EMAIL, "x@example.com")
    first = people.join(x, y)
    for value in ("z1@example.com", "z2@example.com"):
        people.give(z, EMAIL, value)
    people.join(y, z)
    assert trusts(people, x) == ["claimed"]
    people.undo(first.merge_id)
    assert (trusts(people, x), trusts(people, z)) == (["verified"], ["verified", "verified"])


def test_who_is_alone_again_gets_back_what_a_new_identifier_of_the_others_took(people: People) -> None:
    people.change("limits", email=2)
    x, z = people.node(), people.node()
    people.give(x, EMAIL, "x@example.com")
    people.give(z, EMAIL, "z1@example.com")
    merged = people.join(x, z)
    people.give(z, EMAIL, "z2@example.com")
    assert trusts(people, x) == ["claimed"]
    people.undo(merged.merge_id)
    assert (trusts(people, x), trusts(people, z)) == (["verified"], ["verified", "verified"])


def test_who_is_alone_again_keeps_the_own_limit(people: People) -> None:
    people.change("limits", email=2)
    x, y, z = (people.node() for _ in range(3))
    for value in ("x1@example.com", "x2@example.com"):
        people.give(x, EMAIL, value)
    first = people.join(x, y)
    for value in ("z1@example.com", "z2@example.com"):
        people.give(z, EMAIL, value)
    people.join(y, z)
    people.give(x, EMAIL, "x3@example.com")
    people.undo(first.merge_id)
    assert trusts(people, x) == ["claimed", "verified", "verified"]
