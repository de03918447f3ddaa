"""Routes of a site's accounts: put one, open a session for it, take back what the site gave."""

import re
from functools import wraps
from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from pydantic import StringConstraints, TypeAdapter, ValidationError
from sqlalchemy.orm import Session
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import PathConverter

from service.audit.models import Action
from service.audit.record import record
from service.customers.account import see_account
from service.customers.given import find_given
from service.customers.models import Identifier
from service.errors import NotFound
from service.merging.judge import Judge
from service.merging.put_account import Account, put_account
from service.merging.unlink import unlink
from service.sessions.open import open_session
from service.web.commerce.models import AccountIn, AccountOut, OpenedSessionOut, SessionIn
from service.web.context import actor, now, service, site
from service.web.operation import View, answer, operation
from service.web.problems import Problem

bp = Blueprint("commerce_accounts", __name__)


class AccountIdConverter(PathConverter):
    """A site's own key for an account: unlike a path, it may begin with a slash."""

    regex = "(?s:.+?)"
    part_isolating = False


@bp.record
def _know_account_ids(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["account"] = AccountIdConverter


# U+FFFD stands where the address held bytes that aren't UTF-8: two such accounts would become one.
_ACCOUNT_ID = TypeAdapter(
    Annotated[str, StringConstraints(min_length=1, max_length=255, pattern="^[^\x00-\x1f\x7f\ufffd]*$")]
)


# The addresses under an account, as they were written: with `%2F` it would be a slash of the account's own id.
_UNDER_AN_ACCOUNT = re.compile(r"/accounts/.+/(?:(sessions|link-requests)|identifiers/[0-9A-Fa-f-]{36})$")


def _of_accounts(view: View) -> View:
    """Have a view refuse what is meant for an address under an account, which it would take for another account."""

    @wraps(view)
    def checked(**arguments: Any) -> Response:
        address = request.environ.get("RAW_URI", "").partition("?")[0]
        if under := _UNDER_AN_ACCOUNT.search(address):
            raise MethodNotAllowed(["POST" if under[1] else "DELETE"])
        return view(**arguments)

    return checked


@bp.put("/accounts/<account:account_id>")
@_of_accounts
@operation({200: AccountOut, 201: AccountOut}, body=AccountIn)
def put_account_(account_id: str, body: AccountIn) -> Response:
    """Find the customer behind one of the site's accounts, or create them at first sight, and say what is known.

    `account_id` is the site's own key for the account, up to 255 characters; write a slash in it as `%2F`. What is
    left out stays as it is. `verified` counts as proof where the operator allowed it (`unspoken site add
    --may-vouch`), elsewhere as the site's word. Only verified identifiers join two customers; others ask a person.
    `outcome` says what happened: `linked` to a known customer, `pending` while a person or a limit stands between.
    """
    judge = Judge(service().rules, service().settings.phone_region, site().may_vouch)
    items = [(item.kind, item.value, item.verified) for item in body.identifiers]
    identifiers, problems = judge.accept(items)
    account = Account(site().id, _checked(account_id), identifiers, body.traits)
    with service().db.write() as session:
        put = put_account(session, service().keystore, account=account, rules=service().rules, now=now())
    payload = {
        "customer_id": put.customer_id,
        "outcome": put.outcome,
        "proposals": [{"proposal_id": ident, "reason": why} for ident, why in put.proposals.items()],
        "identifiers": put.identifiers,
        "problems": problems + put.problems,
    }
    return answer(payload, 201 if put.created else 200)


@bp.post("/accounts/<account:account_id>/sessions")
@operation({201: OpenedSessionOut}, body=SessionIn, problems=(404,))
def post_session(account_id: str, body: SessionIn) -> Response:  # noqa: ARG001 - parsed to be refused when it isn't {}
    """Open a shopper session for the site's logged-in user.

    The token is for an app backend. `app_url` is a link into our web app, with a one-time pass in its fragment:
    send the shopper there at once.
    """
    with service().db.write() as session:
        held = _account_of(session, account_id)
        opened, token, handoff = open_session(session, customer_id=held.customer_id, site_id=site().id, now=now())
        record(session, Action.SESSION_OPENED, held.customer_id, actor=actor(), now=now())
        session.refresh(held, with_for_update={"read": True})  # who unlinks it at this moment waits, or made us wait
        if held.ended_at is not None:
            raise _no_such_account()
    app_url = f"{service().settings.public_url}/app#handoff={handoff}"
    return answer({"session_token": token, "expires_at": opened.expires_at, "app_url": app_url}, 201)


@bp.delete("/accounts/<account:account_id>")
@_of_accounts
@operation({204: None}, problems=(404, 422))
def delete_account(account_id: str) -> Response:
    """Unlink an account: from now on it leads to nobody, and every session that it opened ends, with its card.

    What the customer bought stays theirs. Putting the account again creates a new customer.
    """
    with service().db.write() as session:
        unlink(session, _account_of(session, account_id), actor=actor(), now=now())
    return Response(status=204)


@bp.delete("/accounts/<account:account_id>/identifiers/<uuid:identifier_id>")
@operation({204: None}, problems=(404, 409, 422))
def delete_identifier(account_id: str, identifier_id: UUID) -> Response:
    """Unlink an identifier that this site gave. What it led to before stays as it is.

    What its owner has proved since is theirs (409), but for kinds that the site may vouch for.
    """
    with service().db.write() as session:
        customer_id = _account_of(session, account_id).customer_id
        of_site: dict[str, Any] = {"site_id": site().id, "may_vouch": site().may_vouch}
        found = find_given(session, identifier_id, customer_id=customer_id, **of_site)
        unlink(session, found, actor=actor(), now=now())
    return Response(status=204)


def _checked(account_id: str) -> str:
    try:
        return _ACCOUNT_ID.validate_python(account_id)
    except ValidationError:
        detail = "1 to 255 characters, percent-encoded UTF-8, no control characters"
        errors = [{"pointer": "/account_id", "detail": detail}]
        raise Problem(422, "invalid_parameter", "the account id can't be one", errors=errors) from None


def _account_of(session: Session, account_id: str) -> Identifier:
    checked = _checked(account_id)
    found = see_account(session, service().keystore, site_id=site().id, account_id=checked, now=now())
    if found is None:
        raise _no_such_account()
    return found


def _no_such_account() -> NotFound:
    return NotFound("the site has no such account: PUT /commerce/v1/accounts/{account_id} creates it")
