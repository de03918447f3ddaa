"""Erasures that race with whoever is just adding to the file, on real connections of both databases."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from service.audit.models import COMMAND, Action, AuditEntry
from service.consent.models import Consent
from service.crypto.keystore import KeyStore
from service.customers.lock import lock_customer
from service.customers.models import Customer
from service.erasures import replay_erasures
from service.errors import NotFound
from service.merging.join import Outcome
from service.merging.models import Merge
from service.privacy.erase import Erased, erase
from service.privacy.forget import forget, sweep
from service.scans.models import Scan
from service.sessions.models import Handoff
from tests.erasure.scene import ERASE, Scene
from tests.merging.people import People
from tests.others import Others, waits
from tests.world import Caller, World


class Halt:
    """Keeps whoever calls a function waiting until they may go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def before(self, function: Callable[..., None]) -> Callable[..., None]:
        def halted(*given: Any) -> None:
            self.reached.set()
            assert self.go_on.wait(20)
            function(*given)

        return halted


def test_whoever_adds_to_the_file_first_is_waited_for_and_erased_with_it(scene: Scene) -> None:
    customer_id = UUID(scene.maria.customer_id)
    with Others(scene.world) as pool:
        with scene.world.service.db.write() as session:
            lock_customer(session, customer_id)
            erasing = pool.submit(scene.erase)
            assert waits(erasing)
            session.add(consent(customer_id, scene))
        erasing.result(20)
    assert [row for row in scene.rows(Consent) if row["customer_id"] == customer_id] == []


def test_whoever_just_opens_the_app_from_a_site_is_waited_for(scene: Scene) -> None:
    """They hold the link first and then the file: an erasure that did it the other way round would never end."""
    customer_id = UUID(scene.maria.customer_id)
    with Others(scene.world) as pool:
        with scene.world.service.db.write() as session:
            links = select(Handoff).where(Handoff.customer_id == customer_id).with_for_update()
            assert session.scalars(links).all()
            erasing = pool.submit(scene.erase)
            assert waits(erasing)
            lock_customer(session, customer_id)
        erasing.result(20)
    assert [row for row in scene.rows(Handoff) if row["customer_id"] == customer_id] == []


def test_whoever_comes_while_the_file_is_erased_finds_nobody(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    halt = Halt()
    monkeypatch.setattr(KeyStore, "destroy", halt.before(KeyStore.destroy))
    with Others(scene.world) as pool:
        erasing = pool.submit(scene.erase)
        assert halt.reached.wait(20)
        adding = pool.submit(add_consent, scene)
        assert waits(adding)
        halt.go_on.set()
        erasing.result(20)
        with pytest.raises(NotFound):
            adding.result(20)
    assert scene.rows(Consent) == []


@pytest.mark.parametrize("door", ["shopper", "operator"])
def test_whoever_exports_the_file_while_it_is_erased_finds_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    callers: dict[str, tuple[Caller, str]] = {
        "shopper": (scene.maria, "/shopper/v1/export"),
        "operator": (scene.operator(), f"/operator/v1/customers/{scene.maria.customer_id}/export"),
    }
    caller, path = callers[door]
    halt = Halt()
    monkeypatch.setattr(KeyStore, "destroy", halt.before(KeyStore.destroy))
    with Others(scene.world) as pool:
        erasing = pool.submit(scene.erase)
        assert halt.reached.wait(20)
        exporting = pool.submit(caller.call, "GET", path)
        assert waits(exporting)
        halt.go_on.set()
        erasing.result(20)
        assert exporting.result(20).status_code == 404
    assert [row for row in scene.rows(AuditEntry) if row["action"] == Action.EXPORTED] == []


def test_a_replay_waits_for_whoever_is_just_adding_to_the_file(scene: Scene) -> None:
    db, store, customer_id = scene.world.service.db, scene.people.keystore, scene.nodes[0]
    store.destroy([customer_id], scene.world.clock())
    with Others(scene.world) as pool:
        with db.write() as session:
            lock_customer(session, customer_id)
            replaying = pool.submit(replay_erasures, db, store, scene.world.clock())
            assert waits(replaying)
            session.add(consent(customer_id, scene))
        replaying.result(20)
    assert is_erased(scene.world, customer_id)
    assert scene.rows(Consent) == []


def test_a_merge_that_comes_while_erasures_are_replayed_joins_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, people, store = scene.world.service.db, scene.people, scene.people.keystore
    eva, ana = people.node("Eva"), people.node("Ana")
    store.destroy([eva], scene.world.clock())
    halt = Halt()
    monkeypatch.setattr("service.privacy.replay.forget", halt.before(forget))
    with Others(scene.world) as pool:
        replaying = pool.submit(replay_erasures, db, store, scene.world.clock())
        assert halt.reached.wait(20)
        joining = pool.submit(people.join, eva, ana)
        assert waits(joining)
        halt.go_on.set()
        replaying.result(20)
        assert joining.result(20).outcome is not Outcome.MERGED
    assert scene.rows(Merge) == []
    assert people.canonical(ana) == ana


@pytest.mark.parametrize("first", ["merge", "erasure"])
def test_a_merge_and_an_erasure_wait_for_each_other(scene: Scene, first: str) -> None:
    """Either both files are gone, or one is, and the other stands alone."""
    people = People(scene.world, scene.world.service.rules)
    one, other = people.node("Ana"), people.node("Eva")
    acts: dict[str, Callable[[], Any]] = {
        "merge": lambda: people.join(one, other),
        "erasure": lambda: gone(scene, one),
    }
    with Others(scene.world) as pool:
        jobs = {name: pool.submit(acts[name]) for name in sorted(acts, key=lambda name: name != first)}
        merged, erased = jobs["merge"].result(30), jobs["erasure"].result(30)
    assert is_erased(scene.world, one)
    assert is_erased(scene.world, other) is (merged.outcome is Outcome.MERGED)
    assert set(erased.nodes) == ({one, other} if is_erased(scene.world, other) else {one})
    assert people.canonical(other) == other
    assert scene.rows(Merge) == []


def test_two_erasures_at_once_are_one(scene: Scene) -> None:
    scene.live()
    with Others(scene.world) as pool:
        jobs = [pool.submit(gone, scene, node) for node in (*scene.nodes, *scene.nodes)]
        done = [job.result(30) for job in jobs]
    assert {item.erased_at for item in done} == {scene.world.clock()}
    assert max(len(item.nodes) for item in done) == 2


def test_a_scan_that_is_judged_while_its_card_goes_is_detached(scene: Scene) -> None:
    """The scan's statement has seen the card, and commits only after the erasure has."""
    db, customer_id = scene.world.service.db, UUID(scene.maria.customer_id)
    if db.on_sqlite:
        return  # one statement is one writer: there is nothing between seeing the card and storing the scan
    scene.till.scan(scene.maria.code())
    copy = text(
        "INSERT INTO scans SELECT gen_random_uuid(), terminal_id, store_id, kind, card_id, customer_id, step + 1,"
        " outcome, reason, scanned_at, received_at, cashier_ref, training, flagged_at, body_digest FROM scans"
    )
    with Others(scene.world) as pool:
        with db.engine.connect() as late:
            late.execute(copy)
            erased = gone(scene, customer_id)
            sweeping = pool.submit(swept, scene, erased.nodes)
            assert waits(sweeping)
            late.exec_driver_sql("COMMIT")
        sweeping.result(20)
    assert [row["customer_id"] for row in scene.rows(Scan)] == [None, None]


def test_a_sweep_that_may_not_wait_any_longer_leaves_it_to_the_next(scene: Scene) -> None:
    db = scene.world.service.db
    if db.on_sqlite:
        return
    scene.till.scan(scene.maria.code())
    with db.engine.connect() as busy:
        busy.execute(text("LOCK TABLE scans IN ROW EXCLUSIVE MODE"))
        assert scene.maria.call("POST", "/shopper/v1/erase", ERASE).status_code == 204
        busy.exec_driver_sql("ROLLBACK")
    assert [row["customer_id"] for row in scene.rows(Scan)] == [None]


@pytest.mark.parametrize("round_", range(3))
def test_tills_that_scan_while_she_is_erased_leave_nothing_of_her(scene: Scene, round_: int) -> None:
    customer_id, codes = UUID(scene.maria.customer_id), []
    for _ in range(8):
        scene.world.clock.forward(seconds=30)
        codes.append(scene.maria.code())
    scene.world.clock.forward(seconds=-60)
    start = threading.Barrier(9)

    def shoot(act: Callable[[], Any]) -> Any:
        start.wait(20)
        return act()

    with Others(scene.world) as pool:
        scans = [pool.submit(shoot, lambda code=code: scene.till.scan(code)) for code in codes]
        erasing = pool.submit(shoot, scene.erase)
        answers = [scan.result(30) for scan in scans]
        erasing.result(30)
    assert {answer.status_code for answer in answers} == {201}
    stored = scene.rows(Scan)
    assert len(stored) == len(codes)
    assert [row for row in stored if row["customer_id"] == customer_id or row["card_id"] is not None] == []


def consent(customer_id: UUID, scene: Scene) -> Consent:
    now = scene.world.clock()
    said: dict[str, Any] = {"purpose": "profiling", "granted": True, "source": "shopper", "text_version": "1"}
    return Consent(id=UUID(int=1), customer_id=customer_id, at=now, **said)


def add_consent(scene: Scene) -> None:
    customer_id = UUID(scene.maria.customer_id)
    with scene.world.service.db.write() as session:
        lock_customer(session, customer_id)
        session.add(consent(customer_id, scene))


def swept(scene: Scene, nodes: Any) -> None:
    with scene.world.service.db.write() as session:
        sweep(session, nodes)


def is_erased(world: World, customer_id: UUID) -> bool:
    with world.service.db.read() as session:
        return session.get_one(Customer, customer_id).erased_at is not None


def gone(scene: Scene, node: UUID) -> Erased:
    now = scene.world.clock()
    with scene.world.service.db.write() as session:
        return erase(session, scene.people.keystore, node, actor=COMMAND, now=now)
