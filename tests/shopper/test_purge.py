"""Sessions that are over are purged a day later; those that had a card stay, for their scans name it."""

import pytest
from sqlalchemy import func, select

from service.purge import purge
from service.sessions.models import ShopperSession
from tests.world import World

on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
SESSIONS = "/commerce/v1/accounts/maria/sessions"


def sessions(world: World) -> int:
    with world.service.db.read() as session:
        return session.scalar(select(func.count()).select_from(ShopperSession)) or 0


def purged(world: World) -> int:
    with world.service.db.write() as session:
        return purge(session, world.clock())["sessions"]


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
