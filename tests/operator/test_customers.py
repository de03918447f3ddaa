"""Operators read a customer whole, join two and part them again."""

from uuid import uuid4

import pytest

from service.audit.models import Action
from service.customers.models import Trust
from tests.merging.people import CRM, EMAIL, PHONE, People
from tests.world import Caller, World

OPERATOR = "/operator/v1"


def test_a_customer_is_read_whole(people: People, olga: Caller) -> None:
    ana, twin = people.node("Ana"), people.node("Anna")
    people.give(ana, EMAIL, "ana@example.com")
    people.give(twin, CRM, "C-1", Trust.VOUCHED)
    merged = olga.call(
        "POST", f"{OPERATOR}/customers/{twin}/merge", {"other_id": str(ana), "reason": "one card"}
    ).json
    told = olga.call("GET", f"{OPERATOR}/customers/{twin}").json
    assert (told["customer_id"], told["requested_id"], told["absorbed"]) == (str(ana), str(twin), True)
    assert [node["customer_id"] for node in told["nodes"]] == [str(ana), str(twin)]
    assert [node["traits"]["given_name"] for node in told["nodes"]] == ["Ana", "Anna"]
    assert told["traits"]["given_name"] == "Ana"
    held = {(row["kind"], row["value"], row["trust"], row["customer_id"]) for row in told["identifiers"]}
    assert held == {("email", "ana@example.com", "verified", str(ana)), ("crm", "C-1", "vouched", str(twin))}
    [edge] = told["merges"]
    assert (edge["merge_id"], edge["rule"], edge["reason"]) == (merged["merge_id"], "operator", "one card")
    assert told["do_not_links"] == []


def test_what_is_told_of_a_customer_stands_oldest_first(people: People, olga: Caller) -> None:
    ana, *twins = (people.node() for _ in range(3))
    values = [f"mail{number}@example.com" for number in range(3)]
    for value in values:
        people.give(ana, EMAIL, value)
    merges = [str(people.join(ana, twin).merge_id) for twin in twins]
    told = olga.call("GET", f"{OPERATOR}/customers/{ana}").json
    assert [row["value"] for row in told["identifiers"]] == values
    assert [edge["merge_id"] for edge in told["merges"]] == merges


def test_an_undone_merge_and_its_do_not_link_stay_to_be_read_on_both_sides(people: People, olga: Caller) -> None:
    ana, twin = people.node(), people.node()
    merged = olga.call("POST", f"{OPERATOR}/customers/{ana}/merge", {"other_id": str(twin), "reason": "one"}).json
    olga.call("POST", f"{OPERATOR}/merges/{merged['merge_id']}/undo", {"reason": "mother and daughter"})
    for customer_id in (ana, twin):
        told = olga.call("GET", f"{OPERATOR}/customers/{customer_id}").json
        assert (told["customer_id"], told["absorbed"]) == (str(customer_id), False)
        [edge] = told["merges"]
        assert (edge["undone_by"], edge["undo_reason"]) == ("operator", "mother and daughter")
        assert edge["undone_by_id"] == edge["by_id"]
        [apart] = told["do_not_links"]
        assert set(apart["customer_ids"]) == {str(ana), str(twin)}


def test_a_look_is_audited_with_who_and_why(people: People, olga: Caller) -> None:
    ana = people.node()
    olga.call("GET", f"{OPERATOR}/customers/{ana}?why=ticket%2042")
    people.now()
    olga.call("GET", f"{OPERATOR}/customers/{ana}/history?why=ticket%2043")
    read, history = people.told(Action.READ, Action.HISTORY_READ)
    assert (read.customer_id, read.actor_kind, read.why) == (ana, "operator", "ticket 42")
    assert (history.customer_id, history.actor_id, history.why) == (ana, read.actor_id, "ticket 43")
    assert olga.call("GET", f"{OPERATOR}/customers/{ana}?why={'x' * 201}").status_code == 422


def test_merge_answers_201_then_200_and_undo_200_then_409(people: People, olga: Caller) -> None:
    ana, twin = people.node(), people.node()
    body = {"other_id": str(twin), "reason": "the same person"}
    first = olga.call("POST", f"{OPERATOR}/customers/{ana}/merge", body)
    again = olga.call("POST", f"{OPERATOR}/customers/{ana}/merge", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert first.json["customer_id"] == str(ana)
    path = f"{OPERATOR}/merges/{first.json['merge_id']}/undo"
    undone = olga.call("POST", path, {"reason": "not at all"})
    assert undone.status_code == 200
    assert undone.json["still_connected"] is False
    assert set(undone.json["customer_ids"]) == {str(ana), str(twin)}
    refused = olga.call("POST", path, {"reason": "not at all"})
    assert (refused.status_code, refused.json["code"]) == (409, "already_undone")


def test_an_operator_joins_what_the_rules_and_a_do_not_link_would_not(people: People, olga: Caller) -> None:
    ana, twin = people.node("Ana"), people.node("Ana")
    people.give(ana, CRM, "C-1", Trust.VOUCHED)
    people.give(twin, CRM, "C-2", Trust.VOUCHED)
    people.undo(people.join(ana, twin).merge_id)
    joined = olga.call("POST", f"{OPERATOR}/customers/{ana}/merge", {"other_id": str(twin), "reason": "asked her"})
    assert joined.status_code == 201
    assert people.are_one(ana, twin)


@pytest.mark.parametrize("body", [{}, {"other_id": str(uuid4())}, {"other_id": "x", "reason": "y"}, {"reason": "y"}])
def test_a_merge_wants_another_and_a_reason(people: People, olga: Caller, body: dict[str, str]) -> None:
    refused = olga.call("POST", f"{OPERATOR}/customers/{people.node()}/merge", body)
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_body")


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": None}])
def test_an_undoing_wants_a_reason(people: People, olga: Caller, body: dict[str, str | None]) -> None:
    ana, twin = people.node(), people.node()
    merge_id = people.join(ana, twin).merge_id
    refused = olga.call("POST", f"{OPERATOR}/merges/{merge_id}/undo", body)
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_body")
    assert people.are_one(ana, twin)


def test_what_is_not_there_is_not_found(people: People, olga: Caller) -> None:
    nobody, ana = uuid4(), people.node()
    merge = {"other_id": str(nobody), "reason": "same"}
    for method, path, body in (
        ("GET", f"customers/{nobody}", None),
        ("GET", f"customers/{nobody}/history", None),
        ("POST", f"customers/{ana}/merge", merge),
        ("POST", f"customers/{nobody}/merge", merge),
        ("POST", f"merges/{nobody}/undo", {"reason": "no"}),
        ("POST", f"proposals/{nobody}/accept", {}),
        ("POST", f"proposals/{nobody}/reject", {}),
    ):
        assert olga.call(method, f"{OPERATOR}/{path}", body).status_code == 404, path


def test_the_history_says_who_linked_what_when_and_on_what_evidence(people: People, olga: Caller) -> None:
    ana, twin = people.node(), people.node()
    people.give(ana, PHONE, "+34600123456")
    people.give(twin, PHONE, "+34600123456")
    pages, after = [], ""
    while after is not None:
        told = olga.call("GET", f"{OPERATOR}/customers/{twin}/history?limit=2{after and '&after=' + after}").json
        pages.append(told["items"])
        after = told["next_cursor"]
    lines = [line for page in pages for line in page]
    assert [line["at"] for line in lines] == sorted((line["at"] for line in lines), reverse=True)
    merged = next(line for line in lines if line["what"] == "customers.merged")
    assert (merged["by"], merged["evidence"]["rule"]) == ("site", "verified_identifier")
    assert {line["what"] for line in lines} == {"identifier.linked", "identifier.verified", "customers.merged"}
    assert "600123456" not in str(lines)


def test_a_reason_is_kept_sealed(people: People, olga: Caller) -> None:
    ana, twin = people.node(), people.node()
    olga.call("POST", f"{OPERATOR}/customers/{ana}/merge", {"other_id": str(twin), "reason": "Ana Pérez called"})
    for told in people.told(*Action):
        assert "Pérez" not in f"{told.detail} {told.why}"


@pytest.mark.parametrize("gone", [0, 1])
def test_a_reason_is_read_though_one_of_the_two_is_erased(people: People, olga: Caller, gone: int) -> None:
    both = sorted((people.node(), people.node()))
    body = {"other_id": str(both[1]), "reason": "the same person"}
    merged = olga.call("POST", f"{OPERATOR}/customers/{both[0]}/merge", body).json
    olga.call("POST", f"{OPERATOR}/merges/{merged['merge_id']}/undo", {"reason": "mother and daughter"})
    people.keystore.destroy([both[gone]], people.now())
    [edge] = olga.call("GET", f"{OPERATOR}/customers/{both[1 - gone]}").json["merges"]
    assert (edge["reason"], edge["undo_reason"]) == ("the same person", "mother and daughter")


def test_nobody_is_joined_with_who_was_erased(world: World, olga: Caller) -> None:
    site = world.site()
    ana, bea = site.account("ana"), site.account("bea")
    erased = olga.call("POST", f"{OPERATOR}/customers/{bea}/erase", {"reason": "requested"})
    assert erased.status_code == 200
    asked = {"other_id": bea, "reason": "the same"}
    refused = olga.call("POST", f"{OPERATOR}/customers/{ana}/merge", asked)
    assert (refused.status_code, refused.json["code"]) == (409, "erased")
