"""A site that asks for a link while the shopper is erased: one of the two waits, and no request is left."""

import threading
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from service.audit.models import COMMAND, Actor, ActorKind, AuditEntry
from service.customers.lock import lock_customer
from service.errors import NotFound
from service.linking import ask
from service.linking.models import LinkRequest
from service.linking.prove import prove
from service.privacy.erase import erase
from tests.erasure.test_races import Others, waits
from tests.merging.people import People
from tests.world import World


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_erasure_takes_the_link_request_that_is_just_being_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, now = world.service.db, world.clock()
    maria, asker = world.shopper("maria"), world.site("Libros")
    site_id, account = UUID(asker.site_id), UUID(asker.account("m2"))
    proof = prove(db, site_id, maria.code(), keys=world.service.keys, now=now)
    reached, go_on = threading.Event(), threading.Event()
    spend = ask._spend

    def spend_slowly(*given: Any, **more: Any) -> None:
        spend(*given, **more)
        reached.set()
        assert go_on.wait(20)

    def make_request() -> None:
        with db.write() as session:
            actor = Actor(ActorKind.SITE, site_id)
            ask.ask(session, proof, site_id=site_id, account_customer_id=account, actor=actor, now=now)

    def erase_maria() -> None:
        with db.write() as session:
            erase(session, world.service.keystore, UUID(maria.customer_id), actor=COMMAND, now=now)

    monkeypatch.setattr(ask, "_spend", spend_slowly)
    with Others(world) as pool:
        asking = pool.submit(make_request)
        assert reached.wait(20)
        erasing = pool.submit(erase_maria)
        assert waits(erasing)
        go_on.set()
        asking.result(20)
        erasing.result(20)
    with db.read() as session:
        assert session.scalars(select(LinkRequest)).all() == []
        left = select(AuditEntry.action).where(AuditEntry.customer_id == UUID(maria.customer_id))
        assert list(session.scalars(left)) == ["customer.erased"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_request_about_two_files_and_an_erasure_of_both_take_them_in_one_order(world: World) -> None:
    """The erasure holds the first file and waits for the second: the request must not hold that one meanwhile."""
    db, now, people = world.service.db, world.clock(), People(world, world.service.rules)
    maria, asker = world.shopper("maria"), world.site("Libros")
    site_id, account = UUID(asker.site_id), UUID(asker.account("m2"))
    proof = prove(db, site_id, maria.code(), keys=world.service.keys, now=now)
    people.join(account, UUID(maria.customer_id))

    def make_request() -> None:
        with db.write() as session:
            actor = Actor(ActorKind.SITE, site_id)
            ask.ask(session, proof, site_id=site_id, account_customer_id=account, actor=actor, now=now)

    def erase_maria() -> None:
        with db.write() as session:
            erase(session, world.service.keystore, account, actor=COMMAND, now=now)

    with Others(world) as pool:
        with db.write() as session:
            lock_customer(session, max(account, UUID(maria.customer_id)))
            erasing = pool.submit(erase_maria)
            assert waits(erasing)
            asking = pool.submit(make_request)
            assert waits(asking)
        erasing.result(20)
        with pytest.raises(NotFound):
            asking.result(20)
