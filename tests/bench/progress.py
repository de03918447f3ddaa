"""Progress on standard error: a line a run, with a bar and the time left."""

import sys
import time

_WIDTH = 24


class Progress:
    """Counts the runs of a benchmark."""

    def __init__(self, runs: int) -> None:
        self._runs, self._done = runs, 0
        self._spent, self._since = 0.0, time.monotonic()

    def say(self, words: str) -> None:
        """Tell what is going on."""
        print(f"{' ' * (_WIDTH + 20)} {words}", file=sys.stderr, flush=True)

    def begin(self) -> None:
        """Begin a run; what lies between runs does not count towards the time left."""
        self._since = time.monotonic()

    def step(self, words: str) -> None:
        """Count a run and tell what came of it."""
        self._done += 1
        self._spent += time.monotonic() - self._since
        left = int(self._spent / self._done * (self._runs - self._done))
        filled = _WIDTH * self._done // self._runs
        bar = "#" * filled + "." * (_WIDTH - filled)
        count = f"{self._done}/{self._runs}".rjust(7)
        print(f"[{bar}] {count} eta {left // 60}:{left % 60:02} {words}", file=sys.stderr, flush=True)
