"""Invite a terminal, and trade its enrolment code for a token."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from service.crypto.tokens import Prefix, hash_token, is_well_formed, mint, mint_enrolment_code
from service.errors import NotAuthorised, NotFound
from service.stores.models import EnrolmentCode, Store, Terminal

ENROLMENT_CODE_LIVES = timedelta(minutes=15)
TRADE_MAY_REPEAT_FOR = timedelta(minutes=10)


def invite(session: Session, *, store_id: UUID, label: str, training: bool, now: datetime) -> tuple[str, datetime]:
    """Return a fresh enrolment code for a terminal of the store, and when it expires."""
    if session.get(Store, store_id) is None:
        raise NotFound(f"there is no store {store_id}")
    code, expires_at = mint_enrolment_code(), now + ENROLMENT_CODE_LIVES
    session.add(
        EnrolmentCode(
            code_hash=hash_token(code),
            store_id=store_id,
            label=label,
            training=training,
            expires_at=expires_at,
        )
    )
    return code, expires_at


def enrol(
    session: Session,
    *,
    enrolment_code: str,
    installation_id: str | None,
    hardware: str | None,
    software: str | None,
    now: datetime,
) -> tuple[Terminal, str]:
    """Trade an enrolment code for a terminal and its token; `NotAuthorised` when it is bad, used or expired.

    The installation that made the trade may repeat it for 10 minutes (its answer may have been lost) and gets
    a fresh token for the same terminal.
    """
    invitation = _take(session, _recognise(enrolment_code), installation_id, now)
    if invitation.terminal_id is None:
        return _open_terminal(session, invitation, hardware=hardware, software=software, now=now)
    terminal = session.get_one(Terminal, invitation.terminal_id)
    if terminal.revoked_at is not None:
        raise _refused()
    return terminal, roll(terminal)


def roll(terminal: Terminal) -> str:
    """Give the terminal a new token. The old one lives until the new one is first used."""
    token = mint(Prefix.TERMINAL)
    terminal.next_token_hash = hash_token(token)
    return token


def _recognise(enrolment_code: str) -> bytes:
    code = enrolment_code.strip().lower()
    if not is_well_formed(code, Prefix.ENROLMENT):
        raise _refused()
    return hash_token(code)


def _take(session: Session, code_hash: bytes, installation_id: str | None, now: datetime) -> EnrolmentCode:
    """Return the code, locked and marked as used, so that of two tills that race only one gets it."""
    code = session.get(EnrolmentCode, code_hash, with_for_update=True)
    if code is None or not (_is_unused(code, now) or _is_repeat(code, installation_id, now)):
        raise _refused()
    if code.used_at is None:
        code.used_at, code.installation_id = now, installation_id
    return code


def _is_unused(code: EnrolmentCode, now: datetime) -> bool:
    return code.used_at is None and now < code.expires_at


def _is_repeat(code: EnrolmentCode, installation_id: str | None, now: datetime) -> bool:
    same = installation_id is not None and code.installation_id == installation_id
    return same and code.used_at is not None and now < code.used_at + TRADE_MAY_REPEAT_FOR


def _open_terminal(
    session: Session, code: EnrolmentCode, *, hardware: str | None, software: str | None, now: datetime
) -> tuple[Terminal, str]:
    token = mint(Prefix.TERMINAL)
    terminal = Terminal(
        id=uuid4(),
        store=session.get_one(Store, code.store_id),
        label=code.label,
        training=code.training,
        token_hash=hash_token(token),
        hardware=hardware,
        software=software,
        enrolled_at=now,
        last_seen_at=now,
    )
    session.add(terminal)
    session.flush()
    code.terminal_id = terminal.id
    return terminal, token


def _refused() -> NotAuthorised:
    return NotAuthorised("the enrolment code is wrong, used or expired: ask for a new one")
