from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from service.app import create_app
from service.sessions.models import SessionKind, ShopperSession
from tests.shopper.phone import Phone, handoff, jarless
from tests.world import World


def test_the_link_carries_the_handoff_in_its_fragment_only(world: World) -> None:
    site = world.site()
    site.account()
    opened = site.call("POST", "/commerce/v1/accounts/maria/sessions", {})
    address, _, fragment = opened.json["app_url"].partition("#")
    assert opened.status_code == 201
    assert address == f"{world.settings.public_url}/app"
    assert fragment.startswith("handoff=ush_")
    assert opened.json["session_token"].startswith("uss_")
    assert opened.json["session_token"] not in opened.json["app_url"]


def test_following_the_link_names_the_site_and_opens_nothing_yet(world: World) -> None:
    phone = Phone(world)
    answer = phone.follow(world.site("Zapatos"))
    assert answer.status_code == 200
    assert answer.json == {"site": {"name": "Zapatos"}, "replaces": None, "csrf_token": phone.csrf_token}
    assert phone.call("GET", "/shopper/v1/session").status_code == 401
    assert phone.call("POST", "/shopper/v1/cards", {}).status_code == 401


def test_confirming_opens_a_session_that_can_have_a_card(world: World) -> None:
    phone = Phone(world)
    phone.follow(world.site("Zapatos"))
    opened = phone.confirm()
    assert opened.status_code == 201
    assert set(opened.json) == {"site", "expires_at", "csrf_token"}
    assert phone.call("GET", "/shopper/v1/session").json == opened.json
    assert phone.call("POST", "/shopper/v1/cards", {}).status_code == 201


def test_the_web_session_is_the_same_customer_as_the_sites_account(world: World) -> None:
    site, till = world.site(), world.till()
    phone = Phone(world).open(site)
    scan = till.scan(phone.code()).json
    scans = site.call("GET", f"/commerce/v1/customers/{site.account()}/scans").json
    assert [item["scan_id"] for item in scans["items"]] == [scan["scan_id"]]


def test_a_handoff_is_good_once(world: World) -> None:
    token = handoff(world.site())
    assert Phone(world).exchange(token).status_code == 200
    again = Phone(world).exchange(token)
    assert (again.status_code, again.json["code"]) == (401, "unauthorized")


def test_a_handoff_raced_by_many_is_good_once(world: World) -> None:
    token = handoff(world.site())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: Phone(world).exchange(token).status_code, range(8)))
    assert sorted(answers) == [200] + [401] * 7


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 401)])
def test_a_handoff_lives_sixty_seconds(world: World, seconds: int, status: int) -> None:
    token = handoff(world.site())
    world.clock.forward(seconds=seconds)
    assert Phone(world).exchange(token).status_code == status


def test_a_pending_session_confirmed_by_many_at_once_opens_one_session(world: World) -> None:
    phone = Phone(world)
    phone.follow(world.site())
    cookie = cookie_of(phone, "unspoken_pending")

    def confirm(_: int) -> int:
        headers = {"Cookie": f"unspoken_pending={cookie}", "X-CSRF-Token": phone.csrf_token}
        return jarless(world).post("/shopper/v1/session", json={}, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(confirm, range(8)))
    assert sorted(answers) == [201] + [401] * 7
    with world.service.db.read() as session:
        web = select(func.count()).where(ShopperSession.kind == SessionKind.WEB)
        assert session.scalar(web) == 1


@pytest.mark.parametrize(("minutes", "status"), [(9.9, 201), (10, 401)])
def test_a_pending_session_lives_ten_minutes(world: World, minutes: float, status: int) -> None:
    phone = Phone(world)
    phone.follow(world.site())
    world.clock.forward(minutes=minutes)
    assert phone.confirm().status_code == status


def test_a_declined_handoff_opens_nothing(world: World) -> None:
    phone = Phone(world)
    phone.follow(world.site())
    cookie = cookie_of(phone, "unspoken_pending")
    assert phone.call("DELETE", "/shopper/v1/handoff").status_code == 204
    assert phone.confirm().status_code == 401, "the cookie is gone"
    headers = {"Cookie": f"unspoken_pending={cookie}", "X-CSRF-Token": phone.csrf_token}
    kept = jarless(world).post("/shopper/v1/session", json={}, headers=headers)
    assert kept.status_code == 401, "and a copy of it is worth nothing"


def test_declining_twice_is_no_fault(world: World) -> None:
    phone = Phone(world)
    phone.follow(world.site())
    headers = {"Cookie": f"unspoken_pending={cookie_of(phone, 'unspoken_pending')}", "X-CSRF-Token": phone.csrf_token}
    for _ in range(2):
        assert jarless(world).delete("/shopper/v1/handoff", headers=headers).status_code == 204


def test_another_shop_asks_before_it_replaces_the_session_of_this_phone(world: World) -> None:
    shoes, till = world.site("Zapatos"), world.till()
    phone = Phone(world).open(shoes)
    asked = phone.follow(world.site("Libros"), "nuria")
    assert asked.json["site"] == {"name": "Libros"}
    assert asked.json["replaces"] == {"site": {"name": "Zapatos"}}
    assert till.scan(phone.code()).json["outcome"] == "identified", "until then the old card works"


def test_the_session_replaced_ends_with_its_card(world: World) -> None:
    shoes, books, till = world.site("Zapatos"), world.site("Libros"), world.till()
    phone = Phone(world).open(shoes)
    old_code, old_cookie = phone.code(), cookie_of(phone, "unspoken_session")
    phone.follow(books, "nuria")
    assert phone.confirm().status_code == 201
    assert phone.call("GET", "/shopper/v1/session").json["site"] == {"name": "Libros"}
    kept = jarless(world).get("/shopper/v1/session", headers={"Cookie": f"unspoken_session={old_cookie}"})
    assert kept.status_code == 401
    refused = till.scan(old_code).json
    assert (refused["outcome"], refused["reason"]) == ("refused", "card_unusable")


def test_a_declined_replacement_leaves_the_old_session_alone(world: World) -> None:
    phone = Phone(world).open(world.site("Zapatos"))
    phone.follow(world.site("Libros"), "nuria")
    phone.call("DELETE", "/shopper/v1/handoff")
    assert phone.call("GET", "/shopper/v1/session").json["site"] == {"name": "Zapatos"}
    assert phone.call("GET", "/shopper/v1/code").status_code == 200


def test_leaving_ends_the_session_and_its_card(world: World) -> None:
    till = world.till()
    phone = Phone(world).open(world.site())
    code, cookie = phone.code(), cookie_of(phone, "unspoken_session")
    assert phone.call("DELETE", "/shopper/v1/session").status_code == 204
    assert phone.call("GET", "/shopper/v1/session").status_code == 401
    kept = jarless(world).get("/shopper/v1/session", headers={"Cookie": f"unspoken_session={cookie}"})
    assert kept.status_code == 401
    assert till.scan(code).json["reason"] == "card_unusable"


def test_a_session_ends_after_thirty_days(world: World) -> None:
    phone = Phone(world).open(world.site())
    world.clock.forward(days=30, seconds=-1)
    assert phone.call("GET", "/shopper/v1/session").status_code == 200
    world.clock.forward(seconds=1)
    assert phone.call("GET", "/shopper/v1/session").status_code == 401


def test_a_pending_cookie_is_no_session(world: World) -> None:
    phone = Phone(world)
    phone.follow(world.site())
    token = cookie_of(phone, "unspoken_pending")
    for headers in ({"Cookie": f"unspoken_session={token}"}, {"Authorization": f"Bearer {token}"}):
        assert jarless(world).get("/shopper/v1/cards", headers=headers).status_code == 401


@pytest.mark.parametrize("public_url", ["http://127.0.0.1:8000", "https://id.example.com"])
def test_cookies_are_for_the_server_only(world: World, public_url: str) -> None:
    settings = replace(world.settings, public_url=public_url)
    elsewhere = World(create_app(settings, now=world.clock), world.clock, settings)
    client = elsewhere.app.test_client()
    token = handoff(elsewhere.site())
    base_url = public_url if public_url.startswith("https") else None
    pending = client.post("/shopper/v1/handoff", json={"handoff": token}, base_url=base_url)
    headers = {"X-CSRF-Token": pending.json["csrf_token"]}
    opened = client.post("/shopper/v1/session", json={}, headers=headers, base_url=base_url)
    assert opened.status_code == 201
    elsewhere.service.db.close()
    cookies = pending.headers.getlist("Set-Cookie") + opened.headers.getlist("Set-Cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == [
        "unspoken_pending",
        "unspoken_pending",
        "unspoken_session",
    ]
    for cookie in cookies:
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert ("Secure" in cookie.split("; ")) == public_url.startswith("https")
        assert "Domain" not in cookie


def cookie_of(phone: Phone, name: str) -> str:
    cookie = phone.client.get_cookie(name)
    assert cookie is not None
    return str(cookie.value)
