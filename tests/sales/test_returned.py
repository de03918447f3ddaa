"""What came back of a sale is told with it: to the sites whose customer bought it, and to the shopper."""

from typing import Any
from uuid import uuid4

import pytest

from tests.claims.receipts import claim, receipt
from tests.world import Shopper, Site, Till, World


def goods(*amounts: int) -> list[dict[str, Any]]:
    """Lines of a return that give these amounts back."""
    return [{"quantity": "1", "total_minor": amount} for amount in amounts]


def sell(till: Till, shopper: Shopper, sale_id: str | None = None, **given: Any) -> str:
    """Scan and sell, half a minute after the last time."""
    till.world.clock.forward(seconds=30)
    sold: str = till.sell(till.scan(shopper.code()).json["scan_id"], sale_id, **given).json["sale_id"]
    return sold


def take_back(till: Till, **given: Any) -> None:
    assert till.take_back(**given).status_code == 201


def returned(site: Site, shopper: Shopper) -> list[int]:
    """Return what came back of each sale, newest first, as both doors tell it."""
    sales = site.call("GET", f"/commerce/v1/customers/{shopper.customer_id}/sales").json["items"]
    activity = shopper.call("GET", "/shopper/v1/activity").json["items"]
    told = [item["returned_minor"] for item in activity if item["kind"] == "sale"]
    assert told == [sale["returned_minor"] for sale in sales]
    return told


@pytest.fixture
def site(world: World) -> Site:
    return world.site()


@pytest.fixture
def maria(site: Site) -> Shopper:
    return site.shopper()


def test_a_sale_of_which_nothing_came_back_says_so(world: World, site: Site, maria: Shopper) -> None:
    sell(world.till(), maria)
    assert returned(site, maria) == [0]


@pytest.mark.parametrize("reason", ["return", "void", "exchange"])
@pytest.mark.parametrize("sign", [1, -1])
def test_what_came_back_counts_whatever_its_reason_and_its_sign(
    world: World, site: Site, maria: Shopper, reason: str, sign: int
) -> None:
    till = world.till()
    sale_id = sell(till, maria)
    take_back(till, sale_id=sale_id, reason=reason, lines=goods(sign * 1500, sign * 1000))
    assert returned(site, maria) == [2500]


def test_several_returns_of_one_sale_add_up_and_count_for_no_other(world: World, site: Site, maria: Shopper) -> None:
    till = world.till()
    first, _ = sell(till, maria), sell(till, maria)
    take_back(till, sale_id=first, lines=goods(-1000))
    take_back(till, sale_id=first, lines=goods(500))
    take_back(till, lines=goods(700))
    assert returned(site, maria) == [0, 1500]


def test_a_discount_that_is_taken_back_lessens_what_was_given(world: World, site: Site, maria: Shopper) -> None:
    till = world.till()
    take_back(till, sale_id=sell(till, maria), lines=goods(-2500, 500))
    assert returned(site, maria) == [2000]


def test_a_repeated_return_counts_once_and_one_without_lines_for_nothing(
    world: World, site: Site, maria: Shopper
) -> None:
    till = world.till()
    sale_id, return_id = sell(till, maria), str(uuid4())
    for _ in range(2):
        till.take_back(return_id, sale_id=sale_id, lines=goods(-1000))
    take_back(till, sale_id=sale_id, lines=[])
    assert returned(site, maria) == [1000]


def test_a_return_counts_that_came_before_its_sale(world: World, site: Site, maria: Shopper) -> None:
    till, sale_id = world.till(), str(uuid4())
    take_back(till, sale_id=sale_id)
    sell(till, maria, sale_id)
    assert returned(site, maria) == [2500]


def test_a_return_by_receipt_counts(world: World, site: Site, maria: Shopper) -> None:
    till = world.till()
    sell(till, maria, receipt_number="R-7")
    store_id = till.enrolled["store"]["store_id"]
    take_back(till, receipt={"store_id": store_id, "receipt_number": "R-7", "date": "2026-11-22"})
    assert returned(site, maria) == [2500]


def test_what_came_back_at_another_till_or_store_counts(world: World, site: Site, maria: Shopper) -> None:
    store = world.store()
    till, neighbour, elsewhere = world.till(store), world.till(store), world.till(world.store("Sol"))
    sale_id = sell(till, maria)
    take_back(neighbour, sale_id=sale_id, lines=goods(-1000))
    take_back(elsewhere, sale_id=sale_id, lines=goods(-500))
    assert returned(site, maria) == [1500]


def test_of_sales_with_one_id_a_return_means_the_nearest(world: World, site: Site, maria: Shopper) -> None:
    store, sale_id = world.store(), str(uuid4())
    old, till, third = (world.till(store) for _ in range(3))
    elsewhere, stranger = world.till(world.store("Sol")), world.till(world.store("Lavapiés"))
    for seller in (elsewhere, old, till):
        sell(seller, maria, sale_id)
    for taker, amount in ((till, -1), (third, -20), (elsewhere, -300), (stranger, -4000)):
        take_back(taker, sale_id=sale_id, lines=goods(amount))
    sales = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales").json["items"]
    assert [sale["returned_minor"] for sale in sales] == [1, 20, 4300]


def test_training_and_real_sales_are_kept_apart(world: World, site: Site, maria: Shopper) -> None:
    store, sale_id = world.store(), str(uuid4())
    till, neighbour, trainee = world.till(store), world.till(store), world.till(store, training=True)
    trainee.sell(None, sale_id)
    sell(till, maria, sale_id)
    take_back(trainee, sale_id=sale_id)
    assert returned(site, maria) == [0]
    take_back(neighbour, sale_id=sale_id, lines=goods(-1000))
    assert returned(site, maria) == [1000]


def test_a_claimed_sale_tells_at_once_what_had_come_back(world: World, site: Site, maria: Shopper) -> None:
    till = world.till()
    code, sale_id = receipt(till)
    take_back(till, sale_id=sale_id, lines=goods(-1000))
    for _ in range(2):
        assert claim(maria, code).json["sale"]["returned_minor"] == 1000
    assert returned(site, maria) == [1000]


def test_another_currency_is_not_added(world: World, site: Site, maria: Shopper) -> None:
    till = world.till()
    take_back(till, sale_id=sell(till, maria), currency="USD")
    assert returned(site, maria) == [0]


def test_sums_that_no_till_can_mean_break_nothing(world: World, site: Site, maria: Shopper) -> None:
    till = world.till()
    sale_id = sell(till, maria)
    for _ in range(2):
        take_back(till, sale_id=sale_id, lines=goods(*[-(2**53 - 1)] * 1100))
    assert returned(site, maria) == [2**53 - 1]


def test_a_page_is_another_one_once_something_came_back(world: World, maria: Shopper) -> None:
    till = world.till()
    sale_id = sell(till, maria)
    etag = maria.call("GET", "/shopper/v1/activity").headers["ETag"]
    take_back(till, sale_id=sale_id)
    changed = maria.call("GET", "/shopper/v1/activity", headers={"If-None-Match": etag})
    assert changed.status_code == 200
    same = maria.call("GET", "/shopper/v1/activity", headers={"If-None-Match": changed.headers["ETag"]})
    assert same.status_code == 304


def test_pages_tell_what_came_back_of_each_sale(world: World, site: Site, maria: Shopper) -> None:
    till = world.till()
    for amount in (100, 200, 300):
        take_back(till, sale_id=sell(till, maria), lines=goods(-amount))
    path, after, told = f"/commerce/v1/customers/{maria.customer_id}/sales?limit=1", "", []
    while after is not None:
        page = site.call("GET", path + (after and f"&after={after}")).json
        told += [sale["returned_minor"] for sale in page["items"]]
        after = page["next_cursor"]
    assert told == [300, 200, 100]
