from collections.abc import Iterator

import pytest

from tests.conftest import DATABASES
from tests.scans.arena import Arena, open_arena
from tests.world import Shopper, Site, World


@pytest.fixture(scope="session", params=DATABASES)
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """The real service, shared by the races of this folder: each brings its own tills and shoppers."""
    with open_arena(request.param, tmp_path_factory.mktemp("arena"), request) as opened:
        yield opened


@pytest.fixture
def outlet(world: World) -> Site:
    """A second shop, which knows an account `mary` and nothing of Maria."""
    outlet = world.site("Outlet")
    outlet.account("mary")
    return outlet


@pytest.fixture
def maria(world: World) -> Shopper:
    return world.shopper("maria")
