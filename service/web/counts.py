"""How many connections each worker has, so that a new one goes to who has the fewest.

Whoever wakes first would take them all, and keep them as long as the tills stay connected: a request then waits
behind its neighbours in one worker while another worker has nothing to do.
"""

import mmap
from functools import cache

_PLACES = 256


class Counts:
    """A number for each worker, in memory that forked processes share. Places are known by the workers' age."""

    def __init__(self) -> None:
        # One more than the number: zero is a place that nobody has.
        self._places = memoryview(mmap.mmap(-1, _PLACES * 4)).cast("i")

    def tell(self, age: int, connections: int) -> None:
        """Say how many connections a worker has."""
        self._places[age % _PLACES] = connections + 1

    def forget(self, age: int) -> None:
        """Free the place of a worker that is gone."""
        self._places[age % _PLACES] = 0

    def somebody_has_fewer(self, than: int) -> bool:
        """Return whether any worker has fewer connections."""
        return any(0 < place <= than for place in self._places)


@cache
def counts() -> Counts:
    """Return the counts of this service's workers; asked for before they fork."""
    return Counts()
