"""Routes of linking by proof of possession: a site asks with the shopper's code, and reads what they decided."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint, Response
from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from service.codes.refusals import CodeRefused, Refusal
from service.customers.account import find_account
from service.errors import NotFound
from service.linking.ask import ask
from service.linking.models import LinkRequest, LinkStatus
from service.linking.prove import prove
from service.linking.read import get_request, status_of
from service.web.context import actor, now, service, site
from service.web.operation import Answer, Body, answer, operation
from service.web.problems import Problem

bp = Blueprint("commerce_linking", __name__)

_WORDS = {
    Refusal.MALFORMED: "not a code that a card shows, or misread",
    Refusal.UNKNOWN_KEY: "signed with a key that is not taken (any more)",
    Refusal.BAD_SIGNATURE: "not genuine",
    Refusal.TOO_OLD: "expired",
    Refusal.NOT_YET_VALID: "from the future: a clock is wrong",
    Refusal.ALREADY_USED: "used before",
    Refusal.WRONG_OTP: "the digits are not the card's",
    Refusal.TOO_MANY_TRIES: "too many wrong digits: scan the QR, or wait",
    Refusal.CARD_UNUSABLE: "the card can't be used",
}


class LinkRequestIn(Body):
    """The code that the shopper's card shows now, scanned or typed."""

    code: Annotated[str, StringConstraints(max_length=1_000), Field(description="the digits: docs/codes.md")]


class AskedOut(Answer):
    """The shopper is asked; until they approve, nothing is joined."""

    link_request_id: UUID
    status: LinkStatus
    expires_at: datetime


class LinkRequestOut(AskedOut):
    """What the shopper decided."""

    customer_id: UUID | None = Field(
        description="once approved, the customer that both are; null while a rule of the brand stands against it"
    )


@bp.post("/accounts/<account:account_id>/link-requests")
@operation({201: AskedOut}, body=LinkRequestIn, problems=(404,))
def post_link_request(account_id: str, body: LinkRequestIn) -> Response:
    """Ask to link an account with the customer whose code the site was shown.

    The code is spent, as by a scan in a store. The shopper sees who asks, in the app that shows the code, and
    approves or refuses within ten minutes. A code that can't be accepted is the problem `code_refused`.
    """
    with service().db.read() as session:
        _account(session, account_id)  # before the code is looked at: a slip in the address spends none
    try:
        proof = prove(service().db, site().id, body.code, keys=service().keys, now=now())
        with service().db.write() as session:
            asked = ask(
                session,
                proof,
                site_id=site().id,
                account_customer_id=_account(session, account_id),
                actor=actor(),
                now=now(),
            )
    except CodeRefused as refused:
        raise _refused(refused.reason) from None
    return answer(_asked(asked), 201)


@bp.get("/link-requests/<uuid:link_request_id>")
@operation({200: LinkRequestOut}, problems=(404,))
def get_link_request(link_request_id: UUID) -> Response:
    """Read what the shopper decided about a link request of this site."""
    with service().db.read() as session:
        asked, customer_id = get_request(session, site_id=site().id, link_request_id=link_request_id)
    return answer(_asked(asked) | {"customer_id": customer_id})


def _account(session: Session, account_id: str) -> UUID:
    found = find_account(session, site_id=site().id, account_id=account_id, vault=service().keys.vault)
    if found is None:
        raise NotFound("the site has no such account: PUT /commerce/v1/accounts/{account_id} creates it")
    return found


def _refused(reason: Refusal) -> Problem:
    errors = [{"pointer": "/code", "detail": f"{reason}: {_WORDS[reason]}"}]
    return Problem(422, "code_refused", f"the code was refused: {reason}", errors=errors)


def _asked(asked: LinkRequest) -> dict[str, Any]:
    return {
        "link_request_id": asked.id,
        "status": status_of(asked, now()),
        "expires_at": asked.expires_at,
    }
