"""Each guard rail, by a merge that it stops, and one beside it that it lets pass."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from service.audit.models import Action, Actor
from service.customers.models import Customer, Identifier, IdentifierKind, Trust
from service.customers.traits import write_traits
from service.merging.do_not_link import keep_apart
from service.merging.join import Outcome
from service.merging.models import DoNotLink, Rule
from service.merging.rails import has_room_for_crm, may_have_changed_hands
from service.merging.reasons import words_of
from service.merging.reconcile import reconcile
from tests.merging.people import CARD, CRM, EMAIL, OPERATOR, PHONE, SHOPPER, SITE, People

ACCOUNT = IdentifierKind.ACCOUNT
SHOP = UUID(int=77)
PERSONS = [Rule.OPERATOR, Rule.PROPOSAL, Rule.APPROVED_LINK, Rule.OWNER_CONFIRMED]


def account(people: People, node: UUID, site_id: UUID = SHOP) -> None:
    people.give(node, ACCOUNT, str(uuid4()), Trust.VOUCHED, issuer=site_id)


@pytest.mark.parametrize("kind", [EMAIL, PHONE, CRM, CARD])
def test_verified_meets_verified_and_they_are_one(people: People, kind: IdentifierKind) -> None:
    a, b = people.node(), people.node()
    assert people.give(a, kind, "+34600123456") is None
    joined = people.give(b, kind, "+34600123456")
    assert joined is not None
    assert (joined.outcome, joined.customer_id) == (Outcome.MERGED, a)
    assert people.canonical(b) == a
    assert people.proposals() == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Trust.VERIFIED, Trust.CLAIMED),
        (Trust.VERIFIED, Trust.VOUCHED),
        (Trust.VOUCHED, Trust.VERIFIED),
        (Trust.VOUCHED, Trust.VOUCHED),
        (Trust.CLAIMED, Trust.VERIFIED),
        (Trust.CLAIMED, Trust.CLAIMED),
    ],
)
def test_anything_less_than_two_proofs_only_proposes(people: People, first: Trust, second: Trust) -> None:
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "ana@example.com", first)
    asked = people.give(b, EMAIL, "ana@example.com", second)
    assert asked is not None
    assert asked.outcome == Outcome.PROPOSED
    assert asked.why == "both claim the same e-mail address"
    assert not people.are_one(a, b)
    [proposal] = people.proposals()
    assert {proposal.a_id, proposal.b_id} == {a, b}
    people.give(b, EMAIL, "ana@example.com", second)
    assert [same.id for same in people.proposals()] == [proposal.id], "asked once is enough"


def test_a_kind_that_the_rules_leave_to_a_person_only_proposes(people: People) -> None:
    people.change("merging", by_itself=[EMAIL])
    a, b = people.node(), people.node()
    people.give(a, CARD, "900")
    asked = people.give(b, CARD, "900")
    assert asked is not None
    assert (asked.outcome, asked.why) == (Outcome.PROPOSED, "the rules leave this kind to a person")


def test_a_phone_alone_never_merges_two_named_customers(people: People) -> None:
    ana, luis = people.node("Ana"), people.node("Luis")
    people.give(ana, PHONE, "+34600123456")
    asked = people.give(luis, PHONE, "+34600123456")
    assert asked is not None
    assert asked.outcome == Outcome.PROPOSED
    assert not people.are_one(ana, luis)
    [proposal] = people.proposals()
    assert [reason["code"] for reason in proposal.reasons] == ["same_phone", "phone_alone"]


def test_a_name_on_another_node_of_the_customer_counts_too(people: People) -> None:
    ana, nameless, luis = people.node("Ana"), people.node(), people.node("Luis")
    people.join(ana, nameless)
    people.give(nameless, PHONE, "+34600123456")
    people.give(luis, PHONE, "+34600123456")
    assert not people.are_one(ana, luis)


@pytest.mark.parametrize("trait", ["given_name", "family_name", "name"])
def test_any_part_of_a_name_is_a_name(people: People, trait: str) -> None:
    ana, luis = people.node("Ana"), people.node()
    with people.write() as session:
        write_traits(people.keystore, session.get_one(Customer, luis), {trait: "Luis"})
    people.give(ana, PHONE, "+34600123456")
    people.give(luis, PHONE, "+34600123456")
    assert not people.are_one(ana, luis)


@pytest.mark.parametrize("named_first", [True, False])
def test_a_phone_merges_where_only_one_has_a_name_whoever_proves_it_last(people: People, named_first: bool) -> None:
    named, nameless = people.node("Ana"), people.node()
    for node in (named, nameless) if named_first else (nameless, named):
        people.give(node, PHONE, "+34600123456")
    assert people.are_one(named, nameless)


def test_other_details_make_no_name(people: People) -> None:
    ana, luis = people.node("Ana"), people.node()
    with people.write() as session:
        write_traits(people.keystore, session.get_one(Customer, luis), {"birth_date": "1990-05-17"})
    people.give(ana, PHONE, "+34600123456")
    people.give(luis, PHONE, "+34600123456")
    assert people.are_one(ana, luis)


def test_a_phone_merges_where_only_one_has_a_name_and_an_email_where_both_have(people: People) -> None:
    ana, nameless, twin = people.node("Ana"), people.node(), people.node("Ana M.")
    people.give(ana, PHONE, "+34600123456")
    people.give(nameless, PHONE, "+34600123456")
    people.give(ana, EMAIL, "ana@example.com")
    people.give(twin, EMAIL, "ana@example.com")
    assert people.are_one(ana, nameless, twin)


def test_the_rules_may_let_a_phone_merge_two_named_customers(people: People) -> None:
    people.change("merging", phone_alone_merges_named=True)
    ana, luis = people.node("Ana"), people.node("Luis")
    people.give(ana, PHONE, "+34600123456")
    people.give(luis, PHONE, "+34600123456")
    assert people.are_one(ana, luis)


@pytest.mark.parametrize("rule", [Rule.VERIFIED_IDENTIFIER, Rule.APPROVED_LINK, Rule.OWNER_CONFIRMED])
def test_two_conflicting_crm_ids_never_merge_by_themselves(people: People, rule: Rule) -> None:
    a, b = people.node(), people.node()
    people.give(a, CRM, "C-1", Trust.VOUCHED)
    people.give(b, CRM, "C-2", Trust.VOUCHED)
    asked = people.join(a, b, rule, kind="email")
    assert (asked.outcome, asked.why) == (Outcome.PROPOSED, "they have different CRM ids")
    assert not people.are_one(a, b)


@pytest.mark.parametrize("rule", [Rule.OPERATOR, Rule.PROPOSAL])
def test_a_person_of_the_brand_joins_two_crm_ids(people: People, rule: Rule) -> None:
    a, b = people.node("Ana"), people.node("Ana")
    people.give(a, CRM, "C-1", Trust.VOUCHED)
    people.give(b, CRM, "C-2", Trust.VOUCHED)
    assert people.join(a, b, rule).outcome == Outcome.MERGED
    people.give(a, CRM, "C-1", Trust.VOUCHED)
    trusts = [trust for node in (a, b) for _, trust, _, _ in people.held(node).values()]
    assert trusts == ["vouched", "vouched"], "what a person decided, no nightly repeat takes back"


def test_the_same_crm_id_on_both_sides_is_no_conflict(people: People) -> None:
    a, b = people.node(), people.node()
    people.give(a, CRM, "C-1", Trust.VOUCHED)
    people.give(b, CRM, "C-1", Trust.VOUCHED)
    assert people.join(a, b, Rule.VERIFIED_IDENTIFIER, kind="email").outcome == Outcome.MERGED


def test_the_rules_may_leave_room_for_a_second_crm_id(people: People) -> None:
    people.change("limits", crm=2)
    nodes = [people.node() for _ in range(3)]
    for node in nodes:
        people.give(node, EMAIL, "ana@example.com")
    people.give(nodes[0], CRM, "C-1", Trust.VOUCHED)
    assert has_room(people, nodes[1], "C-2")
    people.give(nodes[1], CRM, "C-2", Trust.VOUCHED)
    assert not has_room(people, nodes[2], "C-3")
    assert has_room(people, nodes[2], "C-2")


def has_room(people: People, node: UUID, value: str) -> bool:
    with people.write() as session:
        return has_room_for_crm(session, people.keystore, node, value, people.rules)


def test_what_was_ended_counts_for_no_limit(people: People) -> None:
    a, b = people.node(), people.node()
    people.give(a, CRM, "C-1", Trust.VOUCHED)
    people.end(a)
    people.give(b, CRM, "C-2", Trust.VOUCHED)
    assert people.join(a, b, Rule.VERIFIED_IDENTIFIER, kind="email").outcome == Outcome.MERGED


def test_a_limit_that_a_person_broke_stops_nothing_that_breaks_it_no_further(people: People) -> None:
    a, b, c, d = (people.node() for _ in range(4))
    for node, crm in ((a, "C-1"), (b, "C-2"), (c, "C-1"), (d, "C-3")):
        people.give(node, CRM, crm, Trust.VOUCHED)
    people.join(a, b, Rule.OPERATOR)
    assert people.join(c, a, Rule.VERIFIED_IDENTIFIER, kind="email").outcome == Outcome.MERGED
    assert people.join(d, a, Rule.VERIFIED_IDENTIFIER, kind="email").outcome == Outcome.PROPOSED
    e = people.node()
    people.give(e, CRM, "C-2", Trust.VOUCHED)
    assert people.join(a, e, Rule.VERIFIED_IDENTIFIER, kind="email").outcome == Outcome.MERGED


def test_two_accounts_of_one_site_never_merge_by_themselves(people: People) -> None:
    a, b = people.node(), people.node()
    account(people, a)
    account(people, b)
    people.give(a, EMAIL, "ana@example.com")
    asked = people.give(b, EMAIL, "ana@example.com")
    assert asked is not None
    assert (asked.outcome, asked.why) == (
        Outcome.PROPOSED,
        "together they would have too many accounts of one site",
    )


def test_a_person_of_the_brand_joins_two_accounts_of_one_site(people: People) -> None:
    a, b = people.node(), people.node()
    account(people, a)
    account(people, b)
    before = people.held(a), people.held(b)
    assert people.join(a, b, Rule.OPERATOR).outcome == Outcome.MERGED
    assert (people.held(a), people.held(b)) == before, "both lead to the customer still"


def test_accounts_of_two_sites_merge(people: People) -> None:
    a, b = people.node(), people.node()
    account(people, a)
    account(people, b, UUID(int=78))
    people.give(a, EMAIL, "ana@example.com")
    people.give(b, EMAIL, "ana@example.com")
    assert people.are_one(a, b)


def test_a_limit_counts_over_all_nodes_of_both_customers(people: People) -> None:
    a, b, c = (people.node() for _ in range(3))
    account(people, a)
    people.join(a, b)
    account(people, c)
    assert people.join(b, c, Rule.VERIFIED_IDENTIFIER, kind="email").outcome == Outcome.PROPOSED


def test_a_hub_neither_merges_nor_proposes(people: People) -> None:
    people.change("hub", customers=3)
    crowd = [people.node() for _ in range(3)]
    for node in crowd:
        people.give(node, EMAIL, "shared@example.com", Trust.CLAIMED)
    asked = len(people.proposals())
    assert asked == 2, "three may share a value: each newcomer is asked about once"
    late = people.node()
    assert people.give(late, EMAIL, "shared@example.com", Trust.CLAIMED) is None
    for node in (*crowd, late):
        assert people.give(node, EMAIL, "shared@example.com", Trust.VERIFIED) is None
        assert people.canonical(node) == node
    assert len(people.proposals()) == asked


def test_a_hub_is_counted_in_customers_and_not_in_nodes(people: People) -> None:
    people.change("hub", customers=2)
    a, b, c = (people.node() for _ in range(3))
    people.join(a, b)
    for node in (a, b):
        people.give(node, EMAIL, "shared@example.com", Trust.CLAIMED)
    asked = people.give(c, EMAIL, "shared@example.com", Trust.CLAIMED)
    assert asked is not None
    assert asked.outcome == Outcome.PROPOSED


@pytest.mark.parametrize("rule", [Rule.VERIFIED_IDENTIFIER, Rule.ANONYMOUS_SIGN_UP])
def test_a_do_not_link_forbids_and_does_not_even_ask(people: People, rule: Rule) -> None:
    a, b, c, d = (people.node() for _ in range(4))
    people.undo(people.join(a, b).merge_id)
    people.join(a, c)
    people.join(b, d)
    stopped = people.join(c, d, rule, kind="email")
    assert (stopped.outcome, stopped.merge_id, stopped.proposal_id) == (Outcome.FORBIDDEN, None, None)
    people.give(c, EMAIL, "ana@example.com")
    people.give(d, EMAIL, "ana@example.com")
    people.give(d, PHONE, "+34600123456", Trust.CLAIMED)
    people.give(c, PHONE, "+34600123456", Trust.CLAIMED)
    assert not people.are_one(c, d)
    assert people.proposals() == []


@pytest.mark.parametrize("rule", [rule for rule in PERSONS if rule is not Rule.APPROVED_LINK])
def test_a_person_lifts_a_do_not_link_and_an_unmerge_lays_it_again(people: People, rule: Rule) -> None:
    a, b, c = (people.node() for _ in range(3))
    people.undo(people.join(a, b).merge_id)
    people.join(b, c)
    again = people.join(a, c, rule)
    assert again.outcome == Outcome.MERGED
    people.undo(again.merge_id)
    people.undo(people.join(b, c).merge_id)
    assert people.join(a, b, Rule.VERIFIED_IDENTIFIER, kind="email").outcome == Outcome.FORBIDDEN
    assert people.join(a, c, Rule.VERIFIED_IDENTIFIER, kind="email").outcome == Outcome.FORBIDDEN


@pytest.mark.parametrize("rule", PERSONS)
def test_what_a_person_lifted_keeps_no_later_evidence_out(people: People, rule: Rule) -> None:
    a, b, c = (people.node() for _ in range(3))
    with people.write() as session:
        keep_apart(session, a, b, actor=SHOPPER, now=people.now())
    people.join(b, c)
    again = people.join(a, c, rule)
    assert people.join(a, b, Rule.VERIFIED_IDENTIFIER, kind="email").merge_id is not None
    assert people.undo(again.merge_id).still_connected


@pytest.mark.parametrize(("by", "outcome"), [(OPERATOR, Outcome.FORBIDDEN), (SHOPPER, Outcome.MERGED)])
def test_an_approved_link_undoes_what_a_shopper_said_and_not_what_staff_decided(
    people: People, by: Actor, outcome: Outcome
) -> None:
    a, b = people.node(), people.node()
    with people.write() as session:
        keep_apart(session, a, b, actor=by, now=people.world.clock())
    assert people.join(a, b, Rule.APPROVED_LINK).outcome == outcome
    assert people.are_one(a, b) == (outcome is Outcome.MERGED)


def test_a_number_proved_anew_is_as_young_as_its_last_proof(people: People) -> None:
    a, b = people.node(), people.node()
    people.give(a, PHONE, "+34600123456", actor=SHOPPER)
    people.world.clock.forward(days=200)
    people.give(a, PHONE, "+34600123456", actor=SHOPPER)
    people.give(b, PHONE, "+34600123456", actor=SHOPPER)
    assert people.are_one(a, b)


def test_a_number_claimed_long_ago_is_as_young_as_its_first_proof(people: People) -> None:
    a, b = people.node(), people.node()
    people.give(a, PHONE, "+34600123456", Trust.CLAIMED)
    people.world.clock.forward(days=200)
    people.give(b, PHONE, "+34600123456", actor=SHOPPER)
    people.give(a, PHONE, "+34600123456", actor=SHOPPER)
    assert people.are_one(a, b)


def test_of_several_holders_each_is_joined_whom_the_rules_let(people: People) -> None:
    shop, nodes = UUID(int=77), [people.node() for _ in range(2)]
    for number, node in enumerate(nodes):
        people.give(node, IdentifierKind.ACCOUNT, f"a-{number}", Trust.VOUCHED, issuer=shop)
        people.give(node, EMAIL, "shared@example.com")
    assert not people.are_one(*nodes), "one customer has one account of a site"
    people.change("limits", account=2)
    third = people.node()
    people.give(third, EMAIL, "shared@example.com")
    assert people.are_one(*nodes, third)


def test_what_was_joined_counts_though_another_holder_is_left_to_a_person(people: People) -> None:
    ana, luis, unnamed = people.node("Ana"), people.node("Luis"), people.node()
    for node in (ana, luis):
        people.give(node, PHONE, "+34600123456")
    assert not people.are_one(ana, luis)
    joined = people.give(unnamed, PHONE, "+34600123456")
    assert joined is not None
    assert (joined.outcome, people.are_one(ana, unnamed)) == (Outcome.MERGED, True)
    assert not people.are_one(luis, unnamed)


def test_where_one_holder_is_kept_apart_the_next_is_asked_about(people: People) -> None:
    first, second, third = (people.node() for _ in range(3))
    with people.write() as session:
        keep_apart(session, first, third, actor=OPERATOR, now=people.now())
    for node in (first, second):
        people.give(node, EMAIL, "shared@example.com", Trust.CLAIMED)
    asked = people.give(third, EMAIL, "shared@example.com", Trust.CLAIMED)
    assert asked is not None
    assert asked.outcome == Outcome.PROPOSED
    about = {proposal.id: {proposal.a_id, proposal.b_id} for proposal in people.proposals()}
    assert about.get(asked.proposal_id) == {second, third}


@pytest.mark.parametrize("rule", [Rule.VERIFIED_IDENTIFIER, Rule.APPROVED_LINK])
def test_new_evidence_adds_no_edge_between_two_whom_a_person_parted(people: People, rule: Rule) -> None:
    """They are still one by way of a third; were there an edge of their own, it would outlive the parting of that."""
    a, b, c = (people.node() for _ in range(3))
    direct = people.join(a, b)
    people.join(a, c)
    by_way = people.join(b, c)
    assert people.undo(direct.merge_id).still_connected
    people.join(a, b, rule, kind="email")
    assert not people.undo(by_way.merge_id).still_connected
    assert not people.are_one(a, b)


@pytest.mark.parametrize("rule", [Rule.OPERATOR, Rule.OWNER_CONFIRMED])
def test_a_person_may_join_two_again_who_are_one_by_way_of_a_third(people: People, rule: Rule) -> None:
    a, b, c = (people.node() for _ in range(3))
    direct = people.join(a, b)
    people.join(a, c)
    by_way = people.join(b, c)
    people.undo(direct.merge_id)
    again = people.join(a, b, rule)
    assert (again.outcome, again.merge_id in (None, direct.merge_id)) == (Outcome.SAME, False)
    assert apart(people) == 0, "what kept the two apart is lifted"
    people.undo(by_way.merge_id)
    assert people.are_one(a, b)
    people.undo(again.merge_id)
    assert not people.are_one(a, b)
    assert apart(people) == 2, "and laid again with the other"


def apart(people: People) -> int:
    with people.world.service.db.read() as session:
        return len(session.scalars(select(DoNotLink.a_id)).all())


def test_nobody_is_joined_with_themselves(people: People) -> None:
    a = people.node()
    joined = people.join(a, a)
    assert (joined.outcome, joined.merge_id) == (Outcome.SAME, None)


def test_nothing_joins_an_erased_customer(people: People) -> None:
    a, b = people.node(), people.node()
    with people.write() as session:
        from service.customers.models import Customer

        session.get_one(Customer, a).erased_at = people.world.clock()
    for rule in Rule:
        for stopped in (people.join(a, b, rule), people.join(b, a, rule)):
            assert (stopped.outcome, stopped.why) == (Outcome.FORBIDDEN, "one of the two was erased")


def test_beyond_the_limit_a_merge_demotes_the_weakest_and_an_unmerge_gives_it_back(people: People) -> None:
    people.change("limits", email=3)
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "old-verified@example.com")
    people.give(a, EMAIL, "vouched@example.com", Trust.VOUCHED)
    people.give(a, EMAIL, "young-verified@example.com")
    people.give(b, EMAIL, "b1@example.com")
    people.give(b, EMAIL, "b2@example.com")
    before = people.state()
    joined = people.join(a, b)
    held = sorted((trust, exclusive) for _, trust, exclusive, _ in people.held(a).values())
    assert held == [("claimed", False), ("claimed", False), ("verified", True)]
    assert [trust for _, trust, _, _ in people.held(b).values()] == ["verified", "verified"]
    assert len(people.told(Action.IDENTIFIER_DEMOTED)) == 2
    people.undo(joined.merge_id)
    assert people.state() == before


@pytest.mark.parametrize("kind", [EMAIL, PHONE, CARD, IdentifierKind.ANONYMOUS])
def test_a_merge_demotes_of_each_kind_that_has_a_limit(people: People, kind: IdentifierKind) -> None:
    people.change("limits", **{kind.value: 1})
    a, b = people.node(), people.node()
    for node, value in ((a, "+34600111222"), (b, "+34600333444")):
        people.give(node, kind, value, Trust.VOUCHED, issuer=SHOP)
    before = people.state()
    joined = people.join(a, b)
    assert [[trust for _, trust, _, _ in people.held(node).values()] for node in (a, b)] == [["claimed"], ["vouched"]]
    people.undo(joined.merge_id)
    assert people.state() == before


def test_a_value_on_two_nodes_counts_once(people: People) -> None:
    people.change("limits", email=2)
    a, b = people.node(), people.node()
    for node in (a, b):
        people.give(node, EMAIL, "one@example.com")
        people.give(node, EMAIL, "two@example.com")
    trusts = {trust for node in (a, b) for _, trust, _, _ in people.held(node).values()}
    assert (people.are_one(a, b), trusts) == (True, {"verified"})


def test_beyond_the_limit_a_new_identifier_demotes_the_weakest_and_says_so(people: People) -> None:
    people.change("limits", email=2)
    a = people.node()
    people.give(a, EMAIL, "verified@example.com")
    people.give(a, EMAIL, "vouched@example.com", Trust.VOUCHED)
    people.give(a, EMAIL, "another@example.com")
    trusts = sorted(trust for _, trust, _, _ in people.held(a).values())
    assert trusts == ["claimed", "verified", "verified"]
    [told] = people.told(Action.IDENTIFIER_DEMOTED)
    assert told.customer_id == a


def test_what_a_merge_demoted_counts_again_once_its_owner_proves_it(people: People) -> None:
    people.change("limits", email=2)
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "old@example.com")
    people.give(b, EMAIL, "b1@example.com")
    people.give(b, EMAIL, "b2@example.com")
    people.join(a, b)
    assert [held[1:3] for held in people.held(a).values()] == [("claimed", False)]
    people.give(a, EMAIL, "old@example.com", actor=SHOPPER)
    assert [held[1:] for held in people.held(a).values()] == [("verified", True, None)]
    assert sorted(trust for _, trust, _, _ in people.held(b).values()) == ["claimed", "verified"]


@pytest.mark.parametrize(("days", "are_one"), [(179, True), (180, False)])
def test_a_number_that_two_proved_long_after_each_other_is_for_a_person(
    people: People, days: int, are_one: bool
) -> None:
    a, b = people.node("Maria"), people.node()
    people.give(a, PHONE, "+34600111222")
    people.world.clock.forward(days=days)
    people.give(b, PHONE, "+34600111222")
    people.give(a, PHONE, "+34600111222")  # a site that repeats itself proves nothing anew
    assert people.are_one(a, b) == are_one
    why = "both proved the same phone number; one proved the phone number long after the other"
    assert [words_of(row.reasons).startswith(why) for row in people.proposals()] == ([] if are_one else [True])


def test_a_number_is_old_from_the_hundred_and_eightieth_day_on() -> None:
    days = timedelta(days=180)
    assert may_have_changed_hands(PHONE, days)
    assert may_have_changed_hands(PHONE, -days)
    assert not may_have_changed_hands(PHONE, days - timedelta(microseconds=1))


def test_an_address_is_never_recycled(people: People) -> None:
    a, b = people.node("Maria"), people.node("Maria")
    people.give(a, EMAIL, "maria@example.com")
    people.world.clock.forward(days=1_000)
    people.give(b, EMAIL, "maria@example.com")
    assert people.are_one(a, b)


@pytest.mark.parametrize("kind", [ACCOUNT, IdentifierKind.ANONYMOUS])
def test_an_account_or_a_device_takes_from_nobody(people: People, kind: IdentifierKind) -> None:
    people.change("limits", account=1, anonymous=1)
    a = people.node()
    for value in ("one", "two"):
        assert people.give(a, kind, value, Trust.VOUCHED, issuer=SHOP) is None
    assert [held[1:] for held in people.held(a).values()] == [("vouched", True, None)] * 2


def test_what_an_owner_proves_again_stays_theirs_alone(people: People) -> None:
    a = people.node()
    for _ in range(2):
        people.give(a, EMAIL, "ana@example.com", actor=SHOPPER)
        assert [held[1:] for held in people.held(a).values()] == [("verified", True, None)]


def test_a_value_that_can_no_longer_be_read_leads_to_nobody(people: People) -> None:
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "maria@example.com", Trust.CLAIMED)
    [held] = people.held(a)
    people.keystore.destroy([a], people.now())
    people.give(b, EMAIL, "maria@example.com")
    with people.write() as session:
        identifier = session.get_one(Identifier, held)
        led = reconcile(session, people.keystore, identifier, actor=SITE, rules=people.rules, now=people.now())
    assert led is None
