"""Claim codes: what a receipt carries so that its shopper can take the sale home, later, on a phone of their own.

The rules are in docs/codes.md. Until it is claimed, a code is a key: only its hash is queued and sent.
"""

import hashlib
import re
import secrets

KIND = "74"
SECRET_BITS = 128
_DIGITS = 39
_CODE = re.compile(rf"{KIND}[0-9]{{{_DIGITS}}}")


def mint_claim() -> str:
    """Return a new claim code: 41 digits that nobody can guess."""
    return f"{KIND}{secrets.randbits(SECRET_BITS):0{_DIGITS}d}"


def hash_claim(claim: str) -> str:
    """Return what a sale says of its claim code, in hexadecimal; raise ValueError for anything else."""
    if not _CODE.fullmatch(claim) or int(claim[2:]) >> SECRET_BITS:
        raise ValueError("A claim code is what mint_claim makes: 74 and 39 digits.")
    return hashlib.sha256(claim.encode()).hexdigest()


def write_address(claim_url: str, claim: str) -> str:
    """Return the address for the receipt's QR: the digits stand in the fragment, which no browser sends."""
    return f"{claim_url}#claim={claim}"
