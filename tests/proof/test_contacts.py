from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from service.customers.models import Identifier
from tests.proof.people import EMAIL, PHONE, Inbox, Maria, contact_of, give, vouching_site
from tests.world import World

Somebody = Callable[[], Maria]


def identifier_of(maria: Maria, value: str) -> str:
    [found] = [item for item in maria.call("GET", "contacts").json["items"] if item["value"] == value]
    identifier_id: str = found["identifier_id"]
    return identifier_id


def test_contacts_are_shown_with_their_trust_oldest_first(world: World, maria: Maria) -> None:
    site = world.site()
    give(site, "maria-7", "typed@example.com")
    maria.phone.open(site, "maria-7")
    world.clock.forward(minutes=1)
    assert maria.add(PHONE).status_code == 200
    items = maria.call("GET", "contacts").json["items"]
    assert [(item["kind"], item["value"], item["trust"]) for item in items] == [
        ("email", "typed@example.com", "claimed"),
        ("phone", PHONE, "verified"),
    ]
    assert set(items[0]) == {"identifier_id", "kind", "value", "trust", "since"}


def test_a_contact_added_signs_in_to_the_same_file(maria: Maria, somebody: Somebody) -> None:
    maria.sign_in()
    added = maria.add("maria.work@example.com")
    assert (added.status_code, added.json["outcome"]) == (200, "added")
    assert added.json["identifier_id"] == identifier_of(maria, "maria.work@example.com")
    other = somebody().sign_in("maria.work@example.com")
    assert set(other.contacts()) == {EMAIL, "maria.work@example.com"}


def test_proving_a_contact_of_another_file_of_hers_joins_the_two(
    world: World, maria: Maria, somebody: Somebody
) -> None:
    till = world.till()
    at_store = somebody().sign_in("maria.store@example.com")
    at_store.call("POST", "cards", {})
    till.sell(till.scan(at_store.phone.code()).json["scan_id"])
    maria.sign_in()
    assert maria.add("maria.store@example.com").json["outcome"] == "linked"
    assert set(maria.contacts()) == set(at_store.contacts()) == {EMAIL, "maria.store@example.com"}
    assert len(maria.call("GET", "activity").json["items"]) == 2


def test_a_claimed_contact_of_her_own_file_becomes_verified(world: World, maria: Maria) -> None:
    site = world.site()
    give(site, "maria-7", EMAIL)
    maria.phone.open(site, "maria-7")
    assert maria.contacts() == {EMAIL: "claimed"}
    assert maria.add(EMAIL).json["outcome"] == "added"
    assert maria.contacts() == {EMAIL: "verified"}


def test_proving_a_contact_again_changes_nothing(maria: Maria) -> None:
    maria.sign_in()
    assert maria.add(EMAIL).json["outcome"] == "added"
    assert maria.contacts() == {EMAIL: "verified"}


def test_the_code_of_a_contact_is_good_once(maria: Maria, inbox: Inbox) -> None:
    maria.sign_in()
    path = f"contacts/{maria.call('POST', 'contacts', contact_of(PHONE)).json['request_id']}"
    code = {"code": inbox.code(PHONE)}
    assert maria.call("POST", path, code).json["outcome"] == "added"
    assert maria.call("POST", path, code).json["code"] == "code_expired"


def test_a_code_is_for_the_session_that_asked(maria: Maria, somebody: Somebody, inbox: Inbox) -> None:
    maria.sign_in()
    request_id = maria.call("POST", "contacts", contact_of(PHONE)).json["request_id"]
    code = inbox.code(PHONE)
    nuria = somebody().sign_in("nuria@example.com")
    assert nuria.call("POST", f"contacts/{request_id}", {"code": code}).json["code"] == "code_expired"
    assert maria.call("POST", f"contacts/{request_id}", {"code": code}).status_code == 200


def test_a_contact_can_be_removed_and_signs_in_no_more(maria: Maria, somebody: Somebody) -> None:
    maria.sign_in()
    maria.add("old@example.com")
    assert maria.call("DELETE", f"contacts/{identifier_of(maria, 'old@example.com')}").status_code == 204
    assert maria.contacts() == {EMAIL: "verified"}
    assert somebody().prove("old@example.com").json["created"] is True


def test_a_contact_that_several_of_her_files_hold_is_one_contact(
    world: World, maria: Maria, somebody: Somebody
) -> None:
    typed = give(world.site(), "crm-7", EMAIL)
    at_shops = [give(vouching_site(world, name), "maria-7", EMAIL) for name in ("Shop", "Other shop")]
    assert len({typed, *at_shops}) == 3
    maria.sign_in()
    maria.add("old@example.com")
    shown = maria.call("GET", "contacts").json["items"]
    assert [(item["value"], item["trust"]) for item in shown] == [
        (EMAIL, "verified"),
        ("old@example.com", "verified"),
    ]
    assert maria.call("DELETE", f"contacts/{shown[0]['identifier_id']}").status_code == 204
    assert maria.contacts() == {"old@example.com": "verified"}
    refused = maria.call("DELETE", f"contacts/{shown[1]['identifier_id']}")
    assert refused.json["code"] == "last_contact"
    assert somebody().prove(EMAIL).json["created"] is True


def test_the_last_contact_that_she_can_sign_in_with_stays(maria: Maria) -> None:
    maria.sign_in()
    refused = maria.call("DELETE", f"contacts/{identifier_of(maria, EMAIL)}")
    assert (refused.status_code, refused.json["code"]) == (409, "last_contact")
    assert maria.contacts() == {EMAIL: "verified"}


def test_of_several_files_that_hold_a_contact_the_oldest_is_shown_and_none_keeps_it(
    world: World, maria: Maria
) -> None:
    first = world.clock()
    for name in ("Shop", "Other shop", "Third shop"):
        give(vouching_site(world, name), "maria-7", EMAIL, verified=True)
        world.clock.forward(minutes=1)
    [shown] = maria.sign_in().call("GET", "contacts").json["items"]
    assert datetime.fromisoformat(shown["since"]) == first
    maria.add("other@example.com")
    assert maria.call("DELETE", f"contacts/{shown['identifier_id']}").status_code == 204
    assert set(maria.contacts()) == {"other@example.com"}


def test_a_contact_that_was_removed_keeps_when_it_was_proved_but_for_a_fresh_number(
    world: World, maria: Maria
) -> None:
    maria.sign_in()
    proved = set()
    for value, days in ((PHONE, 400), ("new@example.com", 0)):
        proved.add((contact_of(value)["kind"], world.clock()))
        maria.add(value)
        world.clock.forward(days=days)
        maria.sign_in()
    for value in (PHONE, "new@example.com"):
        assert maria.call("DELETE", f"contacts/{identifier_of(maria, value)}").status_code == 204
    with world.service.db.read() as session:
        gone = session.scalars(select(Identifier).where(Identifier.ended_at.is_not(None))).all()
        assert {(row.kind, row.proved_at) for row in gone} == proved


def test_the_last_contact_stays_though_several_of_her_files_hold_it(world: World, maria: Maria) -> None:
    for name in ("Shop", "Other shop"):
        give(vouching_site(world, name), "maria-7", EMAIL, verified=True)
    maria.sign_in()
    assert maria.call("DELETE", f"contacts/{identifier_of(maria, EMAIL)}").json["code"] == "last_contact"


def test_nobody_signs_in_with_a_mere_claim_beside_the_last_contact(world: World, maria: Maria) -> None:
    site = world.site()
    give(site, "maria-7", "typed@example.com")
    maria.phone.open(site, "maria-7")
    maria.add(EMAIL)
    assert maria.sign_in().contacts() == {"typed@example.com": "claimed", EMAIL: "verified"}
    assert maria.call("DELETE", f"contacts/{identifier_of(maria, EMAIL)}").json["code"] == "last_contact"


def test_a_mere_claim_may_go_though_it_is_the_only_contact(world: World, maria: Maria) -> None:
    site = world.site()
    give(site, "maria-7", EMAIL)
    maria.phone.open(site, "maria-7")
    assert maria.call("DELETE", f"contacts/{identifier_of(maria, EMAIL)}").status_code == 204
    assert maria.contacts() == {}


def test_in_a_sites_session_nobody_changes_what_she_signs_in_with(world: World, maria: Maria) -> None:
    maria.phone.open(world.site(), "maria-7")
    maria.add(EMAIL)
    requests: tuple[tuple[str, str, Any], ...] = (
        ("POST", "contacts", contact_of("thief@example.com")),
        ("DELETE", f"contacts/{identifier_of(maria, EMAIL)}", None),
    )
    for method, path, body in requests:
        refused = maria.call(method, path, body)
        assert (refused.status_code, refused.json["code"]) == (409, "sign_in_needed"), path
    assert maria.contacts() == {EMAIL: "verified"}
    assert maria.sign_in().add(PHONE).json["outcome"] == "added"


def test_in_a_sites_session_nobody_takes_another_sites_account_off_once_she_can_sign_in(
    world: World, maria: Maria, somebody: Somebody
) -> None:
    site, other = vouching_site(world), vouching_site(world, "Other shop")
    for one in (site, other):
        give(one, "maria-7", EMAIL, verified=True)
    maria.phone.open(site, "maria-7")
    elsewhere = other.shopper("maria-7")
    accounts = {row["site"]["name"]: f"accounts/{row['identifier_id']}" for row in maria.accounts()}
    refused = maria.call("DELETE", accounts["Other shop"])
    assert (refused.status_code, refused.json["code"]) == (409, "sign_in_needed")
    assert elsewhere.call("GET", "/shopper/v1/session").status_code == 200
    assert maria.call("DELETE", accounts["Trusted shop"]).status_code == 204
    signed_in = somebody().sign_in(EMAIL)
    assert signed_in.call("DELETE", accounts["Other shop"]).status_code == 204
    assert elsewhere.call("GET", "/shopper/v1/session").status_code == 401


def test_a_code_that_a_sites_session_asked_for_earlier_adds_nothing_either(
    world: World, maria: Maria, somebody: Somebody, inbox: Inbox
) -> None:
    site, thief = world.site(), somebody()
    for one in (maria, thief):
        one.phone.open(site, "maria-7")
    request_id = thief.call("POST", "contacts", contact_of("thief@example.com")).json["request_id"]
    code = {"code": inbox.code("thief@example.com")}
    assert maria.add(EMAIL).status_code == 200
    refused = thief.call("POST", f"contacts/{request_id}", code)
    assert (refused.status_code, refused.json["code"]) == (409, "sign_in_needed")
    assert set(maria.contacts()) == {EMAIL}


def test_anothers_contact_is_not_found(maria: Maria, somebody: Somebody) -> None:
    maria.sign_in()
    hers = identifier_of(maria, EMAIL)
    nuria = somebody().sign_in("nuria@example.com")
    for identifier_id in (hers, str(uuid4())):
        assert nuria.call("DELETE", f"contacts/{identifier_id}").status_code == 404
    assert maria.contacts() == {EMAIL: "verified"}


def test_an_account_unlinked_leaves_the_file_with_the_sessions_of_its_site(world: World, maria: Maria) -> None:
    site, till = world.site("Zapatos"), world.till()
    maria.phone.open(site, "maria-7")
    in_shop, code = site.shopper("maria-7"), maria.phone.code()
    maria.add(EMAIL)
    maria.sign_in()
    [account] = maria.accounts()
    assert maria.call("DELETE", f"accounts/{account['identifier_id']}").status_code == 204
    assert maria.accounts() == []
    assert maria.call("DELETE", f"accounts/{account['identifier_id']}").status_code == 404
    assert in_shop.call("GET", "/shopper/v1/activity").status_code == 401
    assert till.scan(code).json["outcome"] == "refused"
    assert site.account("maria-7") != "", "the shop begins a new file"
    assert maria.accounts() == []


def test_accounts_are_shown_in_the_order_they_came_and_those_that_wait_after_them(world: World, maria: Maria) -> None:
    names = ("Zapatos", "Libros", "Muebles", "Flores")
    for name, contact in zip(names, (EMAIL, EMAIL, PHONE, "maria.work@example.com"), strict=True):
        give(vouching_site(world, name), "maria", contact, verified=contact == EMAIL)
        world.clock.forward(minutes=1)
    maria.sign_in()
    for contact in (PHONE, "maria.work@example.com"):
        assert maria.add(contact).json["outcome"] == "added"
    shown = [(item["site"]["name"], item["status"]) for item in maria.accounts()]
    assert shown == list(zip(names, ("linked", "linked", "to_confirm", "to_confirm"), strict=True))


def test_a_contact_is_no_account(maria: Maria) -> None:
    maria.sign_in()
    assert maria.call("DELETE", f"accounts/{identifier_of(maria, EMAIL)}").status_code == 404


def test_anothers_account_is_not_found(world: World, somebody: Somebody, maria: Maria) -> None:
    site = vouching_site(world)
    give(site, "eva", "eva@example.com", verified=True)
    eva = somebody().sign_in("eva@example.com")
    [account] = eva.accounts()
    maria.sign_in()
    answer = maria.call("DELETE", f"accounts/{account['identifier_id']}")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert eva.accounts() == [account]
