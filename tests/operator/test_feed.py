"""Operators follow what happens: events in their order from any place, and who claimed which sale."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from service.audit.models import Action, Actor, ActorKind
from service.customers.models import Trust
from service.sales.claim import claim_sale
from tests.merging.people import EMAIL, People
from tests.world import Caller

EVENTS, CLAIMS = "/operator/v1/events", "/operator/v1/claims"


def read_on(olga: Caller, cursor: str | None = None, limit: int = 2) -> list[dict[str, Any]]:
    """Read page after page to the end."""
    items: list[dict[str, Any]] = []
    while True:
        told = olga.call("GET", f"{EVENTS}?limit={limit}{'' if cursor is None else '&cursor=' + cursor}").json
        items += told["items"]
        cursor = told["next_cursor"]
        if cursor is None:
            return items


def test_events_come_oldest_first_and_each_once(people: People, olga: Caller) -> None:
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "ana@example.com", Trust.CLAIMED)
    people.give(b, EMAIL, "ana@example.com", Trust.CLAIMED)
    people.undo(people.join(a, b).merge_id)
    events = read_on(olga)
    types = [event["type"] for event in events]
    assert sorted(types[:4]) == [*["duplicate.proposed"] * 2, *["identifier.linked"] * 2]
    assert types[4:] == [*["customers.merged"] * 2, *["customers.unmerged"] * 2]
    assert len({event["id"] for event in events}) == 8
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    merged = {event["customer_id"]: event["data"] for event in events[4:6]}
    assert {ident: data["other_id"] for ident, data in merged.items()} == {str(a): str(b), str(b): str(a)}
    assert set(merged[str(a)]) == {"merge_id", "other_id", "rule"}
    assert "ana@example.com" not in str(events)


def test_one_more_reason_why_two_are_one_is_told_like_the_first(people: People, olga: Caller) -> None:
    a, b, c = people.node(), people.node(), people.node()
    people.join(a, b)
    people.join(b, c)
    before = len(read_on(olga))
    again = people.join(a, c).merge_id
    people.join(a, c)
    told = read_on(olga)[before:]
    assert {(event["customer_id"], event["data"]["other_id"]) for event in told} == {
        (str(a), str(c)),
        (str(c), str(a)),
    }
    assert [(event["type"], event["data"]["merge_id"]) for event in told] == [("customers.merged", str(again))] * 2


def test_a_cursor_goes_on_where_its_event_stood_whatever_came_since(people: People, olga: Caller) -> None:
    a, b = people.node(), people.node()
    people.join(a, b)
    before = read_on(olga)
    people.join(people.node(), people.node())
    after = read_on(olga, before[-1]["cursor"])
    assert [event["type"] for event in after] == ["customers.merged"] * 2
    assert not {event["id"] for event in before} & {event["id"] for event in after}
    assert read_on(olga, after[-1]["cursor"]) == []
    assert read_on(olga, limit=200) == before + after


def test_looks_are_no_events(people: People, olga: Caller) -> None:
    a = people.node()
    olga.call("GET", f"/operator/v1/customers/{a}")
    assert read_on(olga) == []


def test_a_cursor_that_is_none_of_ours_is_refused(olga: Caller) -> None:
    refused = olga.call("GET", f"{EVENTS}?cursor=yesterday")
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/cursor")


def test_an_operator_sees_who_claimed(people: People, olga: Caller) -> None:
    ana, luis = people.node(), people.node()
    digest = bytes(31) + b"\x01"
    sold = people.world.till().sell(claim_hash=digest.hex())
    assert sold.status_code in (200, 201), sold.json
    for customer_id, claim_hash in ((ana, digest), (luis, bytes(32))):
        now = people.now()
        with people.write() as session:
            actor = Actor(ActorKind.SHOPPER, UUID(int=8))
            claim_sale(session, claim_hash, customer_id=customer_id, actor=actor, now=now)
    both = olga.call("GET", CLAIMS).json["items"]
    assert [(item["customer_id"], item["status"]) for item in both] == [
        (str(luis), "waiting"),
        (str(ana), "claimed"),
    ]
    [own] = olga.call("GET", f"{CLAIMS}?customer_id={ana}&why=audit").json["items"]
    assert own["sale"]["receipt_number"] == "R-1"


def test_a_look_at_claims_that_finds_none_is_written_down(people: People, olga: Caller) -> None:
    ana, twin, nobody = people.node(), people.node(), uuid4()
    people.join(ana, twin)
    for asked, seen in ((f"customer_id={twin}&", ana), (f"customer_id={nobody}&", None), ("", None)):
        assert olga.call("GET", f"{CLAIMS}?{asked}why=ticket-7").json["items"] == []
        line = people.told(Action.SALES_READ)[-1]
        assert (line.customer_id, line.why, line.actor_kind) == (seen, "ticket-7", "operator")
        assert (line.detail, line.at) == ({"what": "claims"}, people.now() - timedelta(seconds=1))
    assert len(people.told(Action.SALES_READ)) == 3
