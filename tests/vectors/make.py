"""Write codes_v1.json, the test vectors of docs/codes.md, the same on every run: `python -m tests.vectors.make`."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.vectors.build import (
    CARD_ID,
    MIDDAY,
    RETIRED,
    SIGNER,
    UNKNOWN,
    WAITING,
    Key,
    Message,
    damm,
    rfc3339,
    typed,
)
from tests.vectors.messages import GOOD, bad_signatures, malformed_messages
from tests.vectors.readings import readings

FILE = Path(__file__).with_name("codes_v1.json")

CARD_NUMBER, OTP_KEY = "123456789", b"12345678901234567890"
OTHER_NUMBER, OTHER_OTP_KEY = "987654321", bytes(range(20))
STEP = int(MIDDAY.timestamp()) // 30
MILLISECOND, SECOND = timedelta(milliseconds=1), timedelta(seconds=1)
BEFORE, AFTER = timedelta(seconds=30), timedelta(seconds=60)
_UINT32_MAX = 2**32 - 1

Case = dict[str, Any]


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
        "cases": [*_fresh(), *_keys(), *_refused(), *_digits(), *_typed(), *_other_kinds()],
        "readings": readings(GOOD.code, damm(typed(CARD_NUMBER, OTP_KEY, STEP))),
    }


def _secrets(key: Key) -> dict[str, Any]:
    return {"kid": key.kid, "signing_key": key.signing_key.hex(), "sealing_key": key.sealing_key.hex()}


def _card(card_id: str, number: str, otp_key: bytes) -> dict[str, str]:
    return {"card_id": card_id, "card_number": number, "otp_key": base64.b32encode(otp_key).decode()}


def _accepted(name: str, message: Message, at: datetime = MIDDAY) -> Case:
    expect = {
        "accepted": True,
        "card_id": CARD_ID.hex(),
        "code_time": rfc3339(datetime.fromtimestamp(message.iat, UTC)),
        "step": message.iat // 30,
    }
    return {"name": name, "kind": "issued", "code": message.code, "at": rfc3339(at), "expect": expect}


def _refuse(name: str, code: str, reason: str, at: datetime = MIDDAY, kind: str = "issued") -> Case:
    expect = {"accepted": False, "reason": reason}
    return {"name": name, "kind": kind, "code": code, "at": rfc3339(at), "expect": expect}


def _fresh() -> Iterator[Case]:
    yield _accepted("a fresh code", GOOD)
    yield _accepted("30 s before code time", GOOD, MIDDAY - BEFORE)
    yield _refuse("30.001 s before code time", GOOD.code, "not_yet_valid", MIDDAY - BEFORE - MILLISECOND)
    yield _refuse("31 s before code time", GOOD.code, "not_yet_valid", MIDDAY - BEFORE - SECOND)
    yield _accepted("60 s after code time", GOOD, MIDDAY + AFTER)
    yield _refuse("60.001 s after code time", GOOD.code, "too_old", MIDDAY + AFTER + MILLISECOND)
    yield _refuse("61 s after code time", GOOD.code, "too_old", MIDDAY + AFTER + SECOND)
    yield _accepted("the last second of a step", replace(GOOD, iat=GOOD.iat + 29), MIDDAY + AFTER)
    yield _accepted("the first second of the next step", replace(GOOD, iat=GOOD.iat + 30), MIDDAY + AFTER)
    yield _refuse("a code of yesterday", GOOD.code, "too_old", MIDDAY + timedelta(days=1))
    yield _refuse("a code of tomorrow", GOOD.code, "not_yet_valid", MIDDAY - timedelta(days=1))
    yield _refuse("iat is 65536, the least", replace(GOOD, iat=2**16).code, "too_old")
    yield _refuse("iat is 2^32 - 1, the most", replace(GOOD, iat=_UINT32_MAX).code, "not_yet_valid")


def _keys() -> Iterator[Case]:
    assert RETIRED.verifies_until is not None
    last = replace(GOOD, key=RETIRED, iat=int((RETIRED.verifies_until - AFTER).timestamp()))
    yield _accepted("a retired key, in its last second", last, RETIRED.verifies_until)
    yield _refuse("a retired key, a second later", last.code, "unknown_key", RETIRED.verifies_until + SECOND)
    yield _refuse("a retired key, long after", replace(GOOD, key=RETIRED).code, "unknown_key")
    yield _accepted("a published key before it signs (kid 255)", replace(GOOD, key=WAITING))
    yield _refuse("an unknown key", replace(GOOD, key=UNKNOWN).code, "unknown_key")
    yield _refuse("an unknown key with kid 0", replace(GOOD, key=replace(UNKNOWN, kid=0)).code, "unknown_key")
    yield _refuse("a key that took another's kid", replace(GOOD, key=_Impostor(2, *_dates())).code, "bad_signature")


class _Impostor(Key):
    """A key of the wrong owner under a kid that is known."""

    @property
    def signing_key(self) -> bytes:
        return bytes(32)


def _dates() -> tuple[datetime, None]:
    return SIGNER.signs_from, None


def _refused() -> Iterator[Case]:
    for name, code in bad_signatures().items():
        yield _refuse(name, code, "bad_signature")
    for name, code in malformed_messages().items():
        yield _refuse(name, code, "malformed")


def _digits() -> Iterator[Case]:
    number = GOOD.code[2:]
    codes = {
        "a leading zero": "710" + number,
        "a leading zero, the length kept": "710" + number[1:],
        "cut short by one digit": GOOD.code[:-1],
        "cut short by half": GOOD.code[:124],
        "one digit more": GOOD.code + "0",
        "199 digits": "71" + "9" * 199,
        "200 digits": "71" + "9" * 200,
        "246 nines": "71" + "9" * 246,
        "253 digits": "71" + "9" * 253,
        "254 digits": "71" + "9" * 254,
        "only the kind": "71",
        "900 digits": "71" + "1" * 898,
        "all zeros": "71" + "0" * 246,
        "a newline at the end": GOOD.code + "\n",
        "a space at the start": " " + GOOD.code,
        "a space within": GOOD.code[:100] + " " + GOOD.code[100:],
        "an underscore within": GOOD.code[:100] + "_" + GOOD.code[101:],
        "a sign": "71+" + number[1:],
        "a hexadecimal digit": GOOD.code[:-1] + "a",
        "full-width digits": "71" + "".join(chr(0xFF10 + int(digit)) for digit in number),
        "Arabic-Indic digits": "71" + "".join(chr(0x0660 + int(digit)) for digit in number),
        "one superscript digit": GOOD.code[:-1] + "²",
        "the AIM prefix left on": "]Q1" + GOOD.code,
    }
    for name, code in codes.items():
        yield _refuse(name, code, "malformed")


def _typed_case(name: str, code: str, at: datetime, *, step: int = STEP) -> Case:
    expect = {
        "accepted": True,
        "card_number": CARD_NUMBER,
        "code_time": rfc3339(datetime.fromtimestamp(step * 30, UTC)),
        "step": step,
    }
    return {"name": name, "kind": "typed", "code": code, "at": rfc3339(at), "expect": expect}


def _typed() -> Iterator[Case]:
    scanned = typed(CARD_NUMBER, OTP_KEY, STEP)
    code = damm(scanned)
    yield _typed_case("typed, 18 digits", code, MIDDAY)
    yield _typed_case("typed code scanned, 17 digits", scanned, MIDDAY)
    yield _typed_case("typed, 30 s before its step", code, MIDDAY - BEFORE)
    yield _typed_case("typed, 60 s after its step began", code, MIDDAY + AFTER)
    for offset in (-29, -1, 1, 29, 30, 31, 59):
        yield _typed_case(f"typed, {offset} s from its step's start", code, MIDDAY + timedelta(seconds=offset))
    padded = next(step for step in range(STEP, STEP + 1000) if typed(CARD_NUMBER, OTP_KEY, step)[11] == "0")
    zero = damm(typed(CARD_NUMBER, OTP_KEY, padded))
    yield _typed_case("an OTP that begins with 0", zero, datetime.fromtimestamp(padded * 30, UTC), step=padded)
    refused = {
        "typed, 30.001 s before its step": (code, MIDDAY - BEFORE - MILLISECOND),
        "typed, 60.001 s after its step began": (code, MIDDAY + AFTER + MILLISECOND),
        "another card's OTP": (damm(f"73{OTHER_NUMBER}{scanned[11:]}"), MIDDAY),
        "a card number that no one has": (damm(f"73{'111111111'}{scanned[11:]}"), MIDDAY),
        "a wrong OTP": (damm(scanned[:11] + str((int(scanned[11:]) + 1) % 10**6).zfill(6)), MIDDAY),
    }
    for name, (wrong, at) in refused.items():
        yield _refuse(name, wrong, "wrong_otp", at, "typed")
    yield from _typed_digits(scanned, code)


def _typed_digits(scanned: str, code: str) -> Iterator[Case]:
    wrong = {f"typed, check digit off by {by}": scanned + str((int(code[-1]) + by) % 10) for by in (1, 5, 9)}
    wrong |= {
        "typed, two neighbours swapped": code[:10] + code[11] + code[10] + code[12:],
        "typed, 16 digits": code[:16],
        "typed, 19 digits": code + "0",
        "typed, with spaces": f"{code[:2]} {code[2:11]} {code[11:]}",
        "typed, a newline at the end": code + "\n",
        "typed, Arabic-Indic digits": "73" + "".join(chr(0x0660 + int(digit)) for digit in code[2:]),
        "typed, without 73": code[2:],
    }
    for name, digits in wrong.items():
        yield _refuse(name, digits, "malformed", kind="typed")


def _other_kinds() -> Iterator[Case]:
    number = GOOD.code[2:]
    codes = {
        "an issued code's digits under 72": ("device", "72" + number),
        "a device code's length under 72": ("device", "72" + "1" * 400),
        "39 digits under 74": ("claim", "74" + "1" * 39),
        "an issued code's digits under 75": ("none", "75" + number),
        "an issued code's digits under 17": ("none", "17" + number),
        "no kind at all": ("none", number),
        "an EAN-13": ("none", "4006381333931"),
        "an SSCC": ("none", "340123450000000000"),
        "a GS1 element string": ("none", "0109501101530003"),
        "an address": ("none", "https://shop.example/71"),
        "nothing": ("none", ""),
        "words": ("none", "hello"),
    }
    for name, (kind, code) in codes.items():
        yield _refuse(name, code, "malformed", kind=kind)


def text() -> str:
    """Return the file's text, one case a line."""
    content = vectors()
    cases = {name: content.pop(name) for name in ("cases", "readings")}
    head = json.dumps(content, indent=1).removesuffix("\n}")
    lists = (
        f' "{name}": [\n  ' + ",\n  ".join(json.dumps(item) for item in items) + "\n ]"
        for name, items in cases.items()
    )
    return head + ",\n" + ",\n".join(lists) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
