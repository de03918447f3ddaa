"""The key of the blind index is rotated under load: everybody stays findable, and nobody gets a second file."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from service.app import create_app
from service.crypto import keyfile
from service.crypto.keyfile import PUBLISH_BEFORE_INDEXING
from service.customers.models import Customer, Identifier
from service.customers.reindex import count_by_version, find_stale, reindex
from service.worker import reindex_all
from tests.customers.given import EMAIL, email
from tests.world import Site, World


def rotate(world: World, *, at_once: bool = False) -> None:
    """Add an index key, as `unspoken keys rotate --kind index` does, at the world's time."""
    path, kept = world.settings.keys_file, keyfile.load(world.settings.keys_file)
    keyfile.save(path, keyfile.rotate_index(kept, world.clock(), at_once=at_once))


def let_worker_reindex(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.worker.clock.now", world.clock)
    reindex_all(world.service.db, world.service.keystore)


def versions(world: World) -> dict[int, int]:
    with world.service.db.read() as session:
        return count_by_version(session)


def found(site: Site, kind: str = "email", value: str = EMAIL) -> str | None:
    answer = site.call("POST", "/commerce/v1/customers/lookup", {"kind": kind, "value": value})
    customer_id: str | None = answer.json.get("customer_id")
    return customer_id


def customers(world: World) -> int:
    with world.service.db.read() as session:
        return len(session.scalars(select(Customer.id)).all())


def test_everybody_is_found_before_during_and_after_a_rotation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    site = world.site()
    maria = site.put("maria", email())["customer_id"]

    def is_found() -> bool:
        again = site.put("maria", email())
        return found(site) == found(site, "account", "maria") == again["customer_id"] == maria

    assert is_found()
    rotate(world)
    world.clock.forward(seconds=1)
    assert is_found()
    eva = site.put("eva", email("eva@example.com"))["customer_id"]
    assert versions(world) == {1: 4}, "nothing is written under a key that other processes may not know yet"
    world.clock.forward(seconds=PUBLISH_BEFORE_INDEXING.total_seconds())
    assert found(site) == found(site, "account", "maria") == maria
    site.put("ana", email("ana@example.com"))
    assert versions(world) == {1: 4, 2: 2}
    let_worker_reindex(world, monkeypatch)
    assert versions(world) == {2: 6}
    assert is_found()
    assert found(site, "email", "eva@example.com") == eva
    rotate(world)
    assert is_found()
    assert customers(world) == 3


def test_what_was_unlinked_is_not_counted(world: World) -> None:
    site = world.site()
    put = site.put("maria", email())
    told = site.call("GET", f"/commerce/v1/customers/{put['customer_id']}").json["identifiers"]
    held = {one["kind"]: one["identifier_id"] for one in told}
    assert versions(world) == {1: 2}
    path = f"/commerce/v1/accounts/maria/identifiers/{held['email']}"
    assert site.call("DELETE", path).status_code == 204
    assert versions(world) == {1: 1}


def test_a_database_from_before_several_rotations_finds_everybody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a backup is restored beside the key file of today."""
    site = world.site()
    maria = site.put("maria", email())["customer_id"]
    with world.service.db.read() as session:
        backup = session.execute(select(Identifier.id, Identifier.value_index, Identifier.index_version)).all()
    for _ in range(3):
        rotate(world, at_once=True)
        world.clock.forward(seconds=1)
        let_worker_reindex(world, monkeypatch)
    with world.service.db.write() as session:
        session.execute(update(Identifier), [row._asdict() for row in backup])
    assert versions(world) == {1: 2}
    assert found(site) == site.put("maria", email())["customer_id"] == maria
    assert versions(world) == {4: 2}


def test_a_value_whose_data_key_was_lost_is_kept_anew_when_the_site_gives_it_again(world: World) -> None:
    site = world.site()
    maria = site.put("maria", email())["customer_id"]
    with world.service.keystore.db.write() as session:
        session.execute(text("DELETE FROM data_keys"))

    def told() -> dict[str, str | None]:
        read = site.call("GET", f"/commerce/v1/customers/{maria}").json
        return {item["kind"]: item["value"] for item in read["identifiers"]}

    assert told() == {"account": None, "email": None}
    assert site.put("maria", email())["customer_id"] == maria
    assert told() == {"account": "maria", "email": EMAIL}


def test_an_account_from_before_values_were_kept_heals_when_it_is_next_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = world.site()
    maria, eva = site.account("maria"), site.account("eva")
    with world.service.db.write() as session:
        session.execute(update(Identifier).values(value_sealed=None))
    rotate(world, at_once=True)
    let_worker_reindex(world, monkeypatch)
    assert versions(world) == {1: 2}, "without the value there is nothing to index"
    assert site.account("maria") == maria
    assert site.call("POST", "/commerce/v1/accounts/eva/sessions", {}).status_code == 201
    assert versions(world) == {2: 2}
    read = site.call("GET", f"/commerce/v1/customers/{eva}").json
    assert [item["value"] for item in read["identifiers"]] == ["eva"]


def test_the_worker_goes_on_past_what_it_can_not_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.customers.reindex.BATCH", 2)
    site = world.site()
    ids = [site.put(f"a{number}", email(f"a{number}@example.com"))["customer_id"] for number in range(4)]
    with world.service.db.write() as session:
        lost = session.scalars(select(Identifier).order_by(Identifier.id).limit(2)).all()
        for row in lost:
            row.value_sealed = b"x" * 40
    rotate(world, at_once=True)
    let_worker_reindex(world, monkeypatch)
    assert versions(world) == {1: 2, 2: 6}
    assert len(set(ids)) == 4


def test_nothing_is_stale_until_the_new_key_writes(world: World) -> None:
    world.site().put("maria", email())
    rotate(world)
    vault, now = world.service.keys.vault, world.clock()
    with world.service.db.write() as session:
        assert find_stale(session, vault, after=None, now=now) == []
        stale = find_stale(session, vault, after=None, now=now + PUBLISH_BEFORE_INDEXING)
        assert len(stale) == 2
        assert reindex(session, world.service.keystore, stale, now=now + PUBLISH_BEFORE_INDEXING) == 2


def test_a_process_whose_clock_is_behind_brings_nothing_back_under_the_old_key(world: World) -> None:
    site = world.site()
    rotate(world)
    world.clock.forward(seconds=PUBLISH_BEFORE_INDEXING.total_seconds())
    site.put("maria", email())
    world.clock.forward(seconds=-1)
    site.put("maria", email())
    assert versions(world) == {2: 2}


@pytest.mark.parametrize("body", [{}, {"identifiers": [{"kind": "email", "value": EMAIL}]}], ids=["bare", "email"])
def test_two_puts_of_one_account_around_the_switch_make_one_customer(world: World, body: dict[str, Any]) -> None:
    """Two processes: by the clock of one the old key still writes, by that of the other the new one does."""
    site = world.site()
    rotate(world)
    switch = world.clock() + PUBLISH_BEFORE_INDEXING
    before, after = switch - timedelta(milliseconds=1), switch + timedelta(milliseconds=1)
    apps = [create_app(world.settings, now=lambda at=at: at) for at in (before, after)]
    headers = {"Authorization": f"Bearer {site.secret_key}"}

    def put(number: int) -> Any:
        client = apps[number % 2].test_client()
        return client.put(f"/commerce/v1/accounts/a{number // 8}", json=body, headers=headers).json["customer_id"]

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(put, range(64)))
    for app in apps:
        app.extensions["unspoken"].db.close()
        app.extensions["unspoken"].keystore.close()
    assert [len(set(answered[start : start + 8])) for start in range(0, 64, 8)] == [1] * 8
    assert customers(world) == 8


def test_nobody_notices_the_worker_at_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.customers.reindex.BATCH", 3)
    site = world.site()
    known = [site.put(f"a{number}", email(f"a{number}@example.com"))["customer_id"] for number in range(20)]
    rotate(world, at_once=True)

    def put(number: int) -> str:
        customer_id: str = site.put(f"a{number}", email(f"a{number}@example.com"))["customer_id"]
        assert found(site, "email", f"a{number}@example.com") == customer_id
        return customer_id

    with ThreadPoolExecutor(4) as pool:
        working = pool.submit(let_worker_reindex, world, monkeypatch)
        answered = list(pool.map(put, range(20)))
        working.result()
    assert answered == known
    assert versions(world) == {2: 40}
    assert customers(world) == 20


def test_a_worker_that_is_told_to_stop_leaves_the_rest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.site().put("maria", email())
    before = versions(world)
    rotate(world, at_once=True)
    monkeypatch.setattr("service.worker.clock.now", world.clock)
    reindex_all(world.service.db, world.service.keystore, lambda: True)
    assert versions(world) == before
    let_worker_reindex(world, monkeypatch)
    assert versions(world) != before
