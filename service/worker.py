"""The worker: what the service does by itself, besides answering."""

import threading

import structlog

from service import clock
from service.db import Database
from service.purge import purge

PURGE_EVERY_SECONDS = 600
_log = structlog.get_logger()


def work(db: Database, stop: threading.Event) -> None:
    """Purge now and every ten minutes until told to stop; a failure is logged and tried again."""
    while True:
        try:
            with db.write() as session:
                _log.info("purged", **purge(session, clock.now()))
        except db.any_error as error:
            _log.warning("purge failed", exc_info=error)
        if stop.wait(PURGE_EVERY_SECONDS):
            return
