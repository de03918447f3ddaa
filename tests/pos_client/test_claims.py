import hashlib
import io
import json
import re
import sqlite3
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from pos_client import Link, PosClient, mint_claim, speech
from pos_client.claims import hash_claim
from tests.pos_client.conftest import OpenTill, a_code, a_sale
from tests.pos_client.fake_service import ENROLMENT_CODE, FakeService
from tests.pos_client.test_cli import Shell, fresh, shell

__all__ = ["fresh", "shell"]

CLAIM_URL = "https://unspoken.example/app"


@pytest.fixture(autouse=True)
def _with_claim_url(service: FakeService) -> None:
    service.policy["claim_url"] = CLAIM_URL  # type: ignore[assignment]


def sha256(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def address_in(text: str) -> str:
    found = re.search(rf"{CLAIM_URL}#claim=(74\d{{39}})", text)
    assert found, text
    return found[1]


def test_a_minted_claim_code_is_forty_one_digits_of_chance() -> None:
    codes = {mint_claim() for _ in range(1_000)}
    assert len(codes) == 1_000
    assert all(re.fullmatch(r"74[0-9]{39}", code) and int(code[2:]) < 2**128 for code in codes)


@pytest.mark.parametrize("code", ["", "74", "74" + "1" * 38, "74" + "9" * 39, "73" + "1" * 39, "74" + "٧" * 39])
def test_what_is_no_claim_code_never_becomes_a_sale(till: PosClient, code: str) -> None:
    with pytest.raises(ValueError, match="claim code"):
        hash_claim(code)
    if code:
        with pytest.raises(ValueError, match="claim code"):
            till.sell(a_sale(), claim=code)
    assert not any(till.status().waiting.values())


def test_a_sale_sends_only_the_hash_of_its_claim_code(till: PosClient, service: FakeService) -> None:
    code = mint_claim()
    assert till.sell(a_sale(), claim=code).link is Link.UNIDENTIFIED
    (body,) = service.bodies("sale")
    assert body["claim_hash"] == sha256(code)
    assert code not in json.dumps([call.body for call in service.calls])


def test_a_sale_without_a_claim_code_says_nothing_of_one(till: PosClient, service: FakeService) -> None:
    till.sell(a_sale())
    assert "claim_hash" not in service.bodies("sale")[0]


def test_the_tills_file_never_holds_a_claim_code(till: PosClient, service: FakeService, queue_path: Path) -> None:
    service.down = True
    code = mint_claim()
    till.sell(a_sale(), claim=code)
    with sqlite3.connect(queue_path) as db:
        told = "\n".join(db.iterdump())
    db.close()
    assert sha256(code) in told
    assert code[2:] not in told
    service.down = False
    till.sync()
    assert service.bodies("sale")[0]["claim_hash"] == sha256(code)


def test_the_address_for_the_receipt_carries_the_digits_in_its_fragment(till: PosClient) -> None:
    code = mint_claim()
    assert till.claim_address(code) == f"{CLAIM_URL}#claim={code}"


def test_the_address_is_known_without_a_network(till: PosClient, service: FakeService, open_till: OpenTill) -> None:
    till.close()
    service.down = True
    assert open_till().claim_address("74") == f"{CLAIM_URL}#claim=74"


def test_a_service_that_takes_no_claims_gives_no_address(open_till: OpenTill, service: FakeService) -> None:
    del service.policy["claim_url"]
    till = open_till()
    till.enrol(ENROLMENT_CODE)
    assert till.claim_address(mint_claim()) is None
    service.policy["claim_url"] = CLAIM_URL  # type: ignore[assignment]
    till.heartbeat()
    assert till.claim_address(mint_claim()) is not None


def test_sell_shows_the_address_and_a_qr_of_it(shell: Shell, service: FakeService) -> None:
    shown = shell.run("sell", "--total", "25", "--claim").stdout
    code = address_in(shown)
    assert service.bodies("sale")[0]["claim_hash"] == sha256(code)
    assert read_qr(shown) == f"{CLAIM_URL}#claim={code}"


def test_sell_in_json_tells_the_address(shell: Shell, service: FakeService) -> None:
    answer = shell.json("sell", "--total", "25", "--claim")
    assert service.bodies("sale")[0]["claim_hash"] == sha256(address_in(answer["claim_address"]))
    assert shell.json("sell", "--total", "25")["claim_address"] is None


def test_an_offline_sale_has_its_claim_code_at_once(shell: Shell, service: FakeService) -> None:
    service.down = True
    shown = shell.run("sell", "--total", "1", "--claim").stdout
    assert shown.startswith("… Offline: sale of 1.00 EUR saved")
    service.down = False
    shell.run("sync")
    assert service.bodies("sale")[0]["claim_hash"] == sha256(address_in(shown))


@pytest.mark.parametrize("link", ["linked", "conflict"])
def test_a_sale_that_nobody_can_claim_shows_no_code(shell: Shell, service: FakeService, link: str) -> None:
    scan_id = shell.json("scan", a_code())["scan_id"]
    service.answer_more = {"link": link}
    words = ["sell", "--total", "25", "--claim", "--scan", scan_id]
    assert shell.run(*words).stdout == f"✔ Sale of 25.00 EUR stored ({link})\n"
    assert shell.json(*words)["claim_address"] is None


def test_a_practice_sale_shows_no_code_and_says_why(shell: Shell, service: FakeService) -> None:
    words = ["sell", "--total", "25", "--claim", "--training"]
    assert shell.run(*words).stdout.splitlines() == [
        "✔ Sale of 25.00 EUR stored (unidentified)",
        "– No claim code: this is practice, and nobody can claim it.",
    ]
    assert shell.json(*words)["claim_address"] is None


def test_a_till_for_practice_shows_no_code(shell: Shell, service: FakeService) -> None:
    service.training = True
    shell.run("sync")
    assert shell.json("sell", "--total", "25", "--claim")["claim_address"] is None


def test_a_till_that_does_not_know_the_address_sells_all_the_same(shell: Shell, service: FakeService) -> None:
    del service.policy["claim_url"]
    shell.run("sync")
    lines = shell.run("sell", "--total", "25", "--claim").stdout.splitlines()
    assert lines == [
        "✔ Sale of 25.00 EUR stored (unidentified)",
        "… No claim code: this till doesn't know the address yet. Run: unspoken-till sync",
    ]
    assert "claim_hash" not in service.bodies("sale")[0]


def test_without_being_asked_sell_shows_no_code(shell: Shell) -> None:
    assert shell.run("sell", "--total", "25").stdout == "✔ Sale of 25.00 EUR stored (unidentified)\n"


def test_a_screen_without_blocks_gets_the_address_alone(shell: Shell) -> None:
    done = shell.process("sell", "--total", "25", "--claim", typed=b"", encoding="cp1252")
    lines = done.stdout.decode("cp1252").splitlines()
    assert (done.returncode, done.stderr, len(lines)) == (0, b"", 2)
    assert lines[1].startswith(f"OK To claim it: {CLAIM_URL}#claim=74")


def test_on_a_terminal_the_qr_is_black_on_white_whatever_its_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdout", terminal := Terminal(io.BytesIO(), "utf-8"))
    speech.draw_qr("https://unspoken.example/app")
    terminal.flush()
    lines = terminal.buffer.getvalue().decode().splitlines()  # type: ignore[attr-defined]
    assert all(line.startswith("\x1b[30;107m") and line.endswith("\x1b[0m") for line in lines)


def read_qr(shown: str) -> str:
    """Read the QR in a till's output as a camera would: each character is two modules, one above the other."""
    halves = {"\xa0": (255, 255), "▀": (0, 255), "▄": (255, 0), "█": (0, 0)}
    lines = [line for line in shown.splitlines() if line and set(line) <= set(halves)]
    size, pixels = len(lines[0]), 4
    picture = Image.new("L", (size, 2 * len(lines)), 255)
    for y, line in enumerate(lines):
        for x, character in enumerate(line):
            for half, colour in enumerate(halves[character]):
                picture.putpixel((x, 2 * y + half), colour)
    (found,) = zxingcpp.read_barcodes(
        picture.resize((size * pixels, 2 * len(lines) * pixels), Image.Resampling.NEAREST)
    )
    text: str = found.text
    return text
