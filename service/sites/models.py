"""Table of sites."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, Json, UtcDateTime


class Site(Base):
    """A web shop. Its secret key opens the commerce door; its write key opens nothing yet.

    `may_vouch` holds the kinds of identifier for which the operator takes the site's word as proof.
    """

    __tablename__ = "sites"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    secret_key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    write_key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    may_vouch: Mapped[list[str]] = mapped_column(Json())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
