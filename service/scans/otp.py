"""Judge a typed code: find its card, limit the guesses, compare the OTP. A till tries one, or a site."""

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
    select,
    true,
)

from service.cards.models import Card
from service.cards.show import open_otp_key
from service.codes import typed
from service.codes.refusals import Refusal
from service.codes.typed import TypedCode
from service.crypto.vault import Vault
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

_ABSENT_OTP_KEY = bytes(typed.OTP_KEY_BYTES)


@dataclass(frozen=True)
class Attempt:
    """A typed code as it is tried: by a till with its token, or by a site without; as which scan, and when."""

    asker_id: UUID
    token_hash: bytes | None
    scan_id: UUID
    code: TypedCode
    now: datetime


@dataclass(frozen=True)
class Guess:
    """What is known about a typed code before its OTP is compared: the card, if any, and earlier failures."""

    card_id: int | None
    otp_key: bytes | None
    terminal_failures: int
    card_failures: int
    last_failed_at: datetime | None
    last_nth: int
    is_repeat: bool

    def must_wait(self, now: datetime) -> bool:
        """Return whether guessing is over for now: 20 failures an hour a terminal, growing delays a card."""
        if self.terminal_failures >= TERMINAL_LIMIT:
            return True
        beyond = self.card_failures - FREE_FAILURES
        if beyond <= 0 or self.last_failed_at is None:
            return False
        delay: timedelta = min(FIRST_DELAY * 2 ** (beyond - 1), LONGEST_DELAY)
        return now < self.last_failed_at + delay


def look_up(db: Database, attempt: Attempt) -> Guess:
    """Return what stands for or against a typed code; who was revoked is told, and may guess, nothing."""
    row = db.run(
        _LOOK_UP_FOR_SITE if attempt.token_hash is None else _LOOK_UP,
        {
            "terminal_id": attempt.asker_id,
            "token_hash": attempt.token_hash,
            "scan_id": attempt.scan_id,
            "card_number": attempt.code.card_number,
            "since": attempt.now - WINDOW,
        },
    )
    if row is None:
        raise unknown_site() if attempt.token_hash is None else unknown_terminal()
    return Guess(*row)


def match(guess: Guess, code: TypedCode, *, vault: Vault, at: datetime) -> datetime | None:
    """Return the code time when the OTP is the card's at scan time; an unknown card takes as long as a known one."""
    if guess.card_id is None or guess.otp_key is None:
        typed.matching_time(code.otp, otp_key=_ABSENT_OTP_KEY, at=at)
        return None
    otp_key = open_otp_key(guess.card_id, guess.otp_key, vault)
    return typed.matching_time(code.otp, otp_key=otp_key, at=at)


def record_failure(db: Database, attempt: Attempt, guess: Guess) -> Refusal:
    """Count a wrong OTP and return why it is refused; of wrong ones that race, each takes its turn at the limit."""
    while not guess.must_wait(attempt.now):
        failure = {
            "terminal_id": attempt.asker_id,
            "nth": guess.last_nth + 1,
            "card_number": attempt.code.card_number,
            "failed_at": attempt.now,
        }
        if db.run(_RECORD, failure) is not None:
            return Refusal.WRONG_OTP
        guess = look_up(db, attempt)
    return Refusal.TOO_MANY_TRIES


def _select_guess(_: Dialect) -> Executable:
    return _guess_for(Terminal).where(*TERMINAL_HOLDS)


def _select_guess_for_site(_: Dialect) -> Executable:
    return _guess_for(Site).where(Site.id == bindparam("terminal_id", type_=Uuid()), Site.revoked_at.is_(None))


def _guess_for(asker: type[Terminal] | type[Site]) -> Select[Any]:
    number = bindparam("card_number", type_=BigInteger())
    terminal_id, scan_id = bindparam("terminal_id", type_=Uuid()), bindparam("scan_id", type_=Uuid())
    failures = _failures(terminal_id, number)
    return (
        select(
            Card.id,
            Card.otp_key,
            *failures.c,
            select(Scan.id).where(Scan.id == scan_id, Scan.terminal_id == terminal_id).exists(),
        )
        .select_from(asker)
        .join(failures, true())
        .outerjoin(Card, Card.card_number == number)
    )


def _failures(terminal_id: ColumnElement[UUID], number: ColumnElement[int]) -> Subquery:
    """Count a terminal's failures. Those that count are among its last 20, since no more are allowed in an hour."""
    own = select(OtpFailure.nth, OtpFailure.card_number, OtpFailure.failed_at).where(
        OtpFailure.terminal_id == terminal_id
    )
    last = own.order_by(OtpFailure.nth.desc()).limit(literal_column(str(TERMINAL_LIMIT))).subquery()
    recent = last.c.failed_at > bindparam("since", type_=UtcDateTime())
    of_card = and_(recent, last.c.card_number == number)
    return select(
        func.count().filter(recent).label("terminal_failures"),
        func.count().filter(of_card).label("card_failures"),
        func.max(last.c.failed_at).filter(of_card).label("last_failed_at"),
        func.coalesce(func.max(last.c.nth), literal_column("0")).label("last_nth"),
    ).subquery()


def _insert_failure(dialect: Dialect) -> Executable:
    insert = insert_into(OtpFailure, dialect).values(
        terminal_id=bindparam("terminal_id"),
        nth=bindparam("nth"),
        card_number=bindparam("card_number"),
        failed_at=bindparam("failed_at"),
    )
    return insert.on_conflict_do_nothing().returning(OtpFailure.nth)


_LOOK_UP = Statement(_select_guess)
_LOOK_UP_FOR_SITE = Statement(_select_guess_for_site)
_RECORD = Statement(_insert_failure)
