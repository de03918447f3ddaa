import pytest
from flask import Blueprint, Flask, Response

from service.app import DOORS, create_app
from service.web import guards
from tests.operations.doors import PUBLIC, doors, tokens
from tests.shopper.phone import jarless
from tests.world import World

GUARDS = (
    guards.public,
    guards.limited,
    guards.terminal,
    guards.site,
    guards.operator,
    guards.shopper,
    guards.pending,
    guards.metrics,
)


def unguarded(app: Flask) -> list[str]:
    """Return the endpoints that hang on no door of the table, or whose guard isn't the one it names."""
    guard_of = {door.blueprint.name: door.guard for door in DOORS}
    found = []
    for rule in app.url_map.iter_rules():
        name = rule.endpoint.rpartition(".")[0]
        if name not in guard_of or app.before_request_funcs.get(name) != [guard_of[name]]:
            found.append(rule.endpoint)
    return found


def test_every_route_has_exactly_one_guard(world: World) -> None:
    assert unguarded(world.app) == []
    assert {door.guard for door in DOORS} <= set(GUARDS)


def test_a_blueprint_hangs_on_one_door_only() -> None:
    names = [door.blueprint.name for door in DOORS]
    assert len(names) == len(set(names))


def test_a_route_without_a_guard_would_be_found(world: World) -> None:
    app = create_app(world.settings)
    app.add_url_rule("/naked", "naked", Response)
    stray = Blueprint("stray", __name__)
    stray.add_url_rule("/stray", "route", Response)
    app.register_blueprint(stray)
    app.before_request_funcs["commerce"] = []
    found = unguarded(app)
    assert {"naked", "stray.route", "commerce.get_customer_"} <= set(found)
    assert not any(endpoint.startswith("pos") for endpoint in found)


def test_nobody_passes_without_a_credential_unless_the_door_is_public(world: World) -> None:
    for door in doors(world):
        answer = door.knock(world.client)
        assert (answer.status_code == 401) != ((door.method, door.path) in PUBLIC), (door, answer.json)
        if answer.status_code == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.json["code"] == "unauthorized"


def test_what_is_public_is_public_by_name(world: World) -> None:
    assert {(door.method, door.path) for door in doors(world)} >= PUBLIC


def test_a_credential_opens_no_other_audiences_door(world: World) -> None:
    good = tokens(world)
    opened = set()
    for number, door in enumerate(doors(world)):
        if (door.method, door.path) in PUBLIC:
            continue
        for kind, token in good.items():
            client, address = world.client, {"REMOTE_ADDR": f"10.0.{number}.1"}
            if kind in door.schemes:
                opened.add(door.method + door.path)
                continue
            answer = door.knock(client, token, environ_base=address)
            assert answer.status_code == 401, (door, kind, answer.json)
            assert token not in answer.text
    assert len(opened) > 20, "most doors have a key among these"


def test_every_credential_opens_its_own_door(world: World) -> None:
    good = tokens(world)
    for door in doors(world):
        for kind in door.schemes & set(good):
            if door.path != "/shopper/v1/session":  # DELETE would end the session
                answer = door.knock(world.client, good[kind])
                assert answer.status_code not in (401, 403), (door, kind, answer.json)


def test_a_session_token_is_worth_nothing_as_a_cookie(world: World) -> None:
    maria = world.shopper()
    answer = jarless(world).get("/shopper/v1/cards", headers={"Cookie": f"unspoken_session={maria.token}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer {token} {token}",
        "bearer\t{token}",
    ],
)
def test_a_malformed_authorization_is_refused(world: World, header: str) -> None:
    till = world.till()
    answer = world.client.get("/pos/v1/terminal", headers={"Authorization": header.format(token=till.token)})
    assert answer.status_code == 401
    assert till.token not in answer.text


def test_the_scheme_is_read_in_any_case(world: World) -> None:
    till = world.till()
    answer = world.client.get("/pos/v1/terminal", headers={"Authorization": f"bEaReR  {till.token} "})
    assert answer.status_code == 200


def test_a_token_in_the_address_opens_nothing(world: World) -> None:
    till = world.till()
    for name in ("access_token", "token", "authorization"):
        assert world.client.get(f"/pos/v1/terminal?{name}={till.token}").status_code == 401


def test_a_token_with_a_wrong_checksum_is_refused_like_an_unknown_one(world: World) -> None:
    till = world.till()
    last = "0" if till.token[-1] != "0" else "1"
    garbled = world.client.get("/pos/v1/terminal", headers={"Authorization": f"Bearer {till.token[:-1]}{last}"})
    unknown = world.client.get("/pos/v1/terminal", headers={"Authorization": "Bearer ust_unknown"})
    assert garbled.status_code == unknown.status_code == 401
    assert garbled.json == unknown.json


@pytest.mark.parametrize("value", ["Bearer é", "Bearer \xff\xfe", "Bearer " + "x" * 7000, "Bearer \x7f"])
def test_an_odd_authorization_is_refused_and_never_a_fault(world: World, value: str) -> None:
    for path in ("/pos/v1/terminal", "/commerce/v1/customers/" + "0" * 8, "/shopper/v1/cards"):
        answer = world.client.get(path, headers={"Authorization": value})
        assert answer.status_code in (401, 404), path


def test_a_revoked_site_is_refused(world: World) -> None:
    from uuid import UUID

    from service.sites.add import revoke_site

    site = world.site()
    site.account()
    with world.service.db.write() as session:
        revoke_site(session, UUID(site.site_id), world.clock())
    assert site.call("PUT", "/commerce/v1/accounts/maria", {}).status_code == 401


def test_a_revoked_till_is_refused(world: World) -> None:
    from uuid import UUID

    from service.stores.recognise import revoke_terminal

    till = world.till()
    with world.service.db.write() as session:
        revoke_terminal(session, UUID(till.enrolled["terminal_id"]), world.clock())
    assert till.call("GET", "/pos/v1/terminal").status_code == 401
