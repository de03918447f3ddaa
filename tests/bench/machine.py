"""Where the figures come from: the machine and the versions."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from tests.bench.inprocess import fsync_ms
from tests.bench.load import Generator

_LIBRARIES = ("flask", "gunicorn", "sqlalchemy", "psycopg", "cryptography", "pydantic")


def describe_machine() -> dict[str, Any]:
    """Return what the speed depends on."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "processors": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "fsync_ms": fsync_ms(),
        "load_average": [round(load, 2) for load in psutil.getloadavg()],
    }


def versions() -> dict[str, str]:
    """Return what was measured."""
    import sqlite3

    libraries = {name: version(name) for name in _LIBRARIES}
    return {"unspoken": version("unspoken"), "python": platform.python_version(), **libraries} | {
        "sqlite": sqlite3.sqlite_version
    }


def name_generator(generator: Generator) -> str:
    """Return the generator with its version."""
    if generator is Generator.BUNDLED:
        return "bundled (tests/bench/generator.py)"
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
    return " ".join(said.split()[:2])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
