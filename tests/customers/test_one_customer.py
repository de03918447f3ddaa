"""What a site is told of a customer who is made of several nodes."""

from typing import Any

import pytest

from tests.customers.given import email, phone
from tests.world import Shopper, Site, World


def two_sites(world: World) -> tuple[Site, Site]:
    return world.site("Shop", may_vouch=["email"]), world.site("Outlet", may_vouch=["email"])


def absorb(world: World) -> tuple[Site, Site, str, str]:
    """Make a customer of two sites; return the sites, the canonical id and the one that was absorbed."""
    shop, outlet = two_sites(world)
    kept = shop.put("maria", email(verified=True), traits={"given_name": "Maria", "city": "Lugo"})
    world.clock.forward(days=1)
    gone = outlet.put("m-77", phone("+34600999888"), traits={"given_name": "M.", "family_name": "López"})
    world.clock.forward(days=1)
    assert outlet.put("m-77", email(verified=True))["outcome"] == "linked"
    return shop, outlet, kept["customer_id"], gone["customer_id"]


def read(site: Site, customer_id: str) -> dict[str, Any]:
    answer = site.call("GET", f"/commerce/v1/customers/{customer_id}")
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_an_absorbed_id_answers_with_the_canonical_customer(world: World) -> None:
    shop, outlet, kept, gone = absorb(world)
    for site in (shop, outlet):
        told = read(site, gone)
        assert (told["customer_id"], told["requested_id"], told["absorbed"]) == (kept, gone, True)
        told = read(site, kept)
        assert (told["customer_id"], told["requested_id"], told["absorbed"]) == (kept, kept, False)


def test_a_site_is_told_only_the_identifiers_that_it_gave(world: World) -> None:
    shop, outlet, kept, _ = absorb(world)
    assert sorted(item["value"] for item in read(shop, kept)["identifiers"]) == ["maria", "maria@example.com"]
    told = sorted(item["value"] for item in read(outlet, kept)["identifiers"])
    assert told == ["+34600999888", "m-77", "maria@example.com"]


def test_traits_are_the_canonical_nodes_and_what_only_others_know(world: World) -> None:
    shop, _, kept, gone = absorb(world)
    assert read(shop, kept)["traits"] == {"given_name": "Maria", "city": "Lugo", "family_name": "López"}
    assert read(shop, gone)["traits"] == read(shop, kept)["traits"]


def test_of_traits_that_differ_the_answering_nodes_stand_and_then_the_oldest(world: World) -> None:
    sites = [world.site(name, may_vouch=["email"]) for name in ("Shop", "Outlet", "Kiosk")]
    given: list[dict[str, Any]] = [
        {"given_name": "Mary", "city": "Lugo"},
        {"given_name": "Mari", "city": "Vigo", "pet": "cat"},
        {"given_name": "Maria"},
    ]
    ids = []
    for site, traits in zip(sites, given, strict=True):
        proved = [email(verified=True)] if site is sites[-1] else []
        ids.append(site.put("maria", *proved, traits=traits)["customer_id"])
        world.clock.forward(days=1)
    for other in ids[1:]:
        body = {"other_id": other, "reason": "the same"}
        merged = world.operator().call("POST", f"/operator/v1/customers/{ids[0]}/merge", body)
    assert merged.json["customer_id"] == ids[-1], "who is verified answers"
    assert read(sites[0], ids[0])["traits"] == {"given_name": "Maria", "city": "Lugo", "pet": "cat"}


@pytest.mark.parametrize("kind", ["sales", "scans"])
def test_what_was_bought_under_any_node_is_listed_under_every_id(world: World, kind: str) -> None:
    shop, outlet = two_sites(world)
    till, maria = world.till(), shop.shopper("maria")
    world.clock.forward(days=1)
    other = outlet.shopper("m-77")
    for shopper in (maria, other):
        scan = till.scan(shopper.code()).json
        till.sell(scan["scan_id"])
    shop.put("maria", email(verified=True))
    outlet.put("m-77", email(verified=True))
    for site in (shop, outlet):
        for customer_id in (maria.customer_id, other.customer_id):
            assert len(site.call("GET", f"/commerce/v1/customers/{customer_id}/{kind}").json["items"]) == 2


def test_a_shopper_sees_and_freezes_every_card_of_every_node(world: World) -> None:
    shop, outlet = two_sites(world)
    maria = shop.shopper("maria")
    world.clock.forward(days=1)
    other = outlet.shopper("m-77")
    for site, account_id in ((shop, "maria"), (outlet, "m-77")):
        site.put(account_id, email(verified=True))
    assert card_ids(maria) == card_ids(other) == {maria.card["card_id"], other.card["card_id"]}
    frozen = maria.call("POST", f"/shopper/v1/cards/{other.card['card_id']}/freeze", {})
    assert frozen.status_code == 200, frozen.json
    assert other.call("GET", "/shopper/v1/code").json["code"] == "card_frozen"


def test_a_stranger_freezes_no_card(world: World) -> None:
    site = world.site()
    maria, eva = site.shopper("maria"), site.shopper("eva")
    frozen = eva.call("POST", f"/shopper/v1/cards/{maria.card['card_id']}/freeze", {})
    assert frozen.status_code == 404


def test_the_history_says_who_linked_what_on_what_evidence(world: World) -> None:
    shop, outlet, kept, gone = absorb(world)
    page = shop.call("GET", f"/commerce/v1/customers/{gone}/history").json
    words = [item["what"] for item in page["items"]]
    assert words.count("customer.created") == 2
    assert words.count("identifier.linked") == 5
    assert words.count("customers.merged") == 2
    merge, other = (item for item in page["items"] if item["what"] == "customers.merged")
    assert merge["by"] == {"kind": "site", "id": outlet.site_id}
    assert merge["evidence"]["rule"] == "verified_identifier"
    assert {merge["evidence"]["other_id"], other["evidence"]["other_id"]} == {kept, gone}
    assert not any(word.endswith(".read") for word in words), "looks are no history"
    assert not any(secret in str(page) for secret in ("maria", "López", "600999888"))


def test_the_history_comes_page_by_page(world: World) -> None:
    shop, _, kept, _ = absorb(world)
    path = f"/commerce/v1/customers/{kept}/history"
    whole, items, after = shop.call("GET", path).json["items"], [], ""
    while after is not None:
        page = shop.call("GET", f"{path}?limit=2" + (f"&after={after}" if after else "")).json
        items, after = items + page["items"], page["next_cursor"]
    assert items == whole


def card_ids(shopper: Shopper) -> set[str]:
    return {card["card_id"] for card in shopper.call("GET", "/shopper/v1/cards").json["items"]}
