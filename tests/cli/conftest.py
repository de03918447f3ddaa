import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.config import Settings


@dataclass
class Shell:
    """Runs `unspoken` as somebody at a prompt would, in this process."""

    environ: dict[str, str | None]

    def run(self, *arguments: str, **environ: str) -> Result:
        """Run a command; whatever it can't do, it says in words and never in a traceback."""
        done = CliRunner().invoke(main, arguments, env=self.environ | environ, catch_exceptions=False)
        assert done.exit_code in (0, 1, 2)
        return done

    def json(self, *arguments: str) -> Any:
        """Run a command that works with --json; return the one value that it prints."""
        done = self.run(*arguments, "--json")
        assert (done.exit_code, done.stderr) == (0, ""), done.output
        return json.loads(done.stdout)

    def fails(self, *arguments: str, **environ: str) -> str:
        """Run a command that can't work; return the one line in which it says why."""
        done = self.run(*arguments, **environ)
        assert (done.exit_code, done.stdout) == (1, ""), done.output
        [line] = done.stderr.splitlines()
        assert line.startswith("Error: ")
        return line.removeprefix("Error: ")


@pytest.fixture
def shell(settings: Settings) -> Shell:
    """A prompt at an installation whose database is empty but migrated, with its keys made."""
    return Shell(
        {
            "UNSPOKEN_DATABASE_URL": settings.database_url,
            "UNSPOKEN_KEYS_FILE": str(settings.keys_file),
            "UNSPOKEN_ENV": None,
        }
    )


@pytest.fixture
def bare(tmp_path: Path) -> Shell:
    """A prompt where nothing was done yet."""
    return Shell(
        {
            "UNSPOKEN_DATABASE_URL": f"sqlite:///{tmp_path}/fresh.db",
            "UNSPOKEN_KEYS_FILE": str(tmp_path / "keys.json"),
            "UNSPOKEN_ENV": None,
        }
    )
