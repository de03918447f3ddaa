"""A revoked till and a replaced token are refused on the very next request, in every worker, at every door."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.stores.recognise import revoke_terminal
from tests.scans.arena import WORKERS, Arena, Shot
from tests.world import Till

SCAN_ID, SALE_ID, RETURN_ID = (str(uuid4()) for _ in range(3))

DOORS: dict[str, Callable[[Till], tuple[str, str, Any]]] = {
    "a new scan": lambda _: ("PUT", f"/pos/v1/scans/{uuid4()}", {"code": "71"}),
    "a new typed scan": lambda _: ("PUT", f"/pos/v1/scans/{uuid4()}", {"code": "73" + "0" * 15}),
    "a stored scan": lambda _: ("PUT", f"/pos/v1/scans/{SCAN_ID}", {"code": "71"}),
    "a stored scan's id": lambda _: ("PUT", f"/pos/v1/scans/{SCAN_ID}", {"code": "72"}),
    "a new sale": lambda till: ("PUT", f"/pos/v1/sales/{uuid4()}", till.sale()),
    "a stored sale": lambda till: ("PUT", f"/pos/v1/sales/{SALE_ID}", _sale(till)),
    "a link": lambda _: ("PUT", f"/pos/v1/sales/{SALE_ID}/scan", {"scan_id": SCAN_ID}),
    "a return": lambda _: ("PUT", f"/pos/v1/returns/{uuid4()}", _return()),
    "a stored return": lambda _: ("PUT", f"/pos/v1/returns/{RETURN_ID}", _return()),
    "a sync": lambda till: ("POST", "/pos/v1/sync", {"sales": [{"sale_id": str(uuid4()), **till.sale()}]}),
    "an empty sync": lambda _: ("POST", "/pos/v1/sync", {}),
    "its scan": lambda _: ("GET", f"/pos/v1/scans/{SCAN_ID}", None),
    "its sale": lambda _: ("GET", f"/pos/v1/sales/{SALE_ID}", None),
    "a heartbeat": lambda _: ("GET", "/pos/v1/terminal", None),
    "a new token": lambda _: ("POST", "/pos/v1/terminal/roll", {}),
}


def _sale(till: Till) -> dict[str, Any]:
    return till.sale(occurred_at="2026-11-22T12:00:00Z")


def _return() -> dict[str, Any]:
    lines = [{"quantity": "1", "total_minor": -2500}]
    return {"reason": "return", "currency": "EUR", "occurred_at": "2026-11-22T12:00:00Z", "lines": lines}


@pytest.fixture
def till(arena: Arena) -> Till:
    """A till with a stored scan, sale and return, which every worker has seen lately."""
    known = arena.till()
    known.scan("71", SCAN_ID)
    known.call("PUT", f"/pos/v1/sales/{SALE_ID}", _sale(known))
    known.call("PUT", f"/pos/v1/returns/{RETURN_ID}", _return())
    make_known_everywhere(arena, known)
    return known


def make_known_everywhere(arena: Arena, till: Till) -> None:
    shots = [Shot(till, "PUT", f"/pos/v1/scans/{uuid4()}", {"code": "71"}) for _ in range(WORKERS * 10)]
    assert {reply.status_code for reply in arena.at_once(shots)} == {201}


def test_a_revoked_till_gets_nothing_stored_and_nothing_told(arena: Arena, till: Till) -> None:
    terminal_id = UUID(till.enrolled["terminal_id"])
    with arena.service.db.write() as session:
        revoke_terminal(session, terminal_id, arena.clock())
    before = rows(arena, terminal_id)
    for name, ask in DOORS.items():
        method, path, body = ask(till)
        replies = arena.at_once([Shot(till, method, path, body)] * (WORKERS * 2))
        assert {(reply.status_code, reply.json["code"]) for reply in replies} == {(401, "unauthorized")}, name
    assert rows(arena, terminal_id) == before


def rows(arena: Arena, terminal_id: UUID) -> dict[str, int]:
    ident = terminal_id.hex if arena.service.db.on_sqlite else str(terminal_id)
    tables = ("scans", "sales", "returns", "otp_failures")
    return {table: arena.count(f"{table} WHERE terminal_id = :id", id=ident) for table in tables}


def test_an_old_token_lives_until_the_new_one_is_used_and_then_dies_everywhere(arena: Arena, till: Till) -> None:
    new = Till(arena, till.call("POST", "/pos/v1/terminal/roll", {}).json["terminal_token"], till.enrolled)
    make_known_everywhere(arena, till)
    assert new.scan("71").status_code == 201
    for name, ask in DOORS.items():
        method, path, body = ask(till)
        replies = arena.at_once([Shot(till, method, path, body)] * (WORKERS * 2))
        assert {reply.status_code for reply in replies} == {401}, name
    make_known_everywhere(arena, new)


def test_a_token_that_was_rolled_over_before_its_use_is_worth_nothing(arena: Arena, till: Till) -> None:
    first, second = (till.call("POST", "/pos/v1/terminal/roll", {}).json["terminal_token"] for _ in range(2))
    assert Till(arena, first).scan("71").status_code == 401
    assert till.scan("71").status_code == 201
    assert Till(arena, second).scan("71").status_code == 201
