"""Table of cards."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from service.db import WITHOUT_ROWID, Base, UtcDateTime, only


class CardStatus(StrEnum):
    """Whether a card's codes are accepted. Frozen can be undone: by its owner, or by granting identification again.

    Revoked can't be.
    """

    ACTIVE = "active"
    FROZEN = "frozen"
    REVOKED = "revoked"


class Card(Base):
    """A card: 64 random bits of id (63 in use), and a random 9-digit number. With the key file, its OTP key follows.

    Its owner freezes it (`frozen_at`). It is withheld (`withheld_at`) as long as its customer, whoever is one with
    them, lets no till know them: that follows from their consents alone.
    """

    __tablename__ = "cards"
    __table_args__ = (
        Index(
            "uq_cards_session_id_live",
            "session_id",
            unique=True,
            info=only("revoked_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    card_number: Mapped[int] = mapped_column(BigInteger, unique=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), index=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    frozen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withheld_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def status(self) -> CardStatus:
        """Whether the card's codes are accepted."""
        if self.revoked_at is not None:
            return CardStatus.REVOKED
        return CardStatus.ACTIVE if self.frozen_at is None and self.withheld_at is None else CardStatus.FROZEN

    @property
    def public_id(self) -> str:
        """The id as APIs write it: 16 hexadecimal digits, since 63 bits don't fit a JavaScript number."""
        return f"{self.id:016x}"


class CardNumber(Base):
    """A number that a card has or had, as a keyed digest: it stays when the card is erased, and leads to nobody.

    No number that was ever given is given again: its OTP key would be the same, and a phone may still hold it.
    """

    __tablename__ = "card_numbers"
    __table_args__ = ({"info": WITHOUT_ROWID},)  # on SQLite, rows in the order of cards would say whose they are

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
