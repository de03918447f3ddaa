"""Others: threads that act on the service at the same time as the test does."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from tests.world import World

SHORTLY = 0.3


class Others:
    """Threads that act at the same time, each with connections of its own, which it closes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pool = ThreadPoolExecutor(9)

    def __enter__(self) -> "Others":
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()

    def submit(self, act: Callable[..., Any], *given: Any) -> Future[Any]:
        return self.pool.submit(self._run, act, *given)

    def _run(self, act: Callable[..., Any], *given: Any) -> Any:
        try:
            return act(*given)
        finally:
            for db in (self.world.service.db, self.world.service.keystore.db):
                db._kept.close()


def waits(job: Future[Any]) -> bool:
    """Return whether a job is still waiting a moment later."""
    time.sleep(SHORTLY)
    return not job.done()
