"""Issued codes (`71`): a COSE_Sign1 over {iat, cti}, written as decimal digits.

Sources: RFC 9052 section 4.2 (COSE_Sign1) and 4.4 (Sig_structure), RFC 8392 (CWT claims), RFC 8032 (Ed25519).
"""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature

from service.codes.digits import from_digits, to_digits
from service.codes.keys import CodeKey, KeyRing
from service.codes.refusals import CodeRefused, Refusal

KIND = "71"
# 102 bytes that begin with 0x84 have 246 digits, and 246 digits hold no fewer bytes than 102.
_SHAPE = re.compile(r"71[1-9][0-9]{245}")
_CARD_ID_BYTES = 8

# Deterministic CBOR (RFC 8949 section 4.2) leaves this profile one encoding of 102 bytes, with these parts at
# these places. A message is taken apart here, put together again and compared, so there is no decoder to trick.
_KID, _IAT, _CTI, _SIGNATURE = slice(7, 8), slice(14, 18), slice(20, 36), slice(38, 102)
_EARLIEST_IAT = 2**16  # smaller integers have shorter encodings


@dataclass(frozen=True)
class IssuedCode:
    """What an authentic issued code says: the card's id, a signed integer of 64 bits, and when the code was made."""

    card_id: int
    code_time: datetime


def issue(card_id: int, *, key: CodeKey, now: datetime, nonce: bytes | None = None) -> str:
    """Return a fresh code for a card: 248 digits. `nonce` (8 bytes) is for test vectors only."""
    cti = key.seal(card_id.to_bytes(_CARD_ID_BYTES, "big", signed=True) + (nonce or os.urandom(8)))
    protected = _protected(bytes((key.kid,)))
    payload = _payload(int(now.timestamp()).to_bytes(4, "big"), cti)
    return KIND + to_digits(_message(protected, payload, key.private.sign(_to_be_signed(protected, payload))))


def read(code: str, *, ring: KeyRing, now: datetime) -> IssuedCode:
    """Return what an issued code says once its signature holds; raise `CodeRefused` otherwise.

    Freshness and single use are the caller's to judge. `now` decides which keys still verify.
    """
    if not _SHAPE.fullmatch(code):
        raise CodeRefused(Refusal.MALFORMED)
    data = from_digits(code[2:])
    iat, cti = int.from_bytes(data[_IAT], "big"), data[_CTI]
    protected, payload, signature = _protected(data[_KID]), _payload(data[_IAT], cti), data[_SIGNATURE]
    if data != _message(protected, payload, signature) or iat < _EARLIEST_IAT:
        raise CodeRefused(Refusal.MALFORMED)
    key = ring.verifier(data[_KID][0], now)
    try:
        key.public.verify(signature, _to_be_signed(protected, payload))
    except InvalidSignature:
        raise CodeRefused(Refusal.BAD_SIGNATURE) from None
    card_id = int.from_bytes(key.unseal(cti)[:_CARD_ID_BYTES], "big", signed=True)
    return IssuedCode(card_id, datetime.fromtimestamp(iat, UTC))


def _protected(kid: bytes) -> bytes:
    return b"\x46\xa2\x01\x27\x04\x41" + kid  # << {1: -8 (EdDSA), 4: h'kid'} >>


def _payload(iat: bytes, cti: bytes) -> bytes:
    return b"\x58\x19\xa2\x06\x1a" + iat + b"\x07\x50" + cti  # << {6: iat, 7: h'cti'} >>


def _message(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    return b"\x84" + protected + b"\xa0" + payload + b"\x58\x40" + signature  # [protected, {}, payload, signature]


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    return b"\x84\x6aSignature1" + protected + b"\x4dunspoken/1/71" + payload
