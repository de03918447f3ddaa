"""Hold the main database against the journal of erasures, and bring it up to date: after a crash or a restore."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.audit.models import SYSTEM, Action
from service.audit.record import record
from service.crypto.keystore import KeyStore
from service.customers.models import Customer, Identifier
from service.lists import in_parts
from service.merging.consents import settle_cards
from service.merging.graph import active_edges, components, settle
from service.merging.limits import give_back
from service.merging.lock import lock_identities
from service.merging.models import Merge
from service.privacy.erase import hold_still
from service.privacy.forget import forget

_ALWAYS_CHECKED = 100
_FIRST_CHECKED = 100
_RECENT = timedelta(hours=1)
WHY_REPLAYED = "replayed from the journal"


class Journal:
    """Whether the main database has every erasure of the journal, asked often.

    The whole journal is gone through only when it has grown since it was last found settled, or when the main
    database knows more or fewer of the newest erasures: a backup that was put back under a running process has them
    not erased, or does not know them yet. So those are looked at each time.
    """

    def __init__(self) -> None:
        self._settled: tuple[int, int] | None = None

    def is_settled(self, session: Session, keystore: KeyStore) -> bool:
        """Return whether nobody in the journal is still in the main database."""
        newest = list(keystore.erasures(newest=_ALWAYS_CHECKED))
        if find_unsettled(session, newest):
            return False
        known = select(func.count()).select_from(Customer).where(Customer.id.in_(newest))
        standing = (keystore.count_erasures(), session.scalars(known).one())
        if standing != self._settled and find_unsettled(session, keystore.erasures()):
            return False
        self._settled = standing
        return True


def is_strange(session: Session, keystore: KeyStore) -> bool:
    """Return whether the key store can't be this database's: of the first who have sealed values none has a key.

    It is empty, or another installation's. Who gives a value anew would get a new key, and what was sealed before
    could never be read again, though the right store came back.
    """
    sealed = select(Identifier.customer_id).where(Identifier.value_sealed.is_not(None))
    first = set(session.scalars(sealed.order_by(Identifier.id).limit(_FIRST_CHECKED)))
    return bool(first) and not keystore.has_any(first)


def find_unsettled(session: Session, journal: Collection[UUID]) -> list[UUID]:
    """Return those in the journal whom the main database has not erased. Whom it doesn't know counts as erased."""
    waiting = select(Customer.id).where(Customer.erased_at.is_(None))
    parts = in_parts(sorted(journal))
    return [ident for some in parts for ident in session.scalars(waiting.where(Customer.id.in_(some)))]


def find_unjournalled(session: Session, journal: Collection[UUID]) -> dict[UUID, datetime]:
    """Return whom only the main database knows to be erased, and when: an old copy of the key store was put back."""
    erased = session.execute(select(Customer.id, Customer.erased_at).where(Customer.erased_at.is_not(None)))
    return {row.id: row.erased_at for row in erased if row.id not in journal}


def find_recent(keystore: KeyStore, now: datetime) -> list[UUID]:
    """Return who was erased in the last hour: a sweep after the erasure may have given up waiting."""
    return [ident for ident, erased_at in keystore.erasures().items() if erased_at > now - _RECENT]


def replay(session: Session, keystore: KeyStore, now: datetime) -> list[UUID]:
    """Erase whom the journal names and the main database still has; return them. `sweep` them afterwards.

    Exactly the nodes in the journal go: a restored backup may count others with them, who were parted later. The
    other way round, a key store that was put back gets the erasures that only the main database knows.
    """
    lock_identities(session)
    journal = keystore.erasures()
    waiting = find_unsettled(session, journal)
    for some in in_parts(sorted(waiting)):
        hold_still(session, some)
        left = _part_from(session, keystore, some)
        for node in session.scalars(select(Customer).where(Customer.id.in_(some))):
            node.erased_at = journal[node.id]
        session.flush()
        forget(session, keystore.vault, some, now)
        session.expire_all()
        _settle_left(session, left, now)
        for ident in some:
            record(session, Action.ERASED, ident, actor=SYSTEM, now=journal[ident], why=WHY_REPLAYED)
    _catch_up(session, keystore, journal)
    return waiting


def _part_from(session: Session, keystore: KeyStore, gone: Sequence[UUID]) -> set[UUID]:
    """Give back what merges with the nodes took from others; return those who were one with them and stay."""
    of_gone = select(Customer.canonical_id).where(Customer.id.in_(gone))
    left = set(session.scalars(select(Customer.id).where(Customer.canonical_id.in_(of_gone)))) - set(gone)
    ends = Merge.a_id.in_(gone) | Merge.b_id.in_(gone)
    for edge in session.scalars(select(Merge).where(ends, Merge.undone_at.is_(None))):
        give_back(session, keystore, edge)
    session.flush()
    return left


def _settle_left(session: Session, left: set[UUID], now: datetime) -> None:
    for component in components(left, active_edges(session, left)):
        answering = settle(session, session.scalars(select(Customer).where(Customer.id.in_(component))).all())
        session.flush()
        settle_cards(session, answering, now)


def _catch_up(session: Session, keystore: KeyStore, journal: Collection[UUID]) -> None:
    """Destroy the keys that an old copy of the key store brought back, and journal what it had not yet."""
    for ident, erased_at in find_unjournalled(session, journal).items():
        keystore.destroy([ident], erased_at)
    keystore.enforce_journal()
