"""A second reader, written from docs/codes.md alone: COSE by pycose, TOTP and Damm by hand, no import of ours."""

import base64
import hashlib
import hmac
import re
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from pycose.headers import KID, Algorithm
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import Sign1Message

_BLANKS = str.maketrans("", "", "\t\n\r \u00a0\u202f\ufeff")
_KINDS = re.compile(r"71[0-9]{200,253}|72[0-9]{300,700}|73[0-9]{15,16}|74[0-9]{39}")
_DAMM = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
]


class Refused(Exception):
    """A code is refused; its text is the reason."""


def line_to_code(line: str) -> str | None:
    """Return what a till sends for a line from its scanner, or None."""
    code = line.translate(_BLANKS).removeprefix("]Q1")
    if not _KINDS.fullmatch(code) or (len(code) == 18 and (damm(code) != 0 or _looks_like_an_sscc(code))):
        return None
    return code


def _looks_like_an_sscc(code: str) -> bool:
    sum_holds = sum(int(digit) * weight for digit, weight in zip(code, [3, 1] * 9, strict=True)) % 10 == 0
    return sum_holds and not re.match("73(8[12468]|9[1-9])", code)


def damm(digits: str) -> int:
    """Return the check digit of digits; 0 for digits that end in a right one."""
    interim = 0
    for digit in digits:
        interim = _DAMM[interim][int(digit)]
    return interim


class IndependentReader:
    """Judges codes, given the keys that are published and the secrets of the test vectors."""

    def __init__(self, vectors: dict[str, Any]) -> None:
        self._keys = {_unbase64url(key["kid"]): key for key in vectors["keys"]}
        secrets = vectors["test_secrets"]
        self._sealing = {bytes([key["kid"]]): bytes.fromhex(key["sealing_key"]) for key in secrets["codes"]}
        self._otp_keys = {card["card_number"]: base64.b32decode(card["otp_key"]) for card in secrets["cards"]}

    def judge(self, code: str, at: datetime) -> dict[str, Any]:
        """Return what the vectors call `expect`."""
        try:
            if _KINDS.fullmatch(code) and code.startswith("71"):
                return self._issued(code, at)
            if _KINDS.fullmatch(code) and code.startswith("73"):
                return self._typed(code, at)
            raise Refused("malformed")
        except Refused as refused:
            return {"accepted": False, "reason": str(refused)}

    def _issued(self, code: str, at: datetime) -> dict[str, Any]:
        message = _parse(code)
        kid, claims = message.phdr[KID], cbor2.loads(message.payload)
        key = self._keys.get(kid)
        if key is None or (key["verifies_until"] and at > datetime.fromisoformat(key["verifies_until"])):
            raise Refused("unknown_key")
        message.key = OKPKey(crv=Ed25519, x=_unbase64url(key["x"]))
        message.external_aad = b"unspoken/1/71"
        if not message.verify_signature():
            raise Refused("bad_signature")
        code_time = datetime.fromtimestamp(claims[6], UTC)
        if at < code_time - timedelta(seconds=30):
            raise Refused("not_yet_valid")
        if at > code_time + timedelta(seconds=60):
            raise Refused("too_old")
        block = Cipher(AES256(self._sealing[kid]), ECB()).decryptor().update(claims[7])
        return _accepted(claims[6], card_id=block[:8].hex())

    def _typed(self, code: str, at: datetime) -> dict[str, Any]:
        if len(code) == 18 and damm(code) != 0:
            raise Refused("malformed")
        number, password = code[2:11], code[11:17]
        otp_key = self._otp_keys.get(number)
        newest = int((at + timedelta(seconds=30)).timestamp()) // 30
        for step in range(newest, newest - 5, -1):
            began = datetime.fromtimestamp(step * 30, UTC)
            if otp_key and began >= at - timedelta(seconds=60) and _totp(otp_key, step) == password:
                return _accepted(step * 30, card_number=number)
        raise Refused("wrong_otp")


def _parse(code: str) -> Sign1Message:
    if code[2] == "0":
        raise Refused("malformed")
    number = int(code[2:])
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    try:
        parts = cbor2.loads(data)
        message = Sign1Message.from_cose_obj(list(parts), allow_unknown_attributes=False)
        claims = cbor2.loads(message.payload)
        again = _encode(message.phdr[KID], claims[6], claims[7], parts[3])
    except Exception:  # noqa: BLE001 - pycose and cbor2 raise many things, and all of them mean the same here
        raise Refused("malformed") from None
    if again != data or message.phdr[Algorithm].identifier != -8:
        raise Refused("malformed")
    return message


def _encode(kid: Any, iat: Any, cti: Any, signature: Any) -> bytes:
    """Encode a message anew, from values of the types that the page names."""
    sizes = [(kid, 1), (cti, 16), (signature, 64)]
    if any(type(value) is not bytes or len(value) != size for value, size in sizes):
        raise Refused("malformed")
    if type(iat) is not int or not 65536 <= iat <= 4294967295:
        raise Refused("malformed")
    return cbor2.dumps([cbor2.dumps({1: -8, 4: kid}), {}, cbor2.dumps({6: iat, 7: cti}), signature])


def _accepted(unix_seconds: int, **card: str) -> dict[str, Any]:
    code_time = datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"accepted": True, **card, "code_time": code_time, "step": unix_seconds // 30}


def _totp(key: bytes, step: int) -> str:
    """RFC 4226 section 5.3, with SHA-1 and 6 digits."""
    mac = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = mac[-1] & 15
    return f"{(struct.unpack_from('>I', mac, offset)[0] & 0x7FFFFFFF) % 10**6:06d}"


def _unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
