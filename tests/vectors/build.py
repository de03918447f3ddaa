"""Fixed test keys, and codes built from them with general libraries: nothing here imports the service."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pyotp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

MIDDAY = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
CARD_ID = bytes.fromhex("0123456789abcdef")
NONCE = bytes.fromhex("0011223344556677")
AAD = b"unspoken/1/71"
EDDSA, KID, IAT, CTI = -8, 4, 6, 7
ORDER_OF_ED25519 = 2**252 + 27742317777372353535851937790883648493

_DAMM = "0317598642709215486342068713591750983426612304597836742095815869720134894536201794386172052581436790"


@dataclass(frozen=True)
class Key:
    """A test key: everything secret in it is derived from its name."""

    kid: int
    signs_from: datetime
    verifies_until: datetime | None

    @property
    def signing_key(self) -> bytes:
        return hashlib.sha256(f"unspoken test signing key {self.kid}".encode()).digest()

    @property
    def sealing_key(self) -> bytes:
        return hashlib.sha256(f"unspoken test sealing key {self.kid}".encode()).digest()

    def sign(self, message: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.signing_key).sign(message)

    def seal(self, block: bytes) -> bytes:
        return Cipher(AES256(self.sealing_key), ECB()).encryptor().update(block)

    @property
    def jwk(self) -> dict[str, str | None]:
        public = Ed25519PrivateKey.from_private_bytes(self.signing_key).public_key().public_bytes_raw()
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": base64url(bytes((self.kid,))),
            "x": base64url(public),
            "signs_from": rfc3339(self.signs_from),
            "verifies_until": rfc3339(self.verifies_until) if self.verifies_until else None,
        }


_MARGIN = timedelta(minutes=12)
_SECOND_SIGNS, _LAST_SIGNS = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
RETIRED = Key(1, datetime(2026, 8, 1, tzinfo=UTC), _SECOND_SIGNS + _MARGIN)
SIGNER = Key(2, _SECOND_SIGNS, _LAST_SIGNS + _MARGIN)
WAITING = Key(255, _LAST_SIGNS, None)
UNKNOWN = Key(3, _SECOND_SIGNS, None)


@dataclass(frozen=True)
class Message:
    """A COSE_Sign1 in the making: replace any part by bytes or values that the profile forbids.

    The signature is right for whatever protected header and payload are given.
    """

    key: Key = SIGNER
    iat: Any = int(MIDDAY.timestamp())
    protected: bytes | None = None
    payload: bytes | None = None
    aad: bytes = AAD
    context: str = "Signature1"

    @property
    def header(self) -> bytes:
        return cbor({1: EDDSA, KID: bytes((self.key.kid,))}) if self.protected is None else self.protected

    @property
    def claims(self) -> bytes:
        return cbor({IAT: self.iat, CTI: self.cti}) if self.payload is None else self.payload

    @property
    def cti(self) -> bytes:
        return self.key.seal(CARD_ID + NONCE)

    @property
    def signed(self) -> bytes:
        return cbor([self.context, self.header, self.aad, self.claims])

    @property
    def signature(self) -> bytes:
        return self.key.sign(self.signed)

    @property
    def parts(self) -> list[Any]:
        return [self.header, {}, self.claims, self.signature]

    @property
    def data(self) -> bytes:
        return cbor(self.parts)

    @property
    def code(self) -> str:
        return issued(self.data)


def issued(data: bytes) -> str:
    """Write bytes as an issued code, whatever they hold."""
    return "71" + str(int.from_bytes(data, "big"))


def add_order(signature: bytes) -> bytes:
    """Return the other signature for the same message that a lax verifier takes: S + L."""
    scalar = int.from_bytes(signature[32:], "little") + ORDER_OF_ED25519
    return signature[:32] + scalar.to_bytes(32, "little")


def typed(card_number: str, otp_key: bytes, step: int) -> str:
    """Return a typed code of 17 digits, without its check digit."""
    return f"73{card_number}{pyotp.HOTP(base64.b32encode(otp_key).decode()).at(step)}"


def damm(digits: str) -> str:
    """Return digits with their check digit."""
    interim = 0
    for digit in digits:
        interim = int(_DAMM[10 * interim + int(digit)])
    return digits + str(interim)


def cbor(value: Any) -> bytes:
    return cbor2.dumps(value, canonical=True)


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def rfc3339(moment: datetime) -> str:
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
