"""Identify: the story of a scan, from the digits to the answer."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from service.codes import issued, typed
from service.codes.freshness import check_freshness, scan_time, step_of
from service.codes.refusals import CodeRefused, Refusal
from service.crypto.keyfile import Keys
from service.db import Database
from service.errors import IdConflict
from service.scans import otp
from service.scans.models import NO_DIGEST, CardFault, Outcome
from service.scans.record import Reading, StoredScan, find_scan, insert_scan
from service.stores.recognise import TerminalIdentity, unknown_terminal

_CARD_FAULTS = frozenset(CardFault)


@dataclass(frozen=True)
class Beep:
    """A scan as a till sends it. `body_digest` tells a repeat from another scan under the same id."""

    scan_id: UUID
    code: str
    scanned_at: datetime | None
    clock_offset: timedelta
    cashier_ref: str | None
    training: bool
    body_digest: bytes

    @property
    def kind(self) -> str | None:
        """The kind of code that this claims to be; None when it is none of ours."""
        return self.code[:2] if self.code[:2] in (issued.KIND, typed.KIND) else None


@dataclass(frozen=True)
class Verdict:
    """What a till is told of a scan. `repeated`: the scan was stored before and this is its first answer."""

    outcome: Outcome
    reason: Refusal | None
    repeated: bool


def identify(db: Database, terminal: TerminalIdentity, beep: Beep, *, keys: Keys, now: datetime) -> Verdict:
    """Judge a scan and store it; `IdConflict` when its id was used for another, `NotAuthorised` on a revoked till."""
    reading = _read(db, terminal, beep, keys, now)
    stored, repeated = _store(db, terminal, reading)
    if reading.card_number is not None and reading.refusal is None:
        _balance(db, _attempt(terminal, reading, reading.card_number), stored, repeated=repeated)
    if repeated and stored.body_digest not in (reading.body_digest, NO_DIGEST):
        raise IdConflict("this scan_id was used for another scan: mint a new id for each beep")
    return Verdict(stored.outcome, told_reason(stored.reason), repeated)


def _store(db: Database, terminal: TerminalIdentity, reading: Reading) -> tuple[StoredScan, bool]:
    """Return the scan as it is stored, and whether it was before. If not: its code is spent, or the till revoked."""
    if (stored := insert_scan(db, terminal, reading)) is not None:
        return stored, False
    if (stored := find_scan(db, terminal, reading.id)) is not None:
        return stored, True
    if (stored := insert_scan(db, terminal, replace(reading, refusal=Refusal.ALREADY_USED))) is not None:
        return stored, False
    if (stored := find_scan(db, terminal, reading.id)) is not None:
        return stored, True
    raise unknown_terminal()


def _balance(db: Database, attempt: otp.Attempt, stored: StoredScan, *, repeated: bool) -> None:
    """Run for right digits that earn nothing what wrong ones ran; those of a number that no card has count, too."""
    if repeated or stored.reason == Refusal.TOO_MANY_TRIES:
        otp.look_up(db, attempt)
    elif stored.reason == Refusal.WRONG_OTP:
        otp.record_failure(db, attempt, replace(otp.look_up(db, attempt), must_wait=False))  # it was told already


def told_reason(reason: str | None) -> Refusal | None:
    """Return the reason as a till hears it: it isn't told what is wrong with a card."""
    if reason is None:
        return None
    return Refusal.CARD_UNUSABLE if reason in _CARD_FAULTS else Refusal(reason)


def _read(db: Database, terminal: TerminalIdentity, beep: Beep, keys: Keys, now: datetime) -> Reading:
    at = scan_time(now, beep.scanned_at, beep.clock_offset)
    reading = Reading(
        id=beep.scan_id,
        kind=beep.kind,
        card_id=None,
        card_number=None,
        step=None,
        refusal=None,
        scanned_at=at,
        received_at=now,
        cashier_ref=beep.cashier_ref,
        training=beep.training or terminal.training,
        body_digest=beep.body_digest,
    )
    try:
        return _open(db, terminal, beep, reading, keys)
    except CodeRefused as refused:
        return replace(reading, refusal=refused.reason)


def _open(db: Database, terminal: TerminalIdentity, beep: Beep, reading: Reading, keys: Keys) -> Reading:
    if reading.kind == issued.KIND:
        return _open_issued(beep.code, reading, keys)
    if reading.kind == typed.KIND:
        return _open_typed(db, terminal, beep.code, reading, keys)
    raise CodeRefused(Refusal.MALFORMED)


def _open_issued(code: str, reading: Reading, keys: Keys) -> Reading:
    proven = issued.read(code, ring=keys.ring, now=reading.received_at)
    known = replace(reading, card_id=proven.card_id, step=step_of(proven.code_time))
    try:
        check_freshness(proven.code_time, reading.scanned_at)
    except CodeRefused as refused:
        return replace(known, refusal=refused.reason)
    return known


def _open_typed(db: Database, terminal: TerminalIdentity, digits: str, reading: Reading, keys: Keys) -> Reading:
    code = typed.read(digits)
    known = replace(reading, card_number=code.card_number)
    code_time = otp.match(code, keys=keys, at=reading.scanned_at)
    if code_time is not None:
        return replace(known, step=step_of(code_time))
    return replace(known, refusal=_refuse(db, _attempt(terminal, reading, code.card_number)))


def _refuse(db: Database, attempt: otp.Attempt) -> Refusal:
    guess = otp.look_up(db, attempt)
    if guess.is_repeat:
        return Refusal.WRONG_OTP  # uncounted: its id is taken, so it is answered as the first was, whatever it is
    return otp.record_failure(db, attempt, guess)


def _attempt(terminal: TerminalIdentity, reading: Reading, card_number: int) -> otp.Attempt:
    return otp.Attempt(terminal.terminal_id, terminal.token_hash, reading.id, card_number, reading.received_at)
