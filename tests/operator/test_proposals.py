"""Operators see probable duplicates with why in words, and decide them."""

from typing import Any

from service.audit.models import Action
from service.customers.models import Trust
from service.merging.models import Rule
from tests.merging.people import EMAIL, PHONE, People
from tests.world import Caller

PROPOSALS = "/operator/v1/proposals"


def proposed(people: People, olga: Caller) -> dict[str, Any]:
    """Make two who claim one e-mail address; return the proposal that it makes."""
    for _ in range(2):
        people.give(people.node(), EMAIL, "ana@example.com", Trust.CLAIMED)
    [item] = olga.call("GET", PROPOSALS).json["items"]
    return dict(item)


def test_a_collision_of_claims_is_proposed_with_why_in_words(people: People, olga: Caller) -> None:
    item = proposed(people, olga)
    assert item["why"] == "both claim the same e-mail address"
    assert (item["status"], item["score"], len(item["customer_ids"])) == ("open", None, 2)
    looks = people.told(Action.PROPOSALS_READ)
    assert {str(look.customer_id) for look in looks} == set(item["customer_ids"])


def test_each_who_is_named_reads_what_the_look_was_for(people: People, olga: Caller) -> None:
    item = proposed(people, olga)
    people.now()
    olga.call("GET", f"{PROPOSALS}?why=ticket-7")
    looks = people.told(Action.PROPOSALS_READ)[-2:]
    assert {(str(look.customer_id), look.why) for look in looks} == {
        (one, "ticket-7") for one in item["customer_ids"]
    }


def test_accept_merges_and_undo_parts(people: People, olga: Caller) -> None:
    item = proposed(people, olga)
    accepted = olga.call("POST", f"{PROPOSALS}/{item['proposal_id']}/accept", {"reason": "same signature"})
    assert (accepted.status_code, accepted.json["status"]) == (200, "accepted")
    told = olga.call("GET", f"/operator/v1/customers/{item['customer_ids'][1]}").json
    [edge] = told["merges"]
    assert (edge["rule"], edge["reason"], edge["merge_id"]) == (
        "proposal",
        "same signature",
        accepted.json["merge_id"],
    )
    assert edge["evidence"]["proposal_id"] == item["proposal_id"]
    undone = olga.call("POST", f"/operator/v1/merges/{edge['merge_id']}/undo", {"reason": "no"})
    assert undone.json["still_connected"] is False
    assert olga.call("GET", PROPOSALS).json["items"] == []
    assert olga.call("GET", f"{PROPOSALS}?status=accepted").json["items"][0]["merge_id"] == edge["merge_id"]


def test_reject_keeps_apart_and_keeps_what_was_said_sealed(people: People, olga: Caller) -> None:
    item = proposed(people, olga)
    rejected = olga.call("POST", f"{PROPOSALS}/{item['proposal_id']}/reject", {"reason": "Ana and her sister"})
    assert (rejected.status_code, rejected.json["status"]) == (200, "rejected")
    [kept] = olga.call("GET", f"{PROPOSALS}?status=rejected").json["items"]
    assert (kept["note"], kept["why"]) == ("Ana and her sister", item["why"])
    [row] = people.proposals("rejected")
    assert "sister" not in str(row.reasons)
    a, b = (row.a_id, row.b_id)
    assert people.join(a, b, Rule.VERIFIED_IDENTIFIER, kind="email").outcome == "forbidden"


def test_a_decided_proposal_is_a_conflict(people: People, olga: Caller) -> None:
    item = proposed(people, olga)
    for decision, status in (("reject", 200), ("reject", 409), ("accept", 409)):
        answered = olga.call("POST", f"{PROPOSALS}/{item['proposal_id']}/{decision}", {})
        assert answered.status_code == status
    assert answered.json["code"] == "already_decided"


def test_a_stale_proposal_is_a_conflict(people: People, olga: Caller) -> None:
    item = proposed(people, olga)
    [row] = people.proposals()
    people.join(row.a_id, row.b_id)
    assert olga.call("GET", PROPOSALS).json["items"] == []
    assert olga.call("GET", f"{PROPOSALS}?status=stale").json["items"][0]["proposal_id"] == item["proposal_id"]
    assert olga.call("POST", f"{PROPOSALS}/{item['proposal_id']}/accept", {}).status_code == 409


def test_pages_follow_each_other(people: People, olga: Caller) -> None:
    for number in range(5):
        for _ in range(2):
            people.give(people.node(), PHONE, f"+3460012345{number}", Trust.CLAIMED)
    first = olga.call("GET", f"{PROPOSALS}?limit=3").json
    second = olga.call("GET", f"{PROPOSALS}?limit=3&after={first['next_cursor']}").json
    ids = [item["proposal_id"] for item in (*first["items"], *second["items"])]
    assert (len(set(ids)), second["next_cursor"]) == (5, None)


def test_an_unknown_status_is_named(olga: Caller) -> None:
    refused = olga.call("GET", f"{PROPOSALS}?status=maybe")
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/status")
