"""Put a server under load and take the figures."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.bench.generator import CONNECTIONS, Replay, write_requests
from tests.bench.problems import MeasurementFailed

_MARK = "figures: "
_LUA = Path(__file__).with_name("replay.lua")
# How many requests to write for a run: by the rate of the run before; the first one by that of the warm-up.
_SPARE = 1.5
_FIRST_SPARE = 4
_TRIES = 3
# Enough for every worker to meet every till and open its connections.
WARM_UP_REQUESTS = 500
_WARM_UP_SECONDS = 2.0


class Generator(StrEnum):
    """Who makes the load."""

    WRK = "wrk"
    BUNDLED = "bundled"


@dataclass(frozen=True)
class Outcome:
    """What one run gave. Latencies are in milliseconds."""

    answered: int
    wrong: int
    seconds: float
    p50_ms: float
    p99_ms: float
    exhausted: bool

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


@dataclass
class Target:
    """A server with the requests that it is sent, each of them once, and the answer that each must get."""

    name: str
    port: int
    make: Callable[[int], list[bytes]]
    status: int
    text: str
    per_second: float = 0.0


def best_generator() -> Generator:
    """Return wrk if it is installed."""
    return Generator.WRK if shutil.which("wrk") else Generator.BUNDLED


def measure(target: Target, *, seconds: int, generator: Generator, folder: Path) -> Outcome:
    """Warm the server up, load it for so many seconds, and return the figures if every answer was right."""
    for _ in range(_TRIES):
        warm = warm_up(target)
        target.per_second = target.per_second or warm * _FIRST_SPARE
        path = folder / "requests"
        write_requests(path, target.make(int(target.per_second * seconds * _SPARE)))
        outcome = _run(target, path, seconds, generator)
        if outcome.wrong and not outcome.exhausted:
            raise MeasurementFailed(f"{outcome.wrong} of {outcome.answered} answers of {target.name} were not right")
        target.per_second = max(outcome.per_second, target.per_second * 2 if outcome.exhausted else 0)
        if not outcome.exhausted:
            return outcome
    raise MeasurementFailed(f"{target.name} used up its requests {_TRIES} times")


def warm_up(target: Target) -> float:
    """Send a few requests that no figure counts; return how many a second were answered."""
    requests = iter(target.make(WARM_UP_REQUESTS))
    replay = Replay(target.port, requests, str(target.status).encode(), target.text.encode())
    done = replay.run(_WARM_UP_SECONDS)
    if done["wrong"]:
        raise MeasurementFailed(f"{done['wrong']} of {done['answered']} answers of {target.name} were not right")
    return float(done["answered"] / done["seconds"])


def _run(target: Target, path: Path, seconds: int, generator: Generator) -> Outcome:
    expected = [str(target.status), target.text]
    if generator is Generator.WRK:
        options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(_LUA), f"http://127.0.0.1:{target.port}"]
        command = ["wrk", *options, "--", str(path), *expected]
    else:
        command = [
            sys.executable,
            "-m",
            "tests.bench.generator",
            str(target.port),
            str(path),
            str(seconds),
            *expected,
        ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MeasurementFailed(f"the generator failed: {(done.stderr or done.stdout).strip()[-500:]}")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1].removeprefix(_MARK))
    return Outcome(**figures)
