"""Proposals: asked once, decided by a person, and answered by themselves when the two become one."""

from typing import Any
from uuid import UUID

import pytest

from service.audit.models import Action
from service.customers.models import Customer, Trust
from service.errors import Conflict
from service.lists import Cursor
from service.merging.decide import accept, list_proposals, reject
from service.merging.do_not_link import keep_apart
from service.merging.join import Cause, Outcome
from service.merging.models import Decider, ProposalStatus, Rule
from service.merging.propose import mark_stale, propose
from service.merging.reasons import Reason, words_of
from tests.merging.people import CRM, EMAIL, OPERATOR, SHOPPER, People

SAME_EMAIL: list[dict[str, Any]] = [{"code": "same_email", "trust": "claimed"}]


def ask(people: People, a: UUID, b: UUID, **given: Any) -> UUID | None:
    now = people.now()
    with people.write() as session:
        return propose(session, a, b, **({"reasons": SAME_EMAIL} | given), now=now)


def say_yes(people: People, proposal_id: UUID | None, rule: Rule = Rule.PROPOSAL) -> Any:
    assert proposal_id is not None
    actor = SHOPPER if rule is Rule.OWNER_CONFIRMED else OPERATOR
    now = people.now()
    with people.write() as session:
        cause = Cause(rule, actor)
        return accept(session, people.keystore, proposal_id, cause=cause, rules=people.rules, now=now)


def say_no(people: People, proposal_id: UUID | None) -> None:
    assert proposal_id is not None
    now = people.now()
    with people.write() as session:
        reject(session, proposal_id, actor=OPERATOR, now=now)


def test_accepting_merges_and_keeps_who_decided(people: People) -> None:
    a, b = people.node(), people.node()
    proposal_id = ask(people, a, b)
    joined = say_yes(people, proposal_id)
    assert joined.outcome == Outcome.MERGED
    assert people.are_one(a, b)
    [accepted] = people.proposals("accepted")
    assert (accepted.id, accepted.merge_id, accepted.decided_by) == (proposal_id, joined.merge_id, OPERATOR.id)


def test_two_are_kept_apart_once_whoever_of_them_is_named_first(people: People) -> None:
    a, b = people.node(), people.node()
    for pair in ((a, b), (b, a)):
        with people.write() as session:
            keep_apart(session, *pair, actor=OPERATOR, now=people.now())
    [apart] = people.world.operator().call("GET", f"/operator/v1/customers/{a}").json["do_not_links"]
    assert apart["customer_ids"] == sorted((str(a), str(b)))


def test_rejecting_writes_a_do_not_link_and_is_not_asked_again(people: People) -> None:
    a, b = people.node(), people.node()
    say_no(people, ask(people, a, b))
    assert people.join(a, b, Rule.VERIFIED_IDENTIFIER, kind="email").outcome == Outcome.FORBIDDEN
    assert ask(people, a, b) is None
    for action in (Action.DUPLICATE_PROPOSED, Action.DUPLICATE_REJECTED):
        told = people.told(action)
        assert {row.customer_id for row in told} == {a, b}, "the history of each says it"
        [rejected] = people.proposals("rejected")
        assert {row.detail["proposal_id"] for row in told} == {str(rejected.id)}
        assert not any(str(one) in str(row.detail) for row in told for one in (a, b)), "and neither names the other"


def test_what_is_decided_is_decided_once(people: People) -> None:
    a, b, c = (people.node() for _ in range(3))
    accepted, rejected = ask(people, a, b), ask(people, a, c)
    say_yes(people, accepted)
    say_no(people, rejected)
    for decide in (say_yes, say_no):
        for proposal_id in (accepted, rejected):
            with pytest.raises(Conflict) as refused:
                decide(people, proposal_id)
            assert refused.value.code == "already_decided"


def test_a_proposal_whose_two_become_one_by_other_means_is_stale(people: People) -> None:
    a, b, c, d = (people.node() for _ in range(4))
    across, beside = ask(people, a, d), ask(people, c, people.node())
    people.join(a, b)
    people.join(c, d)
    assert {row.id for row in people.proposals()} == {across, beside}
    people.join(b, c)
    [stale] = people.proposals("stale")
    assert (stale.id, stale.decided_at) == (across, people.world.clock())
    with pytest.raises(Conflict):
        say_yes(people, across)
    assert [row.id for row in people.proposals()] == [beside]


def test_two_customers_are_asked_about_once_whichever_nodes_are_named(people: People) -> None:
    a, b, c = (people.node() for _ in range(3))
    people.join(a, b)
    asked = ask(people, a, c)
    again = ask(people, c, b, reasons=[{"code": "similar", "fields": {"city": "same"}}])
    assert again == asked
    [row] = people.proposals()
    assert [reason["code"] for reason in row.reasons] == ["same_email", "similar"]


def test_nobody_is_asked_about_one_customer_or_an_erased_one(people: People) -> None:
    a, b, c = (people.node() for _ in range(3))
    people.join(a, b)
    assert ask(people, a, b) is None
    with people.write() as session:
        session.get_one(Customer, c).erased_at = people.world.clock()
    assert ask(people, a, c) is None
    assert ask(people, c, a) is None


def test_the_owners_question_keeps_who_proved_first_and_who_claimed_second(people: People) -> None:
    first, second = sorted((people.node(), people.node()))
    proposal_id = ask(people, second, first, decider=Decider.OWNER)
    [row] = people.proposals()
    assert (row.id, row.a_id, row.b_id, row.decider) == (proposal_id, second, first, Decider.OWNER)
    assert say_yes(people, proposal_id, Rule.OWNER_CONFIRMED).outcome == Outcome.MERGED


def test_what_an_owner_may_not_decide_alone_waits_for_an_operator(people: People) -> None:
    a, b = people.node(), people.node()
    people.give(a, CRM, "C-1", Trust.VOUCHED)
    people.give(b, CRM, "C-2", Trust.VOUCHED)
    proposal_id = ask(people, a, b, decider=Decider.OWNER)
    assert say_yes(people, proposal_id, Rule.OWNER_CONFIRMED).outcome == Outcome.PROPOSED
    rows = people.proposals()
    assert {row.decider for row in rows} == {Decider.OPERATOR}
    assert say_yes(people, proposal_id).outcome == Outcome.MERGED
    assert people.proposals() == []


def test_what_an_operator_rejected_an_owner_with_two_crm_ids_may_not_decide(people: People) -> None:
    a, b = sorted((people.node(), people.node()))
    people.give(a, CRM, "C-1", Trust.VOUCHED)
    people.give(b, CRM, "C-2", Trust.VOUCHED)
    operators = ask(people, a, b)
    owners = ask(people, b, a, decider=Decider.OWNER)
    assert operators != owners
    say_no(people, operators)
    with pytest.raises(Conflict, match="can't be joined"):
        say_yes(people, owners, Rule.OWNER_CONFIRMED)


def test_a_reason_that_changed_is_told_as_it_is_now(people: People) -> None:
    a, b = people.node(), people.node()
    first = ask(people, a, b, reasons=[{"code": "similar", "fields": {"name": "same"}}, *SAME_EMAIL])
    assert ask(people, a, b, reasons=[{"code": "similar", "fields": {"name": "close"}}]) == first
    [row] = people.proposals()
    assert row.reasons == [{"code": "similar", "fields": {"name": "close"}}, *SAME_EMAIL]


def test_one_reason_for_two_kinds_is_two_reasons(people: People) -> None:
    a, b = people.node(), people.node()
    limits = [{"code": "limit", "kind": kind} for kind in ("account", "crm")]
    assert len({ask(people, a, b, reasons=[limit]) for limit in limits}) == 1
    [row] = people.proposals()
    assert row.reasons == limits


def test_a_question_that_answered_itself_may_be_asked_again(people: People) -> None:
    a, b = people.node(), people.node()
    first = ask(people, a, b)
    with people.write() as session:
        mark_stale(session, [a, b], people.now())
    assert ask(people, a, b) not in (None, first)


def test_a_rejected_pair_is_joined_by_a_person_all_the_same(people: People) -> None:
    a, b = people.node(), people.node()
    say_no(people, ask(people, a, b))
    people.give(a, EMAIL, "ana@example.com")
    people.give(b, EMAIL, "ana@example.com")
    assert not people.are_one(a, b)
    assert people.join(a, b).outcome == Outcome.MERGED
    assert len(people.proposals("rejected")) == 1, "what was said stays said"


def test_proposals_are_listed_newest_first_from_any_place(people: People) -> None:
    hub = people.node()
    asked = [ask(people, hub, people.node()) for _ in range(5)]
    with people.world.service.db.read() as session:
        first = list_proposals(session, status=ProposalStatus.OPEN, limit=2)
        after = Cursor(first[-1].created_at, first[-1].id)
        rest = list_proposals(session, status=ProposalStatus.OPEN, after=after, limit=9)
    assert [row.id for row in (*first, *rest)] == asked[::-1]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ({"code": "same_email", "trust": "claimed"}, "both claim the same e-mail address"),
        ({"code": "same_phone", "trust": "verified"}, "both proved the same phone number"),
        (
            {"code": "similar", "fields": {"city": "same", "birth_date": "same"}},
            "they have the same birth date and town",
        ),
        ({"code": "limit", "kind": "account"}, "together they would have too many accounts of one site"),
        ({"code": "conflicting_crm"}, "they have different CRM ids"),
    ],
)
def test_each_says_why_in_words(reason: dict[str, Any], words: str) -> None:
    assert words_of([reason]) == words


def test_every_reason_has_words() -> None:
    for code in set(Reason) - {Reason.NOTE}:
        assert words_of([{"code": code}])
    assert words_of([{"code": "hub"}, {"code": "note", "sealed": "x"}]) == "too many customers claim this value"
