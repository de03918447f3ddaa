"""Routes for tills."""

import base64
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response

from service.codes.freshness import ACCEPT_AFTER, ACCEPT_BEFORE, GRACE
from service.sales.read import get_sale
from service.sales.record import Recorded, link_sale
from service.scans.identify import told_reason
from service.scans.models import Outcome
from service.scans.read import get_scan
from service.stores.enrol import enrol, roll
from service.stores.models import Terminal
from service.web.arriving import MAX_BODY_BYTES
from service.web.context import now, service, terminal
from service.web.operation import answer, operation
from service.web.pos import record
from service.web.pos.models import (
    MAX_SYNC_ITEMS,
    EnrolIn,
    EnrolOut,
    KeysOut,
    LinkIn,
    ReturnIn,
    ReturnOut,
    SaleIn,
    SaleOut,
    ScanIn,
    ScanOut,
    SyncIn,
    SyncOut,
    TerminalOut,
    TokenOut,
)
from service.web.pos.sync import sync

bp = Blueprint("pos", __name__)
enrolment = Blueprint("pos_enrolment", __name__)
keys = Blueprint("pos_keys", __name__)

HEARTBEAT_SECONDS = 300
KEYS_CACHED_SECONDS = 300


@enrolment.post("/enrol")
@operation({201: EnrolOut}, body=EnrolIn, problems=(401,))
def post_enrol(body: EnrolIn) -> Response:
    """Trade an enrolment code for a terminal token.

    The code is single-use and lives 15 minutes. With an `installation_id` of the till's own, the same
    installation may repeat the trade for 10 minutes, so that a lost answer bricks nothing.
    """
    with service().db.write() as session:
        enrolled, token = enrol(session, now=now(), **body.model_dump())
        payload = _describe(enrolled) | {"terminal_token": token}
    return answer(payload, 201)


@keys.get("/keys")
@operation({200: KeysOut})
def get_keys() -> Response:
    """List the public keys that codes are signed with."""
    response = answer({"keys": _published(now())})
    response.headers["Cache-Control"] = f"public, max-age={KEYS_CACHED_SECONDS}"
    return response


@bp.get("/terminal")
@operation({200: TerminalOut})
def get_terminal() -> Response:
    """Tell a till who it is, what time it is and which keys and rules hold: its heartbeat."""
    with service().db.read() as session:
        return answer(_describe(session.get_one(Terminal, terminal().terminal_id)))


@bp.post("/terminal/roll")
@operation({200: TokenOut})
def post_roll() -> Response:
    """Give the till a new token. The old one lives until the new one is first used."""
    with service().db.write() as session:
        return answer({"terminal_token": roll(session.get_one(Terminal, terminal().terminal_id))})


@bp.put("/scans/<uuid:scan_id>")
@operation({200: ScanOut, 201: ScanOut}, body=ScanIn, problems=(409,))
def put_scan(scan_id: UUID, body: ScanIn) -> Response:
    """Identify the shopper whose code was scanned. The till mints the id at the beep.

    A refused scan is an answer, not an error. The same id with the same body gets the first answer again.
    """
    return answer(*record.scan(scan_id, body))


@bp.get("/scans/<uuid:scan_id>")
@operation({200: ScanOut}, problems=(404,))
def get_scan_(scan_id: UUID) -> Response:
    """Return the answer to a scan of this till."""
    with service().db.read() as session:
        scan = get_scan(session, terminal_id=terminal().terminal_id, scan_id=scan_id)
        outcome, reason = Outcome(scan.outcome), told_reason(scan.reason)
    return answer(record.scan_payload(scan_id, outcome, reason))


@bp.put("/sales/<uuid:sale_id>")
@operation({200: SaleOut, 201: SaleOut}, body=SaleIn, problems=(409,))
def put_sale(sale_id: UUID, body: SaleIn) -> Response:
    """Record a completed sale, and link it to the scan that it names, which may arrive later."""
    return answer(*record.sale(sale_id, body))


@bp.get("/sales/<uuid:sale_id>")
@operation({200: SaleOut}, problems=(404,))
def get_sale_(sale_id: UUID) -> Response:
    """Return how a sale of this till is linked now."""
    with service().db.read() as session:
        sale, link = get_sale(session, terminal_id=terminal().terminal_id, sale_id=sale_id)
    return answer(record.sale_payload(sale_id, Recorded(link, sale.warnings, repeated=True)))


@bp.put("/sales/<uuid:sale_id>/scan")
@operation({200: SaleOut}, body=LinkIn, problems=(404, 409))
def put_sale_scan(sale_id: UUID, body: LinkIn) -> Response:
    """Link an unlinked sale to a scan, once: the customer may be scanned after the basket."""
    with service().db.write() as session:
        recorded = link_sale(session, terminal(), sale_id=sale_id, scan_id=body.scan_id)
    return answer(record.sale_payload(sale_id, recorded))


@bp.put("/returns/<uuid:return_id>")
@operation({200: ReturnOut, 201: ReturnOut}, body=ReturnIn, problems=(409,))
def put_return(return_id: UUID, body: ReturnIn) -> Response:
    """Record goods that came back. The answer reveals nothing about sales of other stores."""
    return answer(*record.take_back(return_id, body))


@bp.post("/sync")
@operation({200: SyncOut}, body=SyncIn)
def post_sync(body: SyncIn) -> Response:
    """Deliver what a till kept while it was offline. One bad item never spoils the others.

    What isn't done after 10 seconds, because the database makes it wait, is 503 item by item: send those again.
    """
    return answer({"results": sync(body), "server_time": now()})


def _describe(told: Terminal) -> dict[str, Any]:
    store = told.store
    return {
        "terminal_id": told.id,
        "label": told.label,
        "training": told.training,
        "store": {
            "store_id": store.id,
            "name": store.name,
            "time_zone": store.time_zone,
            "currency": store.currency,
            "language": store.language,
        },
        "keys": _published(now()),
        "policy": _POLICY | {"claim_url": f"{service().settings.public_url}/app"},
        "server_time": now(),
    }


_POLICY = {
    "accept_before_seconds": int(ACCEPT_BEFORE.total_seconds()),
    "accept_after_seconds": int(ACCEPT_AFTER.total_seconds()),
    "grace_seconds": int(GRACE.total_seconds()),
    "heartbeat_seconds": HEARTBEAT_SECONDS,
    "max_sync_items": MAX_SYNC_ITEMS,
    "max_body_bytes": MAX_BODY_BYTES,
}


def _published(moment: datetime) -> list[dict[str, Any]]:
    return [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": _base64url(bytes((key.kid,))),
            "x": _base64url(key.public.public_bytes_raw()),
            "signs_from": key.signs_from,
            "verifies_until": key.verifies_until,
        }
        for key in service().keys.ring.published(moment)
    ]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
