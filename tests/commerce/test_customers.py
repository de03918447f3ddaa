from typing import Any
from uuid import uuid4

import pytest

from tests.world import Shopper, Site, Till, World, line


def sell(till: Till, shopper: Shopper, **given: Any) -> str:
    """Scan and sell, half a minute after the last time."""
    till.world.clock.forward(seconds=30)
    scan = till.scan(shopper.code()).json
    sale: str = till.sell(scan["scan_id"], **given).json["sale_id"]
    return sale


def pages(site: Site, path: str, limit: int) -> list[dict[str, Any]]:
    """Read a list to its end."""
    items, after = [], ""
    while after is not None:
        page = site.call("GET", f"{path}?limit={limit}" + (f"&after={after}" if after else "")).json
        assert len(page["items"]) <= limit
        items += page["items"]
        after = page["next_cursor"]
    return items


def test_a_site_reads_its_customer(world: World) -> None:
    site = world.site()
    customer_id = site.account()
    at = world.clock().isoformat().replace("+00:00", "Z")
    answer = site.call("GET", f"/commerce/v1/customers/{customer_id}")
    told = answer.json
    [account] = told.pop("identifiers")
    assert (account["kind"], account["value"], account["trust"]) == ("account", "maria", "vouched")
    assert set(told.pop("consents").values()) == {None}
    ids = {"customer_id": customer_id, "requested_id": customer_id, "absorbed": False}
    assert (answer.status_code, told) == (200, {**ids, "created_at": at, "traits": {}})


@pytest.mark.parametrize("suffix", ["", "/sales", "/scans", "/history"])
def test_a_site_reads_nobody_elses_customer(world: World, suffix: str) -> None:
    site, other = world.site("Zapatos"), world.site("Libros")
    maria = site.shopper()
    sell(world.till(), maria)
    foreign = other.call("GET", f"/commerce/v1/customers/{maria.customer_id}{suffix}")
    unknown = other.call("GET", f"/commerce/v1/customers/{uuid4()}{suffix}")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json == unknown.json, "whether there is such a customer isn't told"


def test_a_sale_is_told_whole(world: World) -> None:
    site, till = world.site(), world.till(world.store("Gran Vía"))
    maria = site.shopper()
    lines = [line(), line(line_id="2", kind="discount", sku=None, unit_price_minor=None, total_minor=-500)]
    sale_id = sell(till, maria, receipt_number="R-9", total_minor=2000, lines=lines)
    [sale] = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales").json["items"]
    [scan] = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/scans").json["items"]
    store = {"store_id": till.enrolled["store"]["store_id"], "name": "Gran Vía"}
    at = world.clock().isoformat().replace("+00:00", "Z")
    assert sale == {
        "sale_id": sale_id,
        "scan_id": scan["scan_id"],
        "store": store,
        "receipt_number": "R-9",
        "occurred_at": at,
        "received_at": at,
        "currency": "EUR",
        "total_minor": 2000,
        "returned_minor": 0,
        "lines": [lines[0], {key: value for key, value in lines[1].items() if value is not None}],
    }
    assert (scan["store"], scan["outcome"], scan["reason"], scan["flagged"]) == (store, "identified", None, False)


def test_refused_scans_are_told_too(world: World) -> None:
    site, till = world.site(), world.till()
    maria = site.shopper()
    code = maria.code()
    till.scan(code)
    till.scan(code)
    scans = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/scans").json["items"]
    assert sorted((scan["outcome"], scan["reason"]) for scan in scans) == [
        ("identified", None),
        ("refused", "already_used"),
    ]


@pytest.mark.parametrize("kind", ["sales", "scans"])
def test_lists_come_newest_first_page_by_page(world: World, kind: str) -> None:
    site, till = world.site(), world.till()
    maria = site.shopper()
    for _ in range(5):
        sell(till, maria)
    path = f"/commerce/v1/customers/{maria.customer_id}/{kind}"
    whole = site.call("GET", path).json
    assert (len(whole["items"]), whole["next_cursor"]) == (5, None)
    received = [item["received_at"] for item in whole["items"]]
    assert received == sorted(received, reverse=True)
    for limit in (1, 2, 5):
        assert pages(site, path, limit) == whole["items"]


def test_what_arrives_between_two_pages_shifts_nothing(world: World) -> None:
    site, till = world.site(), world.till()
    maria = site.shopper()
    old = [sell(till, maria) for _ in range(4)][::-1]
    path = f"/commerce/v1/customers/{maria.customer_id}/sales"
    first = site.call("GET", f"{path}?limit=2").json
    sell(till, maria)
    second = site.call("GET", f"{path}?limit=2&after={first['next_cursor']}").json
    assert [item["sale_id"] for item in first["items"] + second["items"]] == old


def test_many_sales_of_one_instant_are_all_listed_once(world: World) -> None:
    site, till = world.site(), world.till()
    maria = site.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    sold = {till.sell(scan_id).json["sale_id"] for _ in range(7)}
    listed = pages(site, f"/commerce/v1/customers/{maria.customer_id}/sales", 2)
    assert len(listed) == 7
    assert {item["sale_id"] for item in listed} == sold


def test_a_sale_without_its_shopper_is_nobodys(world: World) -> None:
    site, till = world.site(), world.till()
    maria = site.shopper()
    till.sell()
    assert site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales").json["items"] == []


def test_training_is_kept_out(world: World) -> None:
    site, till = world.site(), world.till(training=True)
    maria = site.shopper()
    sell(till, maria)
    for kind in ("sales", "scans"):
        assert site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/{kind}").json["items"] == []


def test_a_write_key_reads_nothing(world: World) -> None:
    site = world.site()
    customer_id = site.account()
    headers = {"Authorization": f"Bearer {site.write_key}"}
    assert world.client.get(f"/commerce/v1/customers/{customer_id}", headers=headers).status_code == 401
