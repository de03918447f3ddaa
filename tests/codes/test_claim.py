import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_client import mint_claim
from service.codes import claim
from service.codes.refusals import CodeRefused, Refusal
from tests.codes.judge import VECTORS

CLAIMS = VECTORS["claims"]


@pytest.mark.parametrize("case", CLAIMS, ids=[case["name"] for case in CLAIMS])
def test_the_service_reads_a_claim_code_as_the_vectors_say(case: dict[str, Any]) -> None:
    if case["bytes"] is None:
        with pytest.raises(CodeRefused) as caught:
            claim.read(case["code"])
        assert caught.value.reason is Refusal.MALFORMED
        return
    assert claim.read(case["code"]).hex() == case["bytes"]
    assert claim.hash_of(case["code"]).hex() == case["hash"]


@pytest.mark.parametrize("case", [case for case in CLAIMS if case["bytes"]], ids=lambda case: case["name"])
def test_the_service_writes_a_claim_code_as_the_vectors_say(case: dict[str, Any]) -> None:
    assert claim.write(bytes.fromhex(case["bytes"])) == case["code"]


@given(st.binary(min_size=16, max_size=16))
def test_every_secret_comes_back_from_its_code(secret: bytes) -> None:
    code = claim.write(secret)
    assert (len(code), claim.read(code)) == (41, secret)


@pytest.mark.parametrize("secret", [b"", bytes(15), bytes(17)])
def test_a_secret_of_another_length_has_no_code(secret: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        claim.write(secret)


def test_the_service_reads_what_a_till_mints() -> None:
    codes = {mint_claim() for _ in range(100)}
    assert len(codes) == 100
    assert all(len(claim.read(code)) == 16 for code in codes)


def test_the_hash_is_of_all_the_digits() -> None:
    code = claim.write(bytes(16))
    assert claim.hash_of(code) == hashlib.sha256(b"74" + b"0" * 39).digest()
