"""Tables of merges (edges), do-not-links and proposals."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Float, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, Json, UtcDateTime, only


class Rule(StrEnum):
    """What allowed a merge."""

    VERIFIED_IDENTIFIER = "verified_identifier"
    ANONYMOUS_SIGN_UP = "anonymous_sign_up"
    APPROVED_LINK = "approved_link"
    OWNER_CONFIRMED = "owner_confirmed"
    OPERATOR = "operator"
    PROPOSAL = "proposal"


class Merge(Base):
    """An edge between two nodes, `a_id` < `b_id`. Undone, it stays as history.

    `evidence` holds ids and closed words; what an operator wrote is sealed twice, under the data key of either end.
    """

    __tablename__ = "merges"
    __table_args__ = (
        Index("uq_merges_active", "a_id", "b_id", unique=True, info=only("undone_at IS NULL")),
        Index("ix_merges_b_id", "b_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    a_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    b_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    rule: Mapped[str] = mapped_column(String(20))
    evidence: Mapped[dict[str, Any]] = mapped_column(Json())
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[UUID | None]
    reason_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_by_kind: Mapped[str | None] = mapped_column(String(10))
    undone_by_id: Mapped[UUID | None]
    undo_reason_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class DoNotLink(Base):
    """Two nodes, `a_id` < `b_id`, whose components nothing but a person may join again."""

    __tablename__ = "do_not_links"
    __table_args__ = (Index("ix_do_not_links_b_id", "b_id"),)

    a_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    b_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ProposalStatus(StrEnum):
    """What became of a proposal. `stale`: its two customers became one, or one was erased, by other means."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    STALE = "stale"


class Decider(StrEnum):
    """Who may decide a proposal: the brand's operators, or the shopper who proved the contact (`a_id`)."""

    OPERATOR = "operator"
    OWNER = "owner"


class Proposal(Base):
    """Two nodes that are probably one person, for a person to decide. `reasons` are closed words with scores."""

    __tablename__ = "proposals"
    __table_args__ = (
        Index("uq_proposals_open", "a_id", "b_id", unique=True, info=only("status = 'open'")),
        Index("ix_proposals_status_created_at", "status", "created_at"),
        Index("ix_proposals_b_id", "b_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    a_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    b_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    decider: Mapped[str] = mapped_column(String(10))
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(Json())
    score: Mapped[float | None] = mapped_column(Float)
    status: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[UUID | None]
    merge_id: Mapped[UUID | None]
