"""The service's own verdict on a code, in the words of the test vectors."""

import base64
import json
from datetime import datetime
from typing import Any

from service.codes import issued, typed
from service.codes.freshness import check_freshness, step_of
from service.codes.keys import CodeKey, KeyRing
from service.codes.refusals import CodeRefused, Refusal
from tests.vectors.build import rfc3339
from tests.vectors.make import FILE

VECTORS: dict[str, Any] = json.loads(FILE.read_text("utf-8"))


def ring() -> KeyRing:
    """The key ring of the vectors."""
    return KeyRing(map(_key, VECTORS["keys"], VECTORS["test_secrets"]["codes"]))


def _key(public: dict[str, Any], secret: dict[str, Any]) -> CodeKey:
    until = public["verifies_until"]
    key = CodeKey(
        secret["kid"],
        bytes.fromhex(secret["signing_key"]),
        bytes.fromhex(secret["sealing_key"]),
        datetime.fromisoformat(public["signs_from"]),
        datetime.fromisoformat(until) if until else None,
    )
    assert base64.urlsafe_b64decode(public["x"] + "=") == key.public.public_bytes_raw()
    return key


def judge(code: str, at: datetime, keys: KeyRing) -> dict[str, Any]:
    """Return what the vectors call `expect`."""
    try:
        if code.startswith(issued.KIND):
            return _issued(code, at, keys)
        if code.startswith(typed.KIND):
            return _typed(code, at)
    except CodeRefused as refused:
        return {"accepted": False, "reason": refused.reason}
    return {"accepted": False, "reason": Refusal.MALFORMED}


def _issued(code: str, at: datetime, keys: KeyRing) -> dict[str, Any]:
    proven = issued.read(code, ring=keys, now=at)
    check_freshness(proven.code_time, at)
    return _accepted(proven.code_time, card_id=proven.card_id.to_bytes(8, "big", signed=True).hex())


def _typed(code: str, at: datetime) -> dict[str, Any]:
    claimed = typed.read(code)
    for card in VECTORS["test_secrets"]["cards"]:
        if int(card["card_number"]) == claimed.card_number:
            code_time = typed.matching_time(claimed.otp, otp_key=base64.b32decode(card["otp_key"]), at=at)
            if code_time is not None:
                return _accepted(code_time, card_number=card["card_number"])
    raise CodeRefused(Refusal.WRONG_OTP)


def _accepted(code_time: datetime, **card: str) -> dict[str, Any]:
    return {"accepted": True, **card, "code_time": rfc3339(code_time), "step": step_of(code_time)}
