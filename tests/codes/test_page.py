"""Every example and table of docs/codes.md is true."""

import base64
import json
import re
from pathlib import Path

from service.codes import claim, issued, typed
from service.codes.digits import check_digit
from service.codes.freshness import ACCEPT_AFTER, ACCEPT_BEFORE, GRACE, STEP_SECONDS
from service.codes.refusals import Refusal
from service.crypto.keyfile import PUBLISH_BEFORE_SIGNING
from service.sales.claim import MOST_A_DAY
from service.sales.link import CLAIM_WAITS, CLAIM_WINDOW
from service.web.pos.messages import ACTIONS
from tests.codes.judge import VECTORS, ring
from tests.vectors.build import MIDDAY

PAGE = Path(__file__).parents[2].joinpath("docs", "codes.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^```\w+ ([\w-]+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose first header cell this is, without back-ticks."""
    table = PAGE.split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in row.strip("|").split(" | ")] for row in table]


def hexadecimal(block: str) -> bytes:
    return bytes.fromhex("".join(line.partition("#")[0] for line in BLOCKS[block].splitlines()))


def code() -> str:
    return "".join(BLOCKS["code"].split())


def test_the_example_code_is_the_first_vector_and_its_message_is_spelled_out() -> None:
    assert code() == VECTORS["cases"][0]["code"]
    assert "71" + str(int.from_bytes(hexadecimal("message"), "big")) == code()


def test_the_signed_bytes_are_those_that_the_key_on_the_page_verifies() -> None:
    key = json.loads(BLOCKS["key"])
    assert key in VECTORS["keys"]
    [public] = [known.public for known in ring().keys if known.kid == base64.urlsafe_b64decode(key["kid"] + "==")[0]]
    public.verify(hexadecimal("message")[38:], hexadecimal("signed"))
    assert len(hexadecimal("signed")) == 60


def test_the_layout_adds_up_and_its_fixed_bytes_are_the_message_s() -> None:
    message, end = hexadecimal("message"), 0
    for offset, content, _ in rows("offset"):
        assert int(offset) == end
        if content.endswith(("byte", "bytes")):
            end += int(content.split()[0])
        else:
            end += len(bytes.fromhex(content))
            assert message[int(offset) : end] == bytes.fromhex(content)
    assert end == len(message) == 102


def test_the_sealed_card_is_the_block_on_the_page() -> None:
    signer = ring().signer(MIDDAY)
    assert signer.sealing_key == hexadecimal("sealing-key")
    assert signer.unseal(hexadecimal("message")[20:36]) == hexadecimal("block")
    card_id = issued.read(code(), ring=ring(), now=MIDDAY).card_id
    assert card_id.to_bytes(8, "big", signed=True) == hexadecimal("block")[:8]


def test_the_typed_codes_on_the_page_are_what_a_card_shows() -> None:
    for unix_time, step, password, shown in rows("Unix time"):
        assert int(unix_time) // STEP_SECONDS == int(step)
        moment = MIDDAY.fromtimestamp(int(unix_time), MIDDAY.tzinfo)
        assert typed.write(123456789, otp_key=b"12345678901234567890", now=moment) == shown
        assert shown[11:17] == password
    assert base64.b32encode(b"12345678901234567890").decode() in PAGE


def test_the_check_digits_follow_from_the_table_on_the_page() -> None:
    table = [[int(cell) for cell in row[1:]] for row in rows("last")]

    def by_table(digits: str) -> str:
        interim = 0
        for digit in digits:
            interim = table[interim][int(digit)]
        return str(interim)

    assert by_table("572") == "4"
    assert len(table) == 10
    for number in range(0, 10**6, 37):
        assert by_table(str(number)) == check_digit(str(number))


def test_the_reasons_and_actions_are_the_service_s() -> None:
    listed = {reason: action for reason, _, action in rows("reason")}
    assert listed == {reason.value: ACTIONS[reason].value for reason in Refusal}


def test_the_limits_in_the_text_are_the_service_s() -> None:
    assert (ACCEPT_BEFORE.total_seconds(), ACCEPT_AFTER.total_seconds(), STEP_SECONDS) == (30, 60, 30)
    assert (GRACE.total_seconds(), PUBLISH_BEFORE_SIGNING.total_seconds()) == (600, 72 * 3600)
    for limit in ("from 30 s before code time to 60 s after", "more than 600 s before", "72 hours before it signs"):
        assert limit in " ".join(PAGE.split())


def test_every_kind_of_code_matches_its_row() -> None:
    shapes = {kind: re.compile(shape) for kind, _, shape, _ in rows("kind")}
    assert list(shapes) == ["71", "72", "73", "74"]
    sent = [reading["sends"] for reading in VECTORS["readings"] if reading["sends"]]
    for digits in sent:
        assert shapes[digits[:2]].fullmatch(digits)
    assert {digits[:2] for digits in sent} == set(shapes)


def test_the_example_claim_code_is_a_vector_and_its_hash_is_right() -> None:
    [[secret, digits, hashed]] = rows("bytes")
    assert {"code": digits, "bytes": secret, "hash": hashed}.items() <= VECTORS["claims"][0].items()
    assert (claim.write(bytes.fromhex(secret)), claim.hash_of(digits).hex()) == (digits, hashed)


def test_the_limits_of_a_claim_in_the_text_are_the_service_s() -> None:
    assert (CLAIM_WAITS.total_seconds(), CLAIM_WINDOW.days, MOST_A_DAY) == (72 * 3600, 30, 5)
    for limit in ("it waits 72 hours", "within 30 days", "may claim five in 24 hours"):
        assert limit in " ".join(PAGE.split())


def test_the_fields_of_the_vectors_are_those_on_the_page() -> None:
    assert [name for name, _ in rows("field")] == list(VECTORS)
    for case in VECTORS["cases"]:
        assert list(case) == ["name", "kind", "code", "at", "expect"]
        assert case["kind"] in {"issued", "device", "typed", "claim", "none"}
        names = {"accepted", "code_time", "step", "card_id" if case["kind"] == "issued" else "card_number"}
        assert set(case["expect"]) == (names if case["expect"]["accepted"] else {"accepted", "reason"})


def test_every_link_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert target.removeprefix("#") in anchors or Path(__file__).parents[2].joinpath("docs", target).is_file()
