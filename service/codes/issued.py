"""Issued codes (`71`): a COSE_Sign1 over {iat, cti}, written as decimal digits.

Sources: RFC 9052 section 4.2 (COSE_Sign1) and 4.4 (Sig_structure), RFC 8392 (CWT claims), RFC 8032 (Ed25519).
"""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import cbor2
from cryptography.exceptions import InvalidSignature

from service.codes.digits import from_digits, to_digits
from service.codes.keys import CodeKey, KeyRing
from service.codes.refusals import CodeRefused, Refusal

KIND = "71"
EXTERNAL_AAD = b"unspoken/1/71"
_SHAPE = re.compile(r"71[1-9][0-9]{199,252}")

_IAT, _CTI = 6, 7
_CARD_ID_BYTES = 8
_CTI_BYTES = 16
_MAX_IAT = 2**32 - 1


@dataclass(frozen=True)
class IssuedCode:
    """What an authentic issued code says: the card, and when the code was made."""

    card_id: int
    code_time: datetime


def issue(card_id: int, *, key: CodeKey, now: datetime, nonce: bytes | None = None) -> str:
    """Return a fresh code for a card: 248 digits or so. `nonce` (8 bytes) is for test vectors only."""
    cti = key.seal(card_id.to_bytes(_CARD_ID_BYTES, "big") + (nonce or os.urandom(8)))
    protected = _protected(key.kid)
    payload = _encode({_IAT: int(now.timestamp()), _CTI: cti})
    signature = key.private.sign(_to_be_signed(protected, payload))
    return KIND + to_digits(_encode([protected, {}, payload, signature]))


def read(code: str, *, ring: KeyRing, now: datetime) -> IssuedCode:
    """Return what an issued code says once its signature holds; raise `CodeRefused` otherwise.

    Freshness and single use are the caller's to judge. `now` decides which keys still verify.
    """
    if not _SHAPE.fullmatch(code):
        raise CodeRefused(Refusal.MALFORMED)
    protected, payload, signature = _open_message(from_digits(code[2:]))
    iat, cti = _open_claims(payload)
    key = ring.verifier(protected[-1], now)
    try:
        key.public.verify(signature, _to_be_signed(protected, payload))
    except InvalidSignature:
        raise CodeRefused(Refusal.BAD_SIGNATURE) from None
    card_id = int.from_bytes(key.unseal(cti)[:_CARD_ID_BYTES], "big")
    return IssuedCode(card_id, datetime.fromtimestamp(iat, UTC))


def _open_message(data: bytes) -> tuple[bytes, bytes, bytes]:
    match _decode(data):
        case [bytes() as protected, {}, bytes() as payload, bytes() as signature] if len(signature) == 64:
            # The profile leaves the header no freedom but the kid, so it is compared, not interpreted.
            if len(protected) == 6 and protected == _protected(protected[-1]):
                return protected, payload, signature
    raise CodeRefused(Refusal.MALFORMED)


def _open_claims(payload: bytes) -> tuple[int, bytes]:
    match _decode(payload):
        case {6: int() as iat, 7: bytes() as cti, **rest} if not rest and len(cti) == _CTI_BYTES:
            if not isinstance(iat, bool) and 0 <= iat <= _MAX_IAT:
                return iat, cti
    raise CodeRefused(Refusal.MALFORMED)


def _decode(data: bytes) -> Any:
    """Decode CBOR strictly: what doesn't encode back to the same bytes is malformed (RFC 8949 section 4.2)."""
    try:
        value = cbor2.loads(data)
        if _encode(value) == data:
            return value
    except (cbor2.CBORDecodeError, cbor2.CBOREncodeError, ValueError, TypeError, OverflowError):
        pass
    raise CodeRefused(Refusal.MALFORMED)


def _encode(value: Any) -> bytes:
    return cbor2.dumps(value, canonical=True)


def _protected(kid: int) -> bytes:
    return b"\xa2\x01\x27\x04\x41" + bytes((kid,))  # {1: -8 (EdDSA), 4: h'kid'}


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    return _encode(["Signature1", protected, EXTERNAL_AAD, payload])
