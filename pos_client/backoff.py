"""Trying again, patiently: bounded, exponential, with jitter, and never sooner than the service asked."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pos_client.errors import Unavailable

T = TypeVar("T")


@dataclass(frozen=True)
class BackOff:
    """How often and how long to wait; seconds throughout; sleep and random are there for tests to replace."""

    attempts: int = 4
    first: float = 0.5
    longest: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def run(self, do: Callable[[], T]) -> T:
        """Return what do returns; raise its last Unavailable, or one that asks to wait too long."""
        for attempt in range(self.attempts - 1):
            try:
                return do()
            except Unavailable as error:
                if error.retry_after > self.longest:
                    raise
                self.sleep(self._delay(attempt, error.retry_after))
        return do()

    def _delay(self, attempt: int, asked: float) -> float:
        delay = min(self.longest, self.first * 2.0**attempt)
        return asked + delay * (0.5 + self.random() / 2)
