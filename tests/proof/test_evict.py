from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from service.audit.models import Action, AuditEntry
from service.customers.identifiers import add_identifier
from service.customers.models import IdentifierKind, Trust
from service.merging.models import Proposal
from tests.linking.requests import asked
from tests.merging.people import SITE, People
from tests.proof.people import EMAIL, PHONE, Maria, contact_of, give, vouching_site
from tests.shopper.phone import Phone, handoff
from tests.world import Site, World

Somebody = Callable[[], Maria]
MALLORYS = "mallory@example.net"


def open_proposals(world: World) -> list[tuple[str, str]]:
    with world.service.db.read() as session:
        return [
            (row.decider, row.reasons[0]["code"]) for row in session.scalars(select(Proposal)) if row.status == "open"
        ]


def test_what_an_attacker_planted_with_her_address_ends_when_she_proves_it(world: World, maria: Maria) -> None:
    site, till = world.site("Zapatos"), world.till()
    give(site, "mallory", EMAIL)
    mallory = site.shopper("mallory")
    in_browser, waiting = Phone(world).open(site, "mallory"), handoff(site, "mallory")
    code, shown = mallory.code(), in_browser.code()
    bought = till.sell(till.scan(mallory.code()).json["scan_id"]).json
    assert bought["link"] == "linked"
    world.clock.forward(seconds=30)  # a handoff lives for 60, so not a minute passes as in `sign_in`
    assert maria.prove(EMAIL).json["status"] == "signed_in"
    assert mallory.call("GET", "/shopper/v1/activity").status_code == 401
    assert in_browser.call("GET", "/shopper/v1/session").status_code == 401
    assert Phone(world).exchange(waiting).status_code == 401
    for planted in (code, shown):
        assert till.scan(planted).json["outcome"] == "refused"
    assert maria.contacts() == {EMAIL: "verified"}
    assert maria.call("GET", "cards").json["items"] == []
    assert maria.call("GET", "activity").json["items"] == []
    assert [item["status"] for item in maria.accounts()] == ["to_confirm"]


def test_the_cards_of_an_attacker_are_refused_at_the_till_as_unusable(world: World, maria: Maria) -> None:
    site, till = world.site(), world.till()
    give(site, "mallory", EMAIL)
    code = site.shopper("mallory").code()
    maria.sign_in()
    assert till.scan(code).json["reason"] == "card_unusable"


def test_a_new_session_of_the_attackers_account_sees_nothing_of_hers(world: World, maria: Maria) -> None:
    site = world.site()
    give(site, "mallory", EMAIL)
    maria.sign_in()
    mallory = site.shopper("mallory")
    assert mallory.call("GET", "/shopper/v1/contacts").json["items"] == []
    [account] = mallory.call("GET", "/shopper/v1/accounts").json["items"]
    assert account["status"] == "linked"


def test_only_she_can_confirm_an_account_that_waits(world: World, maria: Maria) -> None:
    site = world.site()
    give(site, "mallory", EMAIL)
    maria.sign_in()
    [waiting] = maria.accounts()
    mallory = site.shopper("mallory")
    for verb in ("confirm", "refuse"):
        answer = mallory.call("POST", f"/shopper/v1/accounts/{waiting['proposal_id']}/{verb}", {})
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_an_account_that_she_confirms_is_hers_with_everything_in_it(world: World, maria: Maria) -> None:
    site, till = world.site("Zapatos"), world.till()
    customer_id = give(site, "maria-7", EMAIL)
    shopper = site.shopper("maria-7")
    till.sell(till.scan(shopper.code()).json["scan_id"])
    maria.sign_in()
    [waiting] = maria.accounts()
    assert maria.call("GET", "activity").json["items"] == []
    confirmed = maria.call("POST", f"accounts/{waiting['proposal_id']}/confirm", {})
    assert (confirmed.status_code, confirmed.json) == (200, {"status": "linked"})
    assert [(item["status"], item["site"]["name"]) for item in maria.accounts()] == [("linked", "Zapatos")]
    assert {item["kind"] for item in maria.call("GET", "activity").json["items"]} == {"scan", "sale"}
    asked = site.call("GET", f"/commerce/v1/customers/{customer_id}")
    assert asked.status_code == 200
    again = maria.call("POST", f"accounts/{waiting['proposal_id']}/confirm", {})
    assert again.status_code in (404, 409), "once is enough"


def test_accounts_of_one_claimant_are_asked_about_together(world: World, maria: Maria) -> None:
    people, beta, gamma = People(world, world.service.rules), world.site("Beta"), world.site("Gamma")
    people.join(UUID(give(beta, "mallory", EMAIL)), UUID(gamma.account("mallory")))
    maria.sign_in()
    waiting = maria.accounts()
    assert {item["site"]["name"] for item in waiting} == {"Beta", "Gamma"}
    assert len({item["proposal_id"] for item in waiting}) == 1


@pytest.mark.parametrize("grows", ["by_a_join", "by_an_account"])
@pytest.mark.parametrize("looks", [True, False])
def test_an_account_that_came_after_she_was_asked_never_enters_her_file_by_her_answer(
    world: World, maria: Maria, grows: str, looks: bool
) -> None:
    people, beta, gamma = People(world, world.service.rules), world.site("Beta"), world.site("Gamma")
    mallory, gone = UUID(give(beta, "mallory", EMAIL)), UUID(gamma.account("gone"))
    maria.sign_in()
    [waiting] = maria.accounts()
    world.clock.forward(minutes=1)
    if grows == "by_a_join":
        people.join(gone, mallory)
    else:
        with people.write() as session:
            account: dict[str, Any] = {"kind": IdentifierKind.ACCOUNT, "value": "late", "issuer": UUID(gamma.site_id)}
            who: dict[str, Any] = {"customer_id": mallory, "trust": Trust.VERIFIED, "actor": SITE}
            add_identifier(session, people.keystore, now=people.now(), **account, **who)
    if looks:
        assert maria.accounts() == []
    answer = maria.call("POST", f"accounts/{waiting['proposal_id']}/confirm", {})
    assert (answer.status_code, answer.json) == (200, {"status": "pending"})
    assert maria.accounts() == []


def test_an_account_that_she_refuses_stays_apart_for_good(world: World, maria: Maria) -> None:
    site = world.site()
    give(site, "mallory", EMAIL)
    maria.sign_in()
    [waiting] = maria.accounts()
    refused = maria.call("POST", f"accounts/{waiting['proposal_id']}/refuse", {})
    assert (refused.status_code, refused.json) == (200, {"status": "refused"})
    assert maria.accounts() == []
    give(site, "mallory", EMAIL)
    maria.sign_in()
    assert maria.accounts() == []
    assert open_proposals(world) == []


def test_a_claim_that_comes_back_ends_again_at_the_next_proof(world: World, maria: Maria) -> None:
    site = world.site()
    give(site, "mallory", EMAIL)
    maria.sign_in()
    give(site, "mallory", EMAIL)
    mallory = site.shopper("mallory")
    assert mallory.call("GET", "/shopper/v1/contacts").json["items"] != []
    maria.sign_in()
    assert mallory.call("GET", "/shopper/v1/contacts").status_code == 401


def test_what_a_site_only_vouches_for_ends_too(world: World, maria: Maria) -> None:
    site = world.site()
    give(site, "mallory", EMAIL, verified=True)
    mallory = site.shopper("mallory")
    maria.sign_in()
    assert mallory.call("GET", "/shopper/v1/activity").status_code == 401
    assert [item["status"] for item in maria.accounts()] == ["to_confirm"]


def test_an_attacker_who_proved_an_address_of_their_own_is_for_an_operator(world: World, maria: Maria) -> None:
    site = vouching_site(world)
    give(site, "mallory", MALLORYS, verified=True)
    give(site, "mallory", EMAIL)
    mallory = site.shopper("mallory")
    maria.sign_in()
    assert mallory.call("GET", "/shopper/v1/activity").status_code == 401
    assert maria.accounts() == []
    assert open_proposals(world) == [("operator", "same_email")]


def test_an_attacker_who_proves_an_address_later_can_not_be_confirmed_either(
    world: World, maria: Maria, somebody: Somebody
) -> None:
    site = world.site()
    give(site, "mallory", EMAIL)
    maria.sign_in()
    [waiting] = maria.accounts()
    mallory = somebody()
    mallory.phone.open(site, "mallory")
    assert mallory.add(MALLORYS).json["outcome"] == "added"
    assert maria.accounts() == [], "it is not offered any more"
    confirmed = maria.call("POST", f"accounts/{waiting['proposal_id']}/confirm", {})
    assert (confirmed.status_code, confirmed.json) == (200, {"status": "pending"})
    assert MALLORYS not in maria.contacts()
    assert maria.accounts() == []
    assert open_proposals(world) == [("operator", "same_email")]
    again = maria.call("POST", f"accounts/{waiting['proposal_id']}/confirm", {})
    assert again.status_code == 404, "it is an operator's now"


def test_an_owner_who_proved_the_same_address_keeps_everything(world: World, maria: Maria) -> None:
    site = vouching_site(world)
    give(site, "maria-7", EMAIL, verified=True)
    shopper = site.shopper("maria-7")
    maria.sign_in()
    assert shopper.call("GET", "/shopper/v1/activity").status_code == 200


def test_her_own_account_on_the_phone_she_proves_it_with_keeps_everything(world: World, maria: Maria) -> None:
    site, till = world.site(), world.till()
    give(site, "maria-7", EMAIL)
    maria.phone.open(site, "maria-7")
    code = maria.phone.code()
    assert maria.add(EMAIL).json["outcome"] == "added"
    assert maria.call("GET", "session").status_code == 200
    assert till.scan(code).json["outcome"] in ("identified", "refused")
    assert maria.contacts() == {EMAIL: "verified"}
    assert [item["status"] for item in maria.accounts()] == ["linked"]


def test_proving_a_contact_inside_a_session_evicts_as_well(world: World, maria: Maria) -> None:
    site = world.site()
    give(site, "mallory", PHONE)
    mallory = site.shopper("mallory")
    maria.sign_in()
    assert maria.add(PHONE).json["outcome"] == "added"
    assert mallory.call("GET", "/shopper/v1/activity").status_code == 401


def test_who_claims_another_contact_is_left_alone(world: World, maria: Maria) -> None:
    site = world.site()
    give(site, "nuria", "nuria@example.com")
    nuria = site.shopper("nuria")
    maria.sign_in()
    assert nuria.call("GET", "/shopper/v1/activity").status_code == 200
    assert contact_of("nuria@example.com")["value"] in {
        item["value"] for item in nuria.call("GET", "/shopper/v1/contacts").json["items"]
    }


def test_where_no_session_ended_none_is_written_down(world: World, maria: Maria) -> None:
    give(world.site(), "mallory", EMAIL)
    maria.sign_in()
    with world.service.db.read() as session:
        actions = set(session.scalars(select(AuditEntry.action)))
    assert Action.IDENTIFIER_EVICTED in actions
    assert Action.SESSIONS_ENDED not in actions


def test_an_eviction_is_written_down_on_the_claimants_file_without_the_prover(world: World, maria: Maria) -> None:
    site = world.site()
    customer_id = give(site, "mallory", EMAIL)
    site.shopper("mallory")
    maria.sign_in()
    with world.service.db.read() as session:
        lines = [line for line in session.scalars(select(AuditEntry)) if str(line.customer_id) == customer_id]
        maria_id = session.scalars(select(AuditEntry.customer_id).where(AuditEntry.action == Action.SIGNED_IN)).one()
    told = {line.action: line.detail for line in lines}
    assert told[Action.IDENTIFIER_EVICTED]["kind"] == "email"
    assert told[Action.SESSIONS_ENDED] == {"sessions": 1}
    assert str(maria_id) not in repr(told)


@pytest.mark.parametrize(
    ("language", "who"), [("en", "the owner of the contact"), ("es", "la persona titular del contacto")]
)
def test_a_claimant_reads_that_the_owner_of_the_contact_did_it(
    world: World, maria: Maria, language: str, who: str
) -> None:
    site = world.site()
    give(site, "mallory", EMAIL)
    site.shopper("mallory")
    maria.sign_in()
    maria.call("POST", f"accounts/{maria.accounts()[0]['proposal_id']}/refuse", {})
    headers = {"Accept-Language": language}
    items = site.shopper("mallory").call("GET", "/shopper/v1/audit", headers=headers).json["items"]
    assert [item["who"] for item in items].count(who) == 3, "contact, session, and that the two are two people"
    assert not {"you", "tú"} & {item["who"] for item in items}
    hers = maria.call("GET", "audit").json["items"]
    assert {"you", "the service, by its rules"} == {item["who"] for item in hers}


def test_the_word_of_a_shop_throws_nobody_out_who_has_proved_another_contact(
    world: World, maria: Maria, somebody: Somebody
) -> None:
    site = world.site()
    give(site, "maria-7", EMAIL)
    maria.sign_in()
    [waiting] = maria.accounts()
    maria.call("POST", f"accounts/{waiting['proposal_id']}/confirm", {})
    maria.call("POST", "cards", {})
    opened_by_shop = site.shopper("maria-7")
    give(site, "maria-7", MALLORYS)
    somebody().sign_in(MALLORYS)
    assert maria.contacts() == {EMAIL: "verified"}
    assert maria.call("GET", "code").status_code == 200
    assert opened_by_shop.call("GET", "/shopper/v1/code").status_code == 401


@pytest.mark.parametrize("vouched", [(), (MALLORYS,)], ids=["no contact", "one that a shop vouches for"])
def test_nobody_joins_a_file_under_a_session_whose_contact_is_gone(
    world: World, maria: Maria, somebody: Somebody, vouched: tuple[str, ...]
) -> None:
    """Mallory gives her number away, to herself, and has Maria approve her account at a shop."""
    shop = vouching_site(world)
    mallory = without_contact(somebody, shop)
    give(shop, "mallory", *vouched, verified=True)
    mallory_at_shop = shop.shopper("mallory")
    maria.sign_in()
    maria.call("POST", "cards", {})
    decide(maria, asked(shop, maria.call("GET", "code").json["code"], "mallory"))
    assert mallory.call("GET", "contacts").status_code == 401
    assert mallory_at_shop.call("GET", "/shopper/v1/contacts").status_code == 200  # the shop's word, as told
    assert maria.contacts() == {EMAIL: "verified"} | dict.fromkeys(vouched, "verified")


def test_nobody_takes_a_file_into_a_session_whose_contact_is_gone(world: World, somebody: Somebody) -> None:
    shop = world.site("Shop")
    mallory = without_contact(somebody, shop)
    outlet = world.site("Outlet")
    outlet.account("mary")
    world.clock.forward(seconds=30)
    decide(mallory, asked(outlet, mallory.call("GET", "code").json["code"]))
    assert mallory.call("GET", "contacts").status_code == 401


def test_the_card_of_such_a_session_ends_even_if_the_session_has_expired(
    world: World, maria: Maria, somebody: Somebody
) -> None:
    shop = world.site("Shop")
    without_contact(somebody, shop)
    world.clock.forward(days=30)
    maria.sign_in()
    maria.call("POST", "cards", {})
    decide(maria, asked(shop, maria.call("GET", "code").json["code"], "mallory"))
    assert [card["status"] for card in maria.call("GET", "cards").json["items"]] == ["active", "revoked"]


def test_whoever_has_no_contact_of_their_own_is_signed_out_by_the_owner_of_another(
    world: World, maria: Maria, somebody: Somebody
) -> None:
    shop = world.site("Shop")
    mallory = without_contact(somebody, shop)
    give(shop, "mallory", EMAIL)
    assert mallory.call("GET", "contacts").status_code == 200
    maria.sign_in()
    assert mallory.call("GET", "contacts").status_code == 401


def without_contact(somebody: Somebody, shop: Site) -> Maria:
    """Return a shopper with an account at a shop, who has given away the number that she is signed in with."""
    mallory = somebody().sign_in(PHONE)
    mallory.call("POST", "cards", {})
    shop.account("mallory")
    decide(mallory, asked(shop, mallory.call("GET", "code").json["code"], "mallory"))
    assert somebody().prove(PHONE, new_owner=True).json["created"] is True
    assert mallory.call("GET", "contacts").json["items"] == []
    return mallory


def decide(shopper: Maria, link_request_id: str) -> None:
    answer = shopper.call("POST", f"link-requests/{link_request_id}/approve", {})
    assert answer.json == {"status": "approved", "linked": True}


def test_an_account_with_another_customer_number_is_not_hers_alone_to_confirm(
    world: World, somebody: Somebody
) -> None:
    shop, outlet = vouching_site(world), world.site("Outlet")
    shop.put("maria", {"kind": "email", "value": EMAIL, "verified": True}, {"kind": "crm", "value": "C-1"})
    outlet.put("mary", {"kind": "email", "value": EMAIL}, {"kind": "crm", "value": "C-2"})
    maria = somebody().sign_in(EMAIL)
    [waiting] = [account for account in maria.accounts() if account["status"] == "to_confirm"]
    answer = maria.call("POST", f"accounts/{waiting['proposal_id']}/confirm", {})
    assert (answer.status_code, answer.json["status"]) == (200, "pending")
    assert [account["status"] for account in maria.accounts()] == ["linked"], "it is the brand's to decide now"


def test_a_claimant_without_an_account_is_for_an_operator(world: World, somebody: Somebody) -> None:
    people = People(world, world.service.rules)
    people.give(people.node("Mary"), IdentifierKind.EMAIL, EMAIL, Trust.CLAIMED)
    maria = somebody().sign_in(EMAIL)
    assert open_proposals(world) == [("operator", "same_email")]
    assert maria.accounts() == []


def test_what_another_file_of_hers_claims_of_her_own_contact_stays(world: World, somebody: Somebody) -> None:
    shop = vouching_site(world)
    give(shop, "maria", EMAIL, verified=True)
    maria, outlet = somebody().sign_in(EMAIL), world.site("Outlet")
    mary, people = outlet.shopper("mary"), People(world, world.service.rules)
    people.join(UUID(mary.customer_id), UUID(shop.account("maria")))
    give(outlet, "mary", EMAIL)
    somebody().sign_in(EMAIL)
    assert mary.call("GET", "/shopper/v1/session").status_code == 200
    assert people.told(Action.IDENTIFIER_EVICTED) == []
    assert maria.contacts() == {EMAIL: "verified"}
