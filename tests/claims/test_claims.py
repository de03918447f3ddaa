"""A receipt with a claim code becomes the sale of whoever claims it first."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from pos_client import mint_claim
from service.customers.models import Customer
from service.purge import purge
from service.web.shopper import linking
from tests.claims.receipts import claim, claimed, hashed, link_now, receipt, sales_of, unite
from tests.world import World


def test_a_claimed_sale_is_the_customers_and_linked(world: World) -> None:
    till, site = world.till(), world.site()
    maria = site.shopper()
    code, sale_id = receipt(till)
    assert (link_now(till, sale_id), sales_of(maria)) == ("unidentified", [])
    answer = claim(maria, code)
    assert (answer.status_code, answer.json["status"]) == (201, "claimed")
    assert (answer.json["sale"]["id"], answer.json["sale"]["total_minor"]) == (sale_id, 2500)
    assert (link_now(till, sale_id), sales_of(maria)) == ("linked", [sale_id])
    (item,) = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales").json["items"]
    assert (item["sale_id"], item["scan_id"]) == (sale_id, None)


def test_the_code_is_never_echoed(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, _ = receipt(till)
    answers = [claim(maria, code), claim(maria, code), claim(jose, code), claim(jose, code[:-1])]
    assert [answer.status_code for answer in answers] == [201, 200, 409, 422]
    assert not any(code[:-1] in answer.text or hashed(code) in answer.text for answer in answers)


def test_a_code_is_used_once(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, sale_id = receipt(till)
    assert claimed(maria, code) == (201, "claimed")
    assert claimed(jose, code) == (409, "already_claimed")
    assert (sales_of(maria), sales_of(jose)) == ([sale_id], [])


def test_the_same_customer_gets_the_same_answer_again(world: World) -> None:
    maria = world.shopper()
    code, _ = receipt(world.till())
    first, again = claim(maria, code), claim(maria, code)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json


def test_the_same_customer_is_the_whole_component(world: World) -> None:
    maria, mary = world.site("Web shop").shopper("maria"), world.site("Outlet").shopper("mary")
    code, sale_id = receipt(world.till())
    assert claimed(maria, code) == (201, "claimed")
    unite(world, maria, mary)
    assert claimed(mary, code) == (200, "claimed")
    assert sales_of(mary) == sales_of(maria) == [sale_id]


@pytest.mark.parametrize("code", ["", "74", "74" + "1" * 38, "74" + "1" * 40, "74" + "9" * 39, "73" + "1" * 39])
def test_what_is_no_claim_code_is_pointed_at(world: World, code: str) -> None:
    answer = claim(world.shopper(), code)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_body")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/claim_code"]


def test_a_claim_may_come_before_the_tills_upload(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code = mint_claim()
    answer = claim(maria, code)
    assert (answer.status_code, answer.json) == (201, {"status": "waiting", "sale": None})
    assert claimed(maria, code) == (200, "waiting")
    world.clock.forward(hours=72)
    sale = till.sell(claim_hash=hashed(code)).json
    assert (sale["link"], sales_of(maria)) == ("linked", [sale["sale_id"]])
    assert claimed(maria, code) == (200, "claimed")


def test_a_claim_waits_no_longer_than_seventy_two_hours(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code = mint_claim()
    claim(maria, code)
    world.clock.forward(hours=72, seconds=1)
    sale = till.sell(claim_hash=hashed(code)).json
    assert (sale["link"], sales_of(maria)) == ("unidentified", [])
    assert claimed(jose, code) == (201, "claimed"), "a claim that waited in vain has freed its code"
    assert sales_of(jose) == [sale["sale_id"]]


def test_a_claim_that_waited_in_vain_may_be_made_again(world: World) -> None:
    maria, code = world.shopper(), mint_claim()
    assert claimed(maria, code) == (201, "waiting")
    world.clock.forward(hours=73)
    assert claimed(maria, code) == (201, "waiting")


def test_a_claim_that_holds_a_sale_is_its_owners_for_good(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, sale_id = receipt(till)
    assert claimed(maria, code) == (201, "claimed")
    world.clock.forward(hours=73)
    assert claimed(jose, code) == (409, "already_claimed")
    assert sales_of(maria) == [sale_id]


def test_while_a_claim_waits_nobody_else_gets_the_code(world: World) -> None:
    till, site, code = world.till(), world.site(), mint_claim()
    assert claimed(site.shopper("maria"), code) == (201, "waiting")
    world.clock.forward(hours=72)
    assert claimed(site.shopper("jose"), code) == (409, "already_claimed")
    assert till.sell(claim_hash=hashed(code)).json["link"] == "linked", "to the last moment"


@pytest.mark.parametrize(
    ("after", "expected"),
    [(timedelta(days=30), (201, "claimed")), (timedelta(days=30, seconds=1), (409, "too_late"))],
)
def test_a_receipt_can_be_claimed_for_thirty_days(world: World, after: timedelta, expected: tuple[int, str]) -> None:
    till, site = world.till(), world.site()
    code, sale_id = receipt(till)
    world.clock.now += after
    maria = site.shopper()
    assert claimed(maria, code) == expected
    assert sales_of(maria) == ([sale_id] if expected[0] == 201 else [])


def test_thirty_days_count_from_the_sales_arrival(world: World) -> None:
    till = world.till()
    bought = world.clock()
    world.clock.forward(days=20)
    code, _ = receipt(till, occurred_at=bought.isoformat())
    world.clock.forward(days=29)
    assert claimed(world.shopper(), code) == (201, "claimed")


def test_five_receipts_a_day_are_enough(world: World) -> None:
    till, maria = world.till(), world.shopper()
    codes = [receipt(till)[0] for _ in range(6)]
    assert [claimed(maria, code)[0] for code in codes[:5]] == [201] * 5
    world.clock.forward(hours=1)
    refused = claim(maria, codes[5])
    assert (refused.status_code, refused.json["code"]) == (429, "claimed_too_many")
    assert refused.headers["Retry-After"] == str(23 * 3600)
    assert claimed(maria, codes[0]) == (200, "claimed"), "a repeat is no sixth claim"
    world.clock.forward(hours=23)
    assert claimed(maria, codes[5]) == (201, "claimed")


def test_claims_that_wait_count_too(world: World) -> None:
    maria = world.shopper()
    assert [claimed(maria, mint_claim()) for _ in range(5)] == [(201, "waiting")] * 5
    assert claimed(maria, mint_claim()) == (429, "claimed_too_many")


def test_five_a_day_are_for_the_whole_component(world: World) -> None:
    maria, mary = world.site("Web shop").shopper("maria"), world.site("Outlet").shopper("mary")
    for shopper in (maria, mary, maria, mary, maria):
        assert claimed(shopper, mint_claim()) == (201, "waiting")
    unite(world, maria, mary)
    assert claimed(mary, mint_claim()) == (429, "claimed_too_many")


def test_two_who_claimed_more_together_wait_until_only_four_are_left_of_the_day(world: World) -> None:
    maria, mary = world.site("Web shop").shopper("maria"), world.site("Outlet").shopper("mary")
    for shopper in (maria, mary):
        assert [claimed(shopper, mint_claim())[0] for _ in range(3)] == [201] * 3
        world.clock.forward(hours=2)
    unite(world, maria, mary)
    assert claim(mary, mint_claim()).headers["Retry-After"] == str(20 * 3600)


def test_two_tills_may_have_made_sales_with_one_id(world: World) -> None:
    tills, maria, jose = [world.till(), world.till()], world.shopper(), world.shopper("jose")
    for ours, others in (tills, tills[::-1]):
        world.clock.forward(seconds=30)
        linked = others.sell(others.scan(jose.code()).json["scan_id"]).json
        code, _ = receipt(ours, sale_id=linked["sale_id"])
        assert (linked["link"], claimed(maria, code)) == ("linked", (201, "claimed"))


def test_a_refused_claim_costs_none_of_the_five(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    taken = [receipt(till)[0] for _ in range(5)]
    for code in taken:
        claim(jose, code)
        assert claimed(maria, code) == (409, "already_claimed")
    assert claimed(maria, receipt(till)[0]) == (201, "claimed")


def test_a_sale_stays_claimable_after_a_partial_return(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code, sale_id = receipt(till)
    assert till.take_back(sale_id=sale_id).json["warnings"] == []
    assert claimed(maria, code) == (201, "claimed")
    assert [warning["code"] for warning in till.take_back(sale_id=sale_id).json["warnings"]] == ["over_return"]
    assert sales_of(maria) == [sale_id]


@pytest.mark.parametrize("claim_first", [True, False])
def test_a_sale_for_practice_is_nobodys(world: World, claim_first: bool) -> None:
    till, maria, code = world.till(), world.shopper(), mint_claim()
    if claim_first:
        assert claimed(maria, code) == (201, "waiting")
    sale = till.sell(claim_hash=hashed(code), training=True).json
    assert claimed(maria, code) == (409, "not_claimable")
    assert (link_now(till, sale["sale_id"]), sales_of(maria)) == ("unidentified", [])


def test_a_code_that_is_free_again_is_claimed_by_the_same_rules(world: World) -> None:
    till, maria, code = world.till(), world.shopper(), mint_claim()
    assert claimed(maria, code) == (201, "waiting")
    world.clock.forward(hours=73)
    till.sell(claim_hash=hashed(code), training=True)
    assert claimed(maria, code) == (409, "not_claimable")


def test_a_sale_for_practice_takes_no_code_from_a_real_one(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code, _ = receipt(till, training=True)
    world.clock.forward(seconds=1)
    real = till.sell(claim_hash=hashed(code)).json["sale_id"]
    assert (claimed(maria, code), sales_of(maria)) == ((201, "claimed"), [real])


def test_of_two_sales_with_one_code_only_the_first_to_arrive_is_claimed(world: World) -> None:
    store, maria = world.store(), world.shopper()
    first, second = world.till(store), world.till(store)
    code, sale_id = receipt(first)
    world.clock.forward(seconds=1)
    other = second.sell(claim_hash=hashed(code)).json["sale_id"]
    assert claimed(maria, code) == (201, "claimed")
    assert claim(maria, code).json["sale"]["id"] == sale_id
    assert (link_now(first, sale_id), link_now(second, other)) == ("linked", "unidentified")
    world.clock.forward(seconds=1)
    assert second.sell(claim_hash=hashed(code)).json["link"] == "unidentified"
    assert sales_of(maria) == [sale_id]


def test_of_two_sales_that_arrive_with_one_code_in_the_same_instant_only_one_is_claimed(world: World) -> None:
    store, maria = world.store(), world.shopper()
    code, sale_id = receipt(world.till(store))
    other = world.till(store).sell(claim_hash=hashed(code)).json["sale_id"]
    assert claimed(maria, code) == (201, "claimed")
    assert sales_of(maria) in ([sale_id], [other])


def test_of_two_sales_that_arrive_with_one_code_after_its_claim_only_the_first_is_claimed(world: World) -> None:
    till, maria, code = world.till(), world.shopper(), mint_claim()
    claim(maria, code)
    links = []
    for _ in range(2):
        links.append(till.sell(claim_hash=hashed(code)).json["link"])
        world.clock.forward(seconds=1)
    assert (links, len(sales_of(maria))) == (["linked", "unidentified"], 1)


def test_a_customers_scanned_and_claimed_sales_are_one_list_page_by_page(world: World) -> None:
    till, site = world.till(), world.site()
    maria, mary = site.shopper("maria"), world.site("Outlet").shopper("mary")
    sold = []
    for number in range(6):
        world.clock.forward(seconds=31)
        shopper = (maria, mary)[number % 2]
        if number < 3:
            sold.append(till.sell(till.scan(shopper.code()).json["scan_id"]).json["sale_id"])
        else:
            code, sale_id = receipt(till)
            claim(shopper, code)
            sold.append(sale_id)
    unite(world, maria, mary)
    seen, after = [], ""
    while after is not None:
        query = {"limit": "2"} | ({"after": after} if after else {})
        path = f"/commerce/v1/customers/{maria.customer_id}/sales"
        page = site.call("GET", path, query_string=query).json
        seen += [item["sale_id"] for item in page["items"]]
        after = page["next_cursor"]
    assert seen == sold[::-1] == sales_of(maria) == sales_of(mary)


def test_the_repeat_of_a_sale_that_was_claimed_is_a_repeat(world: World) -> None:
    till, maria, code, sale_id = world.till(), world.shopper(), mint_claim(), str(uuid4())
    till.sell(None, sale_id, claim_hash=hashed(code))
    claim(maria, code)
    again = till.sell(None, sale_id, claim_hash=hashed(code))
    assert (again.status_code, again.json["link"]) == (200, "linked")


def test_the_hash_is_part_of_what_a_sale_says(world: World) -> None:
    till, sale_id = world.till(), str(uuid4())
    hash_ = hashed(mint_claim())
    assert till.sell(None, sale_id, claim_hash=hash_).status_code == 201
    assert till.sell(None, sale_id, claim_hash=hash_.upper()).status_code == 200, "the same number"
    for other in ({}, {"claim_hash": hashed(mint_claim())}):
        assert till.sell(None, sale_id, **other).json["code"] == "id_conflict"


@pytest.mark.parametrize("wrong", ["ab", "g" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", 7])
def test_a_hash_that_is_none_is_pointed_at(world: World, wrong: object) -> None:
    answer = world.till().sell(claim_hash=wrong)
    assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, ["/claim_hash"])


def test_only_a_sale_carries_a_claim_code(world: World) -> None:
    till = world.till()
    assert till.take_back(claim_hash=hashed(mint_claim())).status_code == 422
    assert till.scan("71", claim_hash=hashed(mint_claim())).status_code == 422


def test_a_synced_sale_can_be_claimed(world: World) -> None:
    till, maria, code = world.till(), world.shopper(), mint_claim()
    claim(maria, code)
    item = till.sale(claim_hash=hashed(code)) | {"sale_id": str(uuid4())}
    (result,) = till.call("POST", "/pos/v1/sync", {"sales": [item]}).json["results"]
    assert (result["status"], result["body"]["link"]) == (201, "linked")


def test_a_claim_code_scanned_at_a_till_is_malformed(world: World) -> None:
    till = world.till()
    code, sale_id = receipt(till)
    assert till.scan(code).json["reason"] == "malformed"
    assert link_now(till, sale_id) == "unidentified"


def test_a_till_is_told_where_claims_go_and_nothing_of_who_claimed(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code, sale_id = receipt(till)
    before = till.call("GET", f"/pos/v1/sales/{sale_id}").json
    claim(maria, code)
    after = till.call("GET", f"/pos/v1/sales/{sale_id}").json
    assert after == before | {"link": "linked"}
    for told in (till.enrolled, till.call("GET", "/pos/v1/terminal").json):
        assert told["policy"]["claim_url"] == f"{world.settings.public_url}/app"


def test_a_claim_in_vain_is_purged_and_one_that_was_not_stays(world: World) -> None:
    maria, till = world.shopper(), world.till()
    code, sale_id = receipt(till)
    assert claimed(maria, code) == (201, "claimed")
    assert claimed(maria, mint_claim()) == (201, "waiting")
    for days, gone in ((4, 0), (1, 1)):
        world.clock.forward(days=days, seconds=-days)
        with world.service.db.write() as session:
            assert purge(session, world.clock())["claims"] == gone, days
        world.clock.forward(seconds=days + days)
    assert sales_of(maria) == [sale_id]


def test_a_claim_that_meets_an_erasure_lands_on_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    till, maria, carmen = world.till(), world.shopper(), world.shopper("carmen")
    code, sale_id = receipt(till)
    claim_it = linking.claim_sale

    def after_the_erasure(session: Session, *given: Any, **more: Any) -> Any:
        node = session.get_one(Customer, UUID(maria.customer_id))
        node.erased_at = world.clock()
        session.flush()
        return claim_it(session, *given, **more)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(linking, "claim_sale", after_the_erasure)
        assert claim(maria, code).status_code == 404
    assert link_now(till, sale_id) == "unidentified"
    assert claimed(carmen, code) == (201, "claimed")
