import pytest

from tests.cli.conftest import Shell
from tests.erasure.scene import Scene
from tests.world import World


@pytest.fixture
def scene(world: World) -> Scene:
    """A brand's day with Maria and Juan, before anything happened."""
    return Scene(world)


@pytest.fixture
def shell(world: World) -> Shell:
    """A prompt at the world's own installation."""
    settings = world.settings
    return Shell(
        {
            "UNSPOKEN_DATABASE_URL": settings.database_url,
            "UNSPOKEN_KEYS_FILE": str(settings.keys_file),
            "UNSPOKEN_KEYSTORE_URL": settings.keystore_url,
        }
    )
