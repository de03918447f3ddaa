"""Recognise a shopper by a session token."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, String, bindparam, select
from sqlalchemy.orm import Session

from service.crypto.tokens import Prefix, hash_token, is_well_formed
from service.db import Database, Statement, UtcDateTime
from service.errors import NotAuthorised
from service.sessions.models import SessionKind, ShopperSession

_LIVE = (
    ShopperSession.token_hash == bindparam("token_hash", type_=LargeBinary()),
    ShopperSession.kind == bindparam("kind", type_=String()),
    ShopperSession.ended_at.is_(None),
    ShopperSession.expires_at > bindparam("now", type_=UtcDateTime()),
)
_FIND = Statement(lambda _: select(ShopperSession.id, ShopperSession.customer_id).where(*_LIVE))


@dataclass(frozen=True)
class ShopperIdentity:
    """Who is calling: a customer, in one session."""

    session_id: UUID
    customer_id: UUID


def recognise_shopper(db: Database, token: str, *, kind: SessionKind, now: datetime) -> ShopperIdentity:
    """Return the shopper behind a live session's token; `NotAuthorised` otherwise."""
    row = db.run(_FIND, _params(token, kind, now)) if is_well_formed(token, Prefix.SESSION) else None
    if row is None:
        raise NotAuthorised("the session is unknown, ended or expired: open the card from the shop again")
    return ShopperIdentity(*row)


def find_session(session: Session, token: str, *, kind: SessionKind, now: datetime) -> ShopperSession | None:
    """Return the live session of this kind behind a token, or None."""
    if not is_well_formed(token, Prefix.SESSION):
        return None
    return session.scalars(select(ShopperSession).where(*_LIVE), _params(token, kind, now)).one_or_none()


def _params(token: str, kind: SessionKind, now: datetime) -> dict[str, object]:
    return {"token_hash": hash_token(token), "kind": kind.value, "now": now}
