"""Contacts of a signed-in shopper: add one by proof, list them, remove one."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.crypto.keystore import KeyStore
from service.customers.component import live_of
from service.customers.identifiers import open_values
from service.customers.lock import lock_customer
from service.customers.models import CONTACTS, STRENGTH, Identifier, Trust
from service.errors import Conflict, NotFound
from service.merging.join import Joined, Outcome
from service.merging.lock import lock_identities
from service.merging.rules import Rules
from service.merging.unlink import unlink
from service.proof.evict import verified_contacts_of
from service.proof.hold import Prover, SecondProof, find_holder, hold, is_one, need_second_proof, outdate, release
from service.proof.verify import Proved, use_up
from service.sessions.models import ShopperSession


class Addition(StrEnum):
    """What came of a proved contact: it is new on the file, it brought another file with it, or a person decides."""

    ADDED = "added"
    LINKED = "linked"
    PENDING = "pending"


@dataclass(frozen=True)
class Added:
    """A contact that is the shopper's now."""

    identifier_id: UUID
    outcome: Addition


def add_contact(
    session: Session, keystore: KeyStore, proved: Proved, *, prover: Prover, rules: Rules, now: datetime
) -> Added | SecondProof:
    """Give a signed-in shopper the contact they proved; another file that it leads to becomes theirs, too.

    A recycled number on another's file needs more, as in `sign_in`: proving a contact of that file here joins the
    two first; a new owner takes the number without the file.
    """
    lock_identities(session)
    lock_customer(session, prover.customer_id)
    ask_for_sign_in(session, prover)
    holder = find_holder(session, keystore.vault, proved.contact)
    own = holder is not None and is_one(session, holder.customer_id, prover.customer_id)
    if holder is not None and not own:
        missing = need_second_proof(session, keystore.vault, proved.contact, holder, now)
        if missing is not None and not proved.new_owner:
            return missing
        if proved.new_owner:
            release(session, holder, proved.contact, vault=keystore.vault, prover=prover, now=now)
    use_up(session, proved.request_id, now)
    if holder is not None and own:
        prover = replace(prover, customer_id=holder.customer_id)  # it is there already: proved again
    identifier, joined = hold(session, keystore, proved.contact, prover=prover, rules=rules, now=now)
    return Added(identifier.id, _outcome(joined))


def list_contacts(session: Session, keystore: KeyStore, customer_id: UUID) -> list[tuple[Identifier, str | None]]:
    """Return a customer's live contacts with their values, oldest first; one that several files hold, once.

    Then it is the one that is trusted most.
    """
    found = sorted(_held(session, keystore, customer_id), key=lambda held: -STRENGTH[held[0].trust])
    shown = {(row.kind, value or row.id): (row, value) for row, value in reversed(found)}
    return sorted(shown.values(), key=lambda held: (held[0].created_at, held[0].id))


def remove_contact(
    session: Session, keystore: KeyStore, identifier_id: UUID, *, prover: Prover, now: datetime
) -> None:
    """End a contact of the shopper's own, in each of their files that holds it.

    `Conflict` when they could not sign in again without it.
    """
    lock_identities(session)
    ask_for_sign_in(session, prover)
    held = {row.id: (row, value) for row, value in _held(session, keystore, prover.customer_id)}
    if identifier_id not in held:
        raise NotFound("there is no such contact of yours")
    given, value = held[identifier_id]
    what = (given.kind, value or given.id)
    same = [row for row, other in held.values() if (row.kind, other or row.id) == what]
    others = [row for row, _ in held.values() if row.trust == Trust.VERIFIED and row not in same]
    if not others and any(row.trust == Trust.VERIFIED for row in same):
        raise Conflict("this is the only contact you can sign in with: add another one first", code="last_contact")
    for row in same:
        unlink(session, row, actor=prover.actor, now=now)
        outdate(row, now)


def _held(session: Session, keystore: KeyStore, customer_id: UUID) -> list[tuple[Identifier, str | None]]:
    kept = select(Identifier).where(*live_of(customer_id, *CONTACTS)).order_by(Identifier.created_at, Identifier.id)
    rows = session.scalars(kept).all()
    values = open_values(keystore, rows)
    return [(row, values[row.id]) for row in rows]


def ask_for_sign_in(session: Session, prover: Prover) -> None:
    """Raise `Conflict` in a session that a site opened, once the file has a contact that its owner can sign in with.

    Such a session is the site's word. Whoever changes what a file is entered by could keep its owner out.
    """
    held = session.get(ShopperSession, prover.session_id)
    opened_by_site = held is None or held.site_id is not None
    own = select(Identifier.id).where(*verified_contacts_of(prover.customer_id)).limit(1)
    if opened_by_site and session.scalar(own) is not None:
        detail = "sign in with your e-mail address or phone number first: this session was opened by a shop"
        raise Conflict(detail, code="sign_in_needed")


def _outcome(joined: Joined | None) -> Addition:
    if joined is None or joined.outcome is Outcome.SAME:
        return Addition.ADDED
    return Addition.LINKED if joined.outcome is Outcome.MERGED else Addition.PENDING
