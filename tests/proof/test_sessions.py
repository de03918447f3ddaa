from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from service.cards.manage import make_card
from service.cards.sessions import end_others, end_session
from service.cards.show import recognise_shopper
from service.sessions.models import SessionKind
from service.sessions.open import confirm, exchange_handoff
from service.sessions.recognise import ShopperIdentity, find_session
from service.web import guards
from tests.erasure.test_races import Others, waits
from tests.proof.people import EMAIL, Maria, at_once, give, vouching_site
from tests.shopper.phone import Phone, handoff
from tests.shopper.test_endings import on_postgresql, once
from tests.world import Caller, World

Somebody = Callable[[], Maria]
OTHER = "maria.garcia@example.org"


def sessions(maria: Maria) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = maria.call("GET", "sessions").json["items"]
    return items


def others(maria: Maria) -> list[str]:
    """Return the ids of her other sessions, newest first."""
    return [item["session_id"] for item in sessions(maria) if not item["current"]]


def own(maria: Maria) -> str:
    (found,) = [item["session_id"] for item in sessions(maria) if item["current"]]
    return str(found)


def end(maria: Maria, session_id: str) -> int:
    return maria.call("DELETE", f"sessions/{session_id}").status_code


def end_all_others(maria: Maria) -> tuple[int, Any]:
    answer = maria.call("POST", "sessions/end-others", {})
    return answer.status_code, answer.json


def is_open(maria: Maria) -> bool:
    return maria.call("GET", "session").status_code == 200


def identity(maria: Maria) -> ShopperIdentity:
    token = maria.phone.client.get_cookie(guards.SESSION_COOKIE)
    assert token is not None
    db, now = maria.world.service.db, maria.world.clock()
    return recognise_shopper(db, token.value, kind=SessionKind.WEB, now=now)[0]


def test_her_sessions_are_listed_newest_first_with_where_they_were_opened(
    world: World, maria: Maria, somebody: Somebody
) -> None:
    site = vouching_site(world, "Zapatos")
    give(site, "maria-7", EMAIL, verified=True)
    maria.sign_in()
    card = maria.call("POST", "cards", {}).json["card_id"]
    backend = site.shopper("maria-7")
    world.clock.forward(minutes=1)
    second = somebody().sign_in()
    shown = [(item["site"], item["kind"], item["current"], item["card_id"]) for item in sessions(second)]
    assert shown == [
        (None, "web", True, None),
        ({"name": "Zapatos"}, "api", False, backend.card["card_id"]),
        (None, "web", False, card),
    ]
    for item in sessions(second):
        assert set(item) == {"session_id", "site", "kind", "created_at", "expires_at", "current", "card_id"}
        assert item["created_at"] < item["expires_at"]


def test_what_has_ended_or_was_never_confirmed_is_not_listed(world: World, maria: Maria, somebody: Somebody) -> None:
    site = vouching_site(world)
    give(site, "maria-7", EMAIL, verified=True)
    token = handoff(site, "maria-7")
    assert Phone(world).exchange(token).status_code == 200
    left = somebody().sign_in()
    left.call("DELETE", "session")
    somebody().sign_in()
    world.clock.forward(days=29, hours=23)
    maria.sign_in()
    world.clock.forward(hours=1)
    assert [item["current"] for item in sessions(maria)] == [True]


def test_a_revoked_card_is_not_shown_with_its_session(maria: Maria) -> None:
    maria.sign_in()
    card = maria.call("POST", "cards", {}).json["card_id"]
    maria.call("DELETE", f"cards/{card}")
    assert [item["card_id"] for item in sessions(maria)] == [None]


def test_a_stolen_session_is_ended_with_its_card_for_good(world: World, maria: Maria, somebody: Somebody) -> None:
    thief, till = somebody().sign_in(), world.till()
    thief.call("POST", "cards", {})
    code = thief.phone.code()
    maria.sign_in()
    (stolen,) = others(maria)
    assert end(maria, stolen) == 204
    assert till.scan(code).json["reason"] == "card_unusable"
    assert thief.call("POST", "cards", {}).status_code == 401
    assert others(maria) == []
    assert end(maria, stolen) == 404, "it has ended already"
    assert is_open(maria)


def test_anothers_session_is_not_found(maria: Maria, somebody: Somebody) -> None:
    maria.sign_in()
    nuria = somebody().sign_in("nuria@example.com")
    assert others(maria) == []
    assert [end(maria, session_id) for session_id in (own(nuria), str(uuid4()))] == [404, 404]
    assert is_open(nuria)


def test_a_session_that_waits_to_be_confirmed_is_not_found(world: World, maria: Maria) -> None:
    site = vouching_site(world)
    give(site, "maria-7", EMAIL, verified=True)
    maria.sign_in()
    phone = Phone(world)
    phone.exchange(handoff(site, "maria-7"))
    (backend,) = others(maria)
    known = {backend, own(maria)}
    held = {item["session_id"] for item in maria.call("GET", "export").json["sessions"]}
    (pending,) = held - known
    assert end(maria, pending) == 404
    assert phone.confirm().status_code == 201


def test_her_own_session_is_ended_like_any_and_the_cookie_is_forgotten(maria: Maria) -> None:
    maria.sign_in()
    answer = maria.call("DELETE", f"sessions/{own(maria)}")
    assert answer.status_code == 204
    assert maria.phone.client.get_cookie(guards.SESSION_COOKIE) is None
    assert not is_open(maria)


def test_sessions_of_a_file_that_was_joined_are_hers_too(world: World, maria: Maria, somebody: Somebody) -> None:
    first, second = somebody().sign_in(OTHER), somebody().sign_in(OTHER)
    maria.sign_in()
    assert others(maria) == []
    assert maria.add(OTHER).json["outcome"] == "linked"
    assert set(others(maria)) == {own(first), own(second)}
    assert end(maria, own(first)) == 204
    assert not is_open(first)
    assert end_all_others(maria) == (200, {"ended": 1})
    assert not is_open(second)


def test_all_other_sessions_end_with_their_cards_and_with_what_waits(
    world: World, maria: Maria, somebody: Somebody
) -> None:
    site, till = vouching_site(world), world.till()
    give(site, "maria-7", EMAIL, verified=True)
    maria.sign_in()
    maria.call("POST", "cards", {})
    nuria = somebody().sign_in("nuria@example.com")
    thief, backend = somebody().sign_in(), site.shopper("maria-7")
    pending, waiting = Phone(world), handoff(site, "maria-7")
    pending.exchange(handoff(site, "maria-7"))
    code = backend.code()
    assert end_all_others(maria) == (200, {"ended": 4}), "the thief's, and three that the site holds"
    assert not is_open(thief)
    assert till.scan(code).json["reason"] == "card_unusable"
    assert pending.confirm().status_code == 401
    assert Phone(world).exchange(waiting).status_code == 401
    assert others(maria) == []
    assert till.scan(maria.phone.code()).json["outcome"] == "identified"
    assert is_open(nuria)
    assert end_all_others(maria) == (200, {"ended": 0})


def test_a_card_that_was_revoked_before_keeps_its_moment(world: World, maria: Maria, somebody: Somebody) -> None:
    lost = somebody().sign_in()
    card = lost.call("POST", "cards", {}).json["card_id"]
    lost.call("DELETE", f"cards/{card}")
    maria.sign_in()
    [before] = maria.call("GET", "export").json["cards"]
    assert end_all_others(maria) == (200, {"ended": 1})
    assert maria.call("GET", "export").json["cards"] == [before]


def test_a_site_throws_nobody_out_who_can_sign_in(world: World, maria: Maria) -> None:
    site = vouching_site(world)
    give(site, "maria-7", EMAIL, verified=True)
    maria.sign_in()
    thief = Caller(world, site.shopper("maria-7").token)
    listed = thief.call("GET", "/shopper/v1/sessions").json["items"]
    ids = {item["current"]: item["session_id"] for item in listed}
    for method, path, body in (("DELETE", f"sessions/{ids[False]}", None), ("POST", "sessions/end-others", {})):
        refused = thief.call(method, f"/shopper/v1/{path}", body)
        assert (refused.status_code, refused.json["code"]) == (409, "sign_in_needed")
    assert is_open(maria)
    assert thief.call("DELETE", f"/shopper/v1/sessions/{ids[True]}").status_code == 204
    assert thief.call("GET", "/shopper/v1/session").status_code == 401


def test_whoever_has_no_contact_to_sign_in_with_ends_sessions_from_a_shops(world: World) -> None:
    site = world.site()
    phone, stolen = (Caller(world, site.shopper().token) for _ in range(2))
    assert phone.call("POST", "/shopper/v1/sessions/end-others", {}).json == {"ended": 1}
    assert stolen.call("GET", "/shopper/v1/session").status_code == 401


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("you", "signed out elsewhere")), ("es", ("tú", "cerró la sesión en otro lugar"))],
)
def test_ending_others_is_written_down_and_told_in_words(
    maria: Maria, somebody: Somebody, language: str, words: tuple[str, str]
) -> None:
    maria.sign_in()
    for _ in range(3):
        somebody().sign_in()
    end(maria, others(maria)[0])
    end_all_others(maria)
    end_all_others(maria)
    items = maria.phone.call("GET", "/shopper/v1/audit", headers={"Accept-Language": language}).json["items"]
    assert [(item["who"], item["what"]) for item in items].count(words) == 2
    lines = maria.call("GET", "export").json["audit"]
    ended = [line["detail"]["sessions"] for line in lines if line["action"] == "shopper.signed_out"]
    assert sorted(ended) == [1, 2]


def test_what_ended_in_a_joined_file_stands_in_the_history_of_that_file(maria: Maria, somebody: Somebody) -> None:
    somebody().sign_in(OTHER)
    maria.sign_in()
    maria.add(OTHER)
    somebody().sign_in()
    files = {line["customer_id"] for line in maria.call("GET", "export").json["sessions"]}
    end_all_others(maria)
    lines = maria.call("GET", "export").json["audit"]
    assert {line["customer_id"] for line in lines if line["action"] == "shopper.signed_out"} == files
    assert len(files) == 2


@pytest.mark.parametrize("path", ["DELETE sessions/{}", "POST sessions/end-others"])
def test_of_two_who_end_each_other_one_stays(world: World, maria: Maria, somebody: Somebody, path: str) -> None:
    phones = [maria.sign_in(), somebody().sign_in()]
    ids = {id(phone): own(phone) for phone in phones}
    method, _, target = path.partition(" ")

    def end_the_other(phone: Maria) -> int:
        (other,) = [ids[id(one)] for one in phones if one is not phone]
        body = {} if method == "POST" else None
        return phone.call(method, target.format(other), body).status_code

    statuses = at_once(world, end_the_other, phones)
    assert sorted(map(is_open, phones)) == [False, True]
    assert max(statuses) == 401


def test_whose_own_session_has_just_ended_ends_no_other(
    world: World, maria: Maria, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = somebody().sign_in()
    maria.sign_in()
    hers = own(maria)
    once(monkeypatch, guards, "_recognise_shopper", lambda: end_all_others(maria))
    assert end(thief, hers) == 401
    assert is_open(maria)


@on_postgresql
@pytest.mark.parametrize("alone", [True, False])
def test_a_card_that_is_just_being_made_ends_with_its_session(
    world: World, maria: Maria, somebody: Somebody, alone: bool
) -> None:
    thief = somebody().sign_in()
    maria.sign_in()
    (stolen,) = others(maria)
    db, keys, now = world.service.db, world.service.keys, world.clock()
    act = (lambda: end(maria, stolen)) if alone else (lambda: end_all_others(maria)[0])
    with Others(world) as pool:
        with db.write() as session:
            make_card(session, identity(thief), keys=keys, now=now)
            job = pool.submit(act)
            assert waits(job)
        assert job.result(20) in (200, 204)
    (card,) = maria.call("GET", "cards").json["items"]
    assert card["status"] == "revoked"


@on_postgresql
@pytest.mark.parametrize("alone", [True, False])
def test_no_card_is_made_in_a_session_that_is_just_being_ended(
    world: World, maria: Maria, somebody: Somebody, alone: bool
) -> None:
    thief = somebody().sign_in()
    maria.sign_in()
    held = identity(thief)
    db, now, shopper = world.service.db, world.clock(), identity(maria)
    with Others(world) as pool:
        with db.write() as session:
            if alone:
                end_session(session, shopper, held.session_id, now)
            else:
                end_others(session, shopper, now)
            job = pool.submit(lambda: thief.call("POST", "cards", {}).status_code)
            assert waits(job)
        assert job.result(20) == 401
    assert maria.call("GET", "cards").json["items"] == []


@on_postgresql
@pytest.mark.parametrize("step", ["exchanged", "confirmed"])
def test_what_a_shop_is_just_opening_ends_with_all_others(world: World, maria: Maria, step: str) -> None:
    site, db, now = vouching_site(world), world.service.db, world.clock()
    give(site, "maria-7", EMAIL, verified=True)
    maria.sign_in()
    waiting = handoff(site, "maria-7")
    if step == "confirmed":
        with db.write() as session:
            pending, _ = exchange_handoff(session, waiting, now)
    with Others(world) as pool:
        with db.write() as session:
            if step == "confirmed":
                opened, token = confirm(session, session.merge(pending), now)
            else:
                opened, token = exchange_handoff(session, waiting, now)
            job = pool.submit(end_all_others, maria)
            assert waits(job)
        assert job.result(20)[0] == 200
    with db.read() as session:
        assert find_session(session, token, kind=SessionKind(opened.kind), now=now) is None
