"""Tables of customers and identifiers."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, UtcDateTime, only

NO_ISSUER = UUID(int=0)


class IdentifierKind(StrEnum):
    """What kind of key an identifier is."""

    ACCOUNT = "account"
    EMAIL = "email"
    PHONE = "phone"
    CRM = "crm"
    LOYALTY_CARD = "loyalty_card"
    ANONYMOUS = "anonymous"


CONTACTS = (IdentifierKind.EMAIL, IdentifierKind.PHONE)
# Keys that only their site knows: it is their issuer.
OF_A_SITE = (IdentifierKind.ACCOUNT, IdentifierKind.ANONYMOUS)


class Trust(StrEnum):
    """How far an identifier is believed, weakest first."""

    CLAIMED = "claimed"
    VOUCHED = "vouched"
    VERIFIED = "verified"


# The higher, the further believed; by the word, as rows have it.
STRENGTH = {trust.value: strength for strength, trust in enumerate(Trust)}


class Customer(Base):
    """A person as the brand knows them: one node. Merging never deletes a node and never rewrites what it holds.

    `canonical_id` is the node that answers for its whole component: the oldest verified one, ties by id.
    `traits` (name, birth date, address …) is one JSON object, sealed under the customer's data key.
    """

    __tablename__ = "customers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    canonical_id: Mapped[UUID] = mapped_column(index=True)
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    traits: Mapped[bytes | None] = mapped_column(LargeBinary)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Identifier(Base):
    """A key that belongs to a customer: the value sealed under the data key, and the blind index that finds it.

    `issuer` is the site of an account or of an anonymous id, else `NO_ISSUER`. `exclusive` is true while this row
    is the one holder of its value: a live account or anonymous id, or a live verified identifier that no merge
    demoted. `demoted_by` is the merge that took its trust away, and gives it back when it is undone.
    `proved_at` is when it was last proved, by its owner or by a site that may vouch; of a phone number that was given
    up or taken by a new owner it is put so far back that it opens nothing alone. `owner_proved_at`: by its owner.
    """

    __tablename__ = "identifiers"
    __table_args__ = (
        Index(
            "uq_identifiers_exclusive",
            "kind",
            "issuer",
            "value_index",
            unique=True,
            info=only("exclusive"),
        ),
        Index(
            "uq_identifiers_customer",
            "customer_id",
            "kind",
            "issuer",
            "value_index",
            unique=True,
            info=only("ended_at IS NULL"),
        ),
        Index("ix_identifiers_value_index", "value_index"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    kind: Mapped[str] = mapped_column(String(20))
    issuer: Mapped[UUID]
    trust: Mapped[str] = mapped_column(String(10))
    exclusive: Mapped[bool]
    value_index: Mapped[bytes] = mapped_column(LargeBinary(32))
    index_version: Mapped[int] = mapped_column(SmallInteger)
    value_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    source: Mapped[str] = mapped_column(String(10))
    source_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    proved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    owner_proved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    demoted_by: Mapped[UUID | None]
