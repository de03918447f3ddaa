"""Importing connects to nothing, reads no environment, and keeps the till client apart from the service."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WATCHED = """
import sys
sys.addaudithook(lambda event, args: sys.exit(f"an import did {event} {args}") if event in
    ("socket.connect", "socket.bind", "sqlite3.connect", "subprocess.Popen", "os.mkdir") else None)
"""
ALONE = """
import importlib.abc, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FORBIDDEN:
            raise ImportError(f"the till client must do without {name}")
sys.meta_path.insert(0, Refuse())
import pkgutil, pos_client
for module in pkgutil.walk_packages(pos_client.__path__, "pos_client."):
    importlib.import_module(module.name)
"""
ONLY_ON_THE_SERVER = ["service", "flask", "sqlalchemy", "pydantic", "cryptography", "gunicorn", "psycopg", "orjson"]
ONLY_ON_POSIX = ["fcntl", "pwd", "grp", "termios", "resource"]


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    environ = {
        "UNSPOKEN_DATABASE_URL": "nonsense",
        "UNSPOKEN_ENV": "nonsense",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_importing_connects_to_nothing_and_reads_no_setting(tmp_path: Path) -> None:
    done = run(f"{WATCHED}\nimport service.app, service.cli, service.serve, service.worker, pos_client.cli", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_an_import_that_connects_would_be_found(tmp_path: Path) -> None:
    done = run(f"{WATCHED}\nimport sqlite3; sqlite3.connect('x.db')", tmp_path)
    assert done.returncode == 1
    assert "sqlite3.connect" in done.stderr


def test_a_wrong_setting_ends_wsgi_in_words(tmp_path: Path) -> None:
    done = run("import wsgi", tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("service.errors.BadSettings: UNSPOKEN_DATABASE_URL must be")


@pytest.mark.parametrize("forbidden", [ONLY_ON_THE_SERVER, ONLY_ON_POSIX], ids=["server", "posix"])
def test_the_till_client_needs_nothing_of_the_server_or_of_posix(forbidden: list[str], tmp_path: Path) -> None:
    done = run(
        f"FORBIDDEN = {forbidden}\nimport sys\nfor name in FORBIDDEN: sys.modules.pop(name, None)\n{ALONE}", tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_import_of_the_server_would_be_found(tmp_path: Path) -> None:
    done = run(f"FORBIDDEN = ['httpx2']\n{ALONE}", tmp_path)
    assert done.returncode == 1
    assert "must do without httpx2" in done.stderr
