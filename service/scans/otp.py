"""Judge a typed code: compare its OTP, limit the guesses. A till tries one, or a site."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Executable,
    Select,
    Subquery,
    Uuid,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
)

from service.cards.models import Card
from service.codes import typed
from service.codes.refusals import Refusal
from service.codes.typed import TypedCode
from service.crypto.keyfile import Keys
from service.db import Database, Statement, UtcDateTime, insert_into
from service.scans.models import OtpFailure, Scan
from service.sites.add import unknown_site
from service.sites.models import Site
from service.stores.models import Terminal
from service.stores.recognise import TERMINAL_HOLDS, unknown_terminal

WINDOW = timedelta(hours=1)
TERMINAL_LIMIT = 20
# The first two mistakes cost nothing; from the third on the wait doubles, for this card at this terminal only.
FREE_FAILURES = 2
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(minutes=10)


@dataclass(frozen=True)
class Attempt:
    """A typed code as it is tried: by a till with its token, or by a site without; as which scan, and when."""

    asker_id: UUID
    token_hash: bytes | None
    scan_id: UUID
    card_number: int
    now: datetime


@dataclass(frozen=True)
class Guess:
    """What stands for or against a typed code whatever its OTP: the card, if any, and earlier failures."""

    card_id: int | None
    must_wait: bool
    card_failures: int
    last_nth: int
    is_repeat: bool


def match(code: TypedCode, *, keys: Keys, at: datetime) -> datetime | None:
    """Return the code time when the OTP is right for its number at scan time, also a number of no card; else None."""
    return typed.matching_time(code.otp, otp_key=keys.otp_key_of(code.card_number), at=at)


def look_up(db: Database, attempt: Attempt) -> Guess:
    """Return what stands for or against a typed code; who was revoked is told, and may guess, nothing."""
    row = db.run(
        _LOOK_UP_FOR_SITE if attempt.token_hash is None else _LOOK_UP,
        {
            "terminal_id": attempt.asker_id,
            "token_hash": attempt.token_hash,
            "scan_id": attempt.scan_id,
            "card_number": attempt.card_number,
            "received_at": attempt.now,
            "since": attempt.now - WINDOW,
        },
    )
    if row is None:
        raise unknown_site() if attempt.token_hash is None else unknown_terminal()
    return Guess(*row)


def record_failure(db: Database, attempt: Attempt, guess: Guess) -> Refusal:
    """Count a wrong OTP and return why it is refused. Those that race count one after the other.

    Whoever had to wait already when they began doesn't count: right digits would have been refused, too.
    """
    if guess.must_wait:
        return Refusal.TOO_MANY_TRIES
    while db.run(_RECORD, _failure(attempt, guess)) is None:
        guess = look_up(db, attempt)
    return Refusal.TOO_MANY_TRIES if guess.must_wait else Refusal.WRONG_OTP


def _failure(attempt: Attempt, guess: Guess) -> dict[str, Any]:
    beyond = guess.card_failures + 1 - FREE_FAILURES
    delay = min(FIRST_DELAY * 2 ** (beyond - 1), LONGEST_DELAY) if beyond > 0 else None
    return {
        "terminal_id": attempt.asker_id,
        "nth": guess.last_nth + 1,
        "card_number": attempt.card_number,
        "failed_at": attempt.now,
        "retry_at": delay and attempt.now + delay,
    }


def failures_of_asker() -> Subquery:
    """Return the one row that says whether guessing is over for now: `must_wait`, `card_failures`, `last_nth`.

    20 failures an hour a terminal, growing delays a card; only the last 20 can matter.
    Parameters: terminal_id, card_number, received_at, since.
    """
    zero: ColumnElement[int] = literal_column("0")
    limit: ColumnElement[int] = literal_column(str(TERMINAL_LIMIT))
    own = select(OtpFailure).where(OtpFailure.terminal_id == bindparam("terminal_id", type_=Uuid()))
    last = own.order_by(OtpFailure.nth.desc()).limit(limit).subquery()
    recent = last.c.failed_at > bindparam("since", type_=UtcDateTime())
    of_card = last.c.card_number == bindparam("card_number", type_=BigInteger())
    waits = last.c.retry_at > bindparam("received_at", type_=UtcDateTime())
    return select(
        or_(func.count().filter(recent) >= limit, func.count().filter(and_(of_card, waits)) > zero).label(
            "must_wait"
        ),
        func.count().filter(and_(recent, of_card)).label("card_failures"),
        func.coalesce(func.max(last.c.nth), zero).label("last_nth"),
    ).subquery()


def _select_guess(_: Dialect) -> Executable:
    return _guess_for(Terminal).where(*TERMINAL_HOLDS)


def _select_guess_for_site(_: Dialect) -> Executable:
    return _guess_for(Site).where(Site.id == bindparam("terminal_id", type_=Uuid()), Site.revoked_at.is_(None))


def _guess_for(asker: type[Terminal] | type[Site]) -> Select[Any]:
    number = bindparam("card_number", type_=BigInteger())
    terminal_id, scan_id = bindparam("terminal_id", type_=Uuid()), bindparam("scan_id", type_=Uuid())
    failures = failures_of_asker()
    return (
        select(
            Card.id,
            *failures.c,
            select(Scan.id).where(Scan.id == scan_id, Scan.terminal_id == terminal_id).exists(),
        )
        .select_from(asker)
        .join(failures, true())
        .outerjoin(Card, Card.card_number == number)
    )


def _insert_failure(dialect: Dialect) -> Executable:
    columns = ("terminal_id", "nth", "card_number", "failed_at", "retry_at")
    insert = insert_into(OtpFailure, dialect).values({name: bindparam(name) for name in columns})
    return insert.on_conflict_do_nothing().returning(OtpFailure.nth)


_LOOK_UP = Statement(_select_guess)
_LOOK_UP_FOR_SITE = Statement(_select_guess_for_site)
_RECORD = Statement(_insert_failure)
