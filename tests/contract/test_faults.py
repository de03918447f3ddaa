"""Workers killed and connections cut in the middle of the work: what was answered stands, and stands once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.scans.arena import Arena, Reply, Shot
from tests.world import Shopper, Till

SECONDS_OF_LOAD = 2.0


@dataclass
class Checkout:
    """A till at work: scan, sell, next; what gets no answer is sent again under the same id."""

    till: Till
    queue: list[tuple[Shopper, str]]
    stop: Event = field(default_factory=Event)
    answered: dict[str, dict[str, Any]] = field(default_factory=dict)
    unanswered: int = 0

    def work(self) -> None:
        for _, code in self.queue:
            if self.stop.is_set():
                return
            scan_id, sale_id = str(uuid4()), str(uuid4())
            body = self.till.sale(scan_id)
            self._send(scan_id, lambda ident, code=code: self.till.scan(code, ident))
            put = f"/pos/v1/sales/{sale_id}"
            self._send(sale_id, lambda _, put=put, body=body: self.till.call("PUT", put, body))

    def _send(self, ident: str, put: Callable[[str], Any]) -> None:
        for _ in range(100):
            reply = self._try(put, ident)
            if reply is not None and reply.status_code in (200, 201):
                self.answered[ident] = reply.json
                return
            self.unanswered += 1
            time.sleep(0.05)
        raise AssertionError("the service did not recover")

    def _try(self, put: Callable[[str], Any], ident: str) -> Reply | None:
        try:
            return put(ident)  # type: ignore[no-any-return]
        except (OSError, EOFError):
            return None
        except Exception as error:
            if type(error).__module__ != "http.client":
                raise
            return None


@contextmanager
def at_work(arena: Arena) -> Iterator[list[Checkout]]:
    """Three tills that work until the block ends; each code in their queues is another shopper's."""
    store, site = arena.store(), arena.site()
    checkouts = []
    for _ in range(3):
        shoppers = [site.shopper(str(uuid4())) for _ in range(25)]
        checkouts.append(Checkout(arena.till(store), [(shopper, shopper.code()) for shopper in shoppers]))
    threads = [Thread(target=checkout.work, daemon=True) for checkout in checkouts]
    for thread in threads:
        thread.start()
    yield checkouts
    for checkout in checkouts:
        checkout.stop.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def assert_all_stands_once(arena: Arena, checkouts: list[Checkout]) -> None:
    for checkout in checkouts:
        assert len(checkout.answered) >= 2
        for ident, answer in checkout.answered.items():
            kind = "scans" if "outcome" in answer else "sales"
            stored = checkout.till.call("GET", f"/pos/v1/{kind}/{ident}").json
            assert {**stored, "server_time": None} == {**answer, "server_time": None}
            assert answer.get("outcome", "identified") == "identified"
            assert answer.get("link", "linked") == "linked"
        own = checkout.till.enrolled["terminal_id"]
        ident = own.replace("-", "") if arena.service.db.on_sqlite else own
        stored_rows = sum(arena.count(f"{kind} WHERE terminal_id = :id", id=ident) for kind in ("scans", "sales"))
        assert stored_rows == len(checkout.answered)
    served = [shopper for checkout in checkouts for shopper, _ in checkout.queue[: len(checkout.answered) // 2]]
    for shopper in served[::5]:
        assert len(shopper.call("GET", "/shopper/v1/activity").json["items"]) == 2


def test_workers_killed_at_work_lose_and_double_nothing_that_was_answered(arena: Arena) -> None:
    with at_work(arena) as checkouts:
        for _ in range(3):
            time.sleep(SECONDS_OF_LOAD / 4)
            assert arena.kill_workers() > 0
    assert_all_stands_once(arena, checkouts)


@pytest.mark.parametrize("arena", ["postgresql"], indirect=True)
def test_database_connections_cut_at_work_cost_nobody_anything(arena: Arena) -> None:
    with at_work(arena) as checkouts:
        for _ in range(6):
            time.sleep(SECONDS_OF_LOAD / 6)
            cut_connections(arena)
    assert_recovers(arena, checkouts[0].till)
    assert_all_stands_once(arena, checkouts)


@pytest.mark.parametrize("arena", ["postgresql"], indirect=True)
def test_a_cut_connection_costs_a_known_till_nothing(arena: Arena) -> None:
    till, site = arena.till(), arena.site()
    codes = [site.shopper(str(uuid4())).code() for _ in range(12)]
    assert {till.sell().status_code for _ in range(40)} == {201}, "every worker knows the till now"
    cut_connections(arena)
    for code in codes:
        assert (till.scan(code).status_code, till.sell().status_code) == (201, 201)
    assert_recovers(arena, till)


def assert_recovers(arena: Arena, till: Till) -> None:
    """A worker's first transaction on a connection that was cut may ask to try again; soon none does."""
    for _ in range(5):
        replies = arena.at_once([Shot(till, "GET", "/pos/v1/terminal", None)] * 40)
        statuses = {reply.status_code for reply in replies}
        if statuses == {200}:
            return
        assert statuses <= {200, 503}
    raise AssertionError("the service did not recover")


def cut_connections(arena: Arena) -> None:
    arena.service.db.close()
    with arena.service.db.read() as session:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        session.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
