"""`make bench`: measure, and print one JSON value. Progress goes to standard error.

Exit status 0 when everything was measured, 1 when a measurement failed (its row says why).
"""

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.cases import Kind
from tests.bench.databases import running_databases
from tests.bench.generator import CONNECTIONS
from tests.bench.load import Generator, best_generator
from tests.bench.machine import describe_machine, name_generator, versions
from tests.bench.run import Plan, run
from tests.bench.servers import settings_used

_MOST_SECONDS = 15  # a code lives 60 seconds from when it was written into the request


def main() -> int:
    """Measure what the options ask for."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server outlives us
    plan = _read_plan()
    with tempfile.TemporaryDirectory(prefix="unspoken-bench-") as name:
        Path(name).chmod(0o755)
        with running_databases(Path(name)) as databases:
            report: dict[str, Any] = {
                "machine": describe_machine(),
                "versions": versions(),
                "generator": name_generator(plan.generator),
                "gunicorn": {kind: settings_used(plan.workers_on(kind)) for kind in Kind},
                "postgresql": databases.postgres,
                "connections": CONNECTIONS,
                "rounds": plan.rounds,
                "seconds": plan.seconds,
                "rows": run(plan, databases),
                "left_out": plan.left_out(),
            }
    print(json.dumps(report, indent=2))
    return 1 if any("failed" in row for row in report["rows"]) else 0


def _read_plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one round of one second: a smoke test, not a measurement"
    )
    parser.add_argument(
        "--full", action="store_true", help="also with 1,000,000 customers and 5,000,000 scans stored"
    )
    parser.add_argument("--only", metavar="WORDS", default="", help="only the rows whose name holds these words")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of A, B, ours  [default: 5]")
    parser.add_argument(
        "--seconds", type=int, choices=range(1, _MOST_SECONDS + 1), default=3, metavar="S", help="a run  [default: 3]"
    )
    parser.add_argument("--workers", type=int, help="of every server  [default: as shipped]")
    parser.add_argument("--generator", type=Generator, choices=list(Generator), default=best_generator())
    given = parser.parse_args()
    rounds, seconds = (1, 1) if given.quick else (max(given.rounds, 1), given.seconds)
    return Plan(rounds, seconds, given.workers, given.generator, given.full, given.only, given.quick)


if __name__ == "__main__":
    sys.exit(main())
