"""Claim codes: the bytes in them, and the hash that stands for them in a sale."""

import hashlib
from typing import Any

_SECRETS = {
    "a claim code": bytes.fromhex("00112233445566778899aabbccddeeff"),
    "the least claim code": bytes(16),
    "the greatest claim code": b"\xff" * 16,
    "a claim code whose first byte is zero": bytes(15) + b"\x07",
}
_ONE = "74" + str(1).zfill(39)
_NOT_ONES = {
    "one more than the greatest": "74" + str(2**128).zfill(39),
    "the greatest number of 39 digits": "74" + "9" * 39,
    "38 digits": _ONE[:-1],
    "40 digits": _ONE + "0",
    "another kind": "73" + _ONE[2:],
    "without the kind": _ONE[2:],
    "a newline at the end": _ONE + "\n",
    "a space within": _ONE[:20] + " " + _ONE[20:],
    "a sign": "74+" + _ONE[3:],
    "an underscore": _ONE[:20] + "_" + _ONE[21:],
    "Arabic-Indic digits": "74" + "".join(chr(0x0660 + int(digit)) for digit in _ONE[2:]),
    "nothing": "",
}


def claims() -> list[dict[str, Any]]:
    """Return claim codes with their bytes and hash; `None` for both where the digits are no claim code."""
    good = ((name, "74" + str(int.from_bytes(secret, "big")).zfill(39), secret) for name, secret in _SECRETS.items())
    return [
        *(
            {"name": name, "code": code, "bytes": secret.hex(), "hash": hashlib.sha256(code.encode()).hexdigest()}
            for name, code, secret in good
        ),
        *({"name": name, "code": code, "bytes": None, "hash": None} for name, code in _NOT_ONES.items()),
    ]
