"""Tables of stores, terminals and enrolment codes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.db import Base, UtcDateTime


class Store(Base):
    """A place where the brand sells: its clock, money and language."""

    __tablename__ = "stores"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    time_zone: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    language: Mapped[str] = mapped_column(String(2))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Terminal(Base):
    """One till, enrolled in one store. Only hashes of its tokens are kept.

    `next_token_hash` is a rolled token that was not used yet; its first use ends the one before.
    """

    __tablename__ = "terminals"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.id"))
    label: Mapped[str] = mapped_column(String(100))
    training: Mapped[bool]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    next_token_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    hardware: Mapped[str | None] = mapped_column(String(200))
    software: Mapped[str | None] = mapped_column(String(200))
    enrolled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    store: Mapped[Store] = relationship(lazy="joined", innerjoin=True)


class EnrolmentCode(Base):
    """A one-time code that a till trades for a terminal token; `installation_id` says which till did."""

    __tablename__ = "enrolment_codes"

    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.id"))
    label: Mapped[str] = mapped_column(String(100))
    training: Mapped[bool]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    installation_id: Mapped[str | None] = mapped_column(String(200))
    terminal_id: Mapped[UUID | None] = mapped_column(ForeignKey("terminals.id"))
