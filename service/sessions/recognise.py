"""Recognise a shopper by a session token."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, String, bindparam, select
from sqlalchemy.orm import Session

from service.crypto.tokens import Prefix, hash_token, is_well_formed
from service.db import UtcDateTime
from service.errors import NotAuthorised
from service.sessions.models import SessionKind, ShopperSession

# A live session of a kind. Parameters: `session_params`.
SESSION_HOLDS = (
    ShopperSession.token_hash == bindparam("token_hash", type_=LargeBinary()),
    ShopperSession.kind == bindparam("kind", type_=String()),
    ShopperSession.ended_at.is_(None),
    ShopperSession.expires_at > bindparam("now", type_=UtcDateTime()),
)


@dataclass(frozen=True)
class ShopperIdentity:
    """Who is calling: a customer, in one session."""

    session_id: UUID
    customer_id: UUID


def find_session(session: Session, token: str, *, kind: SessionKind, now: datetime) -> ShopperSession | None:
    """Return the live session of this kind behind a token, locked, or None: of two that end it, one finds it."""
    if not is_well_formed(token, Prefix.SESSION):
        return None
    params = session_params(token, kind=kind, now=now)
    live = select(ShopperSession).where(*SESSION_HOLDS).with_for_update(of=ShopperSession)
    return session.scalars(live, params).one_or_none()


def no_session() -> NotAuthorised:
    """Return the one answer for a session that is unknown, ended or expired."""
    return NotAuthorised("the session is unknown, ended or expired: open the card from the shop again")


def session_params(token: str, *, kind: SessionKind, now: datetime) -> dict[str, object]:
    """Return the parameters of `SESSION_HOLDS`."""
    return {"token_hash": hash_token(token), "kind": kind.value, "now": now}
