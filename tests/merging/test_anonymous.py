"""Anonymous activity joins its owner, back to the last identity switch on a shared device and no further."""

from uuid import UUID

import pytest

from service.audit.models import Action
from service.customers.models import NO_ISSUER, IdentifierKind, Trust
from tests.merging.people import CRM, EMAIL, People

ACCOUNT = IdentifierKind.ACCOUNT
SHOP, OTHER_SHOP = UUID(int=77), UUID(int=78)


@pytest.fixture
def maria(people: People) -> UUID:
    return known(people, "maria@example.com")


def known(people: People, email: str) -> UUID:
    node = people.node()
    people.give(node, EMAIL, email)
    return node


def merge_of(people: People, customer: UUID) -> UUID:
    [edge] = people.world.operator().call("GET", f"/operator/v1/customers/{customer}").json["merges"]
    return UUID(edge["merge_id"])


def test_a_device_keeps_its_node_and_each_site_has_its_own(people: People) -> None:
    node = people.see(SHOP, "device")
    assert people.see(SHOP, "device") == node
    assert people.see(SHOP, "another") != node
    assert people.see(OTHER_SHOP, "device") != node


def test_a_device_and_an_account_have_one_holder_each_whoever_says_so(people: People) -> None:
    device, customer = people.see(SHOP, "device"), people.node()
    people.give(customer, IdentifierKind.ACCOUNT, "maria", Trust.VOUCHED, issuer=SHOP)
    people.give(customer, CRM, "C-1", Trust.VOUCHED)
    held = {kind: exclusive for node in (device, customer) for kind, _, exclusive, _ in people.held(node).values()}
    assert held == {"anonymous": True, "account": True, "crm": False}


def test_activity_before_sign_up_joins_at_sign_up(people: People, maria: UUID) -> None:
    before = people.see(SHOP, "device")
    assert not people.are_one(before, maria)
    assert people.sign_up(SHOP, "device", maria) == before
    assert people.are_one(before, maria)
    assert people.see(SHOP, "device") == before, "and so does what follows"


def test_the_customer_answers_for_the_device_and_never_the_other_way_round(people: People) -> None:
    device = people.see(SHOP, "device")
    customer = people.node()
    people.give(customer, CRM, "C-1", Trust.VOUCHED)
    people.sign_up(SHOP, "device", customer)
    assert people.canonical(device) == customer, "a site keeps the customer ID that it knows, though it is younger"


@pytest.mark.parametrize("kind", [ACCOUNT, CRM])
def test_a_node_that_holds_more_than_a_device_is_none(people: People, kind: IdentifierKind) -> None:
    older = people.see(SHOP, "device")
    people.give(older, kind, "1", Trust.VOUCHED, issuer=SHOP if kind is ACCOUNT else NO_ISSUER)
    people.join(older, people.node())
    assert people.canonical(older) == older


def test_a_switch_of_identity_moves_nothing_that_came_before(people: People, maria: UUID) -> None:
    luis = known(people, "luis@example.com")
    first = people.see(SHOP, "shared")
    people.sign_up(SHOP, "shared", maria)
    second = people.sign_up(SHOP, "shared", luis)
    assert second != first
    assert people.are_one(first, maria)
    assert people.are_one(second, luis)
    assert not people.are_one(maria, luis)
    assert people.see(SHOP, "shared") == second
    [unlinked] = people.told(Action.IDENTIFIER_UNLINKED)
    assert (unlinked.customer_id, unlinked.detail["kind"]) == (first, "anonymous"), "her history says so"


def test_who_comes_back_to_a_shared_device_gets_no_more_than_since_then(people: People, maria: UUID) -> None:
    luis = known(people, "luis@example.com")
    nodes = [people.sign_up(SHOP, "shared", owner) for owner in (maria, luis, maria)]
    assert len(set(nodes)) == 3
    assert people.are_one(nodes[0], nodes[2], maria)
    assert people.are_one(nodes[1], luis)
    assert not people.are_one(maria, luis)


def test_signing_up_again_changes_nothing(people: People, maria: UUID) -> None:
    node = people.sign_up(SHOP, "device", maria)
    before = people.state()
    assert people.sign_up(SHOP, "device", maria) == node
    assert people.state() == before


def test_a_device_that_a_person_parted_from_a_customer_stays_parted(people: People, maria: UUID) -> None:
    """Its owner's next sign-in is a switch: what was captured before stays away from them."""
    before = people.see(SHOP, "device")
    people.sign_up(SHOP, "device", maria)
    people.undo(merge_of(people, maria))
    after = people.sign_up(SHOP, "device", maria)
    assert after != before
    assert people.are_one(after, maria)
    assert not people.are_one(before, maria)


def test_nor_does_whoever_signs_up_next_get_what_was_captured_before(people: People, maria: UUID) -> None:
    before = people.see(SHOP, "device")
    people.sign_up(SHOP, "device", maria)
    people.undo(merge_of(people, maria))
    luis = known(people, "luis@example.com")
    after = people.sign_up(SHOP, "device", luis)
    assert after != before
    assert people.are_one(after, luis)
    assert not people.are_one(before, luis)
    assert people.sign_up(SHOP, "device", luis) == after


def test_two_devices_and_an_unmerge_of_one(people: People, maria: UUID) -> None:
    phone, laptop = people.see(SHOP, "phone"), people.see(SHOP, "laptop")
    people.sign_up(SHOP, "phone", maria)
    people.sign_up(SHOP, "laptop", maria)
    assert people.are_one(phone, laptop, maria)
