from typing import Any
from uuid import uuid4

import pytest

from tests.world import Shopper, Till, World


def activity(shopper: Shopper, query: str = "") -> dict[str, Any]:
    answer = shopper.call("GET", f"/shopper/v1/activity{query}")
    assert answer.status_code == 200, answer.json
    page: dict[str, Any] = answer.json
    return page


def scan(till: Till, shopper: Shopper) -> str:
    """Scan a fresh code, half a minute after the last one."""
    till.world.clock.forward(seconds=30)
    scanned = till.scan(shopper.code()).json
    assert scanned["outcome"] == "identified"
    ident: str = scanned["scan_id"]
    return ident


def test_a_scan_and_its_sale_are_told_with_place_and_time(world: World) -> None:
    till, maria = world.till(world.store("Gran Vía"), label="Till 3"), world.shopper()
    scan_id = scan(till, maria)
    sale_id = till.sell(scan_id, receipt_number="R-77").json["sale_id"]
    items = {item["kind"]: item for item in activity(maria)["items"]}
    at = world.clock().isoformat().replace("+00:00", "Z")
    where = {"store": "Gran Vía", "terminal": "Till 3", "at": at, "flagged": False, "reason": None}
    assert items["scan"] == {"kind": "scan", "id": scan_id, "outcome": "identified", **where}
    money = {"currency": "EUR", "total_minor": 2500, "returned_minor": 0, "receipt_number": "R-77", "lines": 1}
    assert items["sale"] == {"kind": "sale", "id": sale_id, "outcome": None, **money, **where}


def test_a_refused_scan_is_told_with_its_exact_reason(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code = maria.code()
    till.scan(code)
    assert till.scan(code).json["reason"] == "already_used"
    maria.call("POST", f"/shopper/v1/cards/{maria.card['card_id']}/freeze", {})
    world.clock.forward(seconds=30)
    assert till.scan(code).json["reason"] == "card_unusable"
    assert {item["reason"] for item in activity(maria)["items"]} == {None, "already_used", "card_frozen"}


def test_a_wrong_guess_at_a_card_is_told_to_its_owner(world: World) -> None:
    till, maria = world.till(), world.shopper()
    wrong = (int(maria.typed_code()[11:17]) + 1) % 1_000_000
    till.scan(f"73{maria.card['card_number']}{wrong:06}")
    assert [item["reason"] for item in activity(maria)["items"]] == ["wrong_otp"]


def test_scans_and_sales_come_newest_first_page_by_page(world: World) -> None:
    till, maria = world.till(), world.shopper()
    for _ in range(4):
        till.sell(scan(till, maria))
    whole = activity(maria)
    assert (len(whole["items"]), whole["next_cursor"]) == (8, None)
    assert [item["at"] for item in whole["items"]] == sorted((item["at"] for item in whole["items"]), reverse=True)
    for limit in (1, 3, 7):
        pages, after = [], ""
        while after is not None:
            page = activity(maria, f"?limit={limit}" + (f"&after={after}" if after else ""))
            pages += page["items"]
            after = page["next_cursor"]
        assert pages == whole["items"], limit


def test_an_exact_page_has_no_next_one(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan(till, maria)
    scan(till, maria)
    assert activity(maria, "?limit=2")["next_cursor"] is None
    assert activity(maria, "?limit=1")["next_cursor"] is not None


@pytest.mark.parametrize("limit", ["0", "201", "1_0", "%2B1", "%2010", "1.0", "1e1", "ten", "", "%D9%A1"])
def test_a_limit_that_is_no_number_from_1_to_200_is_refused(world: World, limit: str) -> None:
    answer = world.shopper().call("GET", f"/shopper/v1/activity?limit={limit}")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/limit")


def test_nothing_new_costs_nothing_to_ask_for(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan(till, maria)
    first = maria.call("GET", "/shopper/v1/activity")
    etag = first.headers["ETag"]
    again = maria.call("GET", "/shopper/v1/activity", headers={"If-None-Match": etag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    scan(till, maria)
    changed = maria.call("GET", "/shopper/v1/activity", headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


def test_activity_is_kept_by_no_shared_cache(world: World) -> None:
    answer = world.shopper().call("GET", "/shopper/v1/activity")
    assert {"private", "no-cache"} <= set(answer.headers["Cache-Control"].split(", "))


def test_not_me_flags_a_scan_of_a_card_that_was_revoked_since(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan_id = scan(till, maria)
    maria.call("DELETE", f"/shopper/v1/cards/{maria.card['card_id']}")
    answer = maria.call("POST", f"/shopper/v1/activity/{scan_id}/not-me", {})
    assert (answer.status_code, answer.json["flagged"]) == (200, True)


def test_not_me_flags_the_scan_and_freezes_its_card(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan_id = scan(till, maria)
    answer = maria.call("POST", f"/shopper/v1/activity/{scan_id}/not-me", {})
    assert (answer.status_code, answer.json["id"], answer.json["flagged"]) == (200, scan_id, True)
    assert activity(maria)["items"][0]["flagged"] is True
    assert maria.call("GET", "/shopper/v1/code").json["code"] == "card_frozen"
    again = maria.call("POST", f"/shopper/v1/activity/{scan_id}/not-me", {})
    assert again.json == answer.json


def test_not_me_freezes_the_card_that_was_scanned_and_no_other(world: World) -> None:
    till, site = world.till(), world.site()
    stolen, kept = site.shopper(), site.shopper()
    scan_id = scan(till, stolen)
    assert kept.call("POST", f"/shopper/v1/activity/{scan_id}/not-me", {}).status_code == 200
    assert stolen.call("GET", "/shopper/v1/code").json["code"] == "card_frozen"
    assert kept.call("GET", "/shopper/v1/code").status_code == 200


def test_the_site_sees_the_flag(world: World) -> None:
    till, site = world.till(), world.site()
    maria = site.shopper()
    maria.call("POST", f"/shopper/v1/activity/{scan(till, maria)}/not-me", {})
    scans = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/scans").json["items"]
    assert [item["flagged"] for item in scans] == [True]


@pytest.mark.parametrize("whose", ["nobody's", "another's"])
def test_nobody_flags_a_scan_that_is_not_theirs(world: World, whose: str) -> None:
    till, site = world.till(), world.site()
    maria, nuria = site.shopper("maria"), site.shopper("nuria")
    scan_id = scan(till, maria) if whose == "another's" else str(uuid4())
    answer = nuria.call("POST", f"/shopper/v1/activity/{scan_id}/not-me", {})
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert maria.call("GET", "/shopper/v1/code").status_code == 200


def test_two_shoppers_see_nothing_of_each_other(world: World) -> None:
    till, site = world.till(), world.site()
    maria, nuria = site.shopper("maria"), site.shopper("nuria")
    till.sell(scan(till, maria))
    assert activity(nuria) == {"items": [], "next_cursor": None}
    assert len(activity(maria)["items"]) == 2


def test_a_cursor_shows_nobody_elses_activity(world: World) -> None:
    till, site = world.till(), world.site()
    maria, nuria = site.shopper("maria"), site.shopper("nuria")
    for _ in range(2):
        scan(till, maria)
    cursor = activity(maria, "?limit=1")["next_cursor"]
    assert activity(nuria, f"?after={cursor}")["items"] == []


def test_training_scans_are_kept_out(world: World) -> None:
    maria = world.shopper()
    world.till(training=True).scan(maria.code())
    assert activity(maria)["items"] == []
