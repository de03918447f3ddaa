"""Linking by proof of possession: the site shows that it was shown the code, the shopper approves in the app."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from service.audit.models import SYSTEM
from service.cards.manage import close_site
from service.customers.identifiers import add_identifier
from service.customers.models import Identifier, IdentifierKind, Trust
from tests.linking.requests import ask, asked, decide, open_requests, refusal, status
from tests.merging.people import People
from tests.proof.people import EMAIL, PHONE, Inbox, Maria, give, vouching_site
from tests.world import Shopper, Site, World


def is_one(outlet: Site, maria: Shopper) -> bool:
    """Return whether Mary of the outlet is Maria by now."""
    return outlet.call("GET", f"/commerce/v1/customers/{maria.customer_id}").status_code == 200


def test_the_shopper_sees_who_asks_and_when(world: World, outlet: Site, maria: Shopper) -> None:
    answer = ask(outlet, maria.code())
    assert (answer.status_code, answer.json["status"]) == (201, "pending")
    (item,) = open_requests(maria)
    assert (item["link_request_id"], item["site"]) == (answer.json["link_request_id"], {"name": "Outlet"})
    assert (item["status"], item["expires_at"]) == ("pending", answer.json["expires_at"])
    assert item["asked_at"] == world.clock().isoformat().replace("+00:00", "Z")


def test_nothing_merges_before_the_shopper_approves(world: World, outlet: Site, maria: Shopper) -> None:
    ident = asked(outlet, maria.code())
    assert not is_one(outlet, maria)
    assert status(outlet, ident)["customer_id"] is None
    answer = decide(maria, "approve", ident)
    assert (answer.status_code, answer.json) == (200, {"status": "approved", "linked": True})
    assert is_one(outlet, maria)
    told = status(outlet, ident)
    assert (told["status"], told["customer_id"]) == ("approved", outlet.account("mary"))


def test_after_the_approval_both_sides_are_one_customer_with_one_history(
    world: World, outlet: Site, maria: Shopper
) -> None:
    till = world.till()
    sale_id = till.sell(till.scan(maria.code()).json["scan_id"]).json["sale_id"]
    world.clock.forward(seconds=30)
    decide(maria, "approve", asked(outlet, maria.code()))
    customer_id = outlet.account("mary")
    (sale,) = outlet.call("GET", f"/commerce/v1/customers/{customer_id}/sales").json["items"]
    assert sale["sale_id"] == sale_id


def test_a_typed_code_asks_too(outlet: Site, maria: Shopper) -> None:
    assert decide(maria, "approve", asked(outlet, maria.typed_code())).json["linked"] is True


def test_a_refused_link_request_merges_nothing(outlet: Site, maria: Shopper) -> None:
    ident = asked(outlet, maria.code())
    answer = decide(maria, "refuse", ident)
    assert (answer.status_code, answer.json) == (200, {"status": "refused"})
    assert not is_one(outlet, maria)
    told = status(outlet, ident)
    assert (told["status"], told["customer_id"]) == ("refused", None)


@pytest.mark.parametrize("first", ["approve", "refuse"])
@pytest.mark.parametrize("then", ["approve", "refuse"])
def test_a_link_request_is_decided_once(outlet: Site, maria: Shopper, first: str, then: str) -> None:
    ident = asked(outlet, maria.code())
    decide(maria, first, ident)
    again = decide(maria, then, ident)
    assert (again.status_code, again.json["code"]) == (409, "link_request_closed")
    assert is_one(outlet, maria) == (first == "approve")


@pytest.mark.parametrize("verb", ["approve", "refuse"])
def test_a_link_request_lives_ten_minutes(world: World, outlet: Site, maria: Shopper, verb: str) -> None:
    ident = asked(outlet, maria.code())
    world.clock.forward(minutes=10)
    answer = decide(maria, verb, ident)
    assert (answer.status_code, answer.json["code"]) == (409, "link_request_closed")
    assert status(outlet, ident)["status"] == open_requests(maria)[0]["status"] == "expired"
    assert not is_one(outlet, maria)


def test_until_the_last_moment_it_can_be_approved(world: World, outlet: Site, maria: Shopper) -> None:
    ident = asked(outlet, maria.code())
    world.clock.now += timedelta(minutes=9, seconds=59)
    assert decide(maria, "approve", ident).status_code == 200


def test_only_the_one_whose_code_was_shown_decides(world: World, outlet: Site, maria: Shopper) -> None:
    stranger = world.site("Third").shopper("jose")
    mary = outlet.shopper("mary")
    ident = asked(outlet, maria.code())
    for other in (stranger, mary):
        assert open_requests(other) == []
        for verb in ("approve", "refuse"):
            assert decide(other, verb, ident).status_code == 404
    assert status(outlet, ident)["status"] == "pending"
    assert decide(maria, "approve", str(uuid4())).status_code == 404


def test_another_phone_of_the_same_customer_decides_as_well(world: World, outlet: Site) -> None:
    shop = world.site("Web shop")
    phone, tablet = shop.shopper("maria"), shop.shopper("maria")
    ident = asked(outlet, phone.code())
    assert decide(tablet, "approve", ident).json["linked"] is True


def test_another_file_of_the_same_customer_decides_as_well(world: World, outlet: Site, maria: Shopper) -> None:
    twin = world.shopper("maria", world.site("Libros"))
    ident = asked(outlet, maria.code())
    People(world, world.service.rules).join(UUID(maria.customer_id), UUID(twin.customer_id))
    assert [item["link_request_id"] for item in open_requests(twin)] == [ident]
    assert decide(twin, "approve", ident).json["linked"] is True


def test_the_shoppers_own_data_say_which_merge_an_approval_made(outlet: Site, maria: Shopper) -> None:
    decide(maria, "approve", asked(outlet, maria.code()))
    told = maria.call("GET", "/shopper/v1/export").json
    [request], [merge] = told["link_requests"], told["merges"]
    assert (request["status"], request["merge_id"]) == ("approved", merge["merge_id"])


@pytest.mark.parametrize(("verb", "told"), [("approve", "approved"), ("refuse", "refused")])
def test_what_was_decided_does_not_expire(world: World, outlet: Site, maria: Shopper, verb: str, told: str) -> None:
    ident = asked(outlet, maria.code())
    decide(maria, verb, ident)
    world.clock.forward(minutes=11)
    assert status(outlet, ident)["status"] == told
    assert [item["status"] for item in open_requests(maria)] == [told]


def test_another_site_reads_nothing_of_a_link_request(world: World, outlet: Site, maria: Shopper) -> None:
    ident = asked(outlet, maria.code())
    assert world.site("Third").call("GET", f"/commerce/v1/link-requests/{ident}").status_code == 404


def test_an_account_that_is_not_there_asks_nothing_and_spends_nothing(
    world: World, outlet: Site, maria: Shopper
) -> None:
    code = maria.code()
    for account_id in ("nobody", "x" * 300, "%01"):
        answer = ask(outlet, code, account_id)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert world.till().scan(code).json["outcome"] == "identified"


def test_what_the_brands_rules_forbid_waits_for_a_person_and_the_answer_says_so(world: World, outlet: Site) -> None:
    """Two accounts of one site: the shop itself says that they are two people."""
    shop = world.site("Web shop")
    maria = shop.shopper("maria")
    shop.account("mary")
    ident = asked(shop, maria.code(), "mary")
    answer = decide(maria, "approve", ident)
    assert (answer.status_code, answer.json) == (200, {"status": "approved", "linked": False})
    told = status(shop, ident)
    assert (told["status"], told["customer_id"]) == ("approved", None)


def test_linking_what_is_one_customer_already_changes_nothing(world: World, outlet: Site, maria: Shopper) -> None:
    decide(maria, "approve", asked(outlet, maria.code()))
    world.clock.forward(seconds=30)
    answer = decide(maria, "approve", asked(outlet, maria.code()))
    assert answer.json == {"status": "approved", "linked": True}
    lines = [line["what"] for line in maria.call("GET", "/shopper/v1/audit").json["items"]]
    assert lines.count("linked an account") == 2


def say_its_owner_proved(world: World, customer_id: str) -> None:
    """Let a contact that is a mere claim by now be one that the file's owner proved once."""
    contact = update(Identifier).where(Identifier.customer_id == UUID(customer_id), Identifier.kind == "email")
    with world.service.db.write() as session:
        session.execute(contact.values(owner_proved_at=world.clock()))


def test_linking_what_is_one_customer_already_asks_for_no_proof(world: World, outlet: Site) -> None:
    mary = world.shopper("mary", outlet)
    say_its_owner_proved(world, give(outlet, "mary", EMAIL))
    request_id = asked(outlet, mary.code())
    assert status(outlet, request_id)["customer_id"] is None, "whose code it was is told after the approval"
    assert decide(mary, "approve", request_id).json == {"status": "approved", "linked": True}
    assert status(outlet, request_id)["customer_id"] == mary.customer_id


def test_who_has_proved_the_same_contact_as_the_accounts_owner_may_link_it(world: World, outlet: Site) -> None:
    shop = vouching_site(world)
    maria = world.shopper("maria", shop)
    give(shop, "maria", EMAIL, verified=True)
    say_its_owner_proved(world, give(outlet, "mary", EMAIL))
    answer = decide(maria, "approve", asked(outlet, maria.code()))
    assert answer.json == {"status": "approved", "linked": True}


def test_what_a_shop_vouches_for_is_not_its_owners_proof(world: World, maria: Shopper) -> None:
    outlet = vouching_site(world, "Outlet")
    give(outlet, "mary", EMAIL, verified=True)
    answer = decide(maria, "approve", asked(outlet, maria.code()))
    assert answer.json == {"status": "approved", "linked": True}


def test_old_requests_leave_the_list(world: World, outlet: Site, maria: Shopper) -> None:
    asked(outlet, maria.code())
    world.clock.forward(days=1)
    assert open_requests(maria) == []


def test_of_many_requests_the_newest_twenty_are_shown(world: World, outlet: Site, maria: Shopper) -> None:
    made = []
    for _ in range(21):
        made.append(asked(outlet, maria.code()))
        world.clock.forward(seconds=30)
    assert [item["link_request_id"] for item in open_requests(maria)] == made[:0:-1]


def test_a_refused_code_is_never_echoed(outlet: Site, maria: Shopper) -> None:
    code = maria.code()
    ask(outlet, code)
    answer = ask(outlet, code)
    assert refusal(answer) == "already_used"
    assert code not in answer.text


def test_a_site_that_was_revoked_since_is_linked_to_nobody(world: World, outlet: Site, maria: Shopper) -> None:
    request_id = asked(outlet, maria.code())
    with world.service.db.write() as session:
        close_site(session, UUID(outlet.site_id), world.clock())
    answer = decide(maria, "approve", request_id)
    assert (answer.status_code, answer.json["code"]) == (409, "link_request_closed")
    assert decide(maria, "refuse", request_id).status_code == 200


def test_an_account_that_was_unlinked_since_joins_nobody(outlet: Site, maria: Shopper) -> None:
    request_id = asked(outlet, maria.code())
    assert outlet.call("DELETE", "/commerce/v1/accounts/mary").status_code == 204
    answer = decide(maria, "approve", request_id)
    assert (answer.status_code, answer.json["code"]) == (409, "link_request_closed")


@pytest.mark.parametrize(("kind", "issuer"), [("account", "Shop"), ("anonymous", "Outlet")])
def test_nothing_else_stands_in_for_an_account_that_was_unlinked(
    world: World, outlet: Site, maria: Shopper, kind: str, issuer: str
) -> None:
    """Neither an account of another shop in the same file, nor a device."""
    sites = {"Outlet": outlet.site_id, "Shop": world.site().site_id}
    node_id = UUID(outlet.account("mary"))
    with world.service.db.write() as session:
        add_identifier(
            session,
            world.service.keystore,
            customer_id=node_id,
            kind=IdentifierKind(kind),
            value="another",
            trust=Trust.VOUCHED,
            actor=SYSTEM,
            now=world.clock(),
            issuer=UUID(sites[issuer]),
        )
    request_id = asked(outlet, maria.code())
    assert outlet.call("DELETE", "/commerce/v1/accounts/mary").status_code == 204
    assert decide(maria, "approve", request_id).json["code"] == "link_request_closed"


@pytest.fixture
def inbox(world: World, tmp_path: Path) -> Inbox:
    return Inbox(world, tmp_path / "outbox.jsonl")


@pytest.mark.parametrize("claimed", [(), (EMAIL,)], ids=["nothing", "her address"])
def test_a_code_gives_nobody_what_the_accounts_owner_has_proved(
    world: World, inbox: Inbox, claimed: tuple[str, ...]
) -> None:
    """A dishonest shop and its accomplice: she shows it her own code, and it asks for Maria's account.

    What the shop says that the accomplice has is no proof.
    """
    outlet = world.site("Outlet")
    ours = give(outlet, "mary", EMAIL)
    maria = Maria(world, inbox).sign_in()
    [proposal] = maria.accounts()
    assert maria.call("POST", f"accounts/{proposal['proposal_id']}/confirm", {}).json["status"] == "linked"
    mallory = world.shopper("mallory", outlet)
    give(outlet, "mallory", *claimed)
    ident = asked(outlet, mallory.code())
    refused = decide(mallory, "approve", ident)
    assert (refused.status_code, refused.json["code"]) == (409, "contact_not_proved")
    assert EMAIL not in str(refused.json)
    contacts = mallory.call("GET", "/shopper/v1/contacts").json["items"]
    assert [item["trust"] for item in contacts] == ["claimed"] * len(claimed)
    assert outlet.call("GET", f"/commerce/v1/customers/{ours}").json["customer_id"] != mallory.customer_id
    assert status(outlet, ident)["status"] == "pending"


@pytest.mark.parametrize("rotated", [False, True], ids=["one index key", "two index keys"])
def test_whoever_has_proved_one_of_its_contacts_too_may_approve(world: World, inbox: Inbox, rotated: bool) -> None:
    """A number alone joins no two files that both have a name: they stay apart until she says that both are hers."""
    outlet, shop = world.site("Outlet"), world.site("Shop")
    named_account(outlet, "mary")
    named_account(shop, "maria-7")
    first = Maria(world, inbox).sign_in(PHONE)
    first.add("+34600999888")
    link(first, outlet, "mary")
    second = Maria(world, inbox).sign_in(EMAIL)
    link(second, shop, "maria-7")
    if rotated:
        People(world, world.service.rules).rotate_index_key()
    assert second.add(PHONE).json["outcome"] == "pending"
    link(second, outlet, "mary")
    assert set(first.contacts()) == set(second.contacts()) == {EMAIL, PHONE, "+34600999888"}


def named_account(site: Site, account_id: str) -> None:
    named = {"identifiers": [], "traits": {"name": "Maria Moreno"}}
    assert site.call("PUT", f"/commerce/v1/accounts/{account_id}", named).status_code == 201


def link(shopper: Maria, site: Site, account_id: str) -> None:
    shopper.call("POST", "cards", {})
    shopper.world.clock.forward(seconds=30)
    ident = asked(site, shopper.call("GET", "code").json["code"], account_id)
    assert shopper.call("POST", f"link-requests/{ident}/approve", {}).json == {"status": "approved", "linked": True}
