"""Purge what has no use any more: spent one-time secrets, sessions that are over, old wrong OTPs, vain claims."""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from service.cards.models import Card
from service.proof.models import OneTimeCode
from service.sales.link import CLAIM_WAITS
from service.sales.models import Claim, Sale
from service.scans.models import OtpFailure
from service.scans.otp import WINDOW
from service.sessions.models import Handoff, SessionKind, ShopperSession
from service.stores.models import EnrolmentCode

KEEP_SPENT = timedelta(days=1)
WORDS = {
    "enrolment_codes": "old enrolment codes",
    "one_time_codes": "old one-time codes",
    "handoffs": "old links into the web app",
    "pending_sessions": "sessions that nobody confirmed",
    "sessions": "sessions that are over, and never had a card",
    "claims": "claims of receipts that never came",
    "otp_failures": "old tries of wrong typed codes",
}
"""What each kind of row is called to people."""


def purge(session: Session, now: datetime) -> dict[str, int]:
    """Delete what can't matter any more; return how many rows of each kind went."""
    spent_before = now - KEEP_SPENT
    pending = ShopperSession.kind == SessionKind.PENDING
    over = or_(ShopperSession.ended_at < spent_before, ShopperSession.expires_at < spent_before)
    had_card = select(Card.id).where(Card.session_id == ShopperSession.id).exists()  # their scans name it
    has_code = select(OneTimeCode.id).where(OneTimeCode.session_id == ShopperSession.id).exists()
    came = select(Sale.id).where(Sale.claim_hash == Claim.claim_hash).exists()
    dead = {
        "enrolment_codes": delete(EnrolmentCode).where(EnrolmentCode.expires_at < spent_before),
        "one_time_codes": delete(OneTimeCode).where(OneTimeCode.expires_at < spent_before),
        "handoffs": delete(Handoff).where(Handoff.expires_at < spent_before),
        "pending_sessions": delete(ShopperSession).where(pending, ShopperSession.expires_at < spent_before),
        "sessions": delete(ShopperSession).where(over, ~had_card, ~has_code),
        "claims": delete(Claim).where(Claim.claimed_at < spent_before - CLAIM_WAITS, ~came),
        "otp_failures": delete(OtpFailure).where(OtpFailure.failed_at < now - WINDOW),
    }
    return {kind: session.execute(statement).rowcount for kind, statement in dead.items()}  # type: ignore[attr-defined]
