"""Tables of shopper sessions and handoffs."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.db import Base, UtcDateTime
from service.sites.models import Site


class SessionKind(StrEnum):
    """How a session is carried: `api` as a bearer token, `web` in a cookie, `pending` in a cookie, unconfirmed."""

    API = "api"
    WEB = "web"
    PENDING = "pending"


class ShopperSession(Base):
    """A customer on one app of one phone, opened by a site, or by a proven contact (then there is no site)."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), index=True)
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("sites.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    site: Mapped[Site | None] = relationship(lazy="joined")


class Handoff(Base):
    """A one-time pass from a site's page into our web app."""

    __tablename__ = "handoffs"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
