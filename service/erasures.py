"""Bring the main database up to date with the journal of erasures: before the service serves, and by the worker."""

from contextlib import closing
from datetime import datetime

from service import clock
from service.config import Settings
from service.crypto.keystore import KeyStore
from service.crypto.live import open_keys
from service.db import Database
from service.logs import Level, log, where
from service.migrations import is_migrated
from service.privacy.forget import sweep
from service.privacy.replay import find_recent, find_unjournalled, find_unsettled, replay


def replay_before_serving(settings: Settings) -> None:
    """Erase again whom a restored backup brought back. What can't be asked now is left to /readyz and the worker."""
    keys = open_keys(settings)
    keystore = KeyStore(settings.keystore_url, lambda: keys.current().vault)
    with closing(Database(settings.database_url)) as db, closing(keystore):
        failures: tuple[type[Exception], ...] = (*db.any_error, *keystore.any_error)
        try:
            if is_migrated(db):
                replay_erasures(db, keystore, clock.now())
        except failures as error:
            log(Level.WARNING, "erasures not checked", exception=where(error))


def replay_erasures(db: Database, keystore: KeyStore, now: datetime) -> None:
    """Finish erasures that a crash cut off or a restored backup lacks, and sweep up after those of the last hour."""
    keystore.enforce_journal()
    with db.read() as session:
        journal = keystore.erasures()
        is_settled = not find_unsettled(session, journal) and not find_unjournalled(session, journal)
    late = find_recent(keystore, now)
    if not is_settled:
        with db.write() as session:
            gone = replay(session, keystore, now)
        log(Level.WARNING, "erasures replayed", customers=len(gone))
        late += gone
    if late:
        with db.write() as session:
            sweep(session, late)
