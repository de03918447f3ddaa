"""Table of link requests."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, UtcDateTime


class LinkStatus(StrEnum):
    """What became of a link request. `expired` is never stored: it follows from the clock."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


class LinkRequest(Base):
    """A site asks to join one of its accounts with the customer whose code it was shown."""

    __tablename__ = "link_requests"
    __table_args__ = (Index("ix_link_requests_holder_id_created_at", "holder_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    account_customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    merge_id: Mapped[UUID | None]
