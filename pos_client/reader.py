"""The scan reader: tells an Unspoken code from every other bar code, without a network or a file.

The rules are in docs/codes.md; the check digit is H. M. Damm's (2004), order 10.
"""

import re

from pos_client.errors import NotACode, Rejection

QR_PREFIX = "]Q1"
"""AIM symbology identifier of a plain QR code (ISO/IEC 15424); all others are foreign."""

LONGEST_INPUT = 2_000
"""Characters; the longest code has 702 digits."""

# Never the control characters: a group separator marks a GS1 element string.
_BLANKS = re.compile("[ \t\r\n\u00a0\u202f\ufeff]")
_CODE = re.compile(r"71[0-9]{200,253}|72[0-9]{300,700}|73[0-9]{15,16}|74[0-9]{39}")
# A card number never starts with 0, so the GS1 strings 01… and 02… of the same length can't pass.
_TYPED_TAIL = re.compile(r"[1-9][0-9]{15}")
# What a card number may begin with so that 18 digits are no SSCC: with the 3 of `73` before them these are no GS1
# prefix, none being assigned among 381, 382, 384, 386, 388 and 391 to 399. The service gives out no other numbers.
_NO_SSCC = ("81", "82", "84", "86", "88", "91", "92", "93", "94", "95", "96", "97", "98", "99")
# No payment card of 16 digits is known to begin so; almost all card numbers do.
_NO_PAYMENT_CARD = "88"

_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)


def read(text: str) -> str:
    """Return the digits to send for one line from a scanner or keyboard; raise NotACode for anything else."""
    if len(text) > LONGEST_INPUT:
        raise NotACode(Rejection.NOT_OURS)
    digits = _BLANKS.sub("", text)
    if _TYPED_TAIL.fullmatch(digits):
        return _complete(digits)
    digits = digits.removeprefix(QR_PREFIX)
    if not _CODE.fullmatch(digits):
        raise NotACode(Rejection.NOT_OURS)
    if len(digits) == 18 and _could_be_an_sscc(digits):
        raise NotACode(Rejection.NOT_OURS)
    if len(digits) == 18 and not _has_check_digit(digits):
        raise NotACode(Rejection.WRONG_DIGIT)
    return digits


def _complete(tail: str) -> str:
    code = "73" + tail
    if not _has_check_digit(code):
        raise NotACode(Rejection.NOT_OURS)
    if _could_be_a_payment_card(tail):
        raise NotACode(Rejection.ALL_DIGITS_NEEDED)
    return code


def _has_check_digit(digits: str) -> bool:
    interim = 0
    for digit in digits:
        interim = int(_DAMM[interim][int(digit)])
    return interim == 0


def _could_be_an_sscc(digits: str) -> bool:
    if digits.startswith(_NO_SSCC, 2):
        return False
    return (3 * sum(map(int, digits[-2::-2])) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _could_be_a_payment_card(digits: str) -> bool:
    if digits.startswith(_NO_PAYMENT_CARD):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0
