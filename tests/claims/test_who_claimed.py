"""What the brand's operators see of claims, and what the audit keeps of them."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from pos_client import mint_claim
from service.audit.models import Action, AuditEntry
from service.staff.add import add_operator
from tests.claims.receipts import claim, claimed, hashed, receipt, unite
from tests.world import Caller, World


def operator(world: World) -> Caller:
    with world.service.db.write() as session:
        return Caller(world, add_operator(session, name="Olga", now=world.clock())[1])


def claims(caller: Caller, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = caller.call("GET", "/operator/v1/claims", query_string=query).json["items"]
    return items


def test_the_audit_keeps_who_claimed_which_sale_in_which_session(world: World) -> None:
    maria = world.shopper()
    code, sale_id = receipt(world.till())
    claim(maria, code)
    claim(maria, code)
    with world.service.db.read() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == Action.SALE_CLAIMED))
    assert (str(entry.customer_id), entry.actor_kind) == (maria.customer_id, "shopper")
    assert entry.actor_id is not None
    assert entry.detail == {"status": "claimed", "sale_id": sale_id}


def test_a_refused_claim_leaves_no_trace(world: World) -> None:
    site = world.site()
    code, _ = receipt(world.till())
    claim(site.shopper("maria"), code)
    jose = site.shopper("jose")
    claim(jose, code)
    assert claims(operator(world), customer_id=jose.customer_id) == []


def test_an_operator_sees_who_claimed_what_newest_first(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, sale_id = receipt(till)
    claim(maria, code)
    world.clock.forward(minutes=1)
    claim(jose, mint_claim())
    olga = operator(world)
    first, second = claims(olga)
    assert (first["customer_id"], first["status"], first["sale"]) == (jose.customer_id, "waiting", None)
    assert (second["customer_id"], second["status"]) == (maria.customer_id, "claimed")
    assert second["sale"]["sale_id"] == sale_id
    assert [item["customer_id"] for item in claims(olga, customer_id=maria.customer_id)] == [maria.customer_id]


def test_a_claim_that_came_to_nothing_is_void(world: World) -> None:
    till, maria, code = world.till(), world.shopper(), mint_claim()
    claim(maria, code)
    world.clock.forward(hours=72)
    assert [item["status"] for item in claims(operator(world))] == ["waiting"]
    world.clock.forward(hours=1)
    till.sell(claim_hash=hashed(code))
    (item,) = claims(operator(world))
    assert (item["status"], item["sale"]) == ("void", None)


def test_a_claim_for_a_sale_that_a_scan_gave_to_another_is_void_at_once(world: World) -> None:
    site, till, code = world.site(), world.till(), mint_claim()
    claim(site.shopper("maria"), code)
    scanned = till.scan(site.shopper("jose").code()).json
    assert till.sell(scanned["scan_id"], claim_hash=hashed(code)).json["link"] == "linked"
    (item,) = claims(operator(world))
    assert (item["status"], item["sale"]) == ("void", None)


def test_a_claim_for_a_sale_in_conflict_is_void_at_once(world: World) -> None:
    site, till, code = world.site(), world.till(), mint_claim()
    claim(site.shopper("maria"), code)
    shown = site.shopper("jose").code()
    till.scan(shown)
    again = till.scan(shown).json
    assert till.sell(again["scan_id"], claim_hash=hashed(code)).json["link"] == "conflict"
    assert [item["status"] for item in claims(operator(world))] == ["void"]


def test_a_claim_still_waits_when_a_sale_for_practice_had_its_code(world: World) -> None:
    site, till, code = world.site(), world.till(), mint_claim()
    claim(site.shopper("maria"), code)
    scanned = till.scan(site.shopper("jose").code(), training=True).json
    assert till.sell(scanned["scan_id"], claim_hash=hashed(code), training=True).json["link"] == "linked"
    assert [item["status"] for item in claims(operator(world))] == ["waiting"]


def test_a_claim_waits_while_its_sale_awaits_a_scan(world: World) -> None:
    till, maria, code = world.till(), world.shopper(), mint_claim()
    claim(maria, code)
    till.sell(str(uuid4()), claim_hash=hashed(code))
    (item,) = claims(operator(world))
    assert (item["status"], item["sale"]) == ("waiting", None)


@pytest.mark.parametrize("seconds", [0, 1])
def test_claims_come_page_by_page_even_when_made_in_the_same_instant(world: World, seconds: int) -> None:
    site, olga = world.site(), operator(world)
    people = [site.shopper(f"shopper-{number}") for number in range(5)]
    for shopper in people:
        assert claimed(shopper, mint_claim()) == (201, "waiting")
        world.clock.forward(seconds=seconds)
    seen, after = [], ""
    while after is not None:
        query = {"limit": "2"} | ({"after": after} if after else {})
        told = olga.call("GET", "/operator/v1/claims", query_string=query).json
        seen += [item["customer_id"] for item in told["items"]]
        after = told["next_cursor"]
    made = [shopper.customer_id for shopper in people]
    assert (sorted(seen), seen == made[::-1] or not seconds) == (sorted(made), True)


def test_an_operator_asks_for_the_whole_component(world: World) -> None:
    maria, mary = world.site("Web shop").shopper("maria"), world.site("Outlet").shopper("mary")
    claim(maria, mint_claim())
    unite(world, maria, mary)
    (item,) = claims(operator(world), customer_id=mary.customer_id)
    assert item["customer_id"] == maria.customer_id, "history keeps the node that it was captured under"
