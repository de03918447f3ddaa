"""Table of consents."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, UtcDateTime


class Purpose(StrEnum):
    """What a customer may allow or forbid, each by itself."""

    IDENTIFICATION = "identification"
    PROFILING = "profiling"
    MARKETING_EMAIL = "marketing_email"
    MARKETING_SMS = "marketing_sms"
    MARKETING_PUSH = "marketing_push"


class Consent(Base):
    """One statement of a customer about one purpose. Statements are added, never changed."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_customer_id_purpose_at", "customer_id", "purpose", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    purpose: Mapped[str] = mapped_column(String(20))
    granted: Mapped[bool]
    source: Mapped[str] = mapped_column(String(10))
    source_id: Mapped[UUID | None]
    text_version: Mapped[str] = mapped_column(String(50))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
