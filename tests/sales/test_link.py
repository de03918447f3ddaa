"""How a sale finds its customer: by the scan it names, whichever comes first, in one store, within 4 h."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.world import MIDDAY, Shopper, Till, World


def link(till: Till, sale_id: str, scan_id: str) -> Any:
    return till.call("PUT", f"/pos/v1/sales/{sale_id}/scan", {"scan_id": scan_id})


def link_now(till: Till, sale_id: str) -> str:
    told: str = till.call("GET", f"/pos/v1/sales/{sale_id}").json["link"]
    return told


def sales_of(maria: Shopper) -> list[str]:
    return [item["id"] for item in maria.call("GET", "/shopper/v1/activity").json["items"] if item["kind"] == "sale"]


def test_a_sale_may_come_before_its_scan(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan_id = str(uuid4())
    sale = till.sell(scan_id).json
    assert (sale["link"], sales_of(maria)) == ("pending", [])
    till.scan(maria.code(), scan_id)
    assert (link_now(till, sale["sale_id"]), sales_of(maria)) == ("linked", [sale["sale_id"]])


def test_a_sale_without_a_scan_is_linked_once_afterwards(world: World) -> None:
    till, maria = world.till(), world.shopper()
    sale_id = till.sell().json["sale_id"]
    scan_id = till.scan(maria.code()).json["scan_id"]
    answers = [link(till, sale_id, scan_id) for _ in range(2)]
    assert [(answer.status_code, answer.json["link"]) for answer in answers] == [(200, "linked")] * 2
    assert sales_of(maria) == [sale_id]


def test_another_scan_than_the_linked_one_is_refused_and_the_link_stays(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    sale_id = till.sell(till.scan(maria.code()).json["scan_id"]).json["sale_id"]
    other = link(till, sale_id, till.scan(jose.code()).json["scan_id"])
    assert (other.status_code, other.json["code"]) == (409, "already_linked")
    assert (sales_of(maria), sales_of(jose)) == ([sale_id], [])


def test_another_scan_than_the_awaited_one_is_refused_too(world: World) -> None:
    till, maria = world.till(), world.shopper()
    sale_id = till.sell(str(uuid4())).json["sale_id"]
    assert link(till, sale_id, till.scan(maria.code()).json["scan_id"]).status_code == 409
    assert link_now(till, sale_id) == "pending"


def test_a_sale_whose_scan_was_refused_may_be_linked_to_a_better_one(world: World) -> None:
    till, maria = world.till(), world.shopper()
    sale = till.sell(till.scan("71").json["scan_id"]).json
    assert sale["link"] == "refused"
    answer = link(till, sale["sale_id"], till.scan(maria.code()).json["scan_id"])
    assert (answer.json["link"], sales_of(maria)) == ("linked", [sale["sale_id"]])


def test_the_repeat_of_a_sale_that_was_linked_afterwards_is_still_a_repeat(world: World) -> None:
    till, maria = world.till(), world.shopper()
    sale_id = str(uuid4())
    till.sell(None, sale_id)
    link(till, sale_id, till.scan(maria.code()).json["scan_id"])
    again = till.sell(None, sale_id)
    assert (again.status_code, again.json["link"]) == (200, "linked")


def test_a_link_may_be_made_before_its_scan_arrives(world: World) -> None:
    till, maria = world.till(), world.shopper()
    sale_id, scan_id = till.sell().json["sale_id"], str(uuid4())
    assert link(till, sale_id, scan_id).json["link"] == "pending"
    till.scan(maria.code(), scan_id)
    assert link(till, sale_id, scan_id).json["link"] == "linked"


def test_linking_a_sale_that_is_not_there_is_not_found(world: World) -> None:
    answer = link(world.till(), str(uuid4()), str(uuid4()))
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_a_bad_link_is_refused_with_the_field_named(world: World) -> None:
    till = world.till()
    sale_id = till.sell().json["sale_id"]
    for body in ({}, {"scan_id": None}, {"scan_id": "1"}, {"scan_id": str(uuid4()), "force": True}):
        answer = till.call("PUT", f"/pos/v1/sales/{sale_id}/scan", body)
        assert (answer.status_code, answer.json["code"], len(answer.json["errors"])) == (422, "invalid_body", 1)


def test_a_suspended_sale_resumes_on_another_till_of_the_store(world: World) -> None:
    store, maria = world.store(), world.shopper()
    scan_id = world.till(store).scan(maria.code()).json["scan_id"]
    sale = world.till(store).sell(scan_id).json
    assert (sale["link"], sales_of(maria)) == ("linked", [sale["sale_id"]])


@pytest.mark.parametrize("scan_first", [True, False])
def test_a_scan_of_another_store_links_nothing_and_reveals_nothing(world: World, scan_first: bool) -> None:
    here, there, maria = world.till(), world.till(world.store("Sol")), world.shopper()
    scan_id, sale_id = str(uuid4()), str(uuid4())
    if scan_first:
        there.scan(maria.code(), scan_id)
    sale = here.sell(scan_id, sale_id).json
    if not scan_first:
        there.scan(maria.code(), scan_id)
    assert sale["link"] == link_now(here, sale_id) == here.sell(str(uuid4())).json["link"] == "pending"
    assert sales_of(maria) == []


@pytest.mark.parametrize("practised", ["scan", "sale"])
def test_practice_and_what_is_real_are_never_linked(world: World, practised: str) -> None:
    store, maria = world.store(), world.shopper()
    scanner, seller = (world.till(store, training=practised == what) for what in ("scan", "sale"))
    scan_id = scanner.scan(maria.code()).json["scan_id"]
    assert (seller.sell(scan_id).json["link"], sales_of(maria)) == ("refused", [])


def test_several_receipts_may_share_one_scan(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    sales = [till.sell(scan_id).json for _ in range(3)]
    assert [sale["link"] for sale in sales] == ["linked"] * 3
    assert sorted(sales_of(maria)) == sorted(sale["sale_id"] for sale in sales)


@pytest.mark.parametrize("scan_first", [True, False])
@pytest.mark.parametrize(
    ("apart", "expected"), [(timedelta(hours=4), "linked"), (timedelta(hours=4, seconds=1), "refused")]
)
def test_scan_and_sale_are_at_most_four_hours_apart(
    world: World, scan_first: bool, apart: timedelta, expected: str
) -> None:
    till, maria = world.till(), world.shopper()
    scan_id, sale_id = str(uuid4()), str(uuid4())
    steps = [lambda: till.scan(maria.code(), scan_id), lambda: till.sell(scan_id, sale_id)]
    first, second = steps if scan_first else reversed(steps)
    first()
    world.clock.now = MIDDAY + apart
    second()
    assert link_now(till, sale_id) == expected
    assert sales_of(maria) == ([sale_id] if expected == "linked" else [])


def test_what_was_kept_offline_and_sent_together_is_together(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    sale = till.sell(scan_id, occurred_at=(MIDDAY - timedelta(days=2)).isoformat()).json
    assert sale["link"] == "linked"


def test_what_happened_together_and_was_sent_apart_is_together(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    world.clock.forward(days=2)
    assert till.sell(scan_id, occurred_at=MIDDAY.isoformat()).json["link"] == "linked"


def test_the_sale_of_the_till_that_came_second_with_a_code_is_a_conflict(world: World) -> None:
    store, maria = world.store(), world.shopper()
    first, second = world.till(store), world.till(store)
    code = maria.code()
    sales = [till.sell(till.scan(code).json["scan_id"]).json for till in (first, second)]
    assert [sale["link"] for sale in sales] == ["linked", "conflict"]
    assert sales_of(maria) == [sales[0]["sale_id"]]


def test_a_conflict_may_still_be_linked_to_the_scan_that_won(world: World) -> None:
    store, maria = world.store(), world.shopper()
    till, code = world.till(store), maria.code()
    won = till.scan(code).json["scan_id"]
    sale_id = till.sell(till.scan(code).json["scan_id"]).json["sale_id"]
    assert link_now(till, sale_id) == "conflict"
    assert link(till, sale_id, won).json["link"] == "linked"


def test_the_own_scan_of_a_till_goes_before_another_tills_scan_of_the_same_id(world: World) -> None:
    store, site = world.store(), world.site()
    till, other = world.till(store), world.till(store)
    maria, jose = site.shopper("maria"), site.shopper("jose")
    scan_id = str(uuid4())
    other.scan(jose.code(), scan_id)
    sale_id = till.sell(scan_id).json["sale_id"]
    assert sales_of(jose) == [sale_id], "so far it is the only scan of that id in the store"
    world.clock.forward(seconds=1)
    till.scan(maria.code(), scan_id)
    assert (sales_of(maria), sales_of(jose)) == ([sale_id], [])


def test_of_two_other_tills_scans_of_one_id_only_the_first_is_linked(world: World) -> None:
    store, site = world.store(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    scan_id = str(uuid4())
    world.till(store).scan(maria.code(), scan_id)
    world.clock.forward(seconds=1)
    world.till(store).scan(jose.code(), scan_id)
    sale = world.till(store).sell(scan_id).json
    assert (sale["link"], sales_of(maria), sales_of(jose)) == ("linked", [sale["sale_id"]], [])


def test_a_refused_scan_of_another_till_stands_before_a_later_one_of_a_third(world: World) -> None:
    store, maria = world.store(), world.shopper()
    scan_id = str(uuid4())
    assert world.till(store).scan("71", scan_id).json["outcome"] == "refused"
    world.clock.forward(seconds=1)
    assert world.till(store).scan(maria.code(), scan_id).json["outcome"] == "identified"
    assert (world.till(store).sell(scan_id).json["link"], sales_of(maria)) == ("refused", [])


def test_a_scan_of_the_same_id_in_another_store_stands_before_none(world: World) -> None:
    store, site = world.store(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    scan_id = str(uuid4())
    world.till().scan(jose.code(), scan_id)
    world.clock.forward(seconds=1)
    world.till(store).scan(maria.code(), scan_id)
    sale = world.till(store).sell(scan_id).json
    assert (sale["link"], sales_of(maria), sales_of(jose)) == ("linked", [sale["sale_id"]], [])


def test_two_that_arrived_in_the_same_instant_are_not_both_linked(world: World) -> None:
    store, site = world.store(), world.site()
    shoppers = [site.shopper("maria"), site.shopper("jose")]
    scan_id = str(uuid4())
    for shopper in shoppers:
        world.till(store).scan(shopper.code(), scan_id)
    world.till(store).sell(scan_id)
    assert sorted(len(sales_of(shopper)) for shopper in shoppers) == [0, 1]


def test_a_site_reads_only_sales_of_its_own_customers(world: World) -> None:
    till, mine, other = world.till(), world.site("Mine"), world.site("Other")
    maria = mine.shopper()
    till.sell(till.scan(maria.code()).json["scan_id"])
    assert len(mine.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales").json["items"]) == 1
    for kind in ("", "/sales", "/scans"):
        assert other.call("GET", f"/commerce/v1/customers/{maria.customer_id}{kind}").status_code == 404


def test_sales_come_newest_first_page_by_page(world: World) -> None:
    till, site = world.till(), world.site()
    maria = site.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    sold = []
    for _ in range(5):
        sold.append(till.sell(scan_id).json["sale_id"])
        world.clock.forward(seconds=1)
    seen, after = [], ""
    while after is not None:
        query = {"limit": "2"} | ({"after": after} if after else {})
        page = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales", query_string=query).json
        seen += [item["sale_id"] for item in page["items"]]
        after = page["next_cursor"]
    assert seen == sold[::-1]
