"""Send the codes that wait: the worker's part, so that no answer's time depends on a network."""

from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.config import Settings
from service.crypto.vault import Vault
from service.customers.models import IdentifierKind
from service.db import Database
from service.logs import Level, log, where
from service.proof.models import OneTimeCode
from service.proof.request import CODE_LIVES, message_context
from service.proof.verify import open_contact
from service.sending.message import Channel, Language, Message, write_code
from service.sending.send import Way, send

# Longer than any attempt to send takes; when a worker dies in one, another tries again after this.
LEASE = timedelta(minutes=2)
FIRST_BACK_OFF = timedelta(seconds=5)
_KINDS = {Channel.EMAIL: IdentifierKind.EMAIL, Channel.SMS: IdentifierKind.PHONE}
_CHANNELS = {kind: channel for channel, kind in _KINDS.items()}


class _GivenUp(Exception):
    """The code expired, or can't be read any more: there is nothing left to send."""


def send_due(
    db: Database,
    settings: Settings,
    channel: Channel,
    *,
    vault: Vault,
    now: Callable[[], datetime],
    is_over: Callable[[], bool] = lambda: False,
) -> int:
    """Send every message of a channel that is due, one by one, until it is over; return how many are settled.

    What fails is tried again later. After a time-out the rest wait for the next round.
    """
    settled = 0
    while not is_over() and (claimed := _claim(db, _KINDS[channel], now())) is not None:
        try:
            settled += _send(db, claimed, settings, vault, now())
        except TimeoutError:
            break
    return settled


def _claim(db: Database, kind: IdentifierKind, now: datetime) -> OneTimeCode | None:
    """Take one due message for as long as the lease; of two workers, one gets it."""
    waiting = select(OneTimeCode.id).where(OneTimeCode.send_after <= now, OneTimeCode.kind == kind)
    due = waiting.order_by(OneTimeCode.send_after).limit(1)
    with db.read() as session:
        if session.scalar(due) is None:
            return None
    take = update(OneTimeCode).where(
        OneTimeCode.id == due.with_for_update(skip_locked=True).scalar_subquery(), OneTimeCode.send_after <= now
    )
    counted = take.values(send_after=now + LEASE, send_tries=OneTimeCode.send_tries + 1)
    with db.write() as session:
        return session.scalar(counted.returning(OneTimeCode))


def _send(db: Database, claimed: OneTimeCode, settings: Settings, vault: Vault, now: datetime) -> bool:
    """Send a message; return whether it is settled. `TimeoutError`, once that is noted, when nobody answered."""
    fields = {"kind": claimed.kind, "tries": claimed.send_tries}
    failure: Exception | None = None
    try:
        way = send(_write(claimed, vault, now), settings)
    except _GivenUp:
        log(Level.WARNING, "message given up", **fields)
    except (OSError, ValueError) as error:
        failure = error
        log(Level.WARNING, "message not sent", **fields, exception=where(error))
    else:
        log(Level.INFO, "message sent", **fields, by=way, outbox=settings.outbox if way is Way.OUTBOX else None)
    with db.write() as session:
        back_off = FIRST_BACK_OFF * 2 ** (claimed.send_tries - 1)
        _settle(session, claimed, now + back_off if failure else None)
    if isinstance(failure, TimeoutError):
        raise failure
    return failure is None


def _settle(session: Session, claimed: OneTimeCode, retry_at: datetime | None) -> None:
    """Give the claim back with a time to try again, or forget the message; not when another has claimed it since."""
    own = (OneTimeCode.id == claimed.id, OneTimeCode.send_tries == claimed.send_tries)
    done = {"send_after": retry_at} | ({} if retry_at else {"message_sealed": None})
    session.execute(update(OneTimeCode).where(*own).values(**done))


def _write(claimed: OneTimeCode, vault: Vault, now: datetime) -> Message:
    if claimed.expires_at <= now or claimed.message_sealed is None:
        raise _GivenUp
    try:
        code = vault.open(bytes(claimed.message_sealed), context=message_context(claimed.id)).decode()
        contact = open_contact(vault, claimed.id, claimed.kind, claimed.contact_sealed)
    except InvalidTag:  # sealed with the keys of another key file
        raise _GivenUp from None
    minutes = CODE_LIVES // timedelta(minutes=1)
    language = Language(claimed.language)
    return write_code(_CHANNELS[contact.kind], to=contact.value, code=code, minutes=minutes, language=language)
