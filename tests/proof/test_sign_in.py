from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from service.audit.models import Action, AuditEntry
from service.customers.models import Customer, Identifier
from tests.proof.people import EMAIL, PHONE, Inbox, Maria, at_once, give, vouching_site
from tests.shopper.phone import Phone
from tests.world import World

Somebody = Callable[[], Maria]


def customers(world: World) -> int:
    with world.service.db.read() as session:
        return session.scalar(select(func.count()).select_from(Customer)) or 0


@pytest.mark.parametrize("contact", [EMAIL, PHONE])
def test_whoever_is_not_known_joins(maria: Maria, contact: str) -> None:
    entered = maria.prove(contact)
    assert entered.status_code == 200
    assert set(entered.json) == {"status", "csrf_token", "expires_at", "site", "created"}
    assert (entered.json["status"], entered.json["site"], entered.json["created"]) == ("signed_in", None, True)
    assert maria.contacts() == {contact: "verified"}


def test_asking_for_a_code_makes_no_customer(world: World, maria: Maria) -> None:
    maria.ask(EMAIL)
    assert customers(world) == 0


def test_who_is_known_gets_their_own_file_on_another_phone(world: World, somebody: Somebody) -> None:
    first, second = somebody().sign_in(), somebody()
    assert first.add(PHONE).json["outcome"] == "added"
    entered = second.prove(EMAIL)
    assert entered.json["created"] is False
    assert second.contacts() == {EMAIL: "verified", PHONE: "verified"}
    assert customers(world) == 1


def test_a_session_without_a_site_works_like_any_other(world: World, maria: Maria) -> None:
    entered = maria.prove(EMAIL)
    maria.phone.csrf_token = entered.json["csrf_token"]
    shown = maria.call("GET", "session")
    assert (shown.status_code, shown.json["site"]) == (200, None)
    assert shown.json["csrf_token"] == entered.json["csrf_token"]
    assert maria.call("POST", "cards", {}).status_code == 201
    assert world.till().scan(maria.phone.code()).json["outcome"] == "identified"
    assert maria.call("DELETE", "session").status_code == 204
    assert maria.call("GET", "session").status_code == 401


def test_a_session_without_a_site_needs_its_csrf_token(maria: Maria) -> None:
    maria.sign_in()
    maria.phone.csrf_token = ""
    assert maria.call("POST", "cards", {}).status_code == 403


def test_the_cookie_is_for_the_server_only(maria: Maria) -> None:
    [cookie] = maria.prove(EMAIL).headers.getlist("Set-Cookie")
    assert cookie.startswith("unspoken_session=uss_")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))


def test_signing_in_ends_the_session_that_was_open_on_this_phone_with_its_card(world: World, maria: Maria) -> None:
    maria.phone.open(world.site())
    code = maria.phone.code()
    maria.sign_in()
    assert maria.call("GET", "session").json["site"] is None
    assert world.till().scan(code).json["reason"] == "card_unusable"


def test_a_wrong_code_leaves_the_session_of_this_phone_alone(world: World, maria: Maria, inbox: Inbox) -> None:
    maria.phone.open(world.site())
    request_id = maria.ask(EMAIL)
    maria.enter(request_id, f"{(int(inbox.code(EMAIL)) + 1) % 10**6:06}")
    assert maria.call("GET", "code").status_code == 200


def test_a_file_that_a_site_with_leave_to_vouch_proved_is_hers(world: World, maria: Maria) -> None:
    give(vouching_site(world), "maria-7", EMAIL, verified=True)
    assert maria.prove(EMAIL).json["created"] is False
    maria.phone.csrf_token = maria.call("GET", "session").json["csrf_token"]
    assert [(item["site"]["name"], item["status"]) for item in maria.accounts()] == [("Trusted shop", "linked")]


def test_a_file_reached_only_by_a_word_is_not_opened_but_asked_about(world: World, maria: Maria) -> None:
    give(world.site("Zapatos"), "maria-7", EMAIL)
    assert maria.prove(EMAIL).json["created"] is True
    assert [(item["site"]["name"], item["status"]) for item in maria.accounts()] == [("Zapatos", "to_confirm")]


def test_what_its_owner_proved_outranks_whatever_a_site_vouches_for(world: World, maria: Maria) -> None:
    maria.sign_in()
    site = vouching_site(world)
    give(site, "acc", EMAIL, verified=True)
    world.clock.forward(days=1)
    for number in range(6):
        site.put("acc", {"kind": "email", "value": f"other{number}@example.com", "verified": True})
    assert maria.contacts()[EMAIL] == "verified"
    assert sorted(maria.contacts().values()) == ["claimed"] * 2 + ["verified"] * 5
    assert maria.prove(EMAIL).json["created"] is False


def test_an_address_that_newer_ones_pushed_out_still_opens_its_owners_file(world: World, somebody: Somebody) -> None:
    first, again = somebody().sign_in(), somebody()
    for number in range(5):
        assert first.add(f"newer{number}@example.com").json["outcome"] == "added"
    assert first.contacts()[EMAIL] == "claimed"
    assert again.prove(EMAIL).json["created"] is False
    assert again.contacts()[EMAIL] == "verified"
    assert first.call("GET", "session").status_code == 200, "nobody was evicted"
    assert customers(world) == 1


def test_of_two_files_that_proved_a_contact_and_lost_it_the_later_one_opens(world: World, maria: Maria) -> None:
    shops = [world.site(name) for name in ("First", "Second", "Third")]
    nodes = [give(shop, "maria", EMAIL) for shop in shops]
    with world.service.db.write() as session:
        for node_id, days in zip(nodes, (1, 2, 0), strict=True):
            of_node = update(Identifier).where(Identifier.customer_id == UUID(node_id), Identifier.kind == "email")
            session.execute(of_node.values(owner_proved_at=world.clock() + timedelta(days=days)))
    maria.sign_in()
    assert [item["site"]["name"] for item in maria.accounts() if item["status"] == "linked"] == ["Second"]


def test_signing_in_is_written_down_without_the_contact(world: World, maria: Maria) -> None:
    maria.sign_in()
    with world.service.db.read() as session:
        lines = list(session.scalars(select(AuditEntry)))
    [signed_in] = [line for line in lines if line.action == Action.SIGNED_IN]
    assert (signed_in.actor_kind, signed_in.detail) == ("shopper", {"kind": "email"})
    assert {Action.CUSTOMER_CREATED, Action.IDENTIFIER_VERIFIED} <= {line.action for line in lines}
    assert EMAIL not in repr([(line.detail, line.why) for line in lines])


def test_two_strangers_who_prove_one_contact_at_the_same_time_are_one_customer(
    world: World, somebody: Somebody, inbox: Inbox
) -> None:
    requests = []
    for _ in range(3):
        request_id = somebody().ask(EMAIL)
        requests.append((request_id, inbox.code(EMAIL)))
        world.clock.forward(seconds=30)

    def enter(asked: tuple[str, str]) -> bool:
        answer = Phone(world).call("POST", f"/shopper/v1/sign-in/{asked[0]}", {"code": asked[1]})
        created: bool = answer.json["created"]
        return created

    assert sorted(at_once(world, enter, requests)) == [False, False, True]
    assert customers(world) == 1


def test_nobody_signs_in_with_a_mailbox_that_identifies_nobody(maria: Maria) -> None:
    refused = maria.call("POST", "sign-in", {"kind": "email", "value": "info@example.com"})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/value")
