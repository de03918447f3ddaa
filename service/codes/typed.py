"""Typed codes (`73`): a card number and a TOTP, short enough to read out of a screen and type.

Sources: RFC 6238 (TOTP: SHA-1, 6 digits, 30 s) by pyotp; the check digit is Damm's (`service.codes.digits`).
"""

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import pyotp

from service.codes.digits import check_digit
from service.codes.freshness import ACCEPT_AFTER, ACCEPT_BEFORE, STEP_SECONDS, step_of
from service.codes.refusals import CodeRefused, Refusal

KIND = "73"
OTP_KEY_BYTES = 20
_SHAPE = re.compile(r"73[0-9]{15,16}")
_SCANNED_LENGTH = 17


@dataclass(frozen=True)
class TypedCode:
    """What a typed code claims; nothing is proven until `matching_time` finds the step of its OTP."""

    card_number: int
    otp: str


def write(card_number: int, *, otp_key: bytes, now: datetime) -> str:
    """Return the 18 digits that the card shows at `now`."""
    digits = f"{KIND}{card_number:09d}{_Totp(otp_key).generate_otp(step_of(now))}"
    return digits + check_digit(digits)


def read(code: str) -> TypedCode:
    """Return the parts of a typed code of 17 digits, or of 18 with a right check digit; else `CodeRefused`."""
    if not _SHAPE.fullmatch(code):
        raise CodeRefused(Refusal.MALFORMED)
    if len(code) > _SCANNED_LENGTH and check_digit(code[:_SCANNED_LENGTH]) != code[-1]:
        raise CodeRefused(Refusal.MALFORMED)
    return TypedCode(card_number=int(code[2:11]), otp=code[11:17])


def matching_time(otp: str, *, otp_key: bytes, at: datetime) -> datetime | None:
    """Return the start of the newest acceptable step whose OTP this is, or None.

    Every acceptable step is compared, in constant time, whether or not one has matched already.
    """
    totp, matched = _Totp(otp_key), None
    for step in _acceptable_steps(at):
        if hmac.compare_digest(totp.generate_otp(step), otp):
            matched = step
    return None if matched is None else datetime.fromtimestamp(matched * STEP_SECONDS, UTC)


def _acceptable_steps(at: datetime) -> range:
    oldest = -(-(at - ACCEPT_AFTER).timestamp() // STEP_SECONDS)
    return range(int(oldest), step_of(at + ACCEPT_BEFORE) + 1)


class _Totp(pyotp.TOTP):
    """A TOTP over a key in bytes: pyotp's own reads it from base 32 anew for every OTP."""

    def __init__(self, otp_key: bytes) -> None:
        self._otp_key = otp_key
        super().__init__("", interval=STEP_SECONDS)

    def byte_secret(self) -> bytes:
        return self._otp_key
