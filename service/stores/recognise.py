"""Recognise a terminal by its token, list terminals, and revoke one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import LargeBinary, Uuid, bindparam, or_, select
from sqlalchemy.orm import Session

from service.crypto.tokens import Prefix, is_well_formed
from service.errors import NotAuthorised, NotFound
from service.stores.models import Store, Terminal

# Of many requests at once of one till, each would wait for the one before to write this.
SEEN_EVERY = timedelta(minutes=1)
_TOKEN_HASH = bindparam("token_hash", type_=LargeBinary())

# Identities are cached, so every statement that writes for a till asks this of the terminal's own row again:
# a revocation holds from the next request on. Parameters: terminal_id, token_hash.
TERMINAL_HOLDS = (
    Terminal.id == bindparam("terminal_id", type_=Uuid()),
    Terminal.revoked_at.is_(None),
    or_(Terminal.token_hash == _TOKEN_HASH, Terminal.next_token_hash == _TOKEN_HASH),
)


@dataclass(frozen=True)
class TerminalIdentity:
    """Who is calling: all that a till's requests need to know, small enough to keep in memory."""

    terminal_id: UUID
    store_id: UUID
    language: str
    training: bool
    token_hash: bytes


def recognise(session: Session, *, token: str, token_hash: bytes, now: datetime) -> Terminal:
    """Return the terminal behind a token; `NotAuthorised` when it is unknown, replaced or revoked.

    The first use of a rolled token ends the one before.
    """
    if not is_well_formed(token, Prefix.TERMINAL):
        raise unknown_terminal()
    either = or_(Terminal.token_hash == token_hash, Terminal.next_token_hash == token_hash)
    terminal = session.scalars(select(Terminal).where(either, Terminal.revoked_at.is_(None))).one_or_none()
    if terminal is None:
        raise unknown_terminal()
    if terminal.next_token_hash == token_hash:
        terminal.token_hash, terminal.next_token_hash = token_hash, None
    if now - terminal.last_seen_at >= SEEN_EVERY:
        terminal.last_seen_at = now
    return terminal


def still_holds(session: Session, terminal: TerminalIdentity) -> None:
    """Raise `NotAuthorised` when the terminal was revoked, or its token replaced, since it was recognised."""
    params = {"terminal_id": terminal.terminal_id, "token_hash": terminal.token_hash}
    if session.scalar(select(Terminal.id).where(*TERMINAL_HOLDS), params) is None:
        raise unknown_terminal()


def identity_of(terminal: Terminal, token_hash: bytes) -> TerminalIdentity:
    """Return what requests need to know of a terminal."""
    return TerminalIdentity(terminal.id, terminal.store_id, terminal.store.language, terminal.training, token_hash)


def unknown_terminal() -> NotAuthorised:
    """Return the one answer for a token that is unknown, replaced or revoked."""
    return NotAuthorised("the terminal token is not valid (any more): enrol this till again")


def list_terminals(session: Session) -> list[Terminal]:
    """Return every terminal, revoked ones too, oldest first."""
    return list(session.scalars(select(Terminal).order_by(Terminal.enrolled_at, Terminal.id)))


def list_stores(session: Session) -> list[Store]:
    """Return every store, oldest first."""
    return list(session.scalars(select(Store).order_by(Store.created_at, Store.id)))


def revoke_terminal(session: Session, terminal_id: UUID, now: datetime) -> Terminal:
    """End a terminal's token; it holds from the next request on, in every process."""
    terminal = session.get(Terminal, terminal_id)
    if terminal is None:
        raise NotFound(f"there is no terminal {terminal_id}")
    terminal.revoked_at = terminal.revoked_at or now
    return terminal
