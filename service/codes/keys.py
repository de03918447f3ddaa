"""The key ring: which key signs now, and which keys still verify."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from service.codes.refusals import CodeRefused, Refusal
from service.errors import Unavailable


@dataclass(frozen=True)
class CodeKey:
    """One entry of the ring: a signing key and a sealing key under one `kid` (0 to 255, never reused).

    `signing_key` is an Ed25519 seed and `sealing_key` an AES-256 key, 32 bytes each. The key signs from
    `signs_from` until a newer one does, and verifies until `verifies_until` (None: no newer key yet).
    `seal` and `unseal` encrypt and decrypt one block of 16 bytes.
    """

    kid: int
    signing_key: bytes = field(repr=False)
    sealing_key: bytes = field(repr=False)
    signs_from: datetime
    verifies_until: datetime | None = None
    private: Ed25519PrivateKey = field(init=False, repr=False, compare=False)
    public: Ed25519PublicKey = field(init=False, repr=False, compare=False)
    seal: Callable[[bytes], bytes] = field(init=False, repr=False, compare=False)
    unseal: Callable[[bytes], bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        private = Ed25519PrivateKey.from_private_bytes(self.signing_key)
        object.__setattr__(self, "private", private)
        object.__setattr__(self, "public", private.public_key())
        # One block under a permutation, never more: ECB is the plain AES block function here, and its contexts
        # keep nothing from one block to the next, so one of each serves for good.
        block = Cipher(AES256(self.sealing_key), ECB())  # noqa: S305
        object.__setattr__(self, "seal", block.encryptor().update)
        object.__setattr__(self, "unseal", block.decryptor().update)


class KeyRing:
    """The keys of the codes, oldest first. The newest whose `signs_from` has come signs."""

    def __init__(self, keys: Iterable[CodeKey]) -> None:
        self.keys = tuple(sorted(keys, key=lambda key: (key.signs_from, key.kid)))
        self._by_kid = {key.kid: key for key in self.keys}

    def signer(self, now: datetime) -> CodeKey:
        """Return the key that signs at `now`; `Unavailable` when none does yet."""
        for key in reversed(self.keys):
            if key.signs_from <= now:
                return key
        raise Unavailable("no key signs yet: the clock was set back, or `signs_from` in the key file is wrong")

    def verifier(self, kid: int, now: datetime) -> CodeKey:
        """Return the key `kid` while it verifies; `CodeRefused(unknown_key)` otherwise."""
        key = self._by_kid.get(kid)
        if key is None or (key.verifies_until is not None and now > key.verifies_until):
            raise CodeRefused(Refusal.UNKNOWN_KEY)
        return key

    def published(self, now: datetime) -> tuple[CodeKey, ...]:
        """Return the keys a till should hold: those that verify, and those that soon sign."""
        return tuple(key for key in self.keys if key.verifies_until is None or now <= key.verifies_until)
