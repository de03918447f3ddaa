import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder)], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("unspoken-*.whl")
    return built


def test_the_wheel_holds_both_packages_with_their_files(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    kept = [path for path in (ROOT / "service").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {str(path.relative_to(ROOT)) for path in kept} <= names
    assert {"pos_client/cli.py", "service/migrations/env.py", "service/web/static/app/index.html"} <= names
    versions = {f"service/migrations/versions/{path.name}" for path in (ROOT / "migrations/versions").glob("*.py")}
    assert versions
    assert versions <= names


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    folders = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    [info] = folders - {"service", "pos_client"}
    assert info.endswith(".dist-info")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith((".pyc", ".db", "keys.json"))]


def test_an_installation_from_the_wheel_migrates_and_shows_its_pages(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path / "installed")!r})
from service.app import create_app
from service.config import read_settings
from service.db import Database
from service.migrations import migrate
import service
assert service.__file__.startswith({str(tmp_path)!r}), service.__file__
settings = read_settings({{}})
db = Database(settings.database_url)
migrate(db)
client = create_app(settings).test_client()
for path in ("/readyz", "/docs", "/docs/style.css", "/openapi.json", "/app"):
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.text)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_till_installs_only_what_the_till_client_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["dependencies"] == []
    assert {item.partition(">")[0] for item in project["optional-dependencies"]["till"]} == {
        "click",
        "httpx2",
        "qrcode",
    }


def test_where_only_the_till_is_installed_the_service_says_in_one_line_what_it_needs(
    wheel: Path, tmp_path: Path
) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = """
import sys
from importlib.metadata import entry_points

class OnlyTheTill:
    def find_spec(self, name, *_):
        known = {"click", "httpx2", "qrcode", "service", "pos_client", *sys.stdlib_module_names}
        if name.partition(".")[0] not in known:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.path.insert(0, sys.argv[1])
sys.meta_path.insert(0, OnlyTheTill())
[script] = entry_points(group="console_scripts", name="unspoken", module="service.__main__")
script.load()()
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    [line] = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install '.[service]'" in line


def test_the_lock_is_hashed_and_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pinned = [line for line in lock.splitlines() if "==" in line and not line.startswith(" ")]
    assert len(pinned) > 20
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "index-url" not in lock
    assert "http" not in lock.replace("httpx", "").replace("httpcore", "").replace("httptools", "")
