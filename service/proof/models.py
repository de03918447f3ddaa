"""Table of one-time codes."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, UtcDateTime


class ProofPurpose(StrEnum):
    """What a one-time code is asked for: to sign in, or to add a contact to the file one is signed in to."""

    SIGN_IN = "sign_in"
    ADD_CONTACT = "add_contact"


class OneTimeCode(Base):
    """A code on its way to a contact. The code is kept as a keyed hash, the contact sealed under the vault's key.

    A day after it has expired the row is purged.

    `session_id` is the shopper's session that asked, when there is one. `first_proof_id` is the code that was
    proved before, when this one is a second proof.
    """

    __tablename__ = "one_time_codes"
    __table_args__ = (
        Index("ix_one_time_codes_contact_index_created_at", "contact_index", "created_at"),
        Index("ix_one_time_codes_send_after", "send_after"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    contact_index: Mapped[bytes] = mapped_column(LargeBinary(32))
    contact_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    language: Mapped[str] = mapped_column(String(5))
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("sessions.id"))
    first_proof_id: Mapped[UUID | None]
    attempts: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # the message: sealed until it is sent; NULL when nothing is left to send
    message_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    send_after: Mapped[datetime | None] = mapped_column(UtcDateTime)
    send_tries: Mapped[int] = mapped_column(SmallInteger)
