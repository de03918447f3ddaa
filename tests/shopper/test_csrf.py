from uuid import uuid4

import pytest

from tests.operations.doors import doors
from tests.shopper.phone import Phone, jarless
from tests.world import World

SAFE = ("GET", "HEAD", "OPTIONS")


@pytest.mark.parametrize("given", [None, "", "wrong", "é", "0" * 64])
def test_no_cookie_changes_anything_without_its_csrf_token(world: World, given: str | None) -> None:
    phone = Phone(world).open(world.site())
    unsafe = [door for door in doors(world) if "sessionCookie" in door.schemes and door.method not in SAFE]
    assert len(unsafe) >= 6
    for door in unsafe:
        headers = {} if given is None else {"X-CSRF-Token": given}
        answer = door.knock(phone.client, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (403, "csrf_failed"), door
    assert phone.call("GET", "/shopper/v1/code").status_code == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "/shopper/v1/session"), ("DELETE", "/shopper/v1/handoff")])
def test_a_pending_cookie_needs_its_csrf_token_too(world: World, method: str, path: str) -> None:
    phone = Phone(world)
    phone.follow(world.site())
    answer = phone.call(method, path, {} if method == "POST" else None, headers={"X-CSRF-Token": "wrong"})
    assert (answer.status_code, answer.json["code"]) == (403, "csrf_failed")
    assert phone.confirm().status_code == 201


def test_the_csrf_token_of_another_session_is_worth_nothing(world: World) -> None:
    site = world.site()
    maria, nuria = Phone(world).open(site, "maria"), Phone(world).open(site, "nuria")
    maria.csrf_token = nuria.csrf_token
    assert maria.call("POST", "/shopper/v1/cards", {}).status_code == 403


def test_reading_needs_no_csrf_token(world: World) -> None:
    phone = Phone(world).open(world.site())
    for path in ("/shopper/v1/session", "/shopper/v1/cards", "/shopper/v1/code", "/shopper/v1/activity"):
        assert phone.client.get(path).status_code == 200


def test_a_bearer_needs_no_csrf_token(world: World) -> None:
    assert world.shopper().call("POST", "/shopper/v1/cards", {}).status_code == 200


def test_a_bad_bearer_is_not_saved_by_a_good_cookie(world: World) -> None:
    phone = Phone(world).open(world.site())
    answer = phone.client.post("/shopper/v1/cards", json={}, headers={"Authorization": "Bearer uss_wrong"})
    assert answer.status_code == 401


def test_a_form_of_another_page_opens_no_session(world: World) -> None:
    answer = world.client.post("/shopper/v1/handoff", data={"handoff": "ush_x"})
    assert answer.status_code == 415, "what a page may send elsewhere unasked is never read"


def test_an_odd_cookie_is_refused_and_never_a_fault(world: World) -> None:
    for value in ("é", "\xff", '"', "uss_" + "x" * 49, "=", str(uuid4())):
        answer = jarless(world).get("/shopper/v1/session", headers={"Cookie": f"unspoken_session={value}"})
        assert answer.status_code == 401, value
