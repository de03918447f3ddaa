"""The worker: what the service does by itself, besides answering."""

import threading

from service import clock
from service.db import Database
from service.logs import Level, log, where
from service.purge import purge

PURGE_EVERY_SECONDS = 600


def work(db: Database, stop: threading.Event) -> None:
    """Purge now and every ten minutes until told to stop; a failure is logged and tried again."""
    while True:
        try:
            with db.write() as session:
                log(Level.INFO, "purged", **purge(session, clock.now()))
        except db.any_error as error:
            log(Level.WARNING, "purge failed", exception=where(error))
        if stop.wait(PURGE_EVERY_SECONDS):
            return
