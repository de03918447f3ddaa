"""What is over is purged when its page says; sessions that had a card stay, for their scans name it."""

from uuid import uuid4

import pytest
from sqlalchemy import func, select

from service.purge import purge
from service.scans.models import OtpFailure
from service.sessions.models import ShopperSession
from tests.shopper.phone import handoff
from tests.world import World

on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
SESSIONS = "/commerce/v1/accounts/maria/sessions"


def sessions(world: World) -> int:
    with world.service.db.read() as session:
        return session.scalar(select(func.count()).select_from(ShopperSession)) or 0


def purged(world: World, kind: str = "sessions") -> int:
    with world.service.db.write() as session:
        return purge(session, world.clock())[kind]


@on_both
def test_sessions_that_are_over_are_purged_unless_they_had_a_card(world: World) -> None:
    site = world.site()
    maria = site.shopper()
    site.call("POST", SESSIONS, {})
    ended = site.call("POST", SESSIONS, {}).json["session_token"]
    assert sessions(world) == 3
    assert world.client.delete("/shopper/v1/session", headers={"Authorization": f"Bearer {ended}"}).status_code == 204
    assert purged(world) == 0
    world.clock.forward(days=1, minutes=1)
    assert purged(world) == 1
    assert maria.call("GET", "/shopper/v1/activity").status_code == 200
    world.clock.forward(days=400)
    assert purged(world) == 1
    assert sessions(world) == 1
    assert purged(world) == 0


@pytest.mark.parametrize(
    ("kind", "not_yet", "then"),
    [
        ("otp_failures", {"minutes": 31}, {"minutes": 31}),
        ("handoffs", {"days": 1, "minutes": 1}, {"seconds": 1}),
        ("enrolment_codes", {"days": 1, "minutes": 14}, {"minutes": 2}),
    ],
)
def test_what_has_no_use_any_more_goes_at_its_time(
    world: World, kind: str, not_yet: dict[str, float], then: dict[str, float]
) -> None:
    world.invitation()
    handoff(world.site())
    with world.service.db.write() as session:
        session.add(OtpFailure(terminal_id=uuid4(), card_number=881234567, nth=1, failed_at=world.clock()))
    world.clock.forward(**not_yet)
    assert purged(world, kind) == 0
    world.clock.forward(**then)
    assert purged(world, kind) == 1
