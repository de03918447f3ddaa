from collections import Counter
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from pycose.headers import KID, Algorithm
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import Sign1Message

from pos_client import NotACode, read
from service.codes import issued
from tests.codes.independent_reader import IndependentReader, line_to_code
from tests.codes.judge import VECTORS, judge, ring
from tests.vectors import make
from tests.vectors.build import MIDDAY

CASES, READINGS, CLAIMS = VECTORS["cases"], VECTORS["readings"], VECTORS["claims"]


def named(items: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", items, ids=[item["name"] for item in items])


def test_the_vectors_are_made_anew_byte_for_byte() -> None:
    assert make.FILE.read_text("utf-8") == make.text()


def test_every_vector_has_a_name_of_its_own() -> None:
    for items in (CASES, READINGS, CLAIMS):
        assert max(Counter(item["name"] for item in items).values()) == 1


def test_the_vectors_hold_every_verdict_on_a_code_alone() -> None:
    reasons = {case["expect"].get("reason", "accepted") for case in CASES}
    assert reasons == {
        "accepted", "malformed", "unknown_key", "bad_signature", "not_yet_valid", "too_old", "wrong_otp",
    }  # fmt: skip


@named(CASES)
def test_the_service_judges_a_code_as_the_vectors_say(case: dict[str, Any]) -> None:
    assert judge(case["code"], datetime.fromisoformat(case["at"]), ring()) == case["expect"]


@named(CASES)
def test_a_reader_written_from_the_page_agrees(case: dict[str, Any]) -> None:
    reader = IndependentReader(VECTORS)
    assert reader.judge(case["code"], datetime.fromisoformat(case["at"])) == case["expect"]


@named(READINGS)
def test_a_reader_written_from_the_page_sends_what_the_vectors_say(case: dict[str, Any]) -> None:
    assert line_to_code(case["scanned"]) == case["sends"]


@named(READINGS)
def test_our_till_sends_what_the_vectors_say(case: dict[str, Any]) -> None:
    try:
        sent = read(case["scanned"])
    except NotACode:
        sent = None
    assert sent == case["sends"]


def test_the_service_issues_the_first_vector_to_the_byte() -> None:
    card_id = int(VECTORS["test_secrets"]["cards"][0]["card_id"], 16)
    signer = ring().signer(MIDDAY)
    code = issued.issue(card_id, key=signer, now=MIDDAY, nonce=bytes.fromhex("0011223344556677"))
    assert code == CASES[0]["code"]


def test_another_cose_library_opens_and_verifies_what_the_service_issues() -> None:
    now = datetime(2030, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    signer = ring().signer(now)
    number = int(issued.issue(2**63 - 1, key=signer, now=now)[2:])
    message = Sign1Message.from_cose_obj(cbor2.loads(number.to_bytes(102, "big")), False)
    message.key = OKPKey(crv=Ed25519, x=signer.public.public_bytes_raw())
    message.external_aad = b"unspoken/1/71"
    assert message.verify_signature()
    assert (message.phdr[KID], message.phdr[Algorithm].identifier, message.uhdr) == (bytes([signer.kid]), -8, {})
    assert cbor2.loads(message.payload)[6] == int(now.timestamp())
    message.external_aad = b"unspoken/1/72"
    assert not message.verify_signature()
