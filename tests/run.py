"""`make test`: start one PostgreSQL, then run every test on it and on SQLite, on all processors."""

import os
import subprocess
import sys

from tests.postgres import URL_VARIABLE, running_postgres


def main() -> int:
    """Run pytest with the arguments given; return its exit status."""
    with running_postgres() as url:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            # One more than processors: tests wait much for processes that they start, for pages and for clocks.
            str((os.cpu_count() or 1) + 1),
            "--dist",
            "loadgroup",
            "-m",
            "not soak",
            *sys.argv[1:],
        ]
        return subprocess.run(command, env=os.environ | {URL_VARIABLE: url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
