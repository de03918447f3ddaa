"""Whom a limit costs its trust, on account of which merge, and what gives it back."""

from uuid import UUID

import pytest
from sqlalchemy import select

from service.customers.models import Identifier, Trust
from service.merging.models import Merge, Rule
from tests.merging.people import CRM, EMAIL, SHOPPER, People
from tests.proof.people import vouching_site


def believed(people: People, *nodes: UUID) -> list[list[str]]:
    """Return how far what each node holds is believed, most first."""
    return [sorted((trust for _, trust, _, _ in people.held(node).values()), reverse=True) for node in nodes]


def demoted_by(people: People, node: UUID) -> list[UUID | None]:
    return [by for _, trust, _, by in people.held(node).values() if trust == Trust.CLAIMED]


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 1)])
def test_what_a_new_identifier_takes_from_a_customer_of_two_nodes_is_put_down_to_their_merge(
    people: People, one: int, other: int
) -> None:
    people.change("limits", email=1)
    a, b = people.node(ident=UUID(int=one)), people.node(ident=UUID(int=other))
    people.give(a, EMAIL, "a@example.com")
    merged = people.join(a, b, Rule.VERIFIED_IDENTIFIER, kind="email")
    people.give(b, EMAIL, "b@example.com")
    assert demoted_by(people, a) == [merged.merge_id]
    with people.world.service.db.read() as session:
        evidence = session.get_one(Merge, merged.merge_id).evidence
    assert (set(evidence), evidence["kind"]) == ({"kind", "demoted"}, "email"), "why they are one is still known"


def test_what_a_limit_takes_is_put_down_to_no_merge_that_was_undone_or_of_others(people: People) -> None:
    people.change("limits", email=1)
    a, b, c = (people.node() for _ in range(3))
    people.undo(people.join(a, b).merge_id)
    people.join(b, c)
    for value in ("a1@example.com", "a2@example.com"):
        people.give(a, EMAIL, value)
    assert demoted_by(people, a) == [None]


def test_an_unmerge_gives_back_everything_that_new_identifiers_took_one_after_the_other(people: People) -> None:
    people.change("limits", email=2)
    a, b = people.node(), people.node()
    for value in ("a1@example.com", "a2@example.com"):
        people.give(a, EMAIL, value)
    merged = people.join(a, b)
    for value in ("b1@example.com", "b2@example.com"):
        people.give(b, EMAIL, value)
    assert believed(people, a, b) == [["claimed", "claimed"], ["verified", "verified"]]
    people.undo(merged.merge_id)
    assert believed(people, a, b) == [["verified", "verified"], ["verified", "verified"]]


def test_who_is_left_gets_back_what_had_no_room_beside_the_one_who_left(people: People) -> None:
    people.change("limits", email=1)
    a, staying, leaving = (people.node() for _ in range(3))
    people.give(a, EMAIL, "a@example.com")
    people.join(a, staying)
    merged = people.join(a, leaving)
    people.give(leaving, EMAIL, "leaving@example.com")
    assert believed(people, a, leaving) == [["claimed"], ["verified"]]
    people.undo(merged.merge_id)
    assert believed(people, a, leaving) == [["verified"], ["verified"]]


def test_of_what_was_said_at_once_the_same_one_goes_whatever_the_order(people: People) -> None:
    """Six addresses, where five have room."""
    shop, operator = vouching_site(people.world), people.world.operator()
    for company in ("one", "two", "three"):
        said = [f"{name}@{company}.example.com" for name in "abcdef"]
        gone = []
        for account, emails in (("maria", said), ("maria-again", said[::-1])):
            identifiers = [{"kind": EMAIL, "value": email, "verified": True} for email in emails]
            put = shop.call("PUT", f"/commerce/v1/accounts/{account}", {"identifiers": identifiers})
            file = f"/operator/v1/customers/{put.json['customer_id']}"
            held = operator.call("GET", file).json["identifiers"]
            gone.append([item["value"] for item in held if item["trust"] == Trust.CLAIMED and item["kind"] == EMAIL])
            assert operator.call("POST", f"{file}/erase", {"reason": "mistake"}).status_code == 200
        assert (len(gone[0]), gone[0]) == (1, gone[1])


def test_of_a_value_on_two_nodes_the_stronger_word_is_weighed(people: People) -> None:
    people.change("limits", email=1)
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "one@example.com", Trust.VOUCHED)
    people.give(b, EMAIL, "one@example.com")
    people.join(a, b)
    c = people.node()
    people.join(a, c)
    people.give(c, EMAIL, "two@example.com", Trust.VOUCHED)
    assert believed(people, a, b, c) == [["vouched"], ["verified"], ["claimed"]]


def test_of_a_value_on_two_nodes_one_proof_by_the_owner_is_enough(people: People) -> None:
    people.change("limits", email=1)
    a, b, c = (people.node() for _ in range(3))
    people.give(a, EMAIL, "one@example.com")
    people.give(b, EMAIL, "one@example.com", actor=SHOPPER)
    people.join(a, c)
    people.give(c, EMAIL, "two@example.com")
    assert believed(people, a, b, c) == [["verified"], ["verified"], ["claimed"]]


def test_a_value_loses_its_trust_on_every_node(people: People) -> None:
    people.change("limits", email=1)
    a, b, c = (people.node() for _ in range(3))
    for node in (a, b):
        people.give(node, EMAIL, "old@example.com")
    people.give(c, EMAIL, "new@example.com")
    people.join(a, c)
    assert believed(people, a, b, c) == [["claimed"], ["claimed"], ["verified"]]


def test_a_value_is_as_young_as_its_last_proof(people: People) -> None:
    people.change("limits", email=1)
    a = people.node()
    people.give(a, EMAIL, "one@example.com", Trust.CLAIMED)
    people.give(a, EMAIL, "two@example.com", actor=SHOPPER)
    [two] = [ident for ident, (_, trust, _, _) in people.held(a).items() if trust == Trust.VERIFIED]
    people.give(a, EMAIL, "one@example.com", actor=SHOPPER)
    assert people.held(a)[two][1] == Trust.CLAIMED


def test_of_a_value_on_two_nodes_the_last_proof_is_weighed(people: People) -> None:
    people.change("limits", email=2)
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "one@example.com", actor=SHOPPER)
    [one] = people.held(a)
    people.give(a, EMAIL, "two@example.com", actor=SHOPPER)
    people.give(b, EMAIL, "one@example.com", actor=SHOPPER)
    people.give(b, EMAIL, "three@example.com", actor=SHOPPER)
    assert (people.held(a)[one][1], believed(people, a, b)) == (
        "verified",
        [["verified", "claimed"], ["verified", "verified"]],
    )


def test_what_a_limit_took_of_crm_ids_no_unmerge_gives_back(people: People) -> None:
    a, b = people.node(), people.node()
    merged = people.join(a, b)
    for value in ("C-1", "C-2"):
        people.give(a, CRM, value, Trust.VOUCHED)
    people.undo(merged.merge_id)
    assert believed(people, a) == [["vouched", "claimed"]]


def test_what_its_owner_proves_anew_takes_from_nobody_what_they_hold_by_now(people: People) -> None:
    people.change("limits", email=1)
    a, b, other = (people.node() for _ in range(3))
    people.give(a, EMAIL, "old@example.com")
    people.give(b, EMAIL, "new@example.com")
    people.join(a, b)
    people.give(other, EMAIL, "old@example.com")
    people.give(a, EMAIL, "old@example.com", actor=SHOPPER)
    assert people.are_one(a, b, other)
    assert [held[1:3] for node in (a, other) for held in people.held(node).values()] == [
        ("verified", False),
        ("verified", True),
    ]


def test_a_value_counts_once_while_the_index_key_is_rotated(people: People) -> None:
    people.change("limits", email=1)
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "one@example.com")
    people.rotate_index_key()
    people.give(b, EMAIL, "one@example.com")
    assert (people.are_one(a, b), believed(people, a, b)) == (True, [["verified"], ["verified"]])


def test_what_can_no_longer_be_read_still_counts_while_the_index_key_is_rotated(people: People) -> None:
    people.change("limits", email=2)
    a, b = people.node(), people.node()
    for value in ("a1@example.com", "a2@example.com"):
        people.give(a, EMAIL, value)
    people.join(a, b)
    people.keystore.destroy([a], people.now())
    people.rotate_index_key()
    people.give(b, EMAIL, "b@example.com")
    assert believed(people, a, b) == [["verified", "claimed"], ["verified"]]


def test_an_owner_who_proves_a_contact_anew_has_proved_it_now(people: People) -> None:
    node = people.node()
    for _ in range(2):
        people.give(node, EMAIL, "maria@example.com", actor=SHOPPER)
    with people.world.service.db.read() as session:
        [proved] = session.scalars(select(Identifier.owner_proved_at).where(Identifier.customer_id == node))
    assert proved == people.world.clock()
