"""Routes of signing in with a one-time code."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from flask import Blueprint, Response, request
from pydantic import Field, StringConstraints

from service.cards.manage import put_away
from service.customers.models import IdentifierKind
from service.customers.normalise import InvalidIdentifier
from service.merging.judge import accept_value
from service.proof.hold import SecondProof
from service.proof.models import ProofPurpose
from service.proof.request import RESEND_AFTER, AskedTooOften, Contact, Wanted, request_code
from service.proof.sign_in import sign_in
from service.proof.verify import Attempt, prove
from service.sending.message import Language
from service.sessions.models import SessionKind
from service.sessions.recognise import find_session
from service.web.context import now, service
from service.web.guards import SESSION_COOKIE
from service.web.operation import Answer, Body, answer, operation
from service.web.problems import Problem
from service.web.shopper.models import SiteName
from service.web.shopper.sessions import describe_session, session_cookie, set_cookie

bp = Blueprint("shopper_sign_in", __name__)


class ContactIn(Body):
    """A contact to prove. `language` is that of the message; without it the request's own, else English."""

    kind: Literal["email", "phone"]
    value: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    language: Literal["en", "es"] | None = None


class SignInIn(ContactIn):
    """A contact to sign in with. `first_proof` names the request whose code asked for a second proof."""

    first_proof: UUID | None = None


class RequestedOut(Answer):
    """A code is on its way. To have another one sent, ask again from `resend_at` on."""

    request_id: UUID
    expires_at: datetime
    resend_at: datetime


class CodeIn(Body):
    """The code that was sent. `new_owner`: the phone number is new to me, and whatever it led to isn't mine."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$"), Field(examples=["012345"])]
    new_owner: bool = False


class SignedInOut(Answer):
    """A session, its token in the cookie; or what else is needed first.

    `second_proof_needed`: the code was right, but a number may be somebody else's by now. Ask for a code for another
    contact of the file, of the kind named, with this request as `first_proof`; or enter this code again with
    `new_owner`. Without a kind only the latter is left.
    """

    status: Literal["signed_in", "second_proof_needed"]
    kind: Literal["email", "phone"] | None = None
    csrf_token: str | None = None
    expires_at: datetime | None = None
    site: SiteName | None = None
    created: bool | None = None


@bp.post("/sign-in")
@operation({202: RequestedOut}, body=SignInIn)
def post_sign_in(body: SignInIn) -> Response:
    """Have a one-time code sent to an e-mail address or a phone: the same answer whether or not we know it."""
    return ask_for_code(body, ProofPurpose.SIGN_IN, first_proof_id=body.first_proof)


@bp.post("/sign-in/<uuid:request_id>")
@operation({200: SignedInOut}, body=CodeIn, problems=(401,))
def post_sign_in_code(request_id: UUID, body: CodeIn) -> Response:
    """Sign in with the code; who isn't known yet joins. A session that was open on this phone ends, with its card."""
    attempt = Attempt(request_id, body.code, ProofPurpose.SIGN_IN, new_owner=body.new_owner)
    proved = prove(service().db, attempt, vault=service().keys.vault, now=now())
    with service().db.write() as session:
        done = sign_in(session, service().keystore, proved, rules=service().rules, now=now())
        if isinstance(done, SecondProof):
            return answer({"status": "second_proof_needed", "kind": done.kind})
        replaced = find_session(session, session_cookie(), kind=SessionKind.WEB, now=now())
        if replaced is not None:
            put_away(session, replaced, now())
        shown = {"status": "signed_in", "created": done.created} | describe_session(done.opened, done.token)
    response = answer(shown)
    set_cookie(response, SESSION_COOKIE, done.token, done.opened.expires_at)
    return response


def ask_for_code(
    body: ContactIn, purpose: ProofPurpose, *, session_id: UUID | None = None, first_proof_id: UUID | None = None
) -> Response:
    """Write down a code to be sent, and answer when it ends and when another one may be asked for."""
    contact = _read_contact(body)
    language = body.language or request.accept_languages.best_match(list(Language), Language.ENGLISH)
    wanted = Wanted(contact, purpose, str(language), session_id, first_proof_id)
    try:
        with service().db.write() as session:
            row = request_code(session, wanted, vault=service().keys.vault, now=now())
    except AskedTooOften as error:
        raise Problem(429, error.code, error.detail, retry_after=error.wait.total_seconds()) from None
    sent = {"request_id": row.id, "expires_at": row.expires_at, "resend_at": row.created_at + RESEND_AFTER}
    return answer(sent, 202)


def _read_contact(body: ContactIn) -> Contact:
    kind = IdentifierKind(body.kind)
    try:
        value = accept_value(service().rules, kind, body.value, region=service().settings.phone_region)
        return Contact(kind, value)
    except InvalidIdentifier as error:
        errors = [{"pointer": "/value", "detail": error.detail}]
        raise Problem(422, "invalid_body", "the contact is not well formed: see errors", errors=errors) from None
