from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from service.audit.models import ERASED_SESSION, Action, AuditEntry
from tests.cli.conftest import Shell
from tests.merging.people import People
from tests.proof.people import EMAIL, PHONE, Inbox, Maria, give, vouching_site
from tests.world import World

Somebody = Callable[[], Maria]
SECOND_PHONE = "+34600999888"


def file_of_maria(somebody: Somebody, *contacts: str) -> Maria:
    """A customer with a card and these contacts, each proved now."""
    maria = somebody().sign_in(contacts[0])
    for contact in contacts[1:]:
        assert maria.add(contact).json["outcome"] == "added"
    assert maria.call("POST", "cards", {}).status_code == 201
    return maria


@pytest.mark.parametrize(("days", "status"), [(179.9, "signed_in"), (180, "second_proof_needed")])
def test_a_number_that_nobody_proved_for_180_days_is_not_enough(
    world: World, somebody: Somebody, days: float, status: str
) -> None:
    file_of_maria(somebody, PHONE)
    world.clock.forward(days=days, minutes=-1)
    assert somebody().prove(PHONE).json["status"] == status


def test_each_proof_makes_a_number_fresh_again(world: World, somebody: Somebody) -> None:
    file_of_maria(somebody, PHONE)
    for _ in range(3):
        world.clock.forward(days=100)
        assert somebody().prove(PHONE).json["created"] is False


def test_a_number_alone_never_opens_a_file_with_a_proved_address(somebody: Somebody) -> None:
    file_of_maria(somebody, EMAIL, PHONE)
    stranger = somebody()
    answer = stranger.prove(PHONE)
    assert (answer.status_code, answer.json) == (200, {"status": "second_proof_needed", "kind": "email"})
    assert "Set-Cookie" not in answer.headers
    assert stranger.call("GET", "session").status_code == 401


def test_nor_does_it_once_one_of_two_shops_that_vouched_for_it_takes_it_back(
    world: World, somebody: Somebody
) -> None:
    site, other = vouching_site(world), vouching_site(world, "Other shop")
    customer_id = give(site, "maria", PHONE, verified=True)
    give(other, "maria", PHONE, EMAIL, verified=True)
    items = site.call("GET", f"/commerce/v1/customers/{customer_id}").json["identifiers"]
    [given] = [item["identifier_id"] for item in items if item["kind"] == "phone"]
    assert site.call("DELETE", f"/commerce/v1/accounts/maria/identifiers/{given}").status_code == 204
    assert somebody().prove(PHONE).json == {"status": "second_proof_needed", "kind": "email"}


def test_an_address_that_is_only_claimed_asks_for_no_second_proof(world: World, somebody: Somebody) -> None:
    maria = somebody()
    site = world.site()
    give(site, "maria-7", EMAIL)
    maria.phone.open(site, "maria-7")
    maria.add(PHONE)
    assert somebody().prove(PHONE).json["status"] == "signed_in"


def test_the_address_is_the_second_proof(somebody: Somebody, inbox: Inbox) -> None:
    file_of_maria(somebody, EMAIL, PHONE)
    phone = somebody()
    first = phone.ask(PHONE)
    assert phone.enter(first, inbox.code(PHONE)).json["status"] == "second_proof_needed"
    entered = phone.prove(EMAIL, first_proof=first)
    assert (entered.json["status"], entered.json["created"]) == ("signed_in", False)
    assert phone.contacts() == {EMAIL: "verified", PHONE: "verified"}


def test_with_two_proofs_the_number_is_fresh_again(world: World, somebody: Somebody, inbox: Inbox) -> None:
    maria = file_of_maria(somebody, PHONE, SECOND_PHONE)
    world.clock.forward(days=180)
    first = maria.ask(PHONE)
    needed = maria.enter(first, inbox.code(PHONE)).json
    assert needed == {"status": "second_proof_needed", "kind": "phone"}
    assert maria.prove(SECOND_PHONE, first_proof=first).json["status"] == "signed_in"
    world.clock.forward(days=1)
    assert somebody().prove(PHONE).json["status"] == "signed_in", "both were proved yesterday"


@pytest.mark.parametrize("is_rotated", [False, True])
def test_the_same_number_from_another_site_is_no_second_proof(
    world: World, somebody: Somebody, shell: Shell, is_rotated: bool
) -> None:
    give(vouching_site(world), "maria", PHONE, verified=True)
    if is_rotated:
        shell.json("keys", "rotate", "--kind", "index", "--now")
    give(vouching_site(world, "Other shop"), "mary", PHONE, verified=True)
    world.clock.forward(days=180)
    assert somebody().prove(PHONE).json == {"status": "second_proof_needed", "kind": None}


def test_a_first_proof_is_good_once(world: World, somebody: Somebody, inbox: Inbox) -> None:
    maria = file_of_maria(somebody, PHONE, SECOND_PHONE)
    world.clock.forward(days=180)
    first = maria.ask(PHONE)
    code = inbox.code(PHONE)
    maria.enter(first, code)
    maria.sign_in(SECOND_PHONE, first_proof=first)
    assert somebody().enter(first, code).json["code"] == "code_expired"
    assert maria.prove(SECOND_PHONE, first_proof=first).json["status"] == "signed_in", "it is fresh by itself now"


def test_a_first_proof_is_worth_something_for_as_long_as_its_code_lives(
    world: World, somebody: Somebody, inbox: Inbox
) -> None:
    maria = file_of_maria(somebody, PHONE, SECOND_PHONE)
    world.clock.forward(days=180)
    first = maria.ask(PHONE)
    maria.enter(first, inbox.code(PHONE))
    world.clock.forward(minutes=10, seconds=1)
    assert maria.prove(SECOND_PHONE, first_proof=first).json["status"] == "second_proof_needed"


def test_a_second_number_alone_is_as_stale_as_the_first(world: World, somebody: Somebody) -> None:
    maria = file_of_maria(somebody, PHONE, SECOND_PHONE)
    world.clock.forward(days=180)
    assert maria.prove(SECOND_PHONE).json["status"] == "second_proof_needed"


def test_a_first_proof_of_somebody_elses_number_opens_nothing(world: World, somebody: Somebody, inbox: Inbox) -> None:
    file_of_maria(somebody, PHONE)
    file_of_maria(somebody, SECOND_PHONE)
    world.clock.forward(days=180)
    stranger = somebody()
    first = stranger.ask(SECOND_PHONE)
    assert stranger.enter(first, inbox.code(SECOND_PHONE)).json["status"] == "second_proof_needed"
    assert stranger.prove(PHONE, first_proof=first).json["status"] == "second_proof_needed"


def test_a_first_proof_must_have_been_right(world: World, somebody: Somebody) -> None:
    maria = file_of_maria(somebody, PHONE, SECOND_PHONE)
    world.clock.forward(days=180)
    first = maria.ask(PHONE)
    assert maria.prove(SECOND_PHONE, first_proof=first).json["status"] == "second_proof_needed"


def test_the_same_number_twice_is_one_proof(world: World, somebody: Somebody, inbox: Inbox) -> None:
    maria = file_of_maria(somebody, PHONE)
    world.clock.forward(days=180)
    first = maria.ask(PHONE)
    maria.enter(first, inbox.code(PHONE))
    world.clock.forward(minutes=1)
    assert maria.prove(PHONE, first_proof=first).json == {"status": "second_proof_needed", "kind": None}


def test_a_new_owner_takes_the_number_and_nothing_else(world: World, somebody: Somebody, inbox: Inbox) -> None:
    maria = file_of_maria(somebody, EMAIL, PHONE)
    till = world.till()
    till.sell(till.scan(maria.phone.code()).json["scan_id"])
    owner = somebody()
    request_id = owner.ask(PHONE)
    code = inbox.code(PHONE)
    assert owner.enter(request_id, code).json["status"] == "second_proof_needed"
    entered = owner.enter(request_id, code, new_owner=True)
    assert (entered.json["status"], entered.json["created"]) == ("signed_in", True)
    assert owner.contacts() == {PHONE: "verified"}
    with world.service.db.read() as session:
        wanted = select(AuditEntry.detail).where(AuditEntry.action == Action.IDENTIFIER_EVICTED)
        assert [told["because"] for told in session.scalars(wanted)] == ["new_owner"]
    for path in ("activity", "cards", "accounts"):
        assert owner.call("GET", path).json["items"] == []
    assert maria.contacts() == {EMAIL: "verified"}, "the old file keeps all the rest"
    assert maria.call("GET", "session").status_code == 200
    assert len(maria.call("GET", "activity").json["items"]) == 2
    world.clock.forward(minutes=1)
    assert somebody().prove(PHONE).json["created"] is False, "the number leads to its new owner"
    assert owner.contacts() == {PHONE: "verified"}


def test_a_new_owner_is_asked_about_an_account_of_her_own(world: World, somebody: Somebody) -> None:
    file_of_maria(somebody, EMAIL, PHONE)
    give(world.site(), "eva", PHONE)
    eva = somebody().sign_in(PHONE, new_owner=True)
    assert [account["status"] for account in eva.accounts()] == ["to_confirm"]


def test_a_new_owner_may_say_so_at_once(world: World, somebody: Somebody) -> None:
    file_of_maria(somebody, PHONE)
    assert somebody().prove(PHONE, new_owner=True).json["created"] is True


def test_the_code_of_a_new_owner_is_good_once(somebody: Somebody, inbox: Inbox) -> None:
    file_of_maria(somebody, EMAIL, PHONE)
    owner = somebody()
    request_id = owner.ask(PHONE)
    code = inbox.code(PHONE)
    assert owner.enter(request_id, code, new_owner=True).status_code == 200
    assert owner.enter(request_id, code, new_owner=True).json["code"] == "code_expired"


def test_an_address_has_no_new_owner(somebody: Somebody) -> None:
    file_of_maria(somebody, EMAIL)
    assert somebody().prove(EMAIL, new_owner=True).json["created"] is False


def test_a_number_on_anothers_file_needs_more_in_a_session_too(somebody: Somebody, inbox: Inbox) -> None:
    old = file_of_maria(somebody, EMAIL, PHONE)
    nuria = somebody().sign_in("nuria@example.com")
    assert nuria.add(PHONE).json == {"identifier_id": None, "outcome": "second_proof_needed", "kind": "email"}
    assert nuria.contacts() == {"nuria@example.com": "verified"}
    assert nuria.add(PHONE, new_owner=True).json["outcome"] == "added"
    assert nuria.contacts() == {"nuria@example.com": "verified", PHONE: "verified"}
    assert old.contacts() == {EMAIL: "verified"}


def test_proving_the_address_of_that_file_first_joins_both(somebody: Somebody) -> None:
    file_of_maria(somebody, EMAIL, PHONE)
    again = somebody().sign_in("maria.work@example.com")
    assert again.add(EMAIL).json["outcome"] == "linked"
    assert again.add(PHONE).json["outcome"] == "added"
    assert set(again.contacts()) == {"maria.work@example.com", EMAIL, PHONE}


@pytest.mark.parametrize("contacts", [(PHONE, EMAIL), (PHONE,)], ids=len)
def test_an_account_that_gave_the_number_long_ago_is_not_the_provers_to_confirm(
    world: World, somebody: Somebody, contacts: tuple[str, ...]
) -> None:
    site = world.site()
    give(site, "maria-7", *contacts)
    world.clock.forward(days=180)
    stranger = somebody().sign_in(PHONE)
    assert stranger.accounts() == []
    give(site, "maria-7", PHONE)  # as every night: that makes the claim no younger
    assert stranger.sign_in(PHONE).accounts() == []


def test_nor_is_it_after_the_index_key_was_rotated(world: World, somebody: Somebody) -> None:
    give(world.site(), "maria-7", PHONE)
    world.clock.forward(days=180)
    People(world, world.service.rules).rotate_index_key()
    world.clock.forward(minutes=1)
    assert somebody().sign_in(PHONE).accounts() == []


def test_nor_is_one_that_gave_it_long_ago_and_was_joined_with_an_older_one(world: World, somebody: Somebody) -> None:
    site, people = world.site(), People(world, world.service.rules)
    older = site.account("maria-1")
    world.clock.forward(minutes=1)
    people.join(UUID(older), UUID(give(site, "maria-7", PHONE)))
    world.clock.forward(days=180)
    assert somebody().sign_in(PHONE).accounts() == []


def test_an_account_that_gave_another_number_long_ago_is_the_provers_to_confirm(
    world: World, somebody: Somebody
) -> None:
    site = world.site()
    customer_id = give(site, "maria-7", SECOND_PHONE)
    world.clock.forward(days=180)
    items = site.call("GET", f"/commerce/v1/customers/{customer_id}").json["identifiers"]
    [before] = [item["identifier_id"] for item in items if item["kind"] == "phone"]
    assert site.call("DELETE", f"/commerce/v1/accounts/maria-7/identifiers/{before}").status_code == 204
    give(site, "maria-7", PHONE)
    assert [account["status"] for account in somebody().sign_in(PHONE).accounts()] == ["to_confirm"]


def test_an_account_with_another_contact_is_not_the_stranger_s_to_confirm(world: World, somebody: Somebody) -> None:
    """Its number was mistyped: whoever has it must not take the file."""
    site = world.site()
    give(site, "ana", EMAIL, PHONE)
    stranger = somebody().sign_in(PHONE)
    assert stranger.accounts() == []
    assert somebody().sign_in(EMAIL).accounts() != []


def test_proving_another_contact_of_that_account_makes_it_hers_to_confirm(world: World, somebody: Somebody) -> None:
    give(world.site(), "maria-7", PHONE, EMAIL)
    world.clock.forward(days=180)
    maria = somebody().sign_in(PHONE)
    maria.add(EMAIL)
    [waiting] = maria.accounts()
    confirmed = maria.call("POST", f"accounts/{waiting['proposal_id']}/confirm", {})
    assert confirmed.json == {"status": "linked"}


def test_a_site_that_goes_on_giving_the_number_does_not_join_its_old_and_its_new_owner(
    world: World, somebody: Somebody
) -> None:
    site = vouching_site(world)
    give(site, "old-owner", EMAIL, PHONE, verified=True)
    new_owner = somebody().sign_in(PHONE, new_owner=True)
    give(site, "old-owner", EMAIL, PHONE, verified=True)
    assert new_owner.contacts() == {PHONE: "verified"}
    assert new_owner.accounts() == []
    assert world.operator().call("GET", "/operator/v1/proposals").json == {"items": [], "next_cursor": None}


def test_whoever_had_a_number_before_reads_that_its_owner_took_it(world: World, somebody: Somebody) -> None:
    before = file_of_maria(somebody, EMAIL, PHONE)
    assert somebody().prove(PHONE, new_owner=True).json["status"] == "signed_in"
    items = before.call("GET", "audit").json["items"]
    taken = [
        item["who"] for item in items if item["what"] == "removed an identifier that does not belong to this file"
    ]
    assert taken == ["the owner of the contact"]


def test_a_site_that_goes_on_giving_the_number_makes_the_old_file_no_fresher(
    world: World, somebody: Somebody
) -> None:
    site = vouching_site(world)
    give(site, "old-owner", PHONE, verified=True)
    world.clock.forward(days=180)
    new_owner = somebody().sign_in(PHONE, new_owner=True)
    give(site, "old-owner", PHONE, verified=True)
    assert new_owner.call("POST", "erase", {"confirm": "erase"}).status_code == 204
    assert somebody().prove(PHONE).json == {"status": "second_proof_needed", "kind": None}


def test_a_number_that_was_said_to_be_anothers_opens_that_file_no_more(world: World, somebody: Somebody) -> None:
    site = vouching_site(world)
    give(site, "old-owner", PHONE, verified=True)
    new_owner = somebody().sign_in(PHONE, new_owner=True)
    give(site, "old-owner", PHONE, verified=True)
    assert new_owner.call("POST", "erase", {"confirm": "erase"}).status_code == 204
    assert somebody().prove(PHONE).json["status"] == "second_proof_needed"


def test_a_number_that_its_owner_gave_up_opens_their_file_no_more(world: World, somebody: Somebody) -> None:
    site = vouching_site(world)
    maria = file_of_maria(somebody, PHONE, SECOND_PHONE)
    give(site, "maria-7", SECOND_PHONE, verified=True)
    [given_up] = [
        row["identifier_id"] for row in maria.call("GET", "contacts").json["items"] if row["value"] == PHONE
    ]
    assert maria.call("DELETE", f"contacts/{given_up}").status_code == 204
    give(site, "maria-7", PHONE, verified=True)
    assert somebody().prove(PHONE).json["status"] == "second_proof_needed"


@pytest.mark.parametrize(("contact", "idle"), [(EMAIL, 0), (PHONE, 300)])
def test_giving_up_a_contact_makes_neither_an_address_older_nor_an_old_number_younger(
    world: World, somebody: Somebody, contact: str, idle: int
) -> None:
    other = "maria.garcia@example.com"
    maria = file_of_maria(somebody, contact, other)

    def told() -> dict[str, str]:
        items = maria.call("GET", "export").json["identifiers"]
        return {item["value"]: item["proved_at"] for item in items}

    before = told()[contact]
    world.clock.forward(days=idle)
    maria.sign_in(other)
    [given_up] = [
        row["identifier_id"] for row in maria.call("GET", "contacts").json["items"] if row["value"] == contact
    ]
    assert maria.call("DELETE", f"contacts/{given_up}").status_code == 204
    assert told()[contact] == before


@pytest.mark.parametrize("rotated", [False, True])
def test_a_site_that_takes_a_number_back_and_gives_it_again_makes_it_no_fresher(
    world: World, somebody: Somebody, rotated: bool
) -> None:
    site = vouching_site(world)
    customer_id = give(site, "old-owner", PHONE, verified=True)
    world.clock.forward(days=180)
    known = site.call("GET", f"/commerce/v1/customers/{customer_id}").json["identifiers"]
    [number] = [row["identifier_id"] for row in known if row["kind"] == "phone"]
    taken_back = site.call("DELETE", f"/commerce/v1/accounts/old-owner/identifiers/{number}")
    assert taken_back.status_code == 204
    if rotated:
        People(world, world.service.rules).rotate_index_key()
        world.clock.forward(minutes=1)
    give(site, "old-owner", PHONE, verified=True)
    assert somebody().prove(PHONE).json["status"] == "second_proof_needed"


def test_a_new_owner_throws_nobody_out_of_the_old_file_though_it_holds_the_number_twice(
    world: World, somebody: Somebody
) -> None:
    site = vouching_site(world)
    before = file_of_maria(somebody, EMAIL, PHONE)
    give(site, "maria", EMAIL, verified=True)
    give(site, "maria", EMAIL, PHONE)
    in_the_app = site.shopper("maria")
    assert [account["status"] for account in before.accounts()] == ["linked"]
    assert somebody().prove(PHONE, new_owner=True).json["status"] == "signed_in"
    assert in_the_app.call("GET", "/shopper/v1/session").status_code == 200
    assert before.contacts() == {EMAIL: "verified"}


def test_the_old_file_names_the_session_of_no_new_owner_who_was_erased(world: World, somebody: Somebody) -> None:
    before = file_of_maria(somebody, EMAIL, PHONE)
    owner = somebody().sign_in(PHONE, new_owner=True)
    assert owner.call("POST", "erase", {"confirm": "erase"}).status_code == 204
    with world.service.db.read() as session:
        taken = select(AuditEntry.actor_id).where(AuditEntry.action == Action.IDENTIFIER_EVICTED)
        assert session.scalars(taken).all() == [ERASED_SESSION]
    assert before.contacts() == {EMAIL: "verified"}
