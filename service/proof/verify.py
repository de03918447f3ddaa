"""Verify a one-time code: an attempt is spent before anything is compared, and a right code is used up once."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, Executable, LargeBinary, Select, String, Uuid, bindparam, select, update
from sqlalchemy.orm import Session

from service.crypto.vault import Vault
from service.customers.identifiers import index_parts
from service.customers.models import IdentifierKind
from service.db import Database, Statement, UtcDateTime
from service.errors import NotAuthorised
from service.proof.models import OneTimeCode, ProofPurpose
from service.proof.request import Contact, contact_context, hash_code

MOST_ATTEMPTS = 5
_NOTHING = b""
# A code that is over: nobody can enter it, nothing is left to send, and where it went is forgotten.
ENDED: dict[str, Any] = {"contact_sealed": _NOTHING, "message_sealed": None, "send_after": None}


@dataclass(frozen=True)
class Attempt:
    """A code as somebody enters it, for the request it was sent for, in the session that asked (if any).

    `new_owner`: they say that a phone number is new to them, and whatever it leads to is somebody else's.
    """

    request_id: UUID
    code: str
    purpose: ProofPurpose
    session_id: UUID | None = None
    new_owner: bool = False


@dataclass(frozen=True)
class Proved:
    """A contact whose code was right just now. The code stays good until `use_up`."""

    request_id: UUID
    contact: Contact
    first_proof_id: UUID | None
    new_owner: bool


def prove(db: Database, attempt: Attempt, *, vault: Vault, now: datetime) -> Proved:
    """Return what the code proves; `NotAuthorised` with code `wrong_code`, or `code_expired` when it is too late.

    The attempt is spent in a statement of its own: nothing can roll it back, and no two can share it.
    """
    params = vars(attempt) | {"purpose": attempt.purpose.value, "now": now}
    spent = db.run(_SPEND, params)
    if spent is None:
        raise _expired()
    kind, contact_sealed, code_hash, attempts, first_proof_id = spent
    given = hash_code(vault, attempt.request_id, attempt.code)
    if not hmac.compare_digest(given, bytes(code_hash)):
        raise _wrong(MOST_ATTEMPTS - attempts)
    contact = open_contact(vault, attempt.request_id, kind, contact_sealed)
    is_phone = contact.kind is IdentifierKind.PHONE
    return Proved(attempt.request_id, contact, first_proof_id, new_owner=attempt.new_owner and is_phone)


def use_up(session: Session, request_id: UUID, now: datetime) -> None:
    """End a code for good, and forget where it was sent; of two that race, the second finds it expired."""
    ended = ENDED | {"used_at": now}
    open_still = (OneTimeCode.id == request_id, OneTimeCode.contact_sealed != _NOTHING)
    if session.scalar(update(OneTimeCode).where(*open_still).values(**ended).returning(OneTimeCode.id)) is None:
        raise _expired()


def keep(session: Session, request_id: UUID, now: datetime) -> None:
    """Note that a code was right but isn't enough: until it expires it may be entered again, or be a first proof."""
    session.execute(update(OneTimeCode).where(OneTimeCode.id == request_id).values(used_at=now))


def find_kept(session: Session, request_id: UUID | None, *, vault: Vault, now: datetime) -> Contact | None:
    """Return the contact that a kept code proved, or None when there is none (any more)."""
    row = None if request_id is None else session.get(OneTimeCode, request_id, with_for_update=True)
    if row is None or row.used_at is None or row.contact_sealed == _NOTHING or row.expires_at <= now:
        return None
    return open_contact(vault, row.id, row.kind, row.contact_sealed)


def open_contact(vault: Vault, request_id: UUID, kind: str, sealed: bytes) -> Contact:
    """Return the contact that a code was sent to."""
    value = vault.open(bytes(sealed), context=contact_context(request_id)).decode()
    return Contact(IdentifierKind(kind), value)


def find_codes_to(session: Session, vault: Vault, contacts: Select[bytes]) -> set[UUID]:
    """Return the ids of the codes that went to one of some contacts, given by their look-up digests.

    While identifiers are brought under a new index key, a code may stand under another one than its contact: then the
    contact that it is on its way to is opened.
    """
    known = set(session.scalars(contacts))
    found = set(session.scalars(select(OneTimeCode.id).where(OneTimeCode.contact_index.in_(contacts))))
    if known and len(vault.index_keys) > 1:
        open_ones = select(OneTimeCode).where(OneTimeCode.contact_sealed != b"", OneTimeCode.id.not_in(found))
        for code in session.scalars(open_ones):
            contact = open_contact(vault, code.id, code.kind, code.contact_sealed)
            if not known.isdisjoint(vault.indexes(*index_parts(contact.kind, contact.value))):
                found.add(code.id)
    return found


def _wrong(left: int) -> NotAuthorised:
    tries = f"{left} {'try' if left == 1 else 'tries'} left" if left else "no tries left: ask for a new code"
    return NotAuthorised(f"this is not the code that was sent; {tries}", code="wrong_code")


def _expired() -> NotAuthorised:
    words = "this code was used, has expired or was tried too often: ask for a new one"
    return NotAuthorised(words, code="code_expired")


def _spend(_: Dialect) -> Executable:
    good = (
        OneTimeCode.id == bindparam("request_id", type_=Uuid()),
        OneTimeCode.purpose == bindparam("purpose", type_=String()),
        OneTimeCode.session_id.is_not_distinct_from(bindparam("session_id", type_=Uuid())),
        OneTimeCode.expires_at > bindparam("now", type_=UtcDateTime()),
        OneTimeCode.contact_sealed != bindparam("nothing", _NOTHING, type_=LargeBinary()),
        OneTimeCode.attempts < MOST_ATTEMPTS,
    )
    counted = update(OneTimeCode).where(*good).values(attempts=OneTimeCode.attempts + 1)
    return counted.returning(
        OneTimeCode.kind,
        OneTimeCode.contact_sealed,
        OneTimeCode.code_hash,
        OneTimeCode.attempts,
        OneTimeCode.first_proof_id,
    )


_SPEND = Statement(_spend)
