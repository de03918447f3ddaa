import pytest

from tests.merging.people import People
from tests.world import Caller, World


@pytest.fixture
def people(world: World) -> People:
    return People(world, world.service.rules)


@pytest.fixture
def olga(world: World) -> Caller:
    """An operator."""
    return world.operator("Olga")
