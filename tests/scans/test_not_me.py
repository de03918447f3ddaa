"""A shopper sees every scan of their cards, and may say that one wasn't theirs."""

from uuid import uuid4

import pytest

from tests.world import World


def test_not_me_flags_the_scan_and_freezes_the_card(world: World) -> None:
    till, site = world.till(), world.site()
    maria = site.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    flagged = [maria.call("POST", f"/shopper/v1/activity/{scan_id}/not-me", {}) for _ in range(2)]
    assert [(answer.status_code, answer.json["flagged"]) for answer in flagged] == [(200, True)] * 2
    assert maria.call("GET", "/shopper/v1/code").json["code"] == "card_frozen"
    (scan,) = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/scans").json["items"]
    assert scan["flagged"] is True


def test_not_me_is_said_of_a_scan_under_any_of_ones_files(world: World) -> None:
    till = world.till()
    maria, mary = world.site().shopper("maria"), world.site("Outlet").shopper("mary")
    body = {"other_id": mary.customer_id, "reason": "the same"}
    assert world.operator().call("POST", f"/operator/v1/customers/{maria.customer_id}/merge", body).status_code < 300
    scan_id = till.scan(mary.code()).json["scan_id"]
    flagged = maria.call("POST", f"/shopper/v1/activity/{scan_id}/not-me", {})
    assert (flagged.status_code, flagged.json["flagged"]) == (200, True)
    assert mary.call("GET", "/shopper/v1/code").json["code"] == "card_frozen"


@pytest.mark.parametrize("whose", ["nobody's", "another shopper's"])
def test_not_me_is_for_scans_of_ones_own(world: World, whose: str) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    scan_id = str(uuid4()) if whose == "nobody's" else till.scan(jose.code()).json["scan_id"]
    assert maria.call("POST", f"/shopper/v1/activity/{scan_id}/not-me", {}).status_code == 404
    assert till.scan(jose.typed_code()).json["reason"] in (None, "already_used"), "no card was frozen"


def test_scans_come_newest_first_page_by_page(world: World) -> None:
    till, site = world.till(), world.site()
    maria = site.shopper()
    made = []
    for _ in range(5):
        made.append(till.scan(maria.code()).json["scan_id"])
        world.clock.forward(seconds=30)
    seen, after = [], ""
    while after is not None:
        query = {"limit": "2"} | ({"after": after} if after else {})
        page = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/scans", query_string=query).json
        seen += [item["scan_id"] for item in page["items"]]
        after = page["next_cursor"]
    assert seen == made[::-1]
