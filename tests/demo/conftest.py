"""The demo as a stranger runs it: a command, in a folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

LINK = r"Maria's phone +(\S+)"
_COMMAND = [sys.executable, "-m", "service", "demo"]
# Settings of an operator, whose database the demo must leave alone.
_OPERATOR = {
    "UNSPOKEN_ENV": "production",
    "UNSPOKEN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/operators",
    "UNSPOKEN_KEYS_FILE": "/nowhere/keys.json",
}


@dataclass
class Finished:
    """A demo that has ended."""

    pid: int
    status: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found


@dataclass
class Staying:
    """A demo that stays up in a folder; `said` is what it printed."""

    process: subprocess.Popen[str]
    folder: Path
    said: str

    def find(self, pattern: str) -> str:
        found = re.search(pattern, self.said)
        assert found, self.said
        return found[1]

    def press_enter(self) -> str:
        """Return the link that it shows then."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return next(found[1] for line in self.process.stdout if (found := re.search(LINK, line)))

    def interrupt(self) -> int:
        """Press Ctrl-C: every process of the group hears it."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.communicate(timeout=30)
        return self.process.returncode


def start(folder: Path, *arguments: str, stdin: int = subprocess.DEVNULL, **environ: str) -> subprocess.Popen[str]:
    """Start a demo that leads a session of its own, so that whatever it leaves behind can be found."""
    return subprocess.Popen(
        [*_COMMAND, *arguments],
        cwd=folder,
        env=os.environ | _OPERATOR | environ,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )


def run_once(folder: Path, **environ: str) -> Finished:
    process = start(folder, "--once", **environ)
    stdout, stderr = process.communicate(timeout=90)
    return Finished(process.pid, process.returncode, stdout, stderr)


def left_behind(session: int) -> list[str]:
    """Return the processes that a demo started and did not end."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            if os.getsid(process.pid) == session:
                found.append(str(process.info["cmdline"]))
        except ProcessLookupError:
            continue
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A demo that ran once, where an earlier one left something; looking at it changes nothing."""
    folder = tmp_path_factory.mktemp("demo")
    old = folder / "instance" / "demo"
    old.mkdir(parents=True)
    (old / "unspoken.db").write_text("not a database")
    return run_once(folder)


@pytest.fixture
def staying(tmp_path: Path) -> Iterator[Staying]:
    """A demo that stays up until it is told to end: for a test that ends it."""
    with running_demo(tmp_path) as demo:
        yield demo


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staying]:
    """A demo that stays up, and listens for Enter, for every test that leaves it so."""
    with running_demo(tmp_path_factory.mktemp("shared"), stdin=subprocess.PIPE) as demo:
        yield demo
        assert demo.process.poll() is None, "somebody ended it"


@contextmanager
def running_demo(folder: Path, stdin: int = subprocess.DEVNULL) -> Iterator[Staying]:
    process = start(folder, "--port", "0", stdin=stdin)  # other tests may stand at the usual port
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    else:
        pytest.fail(process.communicate()[1])
    yield Staying(process, folder, "".join(lines))
    if process.poll() is None:
        process.terminate()
    process.communicate(timeout=30)
