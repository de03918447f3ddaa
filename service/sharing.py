"""The folder in which the workers share their metrics: each has files there that all of them read.

In memory where there is room, else on disk: every request writes a few numbers. The metrics library maps its files
without having their pages, and a page that can't be had later ends the process. So each worker has its pages first.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from service.logs import Level, log

_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it is private
_PREFIX = "unspoken-metrics-"
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# Each holds more than every route with every status: the library must never let it grow.
_BYTES = {"counter": 512 * 1024, "histogram": 256 * 1024}


def share(workers: int) -> Path | None:
    """Make the folder for so many workers, and name it to the library, which must not be imported yet.

    None where there is no room for it anywhere: each worker then counts alone.
    """
    os.environ.pop(_VARIABLE, None)
    places = _find_places()
    for place in places:
        _remove_left(place)
    for place in places:
        folder = _make(place, workers * sum(_BYTES.values()))
        if folder is not None:
            os.environ[_VARIABLE] = str(folder)
            return folder
        log(Level.WARNING, "no room for metrics", folder=place)
    return None


def take_part() -> None:
    """Have the pages of this worker's own files, before they are written to; else count alone."""
    if _VARIABLE not in os.environ:
        return
    folder = Path(os.environ[_VARIABLE])
    try:
        for kind, size in _BYTES.items():
            (folder / f"{kind}_{os.getpid()}.db").write_bytes(bytes(size))
    except OSError:
        _count_alone()
        log(Level.WARNING, "no room for metrics", folder=folder)


def _find_places() -> list[Path]:
    places = [_MEMORY] if _MEMORY.is_dir() else []
    with suppress(OSError):  # of a disk that is full
        places.append(Path(tempfile.gettempdir()))
    return places


def _count_alone() -> None:
    from prometheus_client import values

    del os.environ[_VARIABLE]
    values.ValueClass = values.MutexValue


def _make(place: Path, size: int) -> Path | None:
    """Make a folder of our own, if there is room for so many bytes in it."""
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place))
        # Its workers inherit the lock, and the last of them to end lets go of it, however it ends.
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)
        (folder / "room").write_bytes(bytes(size))
        (folder / "room").unlink()
    except OSError:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        return None
    return folder


def _remove_left(place: Path) -> None:
    """Remove the folders of services that were killed: nobody holds their lock."""
    for folder in place.glob(f"{_PREFIX}*-*"):
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
