"""Tables of sales and returns.

Lines are kept as the till sent them, in one JSON column: a completed sale is a document that is never edited.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import WITHOUT_ROWID, Base, Json, UtcDateTime, only


class Link(StrEnum):
    """Whether a sale belongs to a customer, and if not, why."""

    LINKED = "linked"
    PENDING = "pending"
    UNIDENTIFIED = "unidentified"
    REFUSED = "refused"
    CONFLICT = "conflict"


class Sale(Base):
    """A completed sale. Its link is no column: it follows from the scan it names, which may come later."""

    __tablename__ = "sales"
    __table_args__ = (
        Index("ix_sales_scan_id", "scan_id"),
        Index("ix_sales_store_id_receipt_number", "store_id", "receipt_number"),
        Index("ix_sales_claim_hash", "claim_hash", info=only("claim_hash IS NOT NULL")),
        {"info": WITHOUT_ROWID},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    terminal_id: Mapped[UUID] = mapped_column(primary_key=True)
    store_id: Mapped[UUID]
    scan_id: Mapped[UUID | None]
    receipt_number: Mapped[str] = mapped_column(String(200))
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    currency: Mapped[str] = mapped_column(String(3))
    total_minor: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(Json())
    warnings: Mapped[list[dict[str, str]]] = mapped_column(Json())
    cashier_ref: Mapped[str | None] = mapped_column(String(200))
    training: Mapped[bool]
    body_digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    claim_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))


class Claim(Base):
    """A claim code spent by a customer. It may come before the sale that carries it.

    The code is 128 random bits, so its plain SHA-256 finds it and tells nothing.
    """

    __tablename__ = "claims"
    __table_args__ = (Index("ix_claims_customer_id_claimed_at", "customer_id", "claimed_at"),)

    claim_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    customer_id: Mapped[UUID]
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Return(Base):
    """Goods that came back. It names a sale, a receipt or neither, and may arrive before its sale."""

    __tablename__ = "returns"
    __table_args__ = (Index("ix_returns_sale_id", "sale_id"), {"info": WITHOUT_ROWID})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    terminal_id: Mapped[UUID] = mapped_column(primary_key=True)
    store_id: Mapped[UUID]
    sale_id: Mapped[UUID | None]
    receipt: Mapped[dict[str, Any] | None] = mapped_column(Json())
    reason: Mapped[str] = mapped_column(String(10))
    replacement_sale_id: Mapped[UUID | None]
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    currency: Mapped[str] = mapped_column(String(3))
    lines: Mapped[list[dict[str, Any]]] = mapped_column(Json())
    warnings: Mapped[list[dict[str, str]]] = mapped_column(Json())
    cashier_ref: Mapped[str | None] = mapped_column(String(200))
    training: Mapped[bool]
    body_digest: Mapped[bytes] = mapped_column(LargeBinary(16))
