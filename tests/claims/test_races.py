"""Real races for a receipt: many connections, several workers, both databases."""

from collections import Counter
from uuid import uuid4

import pytest

from pos_client import mint_claim
from tests.claims.receipts import hashed, receipt
from tests.scans.arena import Arena, Reply, Shot
from tests.world import Shopper, Till

SHOPPERS = 50


def claim(shopper: Shopper, code: str) -> Shot:
    return Shot(shopper, "POST", "/shopper/v1/claims", {"claim_code": code})


def sell(till: Till, code: str) -> Shot:
    return Shot(till, "PUT", f"/pos/v1/sales/{uuid4()}", till.sale(claim_hash=hashed(code)))


def told(replies: list[Reply]) -> Counter[tuple[int, str]]:
    return Counter((reply.status_code, reply.json.get("code") or reply.json["status"]) for reply in replies)


@pytest.fixture(scope="module")
def crowd(arena: Arena) -> list[Shopper]:
    site = arena.site()
    return [site.shopper(str(uuid4())) for _ in range(SHOPPERS)]


@pytest.fixture(scope="module")
def till(arena: Arena) -> Till:
    return arena.till()


def test_of_fifty_customers_who_race_for_one_receipt_exactly_one_has_it(
    arena: Arena, crowd: list[Shopper], till: Till
) -> None:
    code, sale_id = receipt(till)
    replies = arena.at_once([claim(shopper, code) for shopper in crowd])
    assert told(replies) == {(201, "claimed"): 1, (409, "already_claimed"): SHOPPERS - 1}
    owners = [shopper for shopper in crowd if has(shopper, sale_id)]
    assert owners == [crowd[index] for index, reply in enumerate(replies) if reply.status_code == 201]


def test_of_fifty_customers_who_race_before_the_upload_exactly_one_waits(arena: Arena, crowd: list[Shopper]) -> None:
    code = mint_claim()
    replies = arena.at_once([claim(shopper, code) for shopper in crowd])
    assert told(replies) == {(201, "waiting"): 1, (409, "already_claimed"): SHOPPERS - 1}


def test_twelve_claims_of_one_customer_at_once_are_never_more_than_five(arena: Arena, till: Till) -> None:
    greedy = arena.site().shopper("greedy")
    codes = [receipt(till)[0] if number % 2 else mint_claim() for number in range(12)]
    statuses = Counter(reply.status_code for reply in arena.at_once([claim(greedy, code) for code in codes]))
    assert statuses == {201: 5, 429: 7}


def test_a_claim_sent_ten_times_at_once_is_made_once(arena: Arena, till: Till) -> None:
    maria, (code, _) = arena.site().shopper("maria"), receipt(till)
    replies = arena.at_once([claim(maria, code)] * 10)
    assert told(replies) == {(201, "claimed"): 1, (200, "claimed"): 9}


def test_a_claim_and_its_upload_at_once_always_meet(arena: Arena, till: Till, crowd: list[Shopper]) -> None:
    codes = [mint_claim() for _ in range(20)]
    shots = [
        shot for code, shopper in zip(codes, crowd, strict=False) for shot in (sell(till, code), claim(shopper, code))
    ]
    before = [len(sales(shopper)) for shopper in crowd[:20]]
    assert {reply.status_code for reply in arena.at_once(shots)} <= {201, 429}
    after = [len(sales(shopper)) for shopper in crowd[:20]]
    assert [later - earlier for earlier, later in zip(before, after, strict=True)] == [1] * 20


def test_of_a_claim_and_a_scan_that_race_for_a_sale_exactly_one_has_it(arena: Arena, till: Till) -> None:
    site = arena.site()
    for _ in range(10):
        maria, jose = site.shopper(str(uuid4())), site.shopper(str(uuid4()))
        code, sale_id = receipt(till)
        scan_id = till.scan(jose.code()).json["scan_id"]
        link = Shot(till, "PUT", f"/pos/v1/sales/{sale_id}/scan", {"scan_id": scan_id})
        claimed, linked = arena.at_once([claim(maria, code), link])
        assert sorted((claimed.status_code, linked.status_code)) in ([200, 409], [201, 409])
        assert (has(maria, sale_id), has(jose, sale_id)) == (claimed.status_code == 201, linked.status_code == 200)


def sales(shopper: Shopper) -> list[str]:
    items = shopper.call("GET", "/shopper/v1/activity").json["items"]
    return [item["id"] for item in items if item["kind"] == "sale"]


def has(shopper: Shopper, sale_id: str) -> bool:
    return sale_id in sales(shopper)
