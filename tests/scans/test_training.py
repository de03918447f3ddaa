"""Training: the same answers, kept out of everything."""

import pytest

from tests.world import Shopper, Till, World


def activity(maria: Shopper) -> list[str]:
    return [item["kind"] for item in maria.call("GET", "/shopper/v1/activity").json["items"]]


@pytest.mark.parametrize("by_body", [True, False])
def test_training_answers_alike_and_shows_nowhere(world: World, by_body: bool) -> None:
    till, site = world.till(training=not by_body), world.site()
    maria = site.shopper()
    mark = {"training": True} if by_body else {}
    code = maria.code()
    scans = [till.scan(code, **mark) for _ in range(2)]
    assert [scan.json["reason"] for scan in scans] == [None, "already_used"]
    sale = till.sell(scans[0].json["scan_id"], **mark)
    assert (sale.status_code, sale.json["link"]) == (201, "linked")
    assert activity(maria) == []
    for kind in ("sales", "scans"):
        assert site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/{kind}").json["items"] == []
    assert maria.call("POST", f"/shopper/v1/activity/{scans[0].json['scan_id']}/not-me", {}).status_code == 404


def test_training_spends_no_code_and_a_real_scan_none_of_the_training(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code = maria.code()
    assert till.scan(code, training=True).json["outcome"] == "identified"
    assert till.scan(code).json["outcome"] == "identified"
    assert till.scan(code, training=True).json["reason"] == "already_used"
    assert activity(maria) == ["scan"]


@pytest.mark.parametrize("trained", ["scan", "sale"])
def test_a_training_scan_and_a_real_sale_never_join(world: World, trained: str) -> None:
    till, maria = world.till(), world.shopper()
    scan = till.scan(maria.code(), training=trained == "scan").json
    sale = till.sell(scan["scan_id"], training=trained == "sale").json
    assert sale["link"] == "refused"
    assert activity(maria) == (["scan"] if trained == "sale" else [])


def test_a_training_till_cannot_send_anything_real(world: World) -> None:
    till, maria = world.till(training=True), world.shopper()
    till.sell(till.scan(maria.code(), training=False).json["scan_id"], training=False)
    assert activity(maria) == []


def test_a_training_return_takes_nothing_back(world: World) -> None:
    store = world.store()
    till, trainee = world.till(store), world.till(store, training=True)
    sale_id = till.sell().json["sale_id"]
    assert trainee.take_back(sale_id=sale_id).json["warnings"] == []
    assert till.take_back(sale_id=sale_id).json["warnings"] == []


def test_a_till_knows_that_it_trains(world: World) -> None:
    tills: list[Till] = [world.till(training=True), world.till()]
    assert [till.call("GET", "/pos/v1/terminal").json["training"] for till in tills] == [True, False]
