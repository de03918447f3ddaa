"""Routes of consent, export, erasure and the audit."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Blueprint, Response, request
from pydantic import Field

from service.audit.models import Action
from service.audit.read import list_audit
from service.audit.record import record
from service.audit.words import LANGUAGES
from service.consent.models import Consent, Purpose
from service.consent.texts import TEXT_VERSION, text_of
from service.customers.component import nodes_of
from service.customers.lock import lock_customer
from service.errors import Conflict, NotFound
from service.lists import Cursor
from service.merging.consents import read_consents
from service.privacy.audit import tell_audit
from service.privacy.consents import Said, state_consent
from service.privacy.erase import erase
from service.privacy.export import export
from service.privacy.forget import sweep
from service.web.consents import ConsentOut, SaidIn, describe, site_names
from service.web.context import actor, now, service, shopper
from service.web.exports import ExportOut
from service.web.guards import SESSION_COOKIE
from service.web.operation import Answer, Body, answer, operation
from service.web.pages import PageQuery, page

bp = Blueprint("shopper_privacy", __name__)


class AskedConsentOut(ConsentOut):
    """What holds for one purpose, and the words to ask it in: send their `text_version` back with the answer.

    `said_version` is of the words that the customer said it to: a shop has words of its own.
    """

    text: str
    said_version: str | None


class AskedConsentsOut(Answer):
    """What holds, and what to ask, purpose by purpose."""

    items: list[AskedConsentOut]


class EraseIn(Body):
    """The word that says that this is meant."""

    confirm: Annotated[Literal["erase"], Field(examples=["erase"])]


class AuditLine(Answer):
    """One thing done to the shopper's file, in words of their language."""

    at: datetime
    who: str
    what: str
    why: str | None


class AuditOut(Answer):
    """A page of the audit, newest first."""

    items: list[AuditLine]
    next_cursor: str | None


@bp.get("/consents")
@operation({200: AskedConsentsOut})
def get_consents() -> Response:
    """List the purposes in the words of Accept-Language (en or es), and what the shopper said to each."""
    with service().db.read() as session:
        held = read_consents(session, shopper().customer_id)
        sites = site_names(session)
    return _varied(answer({"items": [_asked(purpose, holds, sites) for purpose, holds in held.items()]}))


@bp.put("/consents/<purpose>")
@operation({200: AskedConsentOut}, body=SaidIn, problems=(403, 404, 409))
def put_consent(purpose: str, body: SaidIn) -> Response:
    """Grant or withdraw one purpose. `text_version` is of the words that were on the screen."""
    about = _purpose(purpose)
    if body.text_version != TEXT_VERSION:
        raise Conflict("the words have changed: show them as they are now, and ask again", code="text_changed")
    said = Said(about, body.granted, body.text_version)
    with service().db.write() as session:
        stated = state_consent(session, shopper().customer_id, said, actor=actor(), now=now())
    return _varied(answer(_asked(about, stated, {})))


@bp.get("/export")
@operation({200: ExportOut}, problems=(404,))
def get_export() -> Response:
    """Return everything we hold on the shopper, as a file to keep."""
    customer_id = shopper().customer_id
    with service().db.write() as session:
        lock_customer(session, customer_id)
        record(session, Action.EXPORTED, customer_id, actor=actor(), now=now())
    with service().db.read() as session:
        told = export(session, service().keystore, customer_id, language=_language(), now=now())
    response = _varied(answer(told))
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@bp.post("/erase")
@operation({204: None}, body=EraseIn, problems=(403, 404))
def post_erase(body: EraseIn) -> Response:  # noqa: ARG001 - the word itself is the point
    """Erase the shopper for good: their file, their contacts, cards and sessions on every phone.

    What they bought stays with the store's books, each purchase by itself and nobody's.
    """
    with service().db.write() as session:
        erased = erase(session, service().keystore, shopper().customer_id, actor=actor(), now=now())
    with service().db.write() as session:
        sweep(session, erased.nodes)
    response = Response(status=204)
    secure = service().settings.secure
    response.delete_cookie(SESSION_COOKIE, path="/", secure=secure, httponly=True, samesite="Strict")
    return response


@bp.get("/audit")
@operation({200: AuditOut}, query=PageQuery)
def get_audit(query: PageQuery) -> Response:
    """List who did what with the shopper's file, and who looked at it, in the words of Accept-Language (en or es)."""
    with service().db.read() as session:
        nodes = nodes_of(shopper().customer_id)
        lines = list_audit(session, nodes, once=True, after=query.cursor, limit=query.limit + 1)
        items = tell_audit(session, nodes, lines, language=_language(), sites=site_names(session))
    return _varied(answer(page(items, [Cursor(line.at, line.id) for line in lines], query.limit)))


def _purpose(name: str) -> Purpose:
    try:
        return Purpose(name)
    except ValueError:
        raise NotFound("there is no such purpose: GET /shopper/v1/consents lists them") from None


def _asked(purpose: Purpose, holds: Consent | None, sites: dict[UUID, str]) -> dict[str, Any]:
    said = describe(purpose, holds, sites)
    asked = {"text_version": TEXT_VERSION, "text": text_of(purpose, _language())}
    return said | asked | {"said_version": said["text_version"]}


def _language() -> str:
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def _varied(response: Response) -> Response:
    response.headers["Vary"] = "Accept-Language"
    return response
