"""Ask for a one-time code: the same work, and the same row, whether or not anybody knows the contact."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.crypto.vault import Vault
from service.customers.identifiers import index_parts
from service.customers.models import IdentifierKind
from service.errors import UnspokenError
from service.proof.models import OneTimeCode, ProofPurpose
from service.sessions.models import ShopperSession
from service.sessions.recognise import no_session

CODE_LIVES = timedelta(minutes=10)
RESEND_AFTER = timedelta(seconds=30)
WINDOW = timedelta(hours=1)
MOST_IN_WINDOW = 5
_CODES = 10**6


class AskedTooOften(UnspokenError):
    """A contact has been sent enough codes for now; `wait` says how long."""

    code = "rate_limited"

    def __init__(self, wait: timedelta) -> None:
        super().__init__("this contact was sent a code lately: wait before you ask for another one")
        self.wait = wait


@dataclass(frozen=True)
class Contact:
    """An e-mail address or a phone number, normalised."""

    kind: IdentifierKind
    value: str


@dataclass(frozen=True)
class Wanted:
    """What a code is wanted for. `session_id`: whose file a contact is added to; `first_proof_id`: the request
    whose code was right but not enough, when this is the second proof of a sign-in.
    """

    contact: Contact
    purpose: ProofPurpose
    language: str
    session_id: UUID | None = None
    first_proof_id: UUID | None = None


def request_code(session: Session, wanted: Wanted, *, vault: Vault, now: datetime) -> OneTimeCode:
    """Write down a code for the worker to send; `AskedTooOften` after one in 30 s, or five in an hour.

    The customer is never looked up here, so neither the answer nor its time can tell who is known.
    """
    _check_session(session, wanted.session_id)
    _check_pace(session, wanted.contact, vault, now)
    request_id, code = uuid4(), f"{secrets.randbelow(_CODES):06}"
    index = vault.index(*index_parts(wanted.contact.kind, wanted.contact.value), now=now)
    row = OneTimeCode(
        id=request_id,
        purpose=wanted.purpose.value,
        kind=wanted.contact.kind.value,
        contact_index=index.digest,
        contact_sealed=vault.seal(wanted.contact.value.encode(), context=contact_context(request_id)),
        code_hash=hash_code(vault, request_id, code),
        language=wanted.language,
        session_id=wanted.session_id,
        first_proof_id=wanted.first_proof_id,
        attempts=0,
        created_at=now,
        expires_at=now + CODE_LIVES,
        message_sealed=vault.seal(code.encode(), context=message_context(request_id)),
        send_after=now,
        send_tries=0,
    )
    session.add(row)
    return row


def _check_session(session: Session, session_id: UUID | None) -> None:
    """Keep the session, if there is one, from being ended or erased until the transaction ends."""
    if session_id is not None:
        shared = select(ShopperSession.ended_at).where(ShopperSession.id == session_id).with_for_update(read=True)
        held = session.execute(shared).one_or_none()
        if held is None or held.ended_at is not None:
            raise no_session()


def hash_code(vault: Vault, request_id: UUID, code: str) -> bytes:
    """Return what is kept of a code: a keyed hash, for six digits alone could be guessed from a plain one."""
    return vault.digest(request_id.bytes + code.encode(), context="one_time_codes.code_hash")


def contact_context(request_id: UUID) -> bytes:
    """Return what a sealed contact is bound to."""
    return b"one_time_codes.contact:" + request_id.bytes


def message_context(request_id: UUID) -> bytes:
    """Return what a sealed message is bound to."""
    return b"one_time_codes.message:" + request_id.bytes


def _check_pace(session: Session, contact: Contact, vault: Vault, now: datetime) -> None:
    indexes = vault.indexes(*index_parts(contact.kind, contact.value))
    _take_turn(session, indexes[0])
    lately = (OneTimeCode.contact_index.in_(indexes), OneTimeCode.created_at > now - WINDOW)
    newest_first = select(OneTimeCode.created_at).where(*lately).order_by(OneTimeCode.created_at.desc())
    asked = list(session.scalars(newest_first.limit(MOST_IN_WINDOW)))
    free_at = [asked[0] + RESEND_AFTER] if asked else []
    if len(asked) == MOST_IN_WINDOW:
        free_at.append(asked[-1] + WINDOW)
    if free_at and max(free_at) > now:
        raise AskedTooOften(max(free_at) - now)


def _take_turn(session: Session, index: bytes) -> None:
    """Let requests for one contact pass one by one, so that the count holds; on SQLite all writers do already."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(index[:8], "big", signed=True))))
