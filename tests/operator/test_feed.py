"""Operators follow what happens: events in their order from any place, and who claimed which sale."""

from typing import Any
from uuid import UUID

from service.audit.models import Actor, ActorKind
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
    assert sorted(types[:3]) == ["duplicate.proposed", "identifier.linked", "identifier.linked"]
    assert types[3:] == ["customers.merged", "customers.unmerged", "customers.unmerged"]
    assert len({event["id"] for event in events}) == 6
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert set(events[3]["data"]) == {"merge_id", "a_id", "b_id", "rule"}
    assert "ana@example.com" not in str(events)


def test_a_cursor_goes_on_where_its_event_stood_whatever_came_since(people: People, olga: Caller) -> None:
    a, b = people.node(), people.node()
    people.join(a, b)
    before = read_on(olga)
    people.join(people.node(), people.node())
    after = read_on(olga, before[-1]["cursor"])
    assert [event["type"] for event in after] == ["customers.merged"]
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
