import pytest

from tests.world import World


def test_a_code_identifies_once(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code = maria.code()
    first, second = till.scan(code), till.scan(code)
    assert (first.status_code, first.json["outcome"], first.json["reason"]) == (201, "identified", None)
    assert (second.status_code, second.json["outcome"], second.json["reason"]) == (201, "refused", "already_used")


def test_the_answer_holds_exactly_what_a_till_may_know(world: World) -> None:
    scan_id = "0198c0de-0000-7000-8000-000000000001"
    answer = world.till().scan(world.shopper().code(), scan_id).json
    assert answer.pop("server_time").startswith("2026-11-22T12:00:00")
    assert answer == {
        "scan_id": scan_id,
        "outcome": "identified",
        "reason": None,
        "message": "Identified",
        "action": "none",
        "attributes": {},
        "late": False,
    }


@pytest.mark.parametrize("order", [("code", "typed_code"), ("typed_code", "code")])
def test_a_qr_and_the_digits_below_it_are_one_code(world: World, order: tuple[str, str]) -> None:
    till, shown = world.till(), world.shopper().call("GET", "/shopper/v1/code").json
    assert till.scan(shown[order[0]]).json["outcome"] == "identified"
    assert till.scan(shown[order[1]]).json["reason"] == "already_used"


def test_typed_digits_count_the_same_with_and_without_their_check_digit(world: World) -> None:
    till, typed_code = world.till(), world.shopper().typed_code()
    assert till.scan(typed_code[:17]).json["outcome"] == "identified"
    assert till.scan(typed_code).json["reason"] == "already_used"


def test_two_pictures_of_the_same_thirty_seconds_are_one_code(world: World) -> None:
    till, maria = world.till(), world.shopper()
    first = maria.code()
    world.clock.forward(seconds=29)
    second = maria.code()
    assert first != second
    assert till.scan(second).json["outcome"] == "identified"
    assert till.scan(first).json["reason"] == "already_used"


def test_the_code_of_the_next_thirty_seconds_is_another(world: World) -> None:
    till, maria = world.till(), world.shopper()
    first = maria.code()
    world.clock.forward(seconds=30)
    assert till.scan(maria.code()).json["outcome"] == "identified"
    assert till.scan(first).json["outcome"] == "identified", "the older code may arrive second"


def test_a_code_is_spent_in_every_store_of_the_brand(world: World) -> None:
    code = world.shopper().code()
    assert world.till().scan(code).json["outcome"] == "identified"
    assert world.till(world.store("Sol")).scan(code).json["reason"] == "already_used"


def test_codes_of_two_cards_of_one_customer_are_two_codes(world: World) -> None:
    till, site = world.till(), world.site()
    phone, tablet = site.shopper(), site.shopper()
    assert phone.customer_id == tablet.customer_id
    outcomes = [till.scan(shopper.code()).json["outcome"] for shopper in (phone, tablet)]
    assert outcomes == ["identified", "identified"]


def test_a_refused_scan_spends_nothing(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code = maria.code()
    early = (world.clock.now.replace(year=2025)).isoformat()
    world.clock.forward(seconds=61)
    assert till.scan(code).json["reason"] == "too_old"
    assert till.scan(code, scanned_at=early).json["reason"] == "not_yet_valid"
    in_time = world.clock.now.replace(minute=0, second=30).isoformat()
    assert till.scan(code, scanned_at=in_time).json["outcome"] == "identified"


def test_the_sale_lands_on_the_customer_that_the_web_shop_knows(world: World) -> None:
    till, site = world.till(), world.site()
    maria = site.shopper()
    scan = till.scan(maria.code()).json
    sale = till.sell(scan["scan_id"])
    assert (sale.status_code, sale.json["link"], sale.json["warnings"]) == (201, "linked", [])
    sales = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales").json
    assert [item["sale_id"] for item in sales["items"]] == [sale.json["sale_id"]]
    activity = maria.call("GET", "/shopper/v1/activity").json
    assert [item["kind"] for item in activity["items"]] in (["sale", "scan"], ["scan", "sale"])
