import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor, ActorKind, AuditEntry
from service.audit.record import record
from service.crypto.keystore import _data_keys, _erasures
from service.customers.models import Customer, Identifier, IdentifierKind
from service.erasures import replay_before_serving, replay_erasures
from service.errors import NotFound
from service.privacy.replay import Journal, replay
from service.scans.models import Scan
from service.worker import jobs_of
from tests.cli.conftest import Shell
from tests.conftest import Start
from tests.erasure.scene import VALUES, Scene, backup, dump, personal
from tests.merging.people import People
from tests.world import World

_KILLED_BETWEEN_THE_STORES = """
import os, sys
import service.privacy.erase
service.privacy.erase.forget = lambda *_: os._exit(9)
from service.cli import main
main(["customer", "erase", sys.argv[1], "--yes"])
"""


def is_erased(world: World, customer_id: UUID) -> bool:
    with world.service.db.read() as session:
        return session.get_one(Customer, customer_id).erased_at is not None


def test_a_crash_between_the_stores_is_told_and_repaired(scene: Scene, shell: Shell) -> None:
    scene.live()
    secrets = personal(scene.world, scene.nodes) | set(VALUES)
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED_BETWEEN_THE_STORES, scene.maria.customer_id],
        env=os.environ | {name: value for name, value in shell.environ.items() if value is not None},
        check=False,
    )
    assert killed.returncode == 9
    assert not is_erased(scene.world, scene.nodes[0])
    assert scene.world.service.keystore.find(scene.nodes[0]) is None, "her keys went first"
    told = scene.world.client.get("/readyz")
    assert (told.status_code, told.json["code"]) == (503, "not_ready")
    assert "unspoken customer replay-erasures" in told.json["detail"]
    assert {UUID(ident) for ident in shell.json("customer", "replay-erasures")["erased"]} == set(scene.nodes)
    assert scene.ready() == 200
    assert [secret for secret in secrets if secret in dump(scene.world)] == []


def test_an_erasure_that_was_cut_off_can_be_asked_for_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise NotFound("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr("service.privacy.erase.forget", crash)
        assert scene.maria.call("POST", "/shopper/v1/erase", {"confirm": "erase"}).status_code == 404
    assert scene.ready() == 503
    scene.erase()
    assert scene.ready() == 200


def test_a_restored_backup_does_not_serve_before_it_was_replayed(scene: Scene, shell: Shell) -> None:
    scene.live()
    secrets = personal(scene.world, scene.nodes) | set(VALUES)
    restore = backup(scene.world)
    erased_at = scene.world.clock()
    scene.erase()
    assert scene.ready() == 200
    restore()
    assert [secret for secret in secrets if secret in dump(scene.world)] != []
    assert scene.ready() == 503, "the very process that found the journal settled sees the old data"
    scene.world.clock.forward(days=1)
    shell.json("customer", "replay-erasures")
    assert scene.ready() == 200
    assert [secret for secret in secrets if secret in dump(scene.world)] == []
    with scene.world.service.db.read() as session:
        for node in scene.nodes:
            assert session.get_one(Customer, node).erased_at == erased_at, (
                "when it was done, not when it was repeated"
            )
            [line] = session.scalars(select(AuditEntry).where(AuditEntry.customer_id == node))
            told = (line.action, line.actor_kind, line.at, line.why)
            assert told == ("customer.erased", "system", erased_at, "replayed from the journal")
    assert shell.json("customer", "replay-erasures") == {"erased": [], "keys_destroyed": 0}


def test_nor_does_one_that_knows_nobody_of_the_newest_erasures(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.privacy.replay._ALWAYS_CHECKED", 1)
    restore = backup(scene.world)
    scene.erase()
    later = scene.zapatos.shopper("later")
    scene.world.clock.forward(seconds=1)
    assert later.call("POST", "/shopper/v1/erase", {"confirm": "erase"}).status_code == 204
    assert scene.ready() == 200
    restore()
    assert scene.ready() == 503


def test_the_service_replays_before_it_serves(scene: Scene, start_service: Start) -> None:
    scene.live()
    restore = backup(scene.world)
    scene.erase()
    restore()
    assert not is_erased(scene.world, scene.nodes[0])
    start_service(workers=1)
    assert all(is_erased(scene.world, node) for node in scene.nodes)


def test_a_service_that_can_not_ask_its_key_store_starts_all_the_same(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    replay_before_serving(replace(world.settings, keystore_url="postgresql+psycopg://nobody@127.0.0.1:1/gone"))
    assert "erasures not checked" in capsys.readouterr().err


def test_a_backup_holds_sealed_values_that_nothing_opens_any_more(scene: Scene) -> None:
    scene.live()
    restore = backup(scene.world)
    scene.erase()
    restore()
    with scene.world.service.db.read() as session:
        held = session.scalars(select(Identifier).where(Identifier.customer_id.in_(scene.nodes))).all()
        assert len(held) > 3
    assert scene.world.service.keystore.find_many(scene.nodes) == {}
    path = f"/commerce/v1/customers/{scene.maria.customer_id}"
    assert VALUES[0] not in scene.zapatos.call("GET", path).get_data(as_text=True)


def test_whom_a_restored_backup_does_not_know_counts_as_erased(world: World) -> None:
    restore = backup(world)
    scene = Scene(world)
    scene.erase()
    restore()
    assert scene.ready() == 200


def test_a_replay_takes_exactly_those_in_the_journal(world: World, shell: Shell) -> None:
    """When the backup was made, Ana counted as Eva; they were parted, and only Eva was erased."""
    people = People(world, world.service.rules)
    eva, ana, ida = (people.node(name, verified=name == "Eva") for name in ("Eva", "Ana", "Ida"))
    merge = people.join(eva, ana)
    people.join(eva, ida)
    assert people.canonical(ana) == eva
    restore = backup(world)
    people.undo(merge.merge_id)
    with world.service.db.write() as session:
        from service.audit.models import COMMAND
        from service.privacy.erase import erase

        gone = erase(session, world.service.keystore, ida, actor=COMMAND, now=world.clock())
    assert set(gone.nodes) == {eva, ida}
    restore()
    assert {UUID(ident) for ident in shell.json("customer", "replay-erasures")["erased"]} == {eva, ida}
    assert (is_erased(world, eva), is_erased(world, ida), is_erased(world, ana)) == (True, True, False)
    assert people.canonical(ana) == ana
    assert people.canonical(eva) == eva
    with world.service.db.read() as session:
        hers = session.scalars(select(AuditEntry).where(AuditEntry.customer_id == ana)).all()
    assert Action.CUSTOMERS_MERGED in [line.action for line in hers]
    assert not any(str(gone) in str((line.actor_id, line.detail)) for line in hers for gone in (eva, ida))


@pytest.mark.parametrize("is_first", [True, False])
def test_a_replay_gives_back_what_a_merge_with_the_erased_took(world: World, shell: Shell, is_first: bool) -> None:
    people = People(world, world.service.rules)
    people.change("limits", email=1)
    ana, eva = sorted((people.node("Ana"), people.node("Eva")), reverse=is_first)
    people.give(ana, IdentifierKind.EMAIL, "ana@example.org")
    people.give(eva, IdentifierKind.EMAIL, "eva@example.org")
    before = people.held(ana)
    merge = people.join(ana, eva)
    assert people.held(ana) != before
    restore = backup(world)
    people.undo(merge.merge_id)
    shell.json("customer", "erase", str(eva), "--yes")
    restore()
    assert shell.json("customer", "replay-erasures")["erased"] == [str(eva)]
    assert people.held(ana) == before


def test_a_replay_withholds_no_card_by_the_word_of_the_erased(world: World, shell: Shell) -> None:
    site, people = world.site(), People(world, world.service.rules)
    ana, eva = (site.shopper(name) for name in ("ana", "eva"))
    text_version = eva.call("GET", "/shopper/v1/consents").json["items"][0]["text_version"]
    said = {"granted": False, "text_version": text_version}
    assert eva.call("PUT", "/shopper/v1/consents/identification", said).status_code == 200
    merge = people.join(UUID(ana.customer_id), UUID(eva.customer_id))
    assert ana.call("GET", "/shopper/v1/code").json["code"] == "consent_withdrawn"
    restore = backup(world)
    people.undo(merge.merge_id)
    shell.json("customer", "erase", eva.customer_id, "--yes")
    restore()
    assert shell.json("customer", "replay-erasures")["erased"] == [eva.customer_id]
    assert ana.call("GET", "/shopper/v1/code").status_code == 200


def test_a_replay_gives_nothing_back_to_the_erased_that_somebody_else_has_proved_since(
    world: World, shell: Shell
) -> None:
    people = People(world, world.service.rules)
    people.change("limits", email=1)
    ana, eva, ida = (people.node(name) for name in ("Ana", "Eva", "Ida"))
    people.give(ana, IdentifierKind.EMAIL, "ana@example.org")
    people.give(eva, IdentifierKind.EMAIL, "eva@example.org")
    merge = people.join(ana, eva)
    people.give(ida, IdentifierKind.EMAIL, "ana@example.org")
    before = people.held(ida)
    restore = backup(world)
    people.undo(merge.merge_id)
    shell.json("customer", "erase", str(ana), "--yes")
    restore()
    assert shell.json("customer", "replay-erasures")["erased"] == [str(ana)]
    assert (people.held(ana), people.held(ida)) == ({}, before)


def test_an_old_key_store_that_was_put_back_is_replayed_against_the_database(scene: Scene, shell: Shell) -> None:
    scene.live()
    store = scene.world.service.keystore
    keys = backup_keystore(scene.world)
    scene.erase()
    keys()
    assert store.find(scene.nodes[0]) is not None
    told = shell.run("customer", "replay-erasures").stdout
    assert told == "Nobody to erase again. Destroyed 2 data keys that had come back.\n"
    assert [store.find(node) for node in scene.nodes] == [None, None]
    assert set(store.erasures()) == set(scene.nodes)


def test_an_old_key_store_that_was_put_back_is_replayed_before_anybody_is_served(scene: Scene) -> None:
    scene.live()
    store = scene.world.service.keystore
    keys = backup_keystore(scene.world)
    scene.erase()
    keys()
    replay_before_serving(scene.world.settings)
    assert [store.find(node) for node in scene.nodes] == [None, None]
    assert set(store.erasures()) == set(scene.nodes)


def test_one_key_that_came_back_is_told_as_one(scene: Scene, shell: Shell) -> None:
    keys = backup_keystore(scene.world)
    scene.erase()
    keys()
    told = shell.run("customer", "replay-erasures").stdout
    assert told == "Nobody to erase again. Destroyed 1 data key that had come back.\n"


@pytest.mark.parametrize("by", ["worker", "command"])
def test_keys_that_came_back_beside_the_journal_are_destroyed_again(scene: Scene, shell: Shell, by: str) -> None:
    """An operator restored the keys from a backup, and saved the journal from the broken store, as the docs say."""
    scene.live()
    store = scene.world.service.keystore
    keys = backup_keystore(scene.world)
    scene.erase()
    journal = store.erasures()
    keys()
    with store.db.write() as session:
        rows = [{"customer_id": node, "erased_at": at} for node, at in journal.items()]
        session.execute(_erasures.insert(), rows)
    assert store.find(scene.nodes[0]) is not None
    if by == "worker":
        replay_erasures(scene.world.service.db, store, scene.world.clock())
    else:
        assert shell.json("customer", "replay-erasures") == {"erased": [], "keys_destroyed": 2}
    assert [store.find(node) for node in scene.nodes] == [None, None]
    assert store.find(UUID(scene.juan.customer_id)) is not None


def test_the_files_of_the_key_store_hold_her_key_no_more(scene: Scene) -> None:
    scene.live()
    path = Path(make_url(scene.world.settings.keystore_url).database or "")
    files = (path, path.with_name(path.name + "-wal"))
    with scene.world.service.keystore.db.read() as session:
        of_hers = _data_keys.c.customer_id.in_(scene.nodes)
        keys = [bytes(key) for key in session.scalars(select(_data_keys.c.sealed_key).where(of_hers))]
    assert len(keys) == 2
    assert all(any(key in file.read_bytes() for file in files) for key in keys)
    scene.erase()
    assert [key for key in keys if any(key in file.read_bytes() for file in files)] == []


def test_keys_that_came_back_and_were_destroyed_again_are_in_no_file_of_the_key_store(scene: Scene) -> None:
    scene.live()
    store = scene.world.service.keystore
    path = Path(make_url(scene.world.settings.keystore_url).database or "")
    files = (path, path.with_name(path.name + "-wal"))
    with store.db.read() as session:
        theirs = [dict(row._mapping) for row in session.execute(select(_data_keys))]
    scene.erase()
    back = [row for row in theirs if row["customer_id"] in scene.nodes]
    with store.db.write() as session:
        session.execute(_data_keys.insert(), back)
    assert all(any(row["sealed_key"] in file.read_bytes() for file in files) for row in back)
    store.enforce_journal()
    assert [row for row in back if any(row["sealed_key"] in file.read_bytes() for file in files)] == []


def test_the_worker_finishes_what_was_cut_off(scene: Scene) -> None:
    scene.live()
    restore = backup(scene.world)
    scene.erase()
    restore()
    assert scene.ready() == 503
    replay_erasures(scene.world.service.db, scene.world.service.keystore, scene.world.clock())
    assert scene.ready() == 200


def test_a_worker_has_that_among_its_jobs(scene: Scene) -> None:
    restore = backup(scene.world)
    scene.erase()
    restore()
    world = scene.world
    jobs = {
        job.name: job for job in jobs_of(world.settings, world.service.db, world.service.live_keys, threading.Event())
    }
    jobs["erasures"].run()
    assert scene.ready() == 200
    assert is_erased(world, scene.nodes[0])


def test_the_worker_sweeps_up_after_an_erasure(scene: Scene) -> None:
    """As when a scan and a look were stored at the very moment, and the sweep after the erasure gave up waiting."""
    looker = Actor(ActorKind.SITE, UUID(scene.zapatos.site_id))
    scene.erase()
    late = scene.till.scan(scene.juan.code())
    assert late.json["outcome"] == "identified"
    with scene.world.service.db.write() as session:
        session.execute(update(Scan).values(customer_id=scene.nodes[0]))
        record(session, Action.READ, scene.nodes[0], actor=looker, now=scene.world.clock(), why="ticket-4711")
    replay_erasures(scene.world.service.db, scene.world.service.keystore, scene.world.clock())
    assert [(row["customer_id"], row["card_id"]) for row in scene.rows(Scan)] == [(None, None)]
    [look] = [row for row in scene.rows(AuditEntry) if row["actor_id"] == looker.id and row["action"] == Action.READ]
    assert (look["customer_id"], look["why"]) == (None, None)


@pytest.mark.parametrize("by", ["worker", "command"])
def test_whoever_replays_an_old_erasure_sweeps_up_a_scan_that_was_stored_meanwhile(
    scene: Scene, shell: Shell, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    restore = backup(scene.world)
    scene.erase()
    restore()
    scene.world.clock.forward(hours=2)
    scene.till.scan(scene.juan.code())

    def replay_while_a_till_scans(session: Session, *given: Any) -> list[UUID]:
        gone = replay(session, *given)
        session.execute(update(Scan).values(customer_id=scene.nodes[0]))
        return gone

    module = "service.erasures" if by == "worker" else "service.commands.customers"
    monkeypatch.setattr(f"{module}.replay", replay_while_a_till_scans)
    if by == "worker":
        replay_erasures(scene.world.service.db, scene.world.service.keystore, scene.world.clock())
    else:
        assert shell.json("customer", "replay-erasures")["erased"] == [scene.maria.customer_id]
    assert [row["customer_id"] for row in scene.rows(Scan)] == [None]


def test_the_newest_erasures_are_looked_at_each_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.privacy.replay._ALWAYS_CHECKED", 1)
    assert scene.juan.call("POST", "/shopper/v1/erase", {"confirm": "erase"}).status_code == 204
    scene.world.clock.forward(days=1)
    restore = backup(scene.world)
    scene.erase()
    assert scene.ready() == 200
    restore()
    assert scene.ready() == 503


def test_a_key_store_that_is_gone_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    def fail(_: object) -> int:
        raise OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr("service.crypto.keystore.KeyStore.count_erasures", fail)
    told = world.client.get("/readyz")
    assert (told.status_code, "key store" in told.json["detail"]) == (503, True)


def test_the_whole_journal_is_gone_through_only_when_it_grew(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: list[bool] = []
    store, journal = scene.world.service.keystore, Journal()
    erasures = type(store).erasures

    def watch(self: object, *, newest: int | None = None) -> object:
        whole.append(newest is None)
        return erasures(store, newest=newest)

    monkeypatch.setattr("service.crypto.keystore.KeyStore.erasures", watch)
    with scene.world.service.db.read() as session:
        assert journal.is_settled(session, store)
        assert sum(whole) == 1
        assert journal.is_settled(session, store)
        assert sum(whole) == 1
    scene.erase()
    with scene.world.service.db.read() as session:
        assert journal.is_settled(session, store)
    assert (sum(whole), len(whole)) == (2, 5), "the newest each time"


def backup_keystore(world: World):  # type: ignore[no-untyped-def]
    """Copy the key store; return what puts it back."""
    db = world.service.keystore.db
    with db.read() as session:
        kept = [dict(row) for row in session.execute(select(_data_keys)).mappings()]

    def restore() -> None:
        with db.write() as session:
            session.execute(delete(_data_keys))
            session.execute(delete(_erasures))
            session.execute(_data_keys.insert(), kept)

    return restore
