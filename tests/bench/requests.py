"""The requests of each case, written out as bytes: fresh ids, fresh codes, each card once."""

import json
from itertools import cycle
from typing import Any
from uuid import UUID

from pos_client.ids import mint_id
from service import clock
from service.codes import issued, typed
from tests.bench.crowd import Crowd


def scans_of_issued_codes(crowd: Crowd, count: int) -> list[bytes]:
    """Return scans of fresh issued codes."""
    now = clock.now()
    key = crowd.keys.ring.signer(now)
    codes = (issued.issue(card.id, key=key, now=now) for card in crowd.take_cards(count))
    return [_put(crowd, number, "scans", {"code": code}) for number, code in enumerate(codes)]


def scans_of_typed_codes(crowd: Crowd, count: int) -> list[bytes]:
    """Return scans of fresh typed codes."""
    now = clock.now()
    cards = crowd.take_cards(count)
    codes = (typed.write(card.number, otp_key=card.otp_key, now=now) for card in cards)
    return [_put(crowd, number, "scans", {"code": code}) for number, code in enumerate(codes)]


def linked_sales(crowd: Crowd, count: int) -> list[bytes]:
    """Return sales with three lines that name an identified scan."""
    scans = cycle(crowd.scan_ids)
    return [_put(crowd, number, "sales", _sale(next(scans))) for number in range(count)]


def unidentified_sales(crowd: Crowd, count: int) -> list[bytes]:
    """Return sales with three lines that name no scan."""
    return [_put(crowd, number, "sales", _sale(None)) for number in range(count)]


def codes_to_show(crowd: Crowd, count: int) -> list[bytes]:
    """Return requests for the code to show, from many sessions in turn."""
    tokens = cycle(crowd.session_tokens)
    return [_request("GET /shopper/v1/code", token=next(tokens)) for _ in range(count)]


def posts(count: int) -> list[bytes]:
    """Return what the bare apps are sent: a fresh id each."""
    return [_request("POST /", {"id": mint_id(clock.now())}) for _ in range(count)]


def _put(crowd: Crowd, number: int, kind: str, body: dict[str, Any]) -> bytes:
    token = crowd.terminal_tokens[number % len(crowd.terminal_tokens)]
    return _request(f"PUT /pos/v1/{kind}/{mint_id(clock.now())}", body, token=token)


def _sale(scan_id: UUID | None) -> dict[str, Any]:
    return {
        "receipt_number": "R-1",
        "scan_id": scan_id and str(scan_id),
        "occurred_at": clock.now().isoformat(),
        "currency": "EUR",
        "total_minor": 5490,
        "lines": [
            _line("1", "item", "T-shirt", 2500),
            _line("2", "item", "Socks, three pairs", 1490),
            _line("3", "item", "Cap", 1500),
        ],
    }


def _line(line_id: str, kind: str, description: str, minor: int) -> dict[str, Any]:
    money = {"quantity": "1", "unit_price_minor": minor, "total_minor": minor}
    return {"line_id": line_id, "kind": kind, "sku": f"SKU-{line_id}", "description": description, **money}


def _request(line: str, body: dict[str, Any] | None = None, *, token: str = "") -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    heads = [f"{line} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        heads.append(f"Authorization: Bearer {token}")
    if data:
        heads += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*heads, "", ""]).encode() + data
