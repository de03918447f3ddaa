"""From a till's body to a verb and back: shared by the PUTs and by sync."""

import hashlib
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from service.codes.refusals import Refusal
from service.sales.record import Recorded, RungUp, record_sale
from service.sales.sums import Warnings, check_sale
from service.sales.take_back import TakenBack, record_return
from service.scans.identify import Beep, identify
from service.scans.models import Outcome
from service.web.context import now, service, terminal
from service.web.pos.messages import ACTIONS, MESSAGES
from service.web.pos.models import ReturnIn, SaleIn, ScanIn

Answered = tuple[dict[str, Any], int]

_DIGEST_BYTES = 16
# A till that kept a sale longer than this, or dates it ahead, has probably lost its clock.
_OLDEST_PLAUSIBLE = timedelta(days=7)
_NEWEST_PLAUSIBLE = timedelta(minutes=5)
# A quantity with zeros to spare. Within a text, JSON would escape the quotation marks.
_SPARE_ZEROS = re.compile(r'"quantity":"(-?0[0-9.]*|-?[0-9]+\.[0-9]+)"')


def scan(scan_id: UUID, body: ScanIn) -> Answered:
    """Identify a scan; answer it, and 201 or 200 for a repeat."""
    composed, caller = service(), terminal()
    beep = Beep(
        scan_id=scan_id,
        code=body.code,
        scanned_at=body.scanned_at,
        clock_offset=timedelta(milliseconds=body.clock_offset_ms),
        cashier_ref=body.cashier_ref,
        training=body.training,
        body_digest=_digest(body),
    )
    verdict = identify(composed.db, caller, beep, keys=composed.keys, now=now())
    composed.metrics.count_scan(beep.kind or "other", verdict.outcome, verdict.reason)
    return scan_payload(scan_id, verdict.outcome, verdict.reason), 200 if verdict.repeated else 201


def scan_payload(scan_id: UUID, outcome: Outcome, reason: Refusal | None) -> dict[str, Any]:
    """Return the answer to a scan."""
    return {
        "scan_id": scan_id,
        "outcome": outcome,
        "reason": reason,
        "message": MESSAGES[terminal().language][reason],
        "action": ACTIONS[reason],
        "attributes": {},
        "late": False,
        "server_time": now(),
    }


def sale(sale_id: UUID, body: SaleIn) -> Answered:
    """Record a sale; answer its link and warnings, and 201 or 200 for a repeat."""
    caller = terminal()
    lines = [line.model_dump(mode="json", exclude_none=True) for line in body.lines]
    rung_up = RungUp(
        id=sale_id,
        scan_id=body.scan_id,
        receipt_number=body.receipt_number,
        occurred_at=body.occurred_at,
        received_at=now(),
        currency=body.currency,
        total_minor=body.total_minor,
        lines=lines,
        warnings=check_sale(body.total_minor, lines) + _odd_time(body.occurred_at),
        cashier_ref=body.cashier_ref,
        training=body.training or caller.training,
        body_digest=_digest(body),
        claim_hash=None if body.claim_hash is None else bytes.fromhex(body.claim_hash),
    )
    recorded = record_sale(service().db, caller, rung_up)
    if not recorded.repeated:
        service().metrics.sales.labels(recorded.link).inc()
    return sale_payload(sale_id, recorded), 200 if recorded.repeated else 201


def sale_payload(sale_id: UUID, recorded: Recorded) -> dict[str, Any]:
    """Return the answer to a sale."""
    return {"sale_id": sale_id, "link": recorded.link, "warnings": recorded.warnings, "server_time": now()}


def take_back(return_id: UUID, body: ReturnIn) -> Answered:
    """Record a return; answer its warnings, and 201 or 200 for a repeat."""
    caller = terminal()
    taken = TakenBack(
        id=return_id,
        sale_id=body.sale_id,
        receipt=body.receipt.model_dump(mode="json") if body.receipt else None,
        reason=body.reason,
        replacement_sale_id=body.replacement_sale_id,
        occurred_at=body.occurred_at,
        received_at=now(),
        currency=body.currency,
        lines=[line.model_dump(mode="json", exclude_none=True) for line in body.lines],
        warnings=_odd_time(body.occurred_at),
        cashier_ref=body.cashier_ref,
        training=caller.training,
        body_digest=_digest(body),
    )
    with service().db.write() as session:
        warnings, repeated = record_return(session, caller, taken)
    payload = {"return_id": return_id, "warnings": warnings, "server_time": now()}
    return payload, 200 if repeated else 201


def _digest(body: BaseModel) -> bytes:
    """Return a fingerprint of the parsed body: however it was written, equal bodies are equal."""
    # Without defaults, so that a field which the service learns later makes no repeat a conflict.
    written = _SPARE_ZEROS.sub(_plain_quantity, body.model_dump_json(exclude_defaults=True))
    return hashlib.sha256(written.encode()).digest()[:_DIGEST_BYTES]


def _plain_quantity(found: re.Match[str]) -> str:
    return f'"quantity":"{Decimal(found[1]).normalize() + 0:f}"'


def _odd_time(occurred_at: datetime) -> Warnings:
    if now() - _OLDEST_PLAUSIBLE <= occurred_at <= now() + _NEWEST_PLAUSIBLE:
        return []
    return [{"code": "odd_time", "detail": "occurred_at is far from now: check the till's clock"}]
