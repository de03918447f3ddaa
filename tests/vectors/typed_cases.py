"""Typed codes, other kinds and other bar codes, and how they are judged."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.vectors.build import MIDDAY, damm, rfc3339, typed
from tests.vectors.issued_cases import AFTER, BEFORE, MILLISECOND, Case, refuse
from tests.vectors.messages import GOOD

CARD_NUMBER, OTP_KEY = "123456789", b"12345678901234567890"
OTHER_NUMBER, OTHER_OTP_KEY = "987654321", bytes(range(20))
STEP = int(MIDDAY.timestamp()) // 30


def typed_cases() -> Iterator[Case]:
    """Yield every case of a typed code, or of what begins like one."""
    yield from _steps()
    yield from _typed_digits()


def _typed_case(name: str, code: str, at: datetime, *, step: int = STEP) -> Case:
    expect = {
        "accepted": True,
        "card_number": CARD_NUMBER,
        "code_time": rfc3339(datetime.fromtimestamp(step * 30, UTC)),
        "step": step,
    }
    return {"name": name, "kind": "typed", "code": code, "at": rfc3339(at), "expect": expect}


def _steps() -> Iterator[Case]:
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
        "a card number that no one has": (damm("73" + "111111111" + scanned[11:]), MIDDAY),
        "a wrong OTP": (damm(scanned[:11] + str((int(scanned[11:]) + 1) % 10**6).zfill(6)), MIDDAY),
    }
    for name, (wrong, at) in refused.items():
        yield refuse(name, wrong, "wrong_otp", at, "typed")


def _typed_digits() -> Iterator[Case]:
    scanned = typed(CARD_NUMBER, OTP_KEY, STEP)
    code = damm(scanned)
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
        yield refuse(name, digits, "malformed", kind="typed")


def other_cases() -> Iterator[Case]:
    """Yield a case for each kind that is reserved, and for bar codes that are none of ours."""
    number = GOOD.code[2:]
    codes = {
        "an issued code's digits under 72": ("device", "72" + number),
        "a device code's length under 72": ("device", "72" + "1" * 400),
        "39 digits under 74": ("claim", "74" + "1" * 39),
        "a claim code, which is not for tills": ("claim", "74" + str(2**127).zfill(39)),
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
        yield refuse(name, code, "malformed", kind=kind)
