"""A result that can't be written is told in one line, by both command lines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="only some systems have a device that is always full")
@pytest.mark.parametrize("command", [("service", "migrate"), ("pos_client.cli", "status")])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_full_disk_is_told_in_one_line(tmp_path: Path, command: tuple[str, ...], options: tuple[str, ...]) -> None:
    environ = os.environ | {
        "UNSPOKEN_KEYS_FILE": f"{tmp_path}/keys.json",
        "UNSPOKEN_DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "UNSPOKEN_TILL_STATE": str(tmp_path),
    }
    module, *words = command
    program = [sys.executable, "-c", f"from {module.replace('service', 'service.__main__')} import main; main()"]
    with FULL.open("w") as full:
        done = subprocess.run(
            [*program, *words, *options], env=environ, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    [told] = done.stderr.decode().splitlines()
    assert told.endswith("can't be written: No space left on device")
