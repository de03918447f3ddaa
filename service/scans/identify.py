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
    stored = insert_scan(db, terminal, reading)
    if stored is None:
        return _settle(db, terminal, reading)
    return _verdict(stored, repeated=False)


def _settle(db: Database, terminal: TerminalIdentity, reading: Reading) -> Verdict:
    """Say why nothing was written: the scan is a repeat, its code is spent, or the till was revoked."""
    if (stored := find_scan(db, terminal, reading.id)) is not None:
        return _repeat(stored, reading)
    if (stored := insert_scan(db, terminal, replace(reading, refusal=Refusal.ALREADY_USED))) is not None:
        return _verdict(stored, repeated=False)
    if (stored := find_scan(db, terminal, reading.id)) is not None:
        return _repeat(stored, reading)
    raise unknown_terminal()


def _repeat(stored: StoredScan, reading: Reading) -> Verdict:
    if stored.body_digest not in (reading.body_digest, NO_DIGEST):
        raise IdConflict("this scan_id was used for another scan: mint a new id for each beep")
    return _verdict(stored, repeated=True)


def _verdict(stored: StoredScan, *, repeated: bool) -> Verdict:
    return Verdict(stored.outcome, told_reason(stored.reason), repeated)


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
        return _open_typed(db, terminal, beep, reading, keys)
    raise CodeRefused(Refusal.MALFORMED)


def _open_issued(code: str, reading: Reading, keys: Keys) -> Reading:
    proven = issued.read(code, ring=keys.ring, now=reading.received_at)
    known = replace(reading, card_id=proven.card_id, step=step_of(proven.code_time))
    try:
        check_freshness(proven.code_time, reading.scanned_at)
    except CodeRefused as refused:
        return replace(known, refusal=refused.reason)
    return known


def _open_typed(db: Database, terminal: TerminalIdentity, beep: Beep, reading: Reading, keys: Keys) -> Reading:
    code, now = typed.read(beep.code), reading.received_at
    attempt = otp.Attempt(terminal.terminal_id, terminal.token_hash, beep.scan_id, code, now)
    guess = otp.look_up(db, attempt)
    known = replace(reading, card_id=guess.card_id)
    if guess.is_repeat:
        # Never stored, for its id is taken. Judging it would tell right digits from wrong ones, uncounted.
        return replace(known, refusal=Refusal.WRONG_OTP)
    if guess.must_wait(now):
        return replace(known, refusal=Refusal.TOO_MANY_TRIES)
    code_time = otp.match(guess, code, vault=keys.vault, at=reading.scanned_at)
    if code_time is None:
        return replace(known, refusal=otp.record_failure(db, attempt, guess))
    return replace(known, step=step_of(code_time))
