"""Issued codes and how they are judged."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.vectors.build import CARD_ID, MIDDAY, RETIRED, SIGNER, UNKNOWN, WAITING, Key, Message, rfc3339
from tests.vectors.messages import GOOD, bad_signatures, malformed_messages

MILLISECOND, SECOND = timedelta(milliseconds=1), timedelta(seconds=1)
BEFORE, AFTER = timedelta(seconds=30), timedelta(seconds=60)
_UINT32_MAX = 2**32 - 1

Case = dict[str, Any]


def issued_cases() -> Iterator[Case]:
    """Yield every case of an issued code, or of what begins like one."""
    yield from _fresh()
    yield from _keys()
    yield from _refused()
    yield from _digits()


def refuse(name: str, code: str, reason: str, at: datetime = MIDDAY, kind: str = "issued") -> Case:
    """Return a case whose code is refused."""
    expect = {"accepted": False, "reason": reason}
    return {"name": name, "kind": kind, "code": code, "at": rfc3339(at), "expect": expect}


def _accepted(name: str, message: Message, at: datetime = MIDDAY) -> Case:
    expect = {
        "accepted": True,
        "card_id": CARD_ID.hex(),
        "code_time": rfc3339(datetime.fromtimestamp(message.iat, UTC)),
        "step": message.iat // 30,
    }
    return {"name": name, "kind": "issued", "code": message.code, "at": rfc3339(at), "expect": expect}


def _fresh() -> Iterator[Case]:
    yield _accepted("a fresh code", GOOD)
    yield _accepted("30 s before code time", GOOD, MIDDAY - BEFORE)
    yield refuse("30.001 s before code time", GOOD.code, "not_yet_valid", MIDDAY - BEFORE - MILLISECOND)
    yield refuse("31 s before code time", GOOD.code, "not_yet_valid", MIDDAY - BEFORE - SECOND)
    yield _accepted("60 s after code time", GOOD, MIDDAY + AFTER)
    yield refuse("60.001 s after code time", GOOD.code, "too_old", MIDDAY + AFTER + MILLISECOND)
    yield refuse("61 s after code time", GOOD.code, "too_old", MIDDAY + AFTER + SECOND)
    yield _accepted("the last second of a step", replace(GOOD, iat=GOOD.iat + 29), MIDDAY + AFTER)
    yield _accepted("the first second of the next step", replace(GOOD, iat=GOOD.iat + 30), MIDDAY + AFTER)
    yield refuse("a code of yesterday", GOOD.code, "too_old", MIDDAY + timedelta(days=1))
    yield refuse("a code of tomorrow", GOOD.code, "not_yet_valid", MIDDAY - timedelta(days=1))
    yield refuse("iat is 65536, the least", replace(GOOD, iat=2**16).code, "too_old")
    yield refuse("iat is 2^32 - 1, the most", replace(GOOD, iat=_UINT32_MAX).code, "not_yet_valid")


def _keys() -> Iterator[Case]:
    assert RETIRED.verifies_until is not None
    last = replace(GOOD, key=RETIRED, iat=int((RETIRED.verifies_until - AFTER).timestamp()))
    yield _accepted("a retired key, in its last second", last, RETIRED.verifies_until)
    yield refuse("a retired key, a second later", last.code, "unknown_key", RETIRED.verifies_until + SECOND)
    yield refuse("a retired key, long after", replace(GOOD, key=RETIRED).code, "unknown_key")
    yield _accepted("a published key before it signs (kid 255)", replace(GOOD, key=WAITING))
    yield refuse("an unknown key", replace(GOOD, key=UNKNOWN).code, "unknown_key")
    yield refuse("an unknown key with kid 0", replace(GOOD, key=replace(UNKNOWN, kid=0)).code, "unknown_key")
    yield refuse("a key that took another's kid", replace(GOOD, key=_Impostor(2, *_dates())).code, "bad_signature")


class _Impostor(Key):
    """A key of the wrong owner under a kid that is known."""

    @property
    def signing_key(self) -> bytes:
        return bytes(32)


def _dates() -> tuple[datetime, None]:
    return SIGNER.signs_from, None


def _refused() -> Iterator[Case]:
    for name, code in bad_signatures().items():
        yield refuse(name, code, "bad_signature")
    for name, code in malformed_messages().items():
        yield refuse(name, code, "malformed")


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
        yield refuse(name, code, "malformed")
