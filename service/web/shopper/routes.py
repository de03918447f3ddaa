"""Routes of a shopper's cards, codes and activity."""

import base64
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from service.cards.manage import freeze, get_card, list_cards, make_card, revoke, unfreeze
from service.cards.models import Card
from service.cards.show import consent_withdrawn, show_code
from service.codes import qr
from service.codes.freshness import STEP_SECONDS
from service.lists import Cursor
from service.merging.consents import may_be_identified
from service.sales.models import Sale
from service.sales.read import list_sales
from service.scans.models import Scan
from service.scans.read import flag_not_me, list_scans
from service.stores.models import Store, Terminal
from service.web.context import carried_card, now, service, shopper
from service.web.operation import answer, operation
from service.web.pages import PageQuery, page
from service.web.shopper.models import (
    ActivityItem,
    ActivityOut,
    CardOut,
    CardsOut,
    CodeOut,
    Empty,
    NewCardOut,
)

bp = Blueprint("shopper", __name__)


@bp.post("/cards")
@operation({200: CardOut, 201: NewCardOut}, body=Empty, problems=(403, 409))
def post_card(body: Empty) -> Response:  # noqa: ARG001
    """Make this session's card. A session has at most one; its OTP key is shown only when it is made.

    `consent_withdrawn` for whoever has withdrawn identification.
    """
    with service().db.write() as session:
        card, otp_key = make_card(session, shopper(), keys=service().keys, now=now())
        if otp_key is not None:
            _check_identification(session)
        payload = _card(card)
    if otp_key is None:
        return answer(payload)
    otp = {"algorithm": "SHA1", "digits": 6, "period": STEP_SECONDS}
    return answer(payload | {"otp_key": base64.b32encode(otp_key).decode("ascii"), "otp": otp}, 201)


@bp.get("/cards")
@operation({200: CardsOut})
def get_cards() -> Response:
    """List the shopper's cards on all their phones, newest first."""
    with service().db.read() as session:
        return answer({"items": [_card(card) for card in list_cards(session, shopper())], "next_cursor": None})


@bp.delete("/cards/<card_id>")
@operation({204: None}, problems=(403, 404))
def delete_card(card_id: str) -> Response:
    """Revoke a card for good."""
    with service().db.write() as session:
        revoke(get_card(session, shopper(), card_id), now())
    return Response(status=204)


@bp.post("/cards/<card_id>/freeze")
@operation({200: CardOut}, body=Empty, problems=(403, 404, 409))
def post_freeze(card_id: str, body: Empty) -> Response:  # noqa: ARG001
    """Refuse a card's codes until it is unfrozen."""
    with service().db.write() as session:
        card = get_card(session, shopper(), card_id)
        freeze(card, now())
        return answer(_card(card))


@bp.post("/cards/<card_id>/unfreeze")
@operation({200: CardOut}, body=Empty, problems=(403, 404, 409))
def post_unfreeze(card_id: str, body: Empty) -> Response:  # noqa: ARG001
    """Accept a frozen card's codes again; `consent_withdrawn` for whoever has withdrawn identification."""
    with service().db.write() as session:
        card = get_card(session, shopper(), card_id)
        _check_identification(session)
        unfreeze(card)
        return answer(_card(card))


@bp.get("/code")
@operation({200: CodeOut}, problems=(409,))
def get_code() -> Response:
    """Return the code to show now. Nothing is stored; fetch again at `refresh_at`, while the old one still holds."""
    shown = show_code(carried_card(), keys=service().keys, now=now())
    return answer(vars(shown) | {"server_time": now()})


@bp.get("/code.svg")
@operation({200: "image/svg+xml"}, problems=(409,))
def get_code_svg() -> Response:
    """Return the code to show now as an SVG, for a client that can't draw it itself."""
    shown = show_code(carried_card(), keys=service().keys, now=now())
    return Response(qr.draw_svg(shown.code), mimetype="image/svg+xml")


@bp.get("/code.png")
@operation({200: "image/png"}, problems=(409,))
def get_code_png() -> Response:
    """Return the code to show now as a PNG, for a client that can't draw it itself."""
    shown = show_code(carried_card(), keys=service().keys, now=now())
    return Response(qr.draw_png(shown.code), mimetype="image/png")


@bp.get("/activity")
@operation({200: ActivityOut, 304: None}, query=PageQuery)
def get_activity(query: PageQuery) -> Response:
    """List the shopper's scans, refused ones too, and their sales, newest first. Poll it with If-None-Match."""
    customer_id, most = shopper().customer_id, query.limit + 1
    with service().db.read() as session:
        scans = list_scans(session, customer_id, after=query.cursor, limit=most)
        sales = list_sales(session, customer_id, after=query.cursor, limit=most)
    items = [_scan(*row) for row in scans] + [sale_item(*row) for row in sales]
    items.sort(key=lambda item: (item["at"], item["id"].int), reverse=True)
    cursors = [Cursor(item["at"], item["id"]) for item in items]
    response = answer(page(items, cursors, query.limit))
    response.add_etag()
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    response.headers.pop("Date", None)  # the server writes its own
    return response


@bp.post("/activity/<uuid:scan_id>/not-me")
@operation({200: ActivityItem}, body=Empty, problems=(403, 404))
def post_not_me(scan_id: UUID, body: Empty) -> Response:  # noqa: ARG001
    """Say that a scan wasn't yours: it is flagged, and its card is frozen."""
    with service().db.write() as session:
        return answer(_scan(*flag_not_me(session, shopper().customer_id, scan_id, now())))


def _check_identification(session: Session) -> None:
    if not may_be_identified(session, shopper().customer_id):
        raise consent_withdrawn()


def _card(card: Card) -> dict[str, Any]:
    return {
        "card_id": card.public_id,
        "card_number": str(card.card_number),
        "status": card.status,
        "withheld": card.withheld_at is not None,
        "created_at": card.created_at,
        "this_session": card.session_id == shopper().session_id,
    }


def _scan(scan: Scan, store: Store, terminal: Terminal) -> dict[str, Any]:
    return {
        "kind": "scan",
        "id": scan.id,
        "store": store.name,
        "terminal": terminal.label,
        "at": scan.received_at,
        "outcome": scan.outcome,
        "reason": scan.reason,
        "flagged": scan.flagged_at is not None,
    }


def sale_item(sale: Sale, store: Store, terminal: Terminal, returned_minor: int) -> dict[str, Any]:
    """Return a sale as its shopper reads it."""
    return {
        "kind": "sale",
        "id": sale.id,
        "store": store.name,
        "terminal": terminal.label,
        "at": sale.received_at,
        "outcome": None,
        "reason": None,
        "flagged": False,
        "currency": sale.currency,
        "total_minor": sale.total_minor,
        "returned_minor": returned_minor,
        "receipt_number": sale.receipt_number,
        "lines": len(sale.lines),
    }
