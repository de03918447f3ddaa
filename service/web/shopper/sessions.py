"""Routes of sessions: exchange a handoff, confirm it, end it; see all of one's own, and end others."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, request

from service.cards.manage import put_away
from service.cards.models import Card
from service.cards.sessions import end_others, end_session, list_sessions
from service.errors import NotAuthorised
from service.proof.contacts import ask_for_sign_in
from service.sessions.models import SessionKind, ShopperSession
from service.sessions.open import PENDING_LIVES, confirm, end, exchange_handoff
from service.sessions.recognise import find_session, no_session
from service.web.context import now, prover, service, shopper
from service.web.guards import PENDING_COOKIE, SESSION_COOKIE, csrf_token
from service.web.operation import answer, operation
from service.web.shopper.models import (
    Empty,
    EndedOut,
    HandoffIn,
    HandoffOut,
    OpenSessionsOut,
    SessionOut,
)

handoffs = Blueprint("shopper_handoffs", __name__)
confirmation = Blueprint("shopper_confirmation", __name__)
bp = Blueprint("shopper_sessions", __name__)


@handoffs.post("/handoff")
@operation({200: HandoffOut}, body=HandoffIn, problems=(401,))
def post_handoff(body: HandoffIn) -> Response:
    """Exchange a handoff for a pending session, and say who asks; nothing is opened before it is confirmed."""
    with service().db.write() as session:
        pending, token = exchange_handoff(session, body.handoff, now())
        replaced = find_session(session, session_cookie(), kind=SessionKind.WEB, now=now())
        payload = {
            "site": _site(pending),
            "replaces": None if replaced is None else {"site": _site(replaced)},
            "csrf_token": csrf_token(token),
        }
    response = answer(payload)
    set_cookie(response, PENDING_COOKIE, token, now() + PENDING_LIVES)
    return response


@confirmation.delete("/handoff")
@operation({204: None}, problems=(401, 403))
def delete_handoff() -> Response:
    """Decline: the pending session ends."""
    with service().db.write() as session:
        pending = find_session(session, g.pending_token, kind=SessionKind.PENDING, now=now())
        if pending is not None:
            end(pending, now())
    return _forget(Response(status=204), PENDING_COOKIE)


@confirmation.post("/session")
@operation({201: SessionOut}, body=Empty, problems=(401, 403))
def post_session(body: Empty) -> Response:  # noqa: ARG001
    """Confirm the pending session; the session on this phone that it replaces ends, with its card."""
    with service().db.write() as session:
        pending = find_session(session, g.pending_token, kind=SessionKind.PENDING, now=now())
        if pending is None:
            raise NotAuthorised("the request has expired: open your card from the shop again")
        replaced = find_session(session, session_cookie(), kind=SessionKind.WEB, now=now())
        if replaced is not None:
            put_away(session, replaced, now())
        opened, token = confirm(session, pending, now())
        payload = describe_session(opened, token)
    response = _forget(answer(payload, 201), PENDING_COOKIE)
    set_cookie(response, SESSION_COOKIE, token, opened.expires_at)
    return response


@bp.get("/session")
@operation({200: SessionOut})
def get_session() -> Response:
    """Return the session of this phone, and the CSRF token that its unsafe requests need."""
    with service().db.read() as session:
        found = session.get(ShopperSession, shopper().session_id)
        if found is None:  # erased at this very moment
            raise no_session()
        return answer(describe_session(found, g.session_token))


@bp.delete("/session")
@operation({204: None}, problems=(403,))
def delete_session() -> Response:
    """End the session of this phone for good, and its card with it."""
    with service().db.write() as session:
        found = session.get(ShopperSession, shopper().session_id)
        if found is not None:  # else it was erased at this very moment
            put_away(session, found, now())
    return _forget(Response(status=204), SESSION_COOKIE)


@bp.get("/sessions")
@operation({200: OpenSessionsOut})
def get_sessions() -> Response:
    """List the shopper's live sessions on all their phones, newest first."""
    with service().db.read() as session:
        found = list_sessions(session, shopper().customer_id, now())
        return answer({"items": [_open_session(row, card) for row, card in found]})


@bp.delete("/sessions/<uuid:session_id>")
@operation({204: None}, problems=(403, 404, 409))
def delete_one_session(session_id: UUID) -> Response:
    """End a session for good, and its card with it.

    Once a file has a contact to sign in with, only who has signed in with one ends others: `sign_in_needed`.
    """
    own = session_id == shopper().session_id
    with service().db.write() as session:
        if not own:
            ask_for_sign_in(session, prover())
        end_session(session, shopper(), session_id, now())
    response = Response(status=204)
    return _forget(response, SESSION_COOKIE) if own else response


@bp.post("/sessions/end-others")
@operation({200: EndedOut}, body=Empty, problems=(403, 409))
def post_end_others(body: Empty) -> Response:  # noqa: ARG001
    """End every session but this one, with its card, and whatever a site opened that waits to be confirmed.

    `sign_in_needed` as for ending one.
    """
    with service().db.write() as session:
        ask_for_sign_in(session, prover())
        return answer({"ended": end_others(session, shopper(), now())})


def describe_session(opened: ShopperSession, token: str) -> dict[str, Any]:
    """Return a session as answers show it."""
    return {
        "site": _site(opened),
        "expires_at": opened.expires_at,
        "csrf_token": csrf_token(token),
    }


def _site(opened: ShopperSession) -> dict[str, str] | None:
    return None if opened.site is None else {"name": opened.site.name}


def _open_session(row: ShopperSession, card: Card | None) -> dict[str, Any]:
    return {
        "session_id": row.id,
        "site": _site(row),
        "kind": row.kind,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "current": row.id == shopper().session_id,
        "card_id": None if card is None else card.public_id,
    }


def session_cookie() -> str:
    """Return the token in the web app's cookie, or nothing."""
    return request.cookies.get(SESSION_COOKIE, "")


def set_cookie(response: Response, name: str, token: str, expires: datetime) -> None:
    """Keep a token in a cookie that only our server reads."""
    secure = service().settings.secure
    response.set_cookie(name, token, expires=expires, path="/", secure=secure, httponly=True, samesite="Strict")


def _forget(response: Response, name: str) -> Response:
    response.delete_cookie(name, path="/", secure=service().settings.secure, httponly=True, samesite="Strict")
    return response
