"""Routes of a shopper's contacts: prove one, see them all, remove one; and the accounts that wait for a word."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from flask import Blueprint, Response

from service.customers.models import Identifier, Trust
from service.proof.accounts import ShownAccount, confirm, list_accounts, refuse, unlink_account
from service.proof.contacts import add_contact, ask_for_sign_in, list_contacts, remove_contact
from service.proof.hold import SecondProof
from service.proof.models import ProofPurpose
from service.proof.verify import Attempt, prove
from service.web.context import now, prover, service, shopper
from service.web.operation import Answer, answer, operation
from service.web.shopper.models import Empty, SiteName
from service.web.shopper.sign_in import CodeIn, ContactIn, RequestedOut, ask_for_code

bp = Blueprint("shopper_contacts", __name__)


class ContactOut(Answer):
    """A contact of the shopper's. `verified`: they proved it, or a site did that may vouch for its kind; `vouched`:
    a site named it; `claimed`: somebody typed it.
    """

    identifier_id: UUID
    kind: Literal["email", "phone"]
    value: str | None
    trust: Trust
    since: datetime


class ContactsOut(Answer):
    """The shopper's contacts, oldest first."""

    items: list[ContactOut]


class AddedOut(Answer):
    """What came of a proof. `linked`: another file that the contact leads to is the shopper's now; `pending`: a
    person at the brand decides on that; `second_proof_needed`: the number is on another's file, so prove a contact
    of the kind named that is on that file first, or say that you are its new owner.
    """

    identifier_id: UUID | None
    outcome: Literal["added", "linked", "pending", "second_proof_needed"]
    kind: Literal["email", "phone"] | None = None


class OwnAccountOut(Answer):
    """An account with a site. `to_confirm`: it was opened with a contact that the shopper proved since; accounts with
    one `proposal_id` are one person's, and decided together.
    """

    identifier_id: UUID
    site: SiteName
    since: datetime
    status: Literal["linked", "to_confirm"]
    proposal_id: UUID | None = None


class OwnAccountsOut(Answer):
    """The shopper's accounts, then those that wait for their word."""

    items: list[OwnAccountOut]


class DecidedOut(Answer):
    """What became of an account that waited. `pending`: a person at the brand decides."""

    status: Literal["linked", "pending", "refused"]


@bp.get("/contacts")
@operation({200: ContactsOut})
def get_contacts() -> Response:
    """List the shopper's e-mail addresses and phone numbers."""
    with service().db.read() as session:
        found = list_contacts(session, service().keystore, shopper().customer_id)
    return answer({"items": [_contact(row, value) for row, value in found]})


@bp.post("/contacts")
@operation({202: RequestedOut}, body=ContactIn, problems=(403, 409))
def post_contact(body: ContactIn) -> Response:
    """Have a one-time code sent to a contact that the shopper wants to add.

    Once a file has a contact to sign in with, only who has signed in with one changes them: `sign_in_needed`.
    """
    with service().db.read() as session:
        ask_for_sign_in(session, prover())
    return ask_for_code(body, ProofPurpose.ADD_CONTACT, session_id=shopper().session_id)


@bp.post("/contacts/<uuid:request_id>")
@operation({200: AddedOut}, body=CodeIn, problems=(401, 403, 404, 409))
def post_contact_code(request_id: UUID, body: CodeIn) -> Response:
    """Add the contact with the code that was sent to it."""
    attempt = Attempt(request_id, body.code, ProofPurpose.ADD_CONTACT, shopper().session_id, body.new_owner)
    proved = prove(service().db, attempt, vault=service().keys.vault, now=now())
    with service().db.write() as session:
        done = add_contact(session, service().keystore, proved, prover=prover(), rules=service().rules, now=now())
    if isinstance(done, SecondProof):
        return answer({"identifier_id": None, "outcome": "second_proof_needed", "kind": done.kind})
    return answer(vars(done))


@bp.delete("/contacts/<uuid:identifier_id>")
@operation({204: None}, problems=(403, 404, 409))
def delete_contact(identifier_id: UUID) -> Response:
    """Remove a contact; the last one that a shopper can sign in with stays. `sign_in_needed` as for adding one."""
    with service().db.write() as session:
        remove_contact(session, service().keystore, identifier_id, prover=prover(), now=now())
    return Response(status=204)


@bp.get("/accounts")
@operation({200: OwnAccountsOut})
def get_accounts() -> Response:
    """List the shopper's accounts with sites, and those that wait for their word."""
    with service().db.read() as session:
        return answer({"items": [_account(shown) for shown in list_accounts(session, shopper().customer_id)]})


@bp.post("/accounts/<uuid:proposal_id>/confirm")
@operation({200: DecidedOut}, body=Empty, problems=(403, 404, 409))
def post_confirm_account(proposal_id: UUID, body: Empty) -> Response:  # noqa: ARG001
    """Say that the accounts of a proposal are the shopper's own: they join the file."""
    with service().db.write() as session:
        status = confirm(session, service().keystore, proposal_id, prover=prover(), rules=service().rules, now=now())
    return answer({"status": status})


@bp.post("/accounts/<uuid:proposal_id>/refuse")
@operation({200: DecidedOut}, body=Empty, problems=(403, 404, 409))
def post_refuse_account(proposal_id: UUID, body: Empty) -> Response:  # noqa: ARG001
    """Say that the accounts of a proposal are somebody else's: they never join by themselves."""
    with service().db.write() as session:
        return answer({"status": refuse(session, proposal_id, prover=prover(), now=now())})


@bp.delete("/accounts/<uuid:identifier_id>")
@operation({204: None}, problems=(403, 404, 409))
def delete_account(identifier_id: UUID) -> Response:
    """Take an account off the shopper's file; the sessions that its site opened for it end, with their cards.

    In a session that another shop opened: `sign_in_needed` as for contacts.
    """
    with service().db.write() as session:
        unlink_account(session, identifier_id, prover=prover(), now=now())
    return Response(status=204)


def _contact(row: Identifier, value: str | None) -> dict[str, Any]:
    shown = {"identifier_id": row.id, "kind": row.kind, "value": value}
    return shown | {"trust": row.trust, "since": row.created_at}


def _account(shown: ShownAccount) -> dict[str, Any]:
    account = {
        "identifier_id": shown.identifier.id,
        "site": {"name": shown.site.name},
        "since": shown.identifier.created_at,
        "status": "linked" if shown.proposal_id is None else "to_confirm",
    }
    return account if shown.proposal_id is None else account | {"proposal_id": shown.proposal_id}
