"""Judge the code that a site was shown: the same rules as at a till, but for the grace of a till that was offline."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from service.codes import issued, typed
from service.codes.freshness import check_freshness, step_of
from service.codes.refusals import CodeRefused, Refusal
from service.crypto.keyfile import Keys
from service.db import Database
from service.scans import otp


@dataclass(frozen=True)
class Proof:
    """A code that is right and fresh, and not yet spent: whose card, and which step of it."""

    kind: str
    card_id: int
    step: int


def prove(db: Database, site_id: UUID, code: str, *, keys: Keys, now: datetime) -> Proof:
    """Return what a code proves at `now`, or raise `CodeRefused`; a wrong OTP is counted against the site."""
    kind = code[:2]
    if kind == issued.KIND:
        proven = issued.read(code, ring=keys.ring, now=now)
        check_freshness(proven.code_time, now)
        return Proof(kind, proven.card_id, step_of(proven.code_time))
    if kind == typed.KIND:
        return _prove_typed(db, site_id, code, keys=keys, now=now)
    raise CodeRefused(Refusal.MALFORMED)


def _prove_typed(db: Database, site_id: UUID, code: str, *, keys: Keys, now: datetime) -> Proof:
    claimed = typed.read(code)
    attempt = otp.Attempt(site_id, None, uuid4(), claimed.card_number, now)
    guess = otp.look_up(db, attempt)
    if guess.must_wait:
        raise CodeRefused(Refusal.TOO_MANY_TRIES)
    code_time = otp.match(claimed, keys=keys, at=now)
    if code_time is None or guess.card_id is None:
        raise CodeRefused(otp.record_failure(db, attempt, guess))
    return Proof(typed.KIND, guess.card_id, step_of(code_time))
