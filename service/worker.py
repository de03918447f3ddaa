"""The worker: what the service does by itself, besides answering."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from service import clock
from service.config import Settings
from service.crypto.keystore import KeyStore
from service.crypto.live import LiveKeys
from service.customers.reindex import find_stale, reindex
from service.db import Database
from service.erasures import replay_erasures
from service.logs import Level, log, where
from service.merging.lock import lock_identities
from service.proof.send import send_due
from service.purge import purge
from service.sending.message import Channel


@dataclass(frozen=True)
class Job:
    """Something to do again and again. A failure is logged, and the next time is another try."""

    name: str
    every_seconds: float
    run: Callable[[], object]


def jobs_of(settings: Settings, db: Database, keys: LiveKeys, stop: threading.Event) -> list[Job]:
    """Return everything that a worker does; what is long looks whether it is to stop."""
    is_over = stop.is_set
    keystore = KeyStore(settings.keystore_url, lambda: keys.current().vault)

    def send(channel: Channel) -> object:
        return send_due(db, settings, channel, vault=keys.current().vault, now=clock.now, is_over=is_over)

    return [
        *(Job(f"send {channel}", 1, partial(send, channel)) for channel in Channel),
        Job("purge", 600, lambda: _purge(db)),
        Job("reindex", 600, lambda: reindex_all(db, keystore, is_over)),
        Job("erasures", 600, lambda: replay_erasures(db, keystore, clock.now())),
    ]


def work(jobs: Sequence[Job], stop: threading.Event, *, errors: tuple[type[Exception], ...]) -> None:
    """Do each job now, and again at its interval, until told to stop. None waits for another: codes are urgent."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        for ended in [pool.submit(_repeat, job, stop, errors) for job in jobs]:
            ended.result()


def _repeat(job: Job, stop: threading.Event, errors: tuple[type[Exception], ...]) -> None:
    try:
        while not stop.is_set():
            try:
                job.run()
            except errors as error:
                log(Level.WARNING, "job failed", job=job.name, exception=where(error))
            stop.wait(job.every_seconds)
    finally:
        stop.set()  # after a fault of ours the whole worker ends, so that somebody sees it


def _purge(db: Database) -> None:
    with db.write() as session:
        log(Level.INFO, "purged", **purge(session, clock.now()))


def reindex_all(db: Database, keystore: KeyStore, is_over: Callable[[], bool] = lambda: False) -> None:
    """Bring every identifier under the newest index key that writes, in transactions that nobody notices."""
    done, after = 0, None
    while not is_over():
        with db.read() as session:
            stale = find_stale(session, keystore.vault, after=after, now=clock.now())
        if not stale:
            break
        with db.write() as session:
            lock_identities(session)
            done += reindex(session, keystore, stale, now=clock.now())
        after = stale[-1]
    if done:
        log(Level.INFO, "reindexed", identifiers=done)
