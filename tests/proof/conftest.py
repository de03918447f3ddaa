from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import shell
from tests.proof.people import Inbox, Maria
from tests.world import World

__all__ = ["shell"]


@pytest.fixture
def inbox(world: World, tmp_path: Path) -> Inbox:
    return Inbox(world, tmp_path / "outbox.jsonl")


@pytest.fixture
def somebody(world: World, inbox: Inbox) -> Callable[[], Maria]:
    """Make one more shopper, or one more phone of the same one."""
    return lambda: Maria(world, inbox)


@pytest.fixture
def maria(somebody: Callable[[], Maria]) -> Maria:
    return somebody()
