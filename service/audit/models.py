"""Table of the audit. It holds no personal data: ids, closed words and counts only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, Json, UtcDateTime


class ActorKind(StrEnum):
    """Who did something. `command` is the command line, `system` the service by its own rules."""

    SITE = "site"
    OPERATOR = "operator"
    SHOPPER = "shopper"
    COMMAND = "command"
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """Who did something: a site, an operator, a shopper's session; commands and the service have no id."""

    kind: ActorKind
    id: UUID | None = None


# A shopper's session that was erased: what they did to another customer's file was still not that customer.
ERASED_SESSION = UUID(int=0)
SYSTEM = Actor(ActorKind.SYSTEM)
COMMAND = Actor(ActorKind.COMMAND)


class Action(StrEnum):
    """What was done to a file, or looked at in it."""

    # changes: together they are the history of a customer, and what webhooks will tell
    CUSTOMER_CREATED = "customer.created"
    IDENTIFIER_LINKED = "identifier.linked"
    IDENTIFIER_VERIFIED = "identifier.verified"
    IDENTIFIER_UNLINKED = "identifier.unlinked"
    IDENTIFIER_DEMOTED = "identifier.demoted"
    IDENTIFIER_EVICTED = "identifier.evicted"
    CUSTOMERS_MERGED = "customers.merged"
    CUSTOMERS_UNMERGED = "customers.unmerged"
    DUPLICATE_PROPOSED = "duplicate.proposed"
    DUPLICATE_REJECTED = "duplicate.rejected"
    LINK_REQUESTED = "link.requested"
    LINK_APPROVED = "link.approved"
    LINK_REFUSED = "link.refused"
    SALE_CLAIMED = "sale.claimed"
    SIGNED_IN = "shopper.signed_in"
    SIGNED_OUT = "shopper.signed_out"
    SESSIONS_ENDED = "sessions.ended"
    CONSENT_CHANGED = "consent.changed"
    EXPORTED = "customer.exported"
    ERASED = "customer.erased"
    # looks: who read what of a person
    LOOKED_UP = "customer.looked_up"
    READ = "customer.read"
    SALES_READ = "sales.read"
    SCANS_READ = "scans.read"
    HISTORY_READ = "history.read"
    PROPOSALS_READ = "proposals.read"
    SESSION_OPENED = "session.opened"


LOOKS = frozenset(
    (
        Action.LOOKED_UP,
        Action.READ,
        Action.SALES_READ,
        Action.SCANS_READ,
        Action.HISTORY_READ,
        Action.PROPOSALS_READ,
        Action.SESSION_OPENED,
    )
)


TOLD_TO_BOTH = frozenset((Action.CUSTOMERS_MERGED, Action.CUSTOMERS_UNMERGED))


class AuditEntry(Base):
    """One thing done to a customer's file, or one look into it. Written once; only an erasure takes ids out of it.

    `detail` holds ids, closed words and counts; `why` what the caller gave as a purpose, from a closed list or
    as a reference of its own.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_customer_id_at", "customer_id", "at"),
        Index("ix_audit_at_id", "at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    customer_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(String(30))
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[UUID | None]
    why: Mapped[str | None] = mapped_column(String(200))
    detail: Mapped[dict[str, Any]] = mapped_column(Json())
