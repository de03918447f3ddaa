"""Messages that the profile forbids, each signed with the right key: what is wrong is only how they are written."""

from dataclasses import replace
from itertools import starmap
from typing import Any

from tests.vectors.build import CTI, EDDSA, IAT, KID, SIGNER, Message, add_order, cbor, issued

GOOD = Message()
_KID = bytes((SIGNER.kid,))
_HEAD, _TAIL = GOOD.header, GOOD.data[9:]
_IAT_BYTES = GOOD.iat.to_bytes(4, "big")


def malformed_messages() -> dict[str, str]:
    """Return the codes by what is wrong with them."""
    return {**_headers(), **_claims(), **_frames(), **_spellings()}


def bad_signatures() -> dict[str, str]:
    """Return codes in perfect form whose signature doesn't hold."""
    flipped = bytearray(GOOD.signature)
    flipped[0] ^= 1
    signatures = {
        "the signature has one bit changed": bytes(flipped),
        "the signature is all zeros": bytes(64),
        "the signature is malleated: S + L": add_order(GOOD.signature),
        "the signature has its halves swapped": GOOD.signature[32:] + GOOD.signature[:32],
        "the signature is another message's": replace(GOOD, iat=GOOD.iat - 1).signature,
        "the signature is that of an unknown key": replace(GOOD, key=replace(SIGNER, kid=9)).signature,
    }
    messages = {
        "signed as a device code (aad 72)": replace(GOOD, aad=b"unspoken/1/72"),
        "signed as a pass (aad pass)": replace(GOOD, aad=b"unspoken/1/pass"),
        "signed under another version (aad unspoken/2/71)": replace(GOOD, aad=b"unspoken/2/71"),
        "signed without external_aad": replace(GOOD, aad=b""),
        "signed in the context of COSE_Sign (Signature)": replace(GOOD, context="Signature"),
    }
    bare = GOOD.key.sign(GOOD.claims)
    return {
        **{name: _with_parts(3, signature) for name, signature in signatures.items()},
        **{name: message.code for name, message in messages.items()},
        "signed over the payload alone": _with_parts(3, bare),
        "iat changed by a second after signing": _with_parts(2, replace(GOOD, iat=GOOD.iat + 1).claims),
        "cti changed after signing": _with_parts(2, cbor({IAT: GOOD.iat, CTI: bytes(16)})),
    }


def _headers() -> dict[str, str]:
    headers: dict[str, Any] = {
        "the header says ES256": {1: -7, KID: _KID},
        "the header says Ed25519 (-19)": {1: -19, KID: _KID},
        "the header names the algorithm in words": {1: "EdDSA", KID: _KID},
        "the header lacks the algorithm": {KID: _KID},
        "the header lacks the kid": {1: EDDSA},
        "the header has an empty kid": {1: EDDSA, KID: b""},
        "the header has a kid of two bytes": {1: EDDSA, KID: b"\x00" + _KID},
        "the header has a number for a kid": {1: EDDSA, KID: SIGNER.kid},
        "the header has one more key (content type)": {1: EDDSA, 3: 0, KID: _KID},
        "the header has crit": {1: EDDSA, 2: [KID], KID: _KID},
    }
    raw = {
        "the header is empty": b"",
        "the header has its keys in the other order": b"\xa2\x04\x41" + _KID + b"\x01\x27",
        "the header has the algorithm twice": b"\xa3\x01\x27\x01\x27\x04\x41" + _KID,
        "the header has a long -8": b"\xa2\x01\x38\x07\x04\x41" + _KID,
        "the header is of indefinite length": b"\xbf\x01\x27\x04\x41" + _KID + b"\xff",
    }
    raw |= {name: cbor(header) for name, header in headers.items()}
    return {name: replace(GOOD, protected=header).code for name, header in raw.items()}


def _claims() -> dict[str, str]:
    iat, cti = GOOD.iat, GOOD.cti
    claims: dict[str, Any] = {
        "iat is a boolean": {IAT: True, CTI: cti},
        "iat is a float": {IAT: float(iat), CTI: cti},
        "iat is negative": {IAT: -iat, CTI: cti},
        "iat is null": {IAT: None, CTI: cti},
        "iat is text": {IAT: str(iat), CTI: cti},
        "iat is bytes": {IAT: _IAT_BYTES, CTI: cti},
        "iat is 2^32": {IAT: 2**32, CTI: cti},
        "iat is 65535": {IAT: 2**16 - 1, CTI: cti},
        "iat is 0": {IAT: 0, CTI: cti},
        "iat is a bignum": {IAT: 2**64, CTI: cti},
        "cti has 15 bytes": {IAT: iat, CTI: cti[1:]},
        "cti has 17 bytes": {IAT: iat, CTI: cti + b"\0"},
        "cti is empty": {IAT: iat, CTI: b""},
        "cti is text": {IAT: iat, CTI: "0123456789abcdef"},
        "iat is missing": {CTI: cti},
        "cti is missing": {IAT: iat},
        "there is one more claim (exp)": {4: iat + 60, IAT: iat, CTI: cti},
        "there is one more claim (0)": {0: 0, IAT: iat, CTI: cti},
        "the claims are keyed by text": {"iat": iat, "cti": cti},
        "a claim's key is a float": {6.0: iat, CTI: cti},
        "the claims are an array": [iat, cti],
        "the claims are empty": {},
    }
    sealed = b"\x07\x50" + cti
    raw = {
        "the payload is empty": b"",
        "the claims are in the other order": b"\xa2" + sealed + b"\x06\x1a" + _IAT_BYTES,
        "iat appears twice": b"\xa3" + 2 * (b"\x06\x1a" + _IAT_BYTES) + sealed,
        "iat is a long integer": b"\xa2\x06\x1b\0\0\0\0" + _IAT_BYTES + sealed,
        "iat 65535 is a long integer": b"\xa2\x06\x1a\0\0\xff\xff" + sealed,
        "iat is tagged as a time": b"\xa2\x06\xc1\x1a" + _IAT_BYTES + sealed,
        "iat is a small bignum": b"\xa2\x06\xc2\x44" + _IAT_BYTES + sealed,
        "a claim's key is a long integer": b"\xa2\x18\x06\x1a" + _IAT_BYTES + sealed,
        "the claims are of indefinite length": b"\xbf\x06\x1a" + _IAT_BYTES + sealed + b"\xff",
        "cti is of indefinite length": b"\xa2\x06\x1a" + _IAT_BYTES + b"\x07\x5f\x50" + cti + b"\xff",
        "cti has a long length": b"\xa2\x06\x1a" + _IAT_BYTES + b"\x07\x58\x10" + cti,
        "the payload has a trailing byte": GOOD.claims + b"\0",
        "the payload is cut short": GOOD.claims[:-1],
        "the payload is a CWT tag": b"\xd8\x3d" + GOOD.claims,
    }
    raw |= {name: cbor(value) for name, value in claims.items()}
    return {name: replace(GOOD, payload=payload).code for name, payload in raw.items()}


def _frames() -> dict[str, str]:
    header, claims, signature = GOOD.header, GOOD.claims, GOOD.signature
    frames: dict[str, Any] = {
        "the message is three parts": [header, claims, signature],
        "the message is five parts": [header, {}, claims, signature, b""],
        "the message is a map": {0: header, 1: {}, 2: claims, 3: signature},
        "the message is a byte string": GOOD.data,
    }
    parts: dict[str, tuple[int, Any]] = {
        "the header is a map, not bytes": (0, {1: EDDSA, KID: _KID}),
        "the unprotected header is not empty": (1, {1: EDDSA}),
        "the unprotected header holds the kid": (1, {KID: _KID}),
        "the unprotected header is an array": (1, []),
        "the unprotected header is null": (1, None),
        "the payload is detached": (2, None),
        "the payload is a map, not bytes": (2, {IAT: GOOD.iat, CTI: GOOD.cti}),
        "the payload is text": (2, "x" * 25),
        "the signature has 63 bytes": (3, signature[:-1]),
        "the signature has 65 bytes": (3, signature + b"\0"),
        "the signature is empty": (3, b""),
        "the signature is text": (3, "x" * 64),
        "the signature is null": (3, None),
    }
    framed = {name: issued(cbor(value)) for name, value in frames.items()}
    return framed | dict(zip(parts, starmap(_with_parts, parts.values()), strict=True))


def _spellings() -> dict[str, str]:
    data = GOOD.data
    spelled = {
        "tagged as COSE_Sign1 (tag 18)": b"\xd2" + data,
        "tagged as a CWT (tag 61)": b"\xd8\x3d" + data,
        "tagged as self-described CBOR": b"\xd9\xd9\xf7" + data,
        "the array has a long length": b"\x98\x04" + data[1:],
        "the array is of indefinite length": b"\x9f" + data[1:] + b"\xff",
        "the header's length is long": b"\x84\x58\x06" + _HEAD + data[8:],
        "the payload's length is long": data[:9] + b"\x59\0" + data[10:],
        "the payload is of indefinite length": data[:9] + b"\x5f" + data[9:36] + b"\xff" + data[36:],
        "the signature is of indefinite length": data[:36] + b"\x5f" + data[36:] + b"\xff",
        "the unprotected header is of indefinite length": data[:8] + b"\xbf\xff" + _TAIL,
        "a trailing zero byte": data + b"\0",
        "a trailing null": data + b"\xf6",
        "the message twice": (data + data)[:104],
        "cut short by one byte": data[:-1],
        "cut short by twenty bytes": data[:-20],
        "the first byte is missing": data[1:],
    }
    return {name: issued(message) for name, message in spelled.items()}


def _with_parts(index: int, part: Any) -> str:
    parts = GOOD.parts
    parts[index] = part
    return issued(cbor(parts))
