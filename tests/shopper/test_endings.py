"""Whoever ends sessions, cards and handoffs ends those, too, that are being opened or used at the same moment."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from service.cards.manage import close_site
from service.sessions.models import SessionKind
from service.sessions.open import confirm, exchange_handoff
from service.sessions.recognise import find_session
from service.web import guards, operation
from service.web.commerce import consents
from service.web.commerce.models import SessionIn
from tests.erasure.scene import ERASE
from tests.erasure.test_races import Others, waits
from tests.world import Caller, Site, World

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
ACCOUNT = "/commerce/v1/accounts/maria"


def once(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, act: Callable[[], Any]) -> None:
    """Let something happen, once, just after a function has returned."""
    before, done = getattr(where, name), []

    def after(*given: Any, **more: Any) -> Any:
        found = before(*given, **more)
        if not done:
            done.append(True)
            act()
        return found

    monkeypatch.setattr(where, name, after)


def opened(world: World) -> tuple[Site, Caller, str]:
    """Return a site, the app backend's session that it opened for Maria, and a handoff."""
    site = world.site()
    site.account("maria")
    answer = site.call("POST", f"{ACCOUNT}/sessions", {}).json
    return site, Caller(world, answer["session_token"]), answer["app_url"].partition("#handoff=")[2]


def unlink(site: Site) -> None:
    assert site.call("DELETE", ACCOUNT).status_code == 204


def close(site: Site) -> None:
    with site.world.service.db.write() as session:
        close_site(session, UUID(site.site_id), site.world.clock())


ENDINGS = pytest.mark.parametrize("ending", [unlink, close], ids=["unlinked", "revoked"])


@ENDINGS
def test_no_card_is_made_in_a_session_that_has_just_ended(
    world: World, monkeypatch: pytest.MonkeyPatch, ending: Callable[[Site], None]
) -> None:
    site, phone, _ = opened(world)
    once(monkeypatch, guards, "_recognise_shopper", lambda: ending(site))
    assert phone.call("POST", "/shopper/v1/cards", {}).status_code == 401


@ENDINGS
@on_postgresql
def test_what_a_handoff_has_just_opened_ends_with_it(world: World, ending: Callable[[Site], None]) -> None:
    site, _, handoff = opened(world)
    db, now = world.service.db, world.clock()
    with Others(world) as pool:
        with db.write() as session:
            _, token = exchange_handoff(session, handoff, now)
            job = pool.submit(ending, site)
            assert waits(job)
        job.result(20)
    with db.read() as session:
        assert find_session(session, token, kind=SessionKind.PENDING, now=now) is None


@ENDINGS
@on_postgresql
def test_what_a_confirmation_has_just_opened_ends_with_it(world: World, ending: Callable[[Site], None]) -> None:
    site, _, handoff = opened(world)
    db, now = world.service.db, world.clock()
    with db.write() as session:
        _, pending = exchange_handoff(session, handoff, now)
    with Others(world) as pool:
        with db.write() as session:
            found = find_session(session, pending, kind=SessionKind.PENDING, now=now)
            assert found is not None
            _, token = confirm(session, found, now)
            job = pool.submit(ending, site)
            assert waits(job)
        job.result(20)
    with db.read() as session:
        assert find_session(session, token, kind=SessionKind.WEB, now=now) is None


def test_a_site_that_has_just_been_revoked_opens_no_session(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    site, _, _ = opened(world)
    parse = operation._parse

    def revoked_meanwhile(body: Any) -> Any:
        if body is SessionIn:
            close(site)
        return parse(body)

    monkeypatch.setattr(operation, "_parse", revoked_meanwhile)
    assert site.call("POST", f"{ACCOUNT}/sessions", {}).status_code == 401


REQUESTS = {
    ("GET", "session"): (None, 401),
    ("DELETE", "session"): (None, 204),
    ("POST", "sessions/end-others"): ({}, 401),
    ("POST", "contacts"): ({"kind": "email", "value": "maria@example.com"}, 401),
    ("POST", "cards"): ({}, 401),
}


@pytest.mark.parametrize("request_", REQUESTS, ids="-".join)
def test_a_request_of_somebody_who_has_just_been_erased_is_no_fault_of_ours(
    world: World, monkeypatch: pytest.MonkeyPatch, request_: tuple[str, str]
) -> None:
    maria, (method, path), (body, status) = world.shopper(), request_, REQUESTS[request_]
    once(monkeypatch, guards, "_recognise_shopper", lambda: maria.call("POST", "/shopper/v1/erase", ERASE))
    assert maria.call(method, f"/shopper/v1/{path}", body).status_code == status


@on_postgresql
def test_consent_for_an_account_that_has_just_been_unlinked_finds_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = world.site()
    maria = site.shopper()

    def unlink_elsewhere() -> None:
        with Others(world) as pool:
            pool.submit(unlink, site).result(20)

    once(monkeypatch, consents, "find_for_site", unlink_elsewhere)
    said = {"purpose": "profiling", "granted": True, "text_version": "2026-11"}
    assert site.call("PUT", f"/commerce/v1/customers/{maria.customer_id}/consents", said).status_code == 404
