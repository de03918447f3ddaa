"""Tables of scans and of wrong OTPs.

Scans have no foreign keys: the one statement that writes them reads the terminal and the card itself, and a
key check for each would cost the hot path a row lock on the till's own row.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import WITHOUT_ROWID, Base, UtcDateTime, only

# The digest of what a till sent would confirm a guess of the card, or of the scan that a sale named, so an erasure
# takes it away: then a repeat of the id is taken for a repeat.
NO_DIGEST = b""


class Outcome(StrEnum):
    """What came of a scan."""

    IDENTIFIED = "identified"
    REFUSED = "refused"


class CardFault(StrEnum):
    """Exact reasons that shopper and operator see where a till only hears `card_unusable`."""

    REVOKED = "card_revoked"
    FROZEN = "card_frozen"
    UNKNOWN = "card_unknown"


class Scan(Base):
    """One reading of a code. The code itself is not kept.

    A code that a site sent to link an account is spent by a row of the same ledger: its `terminal_id` is the
    site's and its `store_id` is `NO_ISSUER`, so that it is no scan of any store.

    The unique index over (card, step) of identified scans *is* the single-use ledger: of any number of scans
    that race for one code of a card, one row can stand. Training scans have a ledger of their own.
    """

    __tablename__ = "scans"
    __table_args__ = (
        Index(
            "uq_scans_card_id_step_training",
            "card_id",
            "step",
            "training",
            unique=True,
            info=only("outcome = 'identified'"),
        ),
        Index("ix_scans_customer_id_received_at", "customer_id", "received_at"),
        {"info": WITHOUT_ROWID},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    terminal_id: Mapped[UUID] = mapped_column(primary_key=True)
    store_id: Mapped[UUID]
    kind: Mapped[str | None] = mapped_column(String(2))
    card_id: Mapped[int | None] = mapped_column(BigInteger)
    customer_id: Mapped[UUID | None]
    step: Mapped[int | None] = mapped_column(BigInteger)
    outcome: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(String(20))
    scanned_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    cashier_ref: Mapped[str | None] = mapped_column(String(200))
    training: Mapped[bool]
    flagged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    body_digest: Mapped[bytes] = mapped_column(LargeBinary(16))


class OtpFailure(Base):
    """The nth wrong OTP of a terminal, or of a site. Two failures that race want the same n, and one looks again.

    Until `retry_at`, if there is one, no OTP of this card is taken from there any more, right or wrong.
    """

    __tablename__ = "otp_failures"

    terminal_id: Mapped[UUID] = mapped_column(primary_key=True)
    nth: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    card_number: Mapped[int] = mapped_column(BigInteger)
    failed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
