"""Tables of customers and identifiers."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, UtcDateTime


class IdentifierKind(StrEnum):
    """What kind of key an identifier is."""

    ACCOUNT = "account"


class Customer(Base):
    """A person as the brand knows them."""

    __tablename__ = "customers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Identifier(Base):
    """A key that belongs to a customer. The value isn't kept, only the blind index that finds it.

    `issuer` is the site for an account.
    """

    __tablename__ = "identifiers"
    __table_args__ = (
        UniqueConstraint("kind", "issuer", "value_index"),
        Index("ix_identifiers_customer_id_issuer", "customer_id", "issuer"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    kind: Mapped[str] = mapped_column(String(20))
    issuer: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    value_index: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
