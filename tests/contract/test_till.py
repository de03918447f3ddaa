"""The real till client against the real service, in one process and over HTTP, with and without faults."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import text

from pos_client import (
    BackOff,
    Line,
    NotAuthorised,
    Outcome,
    PosClient,
    Return,
    ReturnLine,
    Sale,
    ScanResult,
)
from service.stores.recognise import revoke_terminal
from tests.scans.arena import Arena
from tests.world import Shopper, World

ADDRESS = "https://unspoken.example"
TSHIRT = Line(description="T-shirt", total_minor=2500, unit_price_minor=2500, sku="TSHIRT-M")


class Crash(BaseException):
    """The till's process is gone."""


class Faulty(httpx2.BaseTransport):
    """A way to the service that loses requests and answers, or ends the till, as `fate` says."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self.inner = inner
        self.fate: Callable[[], str] = lambda: "fine"

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        fate = self.fate()
        if fate == "no way":
            raise httpx2.ConnectError("the network is gone")
        if fate == "crash before":
            raise Crash
        response = self.inner.handle_request(request)
        response.read()
        if fate == "lost answer":
            raise httpx2.ReadTimeout("the answer is lost")
        if fate == "crash after":
            raise Crash
        return response


class OneWorker(httpx2.BaseTransport):
    """The app behind one thread, as a worker serves it; the client calls from a new thread each time."""

    def __init__(self, world: World) -> None:
        self.app = httpx2.WSGITransport(app=world.app)
        self.worker = ThreadPoolExecutor(1)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self.worker.submit(self.app.handle_request, request).result()


@pytest.fixture
def way(world: World) -> Iterator[Faulty]:
    inner = OneWorker(world)
    yield Faulty(inner)
    inner.worker.submit(world.service.db.close).result()
    inner.worker.shutdown()


@pytest.fixture
def open_till(world: World, way: Faulty, tmp_path: Path) -> Iterator[Callable[..., PosClient]]:
    opened: list[PosClient] = []

    def open_one(name: str = "till") -> PosClient:
        back_off = BackOff(sleep=lambda _: None)
        till = PosClient(
            ADDRESS, queue=tmp_path / f"{name}.db", transport=way, timeout=30, clock=world.clock, back_off=back_off
        )
        opened.append(till)
        return till

    yield open_one
    for till in opened:
        till.close()


def a_sale(scan: ScanResult | None = None, **given: Any) -> Sale:
    return Sale(receipt_number="R-1", total_minor=2500, lines=[TSHIRT], scan_id=scan and scan.scan_id, **given)


def goods_back(sale_id: str) -> Return:
    return Return(sale_id=sale_id, lines=[ReturnLine(quantity=Decimal(1), total_minor=-2500, line_id="1")])


def kinds(maria: Shopper) -> list[str]:
    return sorted(item["kind"] for item in maria.call("GET", "/shopper/v1/activity").json["items"])


def test_a_till_enrols_scans_sells_links_takes_back_and_says_hello(
    world: World, open_till: Callable[..., PosClient]
) -> None:
    till, maria = open_till(), world.shopper()
    assert till.enrol(world.invitation()).store.name == "Gran Vía"
    scan = till.scan(maria.code())
    assert (scan.outcome, scan.message) == (Outcome.IDENTIFIED, "Identified")
    assert till.sell(a_sale(scan)).link == "linked"
    sale = till.sell(a_sale())
    world.clock.forward(seconds=30)
    assert (sale.link, till.link(sale.sale_id, till.scan(maria.code()).scan_id).link) == ("unidentified", "linked")
    assert till.return_(goods_back(sale.sale_id)).warnings == ()
    assert [warning.code for warning in till.return_(goods_back(sale.sale_id)).warnings] == ["over_return"]
    assert till.heartbeat().label == "Till 3"
    assert kinds(maria) == ["sale", "sale", "scan", "scan"]


def test_what_was_kept_offline_arrives_with_the_time_it_was_made(
    world: World, way: Faulty, open_till: Callable[..., PosClient]
) -> None:
    till, maria = open_till(), world.shopper()
    till.enrol(world.invitation())
    way.fate = lambda: "no way"
    scan = till.scan(maria.code())
    sale = till.sell(a_sale(scan))
    linked = till.link(till.sell(a_sale()).sale_id, scan.scan_id)
    assert (scan.outcome, sale.queued, linked.queued) == (Outcome.PENDING, True, True)
    world.clock.forward(minutes=9)
    way.fate = lambda: "fine"
    report = till.sync()
    assert (report.sent, report.refused, report.waiting) == (4, 0, 0)
    assert kinds(maria) == ["sale", "sale", "scan"]


def test_a_lost_enrolment_answer_bricks_nothing(
    world: World, way: Faulty, open_till: Callable[..., PosClient]
) -> None:
    till = open_till()
    fates = iter(["lost answer", "lost answer"])
    way.fate = lambda: next(fates, "fine")
    till.enrol(world.invitation())
    assert till.scan("71" + "1" * 246).outcome is Outcome.REFUSED


def test_a_revoked_till_keeps_what_it_has(world: World, way: Faulty, open_till: Callable[..., PosClient]) -> None:
    till = open_till()
    terminal = till.enrol(world.invitation())
    way.fate = lambda: "no way"
    till.sell(a_sale())
    way.fate = lambda: "fine"
    with world.service.db.write() as session:
        revoke_terminal(session, UUID(terminal.terminal_id), world.clock())
    with pytest.raises(NotAuthorised):
        till.sync()
    till.enrol(world.invitation())
    assert till.sync().sent == 1


def checkouts(world: World, open_till: Callable[..., PosClient], codes: list[str], steps: int) -> None:
    """A day at one till, the same whatever happens on the way: who dies in a step goes on with the next."""
    till = open_till()
    for number in range(steps):
        try:
            scan = till.scan(codes[number])
            sold = till.sell(a_sale(scan if number % 3 else None, occurred_at=world.clock()))
            if number % 3 == 0:
                till.link(sold.sale_id, scan.scan_id)
            if number % 4 == 0:
                till.return_(goods_back(sold.sale_id))
        except Crash:
            till = open_till()
        if number % 5 == 4:
            world.clock.forward(seconds=20)


def replay_until_empty(open_till: Callable[..., PosClient]) -> None:
    till = open_till()
    assert till.sync().waiting == 0
    assert till.status().dead_letters == ()


FATES = ("fine", "no way", "lost answer")


@pytest.mark.parametrize("seed", range(3))
def test_with_lost_requests_and_answers_the_database_ends_as_without(
    world: World, way: Faulty, open_till: Callable[..., PosClient], seed: int
) -> None:
    chance, site = random.Random(seed), world.site()
    shoppers = [site.shopper(str(number)) for number in range(12)]
    open_till().enrol(world.invitation())
    way.fate = lambda: chance.choice(FATES)
    checkouts(world, open_till, [shopper.code() for shopper in shoppers], len(shoppers))
    way.fate = lambda: "fine"
    replay_until_empty(open_till)
    assert [kinds(shopper) for shopper in shoppers] == [["sale", "scan"]] * len(shoppers)
    assert counted(world) == {"scans": 12, "sales": 12, "returns": 3}


@pytest.mark.parametrize("seed", range(3))
def test_with_crashes_between_every_upload_stands_once(
    world: World, way: Faulty, open_till: Callable[..., PosClient], seed: int
) -> None:
    chance, site = random.Random(seed), world.site()
    shoppers = [site.shopper(str(number)) for number in range(12)]
    open_till().enrol(world.invitation())
    way.fate = lambda: chance.choice((*FATES, "crash before", "crash after"))
    checkouts(world, open_till, [shopper.code() for shopper in shoppers], len(shoppers))
    way.fate = lambda: "fine"
    replay_until_empty(open_till)
    found = [kinds(shopper) for shopper in shoppers]
    assert all(kind in (["scan"], ["sale", "scan"]) for kind in found), "each code was scanned, and scanned once"
    assert counted(world)["scans"] == 12


def test_a_queue_replayed_in_any_order_any_number_of_times_changes_nothing(world: World) -> None:
    till, site = world.till(), world.site()
    shoppers = [site.shopper(str(number)) for number in range(6)]
    uploads = []
    for shopper in shoppers:
        scan_id, sale_id = str(uuid4()), str(uuid4())
        scan = {"code": shopper.code(), "scanned_at": world.clock().isoformat()}
        uploads.append(("scans", scan_id, scan))
        uploads.append(("sales", sale_id, till.sale(scan_id)))
    chance = random.Random(7)
    for _ in range(4):
        for kind, ident, body in chance.sample(uploads, len(uploads)):
            assert till.call("PUT", f"/pos/v1/{kind}/{ident}", body).status_code in (200, 201)
        world.clock.forward(minutes=2)
    assert [kinds(shopper) for shopper in shoppers] == [["sale", "scan"]] * len(shoppers)
    assert counted(world) == {"scans": 6, "sales": 6, "returns": 0}


def counted(world: World) -> dict[str, int]:
    with world.service.db.read() as session:
        return {
            table: int(session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)
            for table in ("scans", "sales", "returns")
        }


def test_the_till_works_with_the_service_over_http(arena: Arena, tmp_path: Path) -> None:
    maria = arena.shopper(str(uuid4()))
    with PosClient(arena.live.url, queue=tmp_path / "till.db", timeout=30) as till:
        till.enrol(arena.invitation())
        scan = till.scan(maria.code())
        assert (scan.outcome, till.sell(a_sale(scan)).link) == (Outcome.IDENTIFIED, "linked")
        assert till.heartbeat().store.currency == "EUR"
        assert till.sync().waiting == 0
