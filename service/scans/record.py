"""Store a scan: one statement that checks the terminal, spends the code and writes the row, or does nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Dialect,
    Executable,
    FromClause,
    LargeBinary,
    String,
    Uuid,
    bindparam,
    case,
    func,
    or_,
    select,
    true,
)

from service.cards.models import Card
from service.codes.refusals import Refusal
from service.db import Database, Statement, UtcDateTime, insert_into, word
from service.scans.models import CardFault, Outcome, Scan
from service.scans.otp import WINDOW, failures_of_asker
from service.stores.models import Terminal
from service.stores.recognise import TERMINAL_HOLDS, TerminalIdentity


@dataclass(frozen=True)
class Reading:
    """One scan as it reached us. `refusal` is why it is refused whatever its card is; else card and ledger decide.

    The card is named by its id or, on a typed code, by its number.
    """

    id: UUID
    kind: str | None
    card_id: int | None
    card_number: int | None
    step: int | None
    refusal: str | None
    scanned_at: datetime
    received_at: datetime
    cashier_ref: str | None
    training: bool
    body_digest: bytes


@dataclass(frozen=True)
class StoredScan:
    """The answer that a stored scan gives, now and on every repeat."""

    outcome: Outcome
    reason: str | None
    body_digest: bytes


def insert_scan(db: Database, terminal: TerminalIdentity, reading: Reading) -> StoredScan | None:
    """Insert the scan; None when its id is taken, its code is spent, or the terminal's token no longer holds."""
    params = dict(vars(reading), terminal_id=terminal.terminal_id, token_hash=terminal.token_hash)
    if reading.card_number is None:
        return _stored(db.run(_INSERT, params))
    return _stored(db.run(_INSERT_TYPED, params | {"since": reading.received_at - WINDOW}))


def find_scan(db: Database, terminal: TerminalIdentity, scan_id: UUID) -> StoredScan | None:
    """Return the terminal's scan of this id; None when there is none, or the token no longer holds."""
    params = {"id": scan_id, "terminal_id": terminal.terminal_id, "token_hash": terminal.token_hash}
    return _stored(db.run(_FIND, params))


def _stored(row: tuple[Any, ...] | None) -> StoredScan | None:
    return None if row is None else StoredScan(Outcome(row[0]), row[1], bytes(row[2]))


def _insert_by_id(dialect: Dialect) -> Executable:
    card_fault = case((Card.id.is_(None), word(CardFault.UNKNOWN)), *_CARD_FAULTS)
    source = Terminal.__table__.outerjoin(Card, Card.id == bindparam("card_id", type_=BigInteger()))
    return _insert(dialect, source, card_fault)


def _insert_by_number(dialect: Dialect) -> Executable:
    """Right digits are worth nothing to a till that must wait, nor where no card has the number (any more)."""
    failures = failures_of_asker()
    fault = case(
        (failures.c.must_wait, word(Refusal.TOO_MANY_TRIES)),
        (Card.id.is_(None), word(Refusal.WRONG_OTP)),
        *_CARD_FAULTS,
    )
    card = Card.card_number == bindparam("card_number", type_=BigInteger())
    return _insert(dialect, Terminal.__table__.join(failures, true()).outerjoin(Card, card), fault)


def _insert(dialect: Dialect, source: FromClause, fault: ColumnElement[str | None]) -> Executable:
    reason = func.coalesce(bindparam("refusal", type_=String()), fault)
    values = {
        Scan.id: bindparam("id", type_=Uuid()),
        Scan.terminal_id: Terminal.id,
        Scan.store_id: Terminal.store_id,
        Scan.kind: bindparam("kind", type_=String()),
        Scan.card_id: Card.id,
        Scan.customer_id: Card.customer_id,
        Scan.step: bindparam("step", type_=BigInteger()),
        Scan.outcome: case((reason.is_(None), word(Outcome.IDENTIFIED)), else_=word(Outcome.REFUSED)),
        Scan.reason: reason,
        Scan.scanned_at: bindparam("scanned_at", type_=UtcDateTime()),
        Scan.received_at: bindparam("received_at", type_=UtcDateTime()),
        Scan.cashier_ref: bindparam("cashier_ref", type_=String()),
        Scan.training: bindparam("training", type_=Boolean()),
        Scan.body_digest: bindparam("body_digest", type_=LargeBinary()),
    }
    row = select(*values.values()).select_from(source).where(*TERMINAL_HOLDS)
    insert = insert_into(Scan, dialect).from_select(list(values), row)
    return insert.on_conflict_do_nothing().returning(Scan.outcome, Scan.reason, Scan.body_digest)


def _select_scan(_: Dialect) -> Executable:
    scan = select(Scan.outcome, Scan.reason, Scan.body_digest).join(Terminal, Terminal.id == Scan.terminal_id)
    return scan.where(Scan.id == bindparam("id", type_=Uuid()), *TERMINAL_HOLDS)


_CARD_FAULTS = (
    (Card.revoked_at.is_not(None), word(CardFault.REVOKED)),
    (or_(Card.frozen_at.is_not(None), Card.withheld_at.is_not(None)), word(CardFault.FROZEN)),
)
_INSERT = Statement(_insert_by_id)
_INSERT_TYPED = Statement(_insert_by_number)
_FIND = Statement(_select_scan)
