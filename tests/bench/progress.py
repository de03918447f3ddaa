"""Progress on standard error: a line a run, with a bar and the time left."""

import sys
import time

_WIDTH = 24


class Progress:
    """Counts the runs of a benchmark."""

    def __init__(self, runs: int) -> None:
        self._runs, self._done, self._started = runs, 0, time.monotonic()

    def say(self, words: str) -> None:
        """Tell what is going on."""
        print(f"{' ' * (_WIDTH + 20)} {words}", file=sys.stderr, flush=True)

    def step(self, words: str) -> None:
        """Count a run and tell what came of it."""
        self._done += 1
        spent = time.monotonic() - self._started
        left = int(spent / self._done * (self._runs - self._done))
        filled = _WIDTH * self._done // self._runs
        bar = "#" * filled + "." * (_WIDTH - filled)
        count = f"{self._done}/{self._runs}".rjust(7)
        print(f"[{bar}] {count} eta {left // 60}:{left % 60:02} {words}", file=sys.stderr, flush=True)
