"""Write codes_v1.json, the test vectors of docs/codes.md, the same on every run: `python -m tests.vectors.make`."""

import base64
import json
from pathlib import Path
from typing import Any

from tests.vectors.build import CARD_ID, RETIRED, SIGNER, WAITING, Key, damm, typed
from tests.vectors.claims import claims
from tests.vectors.issued_cases import issued_cases
from tests.vectors.messages import GOOD
from tests.vectors.readings import readings
from tests.vectors.typed_cases import (
    CARD_NUMBER,
    OTHER_NUMBER,
    OTHER_OTP_KEY,
    OTP_KEY,
    STEP,
    other_cases,
    typed_cases,
)

FILE = Path(__file__).with_name("codes_v1.json")


def vectors() -> dict[str, Any]:
    """Return the whole file."""
    return {
        "about": "Test vectors of Unspoken codes, version 1; docs/codes.md explains them. "
        "These keys are public: for tests only.",
        "keys": [key.jwk for key in (RETIRED, SIGNER, WAITING)],
        "test_secrets": {
            "codes": [_secrets(key) for key in (RETIRED, SIGNER, WAITING)],
            "cards": [
                _card(CARD_ID.hex(), CARD_NUMBER, OTP_KEY),
                _card("7edcba9876543210", OTHER_NUMBER, OTHER_OTP_KEY),
            ],
        },
        "cases": [*issued_cases(), *typed_cases(), *other_cases()],
        "readings": readings(GOOD.code, damm(typed(CARD_NUMBER, OTP_KEY, STEP))),
        "claims": claims(),
    }


def _secrets(key: Key) -> dict[str, Any]:
    return {"kid": key.kid, "signing_key": key.signing_key.hex(), "sealing_key": key.sealing_key.hex()}


def _card(card_id: str, number: str, otp_key: bytes) -> dict[str, str]:
    return {"card_id": card_id, "card_number": number, "otp_key": base64.b32encode(otp_key).decode()}


def text() -> str:
    """Return the file's text, one case a line."""
    content = vectors()
    cases = {name: content.pop(name) for name in ("cases", "readings", "claims")}
    head = json.dumps(content, indent=1).removesuffix("\n}")
    lists = (
        f' "{name}": [\n  ' + ",\n  ".join(json.dumps(item) for item in items) + "\n ]"
        for name, items in cases.items()
    )
    return head + ",\n" + ",\n".join(lists) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
