import pytest

from tests.merging.people import People
from tests.world import World


@pytest.fixture
def people(world: World) -> People:
    return People(world, world.service.rules)
