"""A sale that names a scan and carries a claim code: the first to stand keeps it."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from pos_client import mint_claim
from service.sales.models import Sale
from tests.claims.receipts import claim, claimed, hashed, link_now, receipt, refused_scan, sales_of
from tests.others import Others, waits
from tests.world import World


def test_a_sale_whose_scan_was_refused_can_be_claimed(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code, sale_id = receipt(till, refused_scan(till))
    assert link_now(till, sale_id) == "refused"
    assert claimed(maria, code) == (201, "claimed")
    assert (link_now(till, sale_id), sales_of(maria)) == ("linked", [sale_id])


def test_a_sale_that_is_linked_by_its_scan_cannot_be_claimed(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, sale_id = receipt(till, till.scan(maria.code()).json["scan_id"])
    for shopper in (maria, jose):
        assert claimed(shopper, code) == (409, "not_claimable")
    assert (sales_of(maria), sales_of(jose)) == ([sale_id], [])


def test_a_sale_that_awaits_its_scan_cannot_be_claimed(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code, sale_id = receipt(till, str(uuid4()))
    assert claimed(maria, code) == (409, "not_claimable")
    assert link_now(till, sale_id) == "pending"


def test_a_sale_in_conflict_cannot_be_claimed(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    shown = maria.code()
    till.scan(shown)
    code, sale_id = receipt(till, till.scan(shown).json["scan_id"])
    assert link_now(till, sale_id) == "conflict"
    assert claimed(jose, code) == (409, "not_claimable")
    assert link_now(till, sale_id) == "conflict"


def test_a_claim_that_came_before_its_sale_gives_way_to_the_scan_that_the_sale_names(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, scan_id = mint_claim(), str(uuid4())
    claim(maria, code)
    sale_id = till.sell(scan_id, claim_hash=hashed(code)).json["sale_id"]
    assert (link_now(till, sale_id), sales_of(maria)) == ("pending", [])
    world.clock.forward(seconds=1)
    till.scan(jose.code(), scan_id)
    assert (link_now(till, sale_id), sales_of(maria), sales_of(jose)) == ("linked", [], [sale_id])
    assert claimed(maria, code) == (409, "not_claimable")


@pytest.mark.parametrize("elsewhere", [False, True], ids=["another_id", "another_store"])
def test_no_other_scan_makes_a_claim_hold_that_came_before_its_sale(world: World, elsewhere: bool) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, scan_id = mint_claim(), str(uuid4())
    claim(maria, code)
    sale_id = till.sell(scan_id, claim_hash=hashed(code)).json["sale_id"]
    world.clock.forward(seconds=1)
    refused_scan(*((world.till(), scan_id) if elsewhere else (till,)))
    world.clock.forward(seconds=1)
    till.scan(jose.code(), scan_id)
    assert (link_now(till, sale_id), sales_of(maria), sales_of(jose)) == ("linked", [], [sale_id])


def test_a_claim_that_came_before_its_sale_comes_to_nothing_in_a_conflict(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    shown, code = maria.code(), mint_claim()
    claim(jose, code)
    till.scan(shown)
    sale_id = till.sell(till.scan(shown).json["scan_id"], claim_hash=hashed(code)).json["sale_id"]
    assert (link_now(till, sale_id), sales_of(jose)) == ("conflict", [])


def test_a_claim_that_came_before_its_sale_holds_when_the_awaited_scan_is_refused(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code, scan_id = mint_claim(), str(uuid4())
    claim(maria, code)
    sale_id = till.sell(scan_id, claim_hash=hashed(code)).json["sale_id"]
    world.clock.forward(seconds=1)
    refused_scan(till, scan_id)
    assert (link_now(till, sale_id), sales_of(maria)) == ("linked", [sale_id])


def test_a_claimed_sale_cannot_be_linked_to_a_scan_afterwards(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, sale_id = receipt(till)
    claim(maria, code)
    scan_id = till.scan(jose.code()).json["scan_id"]
    answer = till.call("PUT", f"/pos/v1/sales/{sale_id}/scan", {"scan_id": scan_id})
    assert (answer.status_code, answer.json["code"]) == (409, "already_linked")
    assert (sales_of(maria), sales_of(jose)) == ([sale_id], [])


def test_a_sale_that_was_linked_to_a_scan_afterwards_cannot_be_claimed(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, sale_id = receipt(till)
    scan_id = till.scan(jose.code()).json["scan_id"]
    assert till.call("PUT", f"/pos/v1/sales/{sale_id}/scan", {"scan_id": scan_id}).json["link"] == "linked"
    assert claimed(maria, code) == (409, "not_claimable")


@pytest.mark.parametrize("claim_first", [True, False])
def test_once_a_claim_holds_a_later_scan_of_the_same_id_changes_nothing(world: World, claim_first: bool) -> None:
    """Ids are unique within a till only: another till's refused scan stands for the sale until its own arrives."""
    store, site = world.store(), world.site()
    till, other = world.till(store), world.till(store)
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, scan_id = mint_claim(), refused_scan(other)
    if claim_first:
        claim(maria, code)
        world.clock.forward(seconds=1)
    sale_id = till.sell(scan_id, claim_hash=hashed(code)).json["sale_id"]
    if not claim_first:
        assert link_now(till, sale_id) == "refused"
        assert claimed(maria, code) == (201, "claimed")
    assert (link_now(till, sale_id), sales_of(maria)) == ("linked", [sale_id])
    world.clock.forward(seconds=1)
    assert till.scan(jose.code(), scan_id).json["outcome"] == "identified"
    assert (link_now(till, sale_id), sales_of(maria), sales_of(jose)) == ("linked", [sale_id], [])
    assert claimed(maria, code) == (200, "claimed")


def test_without_a_claim_the_own_scan_of_the_till_still_comes_first(world: World) -> None:
    store, site = world.store(), world.site()
    till, other = world.till(store), world.till(store)
    maria, jose = site.shopper("maria"), site.shopper("jose")
    scan_id = refused_scan(other)
    code, sale_id = receipt(till, scan_id)
    world.clock.forward(seconds=1)
    till.scan(jose.code(), scan_id)
    world.clock.forward(seconds=1)
    assert claimed(maria, code) == (409, "not_claimable")
    assert (link_now(till, sale_id), sales_of(jose)) == ("linked", [sale_id])


def test_a_claim_holds_from_the_first_scan_on_that_comes_after_the_sale(world: World) -> None:
    store, site = world.store(), world.site()
    till, other = world.till(store), world.till(store)
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, scan_id = mint_claim(), str(uuid4())
    claim(maria, code)
    sale_id = till.sell(scan_id, claim_hash=hashed(code)).json["sale_id"]
    world.clock.forward(seconds=1)
    refused_scan(other, scan_id)
    assert (link_now(till, sale_id), sales_of(maria)) == ("linked", [sale_id])
    world.clock.forward(seconds=1)
    assert till.scan(jose.code(), scan_id).json["outcome"] == "identified"
    assert (link_now(till, sale_id), sales_of(maria), sales_of(jose)) == ("linked", [sale_id], [])


def test_whom_the_first_scan_after_the_sale_identified_keeps_it_though_a_claim_waited(world: World) -> None:
    store, site = world.store(), world.site()
    till, other = world.till(store), world.till(store)
    maria, jose, eva = (site.shopper(name) for name in ("maria", "jose", "eva"))
    code, scan_id = mint_claim(), str(uuid4())
    claim(maria, code)
    sale_id = till.sell(scan_id, claim_hash=hashed(code)).json["sale_id"]
    for at, shopper in ((other, jose), (till, eva)):
        world.clock.forward(seconds=1)
        assert at.scan(shopper.code(), scan_id).json["outcome"] == "identified"
        assert (link_now(till, sale_id), sales_of(jose)) == ("linked", [sale_id])
    assert (sales_of(maria), sales_of(eva)) == ([], [])


def test_scans_that_came_before_the_sale_leave_nothing_to_a_claim(world: World) -> None:
    store, site = world.store(), world.site()
    till, other = world.till(store), world.till(store)
    maria, jose = site.shopper("maria"), site.shopper("jose")
    code, scan_id = mint_claim(), refused_scan(other)
    claim(maria, code)
    world.clock.forward(seconds=1)
    till.scan(jose.code(), scan_id)
    world.clock.forward(seconds=1)
    sale_id = till.sell(scan_id, claim_hash=hashed(code)).json["sale_id"]
    assert (link_now(till, sale_id), sales_of(maria), sales_of(jose)) == ("linked", [], [sale_id])


def test_a_claim_waits_for_the_till_that_is_just_linking_the_sale(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code, sale_id = receipt(till)
    scan_id = till.scan(world.shopper("jose").code()).json["scan_id"]
    with Others(world) as pool:
        with world.service.db.write() as session:
            sale = session.scalars(select(Sale).where(Sale.id == UUID(sale_id)).with_for_update()).one()
            sale.scan_id = UUID(scan_id)
            session.flush()
            claiming = pool.submit(claimed, maria, code)
            assert waits(claiming)
        assert claiming.result(20) == (409, "not_claimable")
    assert sales_of(maria) == []
