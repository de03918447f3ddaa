"""`make test`: start one PostgreSQL, then run every test on it and on SQLite, on all processors."""

import os
import subprocess
import sys

from tests.postgres import URL_VARIABLE, running_postgres

# Three for two processors: many tests wait, for a service to start or for a moment to pass.
WORKERS = max(2, (os.cpu_count() or 1) * 3 // 2)


def main() -> int:
    """Run pytest with the arguments given; return its exit status."""
    with running_postgres() as url:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            str(WORKERS),
            "--dist",
            "loadgroup",
            "-m",
            "not soak",
            *sys.argv[1:],
        ]
        return subprocess.run(command, env=os.environ | {URL_VARIABLE: url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
