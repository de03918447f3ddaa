from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import update

from service.audit.models import Actor, ActorKind
from service.customers.account import see_account
from service.customers.models import Identifier
from service.merging.unlink import unlink
from service.sites.models import Site as SiteRow
from tests.customers.given import EMAIL, email, phone
from tests.proof.people import Inbox, Maria
from tests.world import Site, World


def held(site: Site, customer_id: str) -> dict[str, str]:
    """Return the ids of the identifiers that a site sees, by value."""
    read = site.call("GET", f"/commerce/v1/customers/{customer_id}").json
    return {item["value"]: item["identifier_id"] for item in read["identifiers"]}


def test_an_unlinked_account_leads_to_nobody_and_can_be_put_anew(world: World) -> None:
    site = world.site()
    first = site.account("maria")
    assert site.call("DELETE", "/commerce/v1/accounts/maria").status_code == 204
    assert site.call("GET", f"/commerce/v1/customers/{first}").status_code == 404
    assert site.call("DELETE", "/commerce/v1/accounts/maria").status_code == 404
    again = site.put("maria")
    assert (again["status"], again["outcome"]) == (201, "created")
    assert again["customer_id"] != first


def test_a_device_is_no_account_once_the_account_is_unlinked(world: World) -> None:
    site, device = world.site(), {"kind": "anonymous", "value": "device-1"}
    customer_id = site.put("maria", device)["customer_id"]
    site.call("DELETE", "/commerce/v1/accounts/maria")
    assert site.call("GET", f"/commerce/v1/customers/{customer_id}").status_code == 404
    assert site.call("POST", "/commerce/v1/customers/lookup", device).status_code == 404


def test_the_sessions_and_cards_of_an_unlinked_account_end(world: World) -> None:
    till, site = world.till(), world.site()
    maria, eva = site.shopper("maria"), site.shopper("eva")
    shown = maria.code()
    opened = site.call("POST", "/commerce/v1/accounts/maria/sessions", {}).json
    site.call("DELETE", "/commerce/v1/accounts/maria")
    assert maria.call("GET", "/shopper/v1/code").status_code == 401
    assert till.scan(shown).json["reason"] == "card_unusable"
    handoff = opened["app_url"].partition("#handoff=")[2]
    assert world.client.post("/shopper/v1/handoff", json={"handoff": handoff}).status_code == 401
    assert till.scan(eva.code()).json["outcome"] == "identified"


def test_an_unlinked_identifier_is_found_no_more(world: World) -> None:
    site = world.site()
    customer_id = site.put("maria", email(), phone())["customer_id"]
    path = f"/commerce/v1/accounts/maria/identifiers/{held(site, customer_id)[EMAIL]}"
    assert site.call("DELETE", path).status_code == 204
    assert site.call("DELETE", path).status_code == 404
    assert set(held(site, customer_id)) == {"maria", "+34600111222"}
    found = site.call("POST", "/commerce/v1/customers/lookup", {"kind": "email", "value": EMAIL})
    assert found.status_code == 404


def test_a_value_is_free_for_another_once_its_holder_is_unlinked(world: World) -> None:
    site = world.site(may_vouch=["email"])
    maria = site.put("maria", email(verified=True))["customer_id"]
    site.call("DELETE", f"/commerce/v1/accounts/maria/identifiers/{held(site, maria)[EMAIL]}")
    eva = site.put("eva", email(verified=True))
    assert (eva["outcome"], eva["proposals"]) == ("created", [])


def test_a_site_unlinks_only_what_it_gave(world: World) -> None:
    shop, outlet = (world.site(name, may_vouch=["email"]) for name in ("Shop", "Outlet"))
    shop.put("maria", email(verified=True), phone())
    customer_id = outlet.put("m-77", email(verified=True))["customer_id"]
    theirs = held(shop, customer_id)
    for ident in (theirs["+34600111222"], theirs["maria"], str(uuid4())):
        assert outlet.call("DELETE", f"/commerce/v1/accounts/m-77/identifiers/{ident}").status_code == 404
    assert outlet.call("DELETE", "/commerce/v1/accounts/maria").status_code == 404
    assert set(held(shop, customer_id)) == {"maria", EMAIL, "+34600111222"}


def test_an_account_is_not_unlinked_as_an_identifier(world: World) -> None:
    site = world.site()
    customer_id = site.account("maria")
    account = held(site, customer_id)["maria"]
    assert site.call("DELETE", f"/commerce/v1/accounts/maria/identifiers/{account}").status_code == 404


def test_unlinking_is_part_of_the_history(world: World) -> None:
    site = world.site()
    customer_id = site.put("maria", email())["customer_id"]
    ident = held(site, customer_id)[EMAIL]
    site.call("DELETE", f"/commerce/v1/accounts/maria/identifiers/{ident}")
    [item] = [
        item
        for item in site.call("GET", f"/commerce/v1/customers/{customer_id}/history").json["items"]
        if item["what"] == "identifier.unlinked"
    ]
    assert item["evidence"] == {"identifier_id": ident, "kind": "email"}
    assert item["by"] == {"kind": "site", "id": site.site_id}


def test_a_site_does_not_take_back_what_its_owner_proved(world: World, tmp_path: Path) -> None:
    site, maria = world.site(), Maria(world, Inbox(world, tmp_path / "outbox.jsonl"))
    customer_id = site.put("maria", email())["customer_id"]
    maria.phone.open(site, "maria")
    assert maria.add(EMAIL).json["outcome"] == "added"
    path = f"/commerce/v1/accounts/maria/identifiers/{held(site, customer_id)[EMAIL]}"
    refused = site.call("DELETE", path)
    assert (refused.status_code, refused.json["code"]) == (409, "proved_by_owner")
    assert maria.contacts() == {EMAIL: "verified"}
    with world.service.db.write() as session:  # a limit took its trust; it still opens her file
        session.execute(update(Identifier).where(Identifier.kind == "email").values(trust="claimed", exclusive=False))
    assert site.call("DELETE", path).status_code == 409


def test_a_site_that_may_no_longer_vouch_does_not_take_back_what_was_proved(world: World) -> None:
    site = world.site(may_vouch=["email"])
    customer_id = site.put("maria", email(verified=True))["customer_id"]
    with world.service.db.write() as session:
        session.execute(update(SiteRow).values(may_vouch=[]))
    path = f"/commerce/v1/accounts/maria/identifiers/{held(site, customer_id)[EMAIL]}"
    assert (site.call("DELETE", path).status_code, set(held(site, customer_id))) == (409, {"maria", EMAIL})


def test_a_session_that_opens_while_its_account_is_unlinked_does_not_survive(world: World) -> None:
    site = world.site()
    site.account("maria")
    answers: list[Any] = []

    def open_one() -> None:
        answers.append(site.call("POST", "/commerce/v1/accounts/maria/sessions", {}))
        world.service.db._kept.close()  # this thread's own connection: the pool is everybody's

    opening = Thread(target=open_one)
    named: dict[str, Any] = {"site_id": UUID(site.site_id), "account_id": "maria", "now": world.clock()}
    with world.service.db.write() as session:
        account = see_account(session, world.service.keystore, **named)
        assert account is not None
        unlink(session, account, actor=Actor(ActorKind.SITE, account.issuer), now=world.clock())
        session.flush()
        opening.start()
        opening.join(0.5)
    opening.join()
    assert [answer.status_code for answer in answers] == [404]
