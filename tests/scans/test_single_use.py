from tests.world import World


def test_a_code_identifies_once(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code = maria.code()
    first, second = till.scan(code), till.scan(code)
    assert (first.status_code, first.json["outcome"], first.json["reason"]) == (201, "identified", None)
    assert (second.status_code, second.json["outcome"], second.json["reason"]) == (201, "refused", "already_used")


def test_a_qr_and_the_digits_below_it_are_one_code(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code, typed_code = maria.code(), maria.typed_code()
    assert till.scan(typed_code).json["outcome"] == "identified"
    assert till.scan(code).json["reason"] == "already_used"


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
