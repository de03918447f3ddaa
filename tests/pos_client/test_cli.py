import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pos_client import BackOff
from pos_client.cli import main
from tests.pos_client.conftest import a_code
from tests.pos_client.fake_service import ENROLMENT_CODE, STORE, TOKEN, FakeService, Reply, problem, serve

ROOT = Path(__file__).parents[2]


class Shell:
    """Types commands at a till whose state lies in one directory."""

    def __init__(self, url: str, state: Path) -> None:
        self.url = url
        self.state = state

    def run(self, *words: str, typed: str | bytes | None = None, fails: int = 0) -> Result:
        arguments = [*words, "--state", str(self.state)]
        result = CliRunner().invoke(main, arguments, input=typed)
        assert result.exit_code == fails, result.output
        assert TOKEN not in result.output
        return result

    def json(self, *words: str, typed: str | None = None, fails: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", typed=typed, fails=fails).stdout)

    def process(self, *words: str, typed: bytes, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "UNSPOKEN_TILL_STATE": str(self.state), "PYTHONIOENCODING": encoding}
        command = [sys.executable, "-m", "pos_client.cli", *words]
        return subprocess.run(command, cwd=ROOT, env=environment, input=typed, capture_output=True, check=False)


@pytest.fixture(autouse=True)
def _without_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pos_client.client.BackOff", partial(BackOff, sleep=lambda _: None))


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def fresh(service: FakeService, tmp_path: Path) -> Iterator[Shell]:
    with serve(service) as url:
        yield Shell(url, tmp_path / "till")


@pytest.fixture
def shell(fresh: Shell) -> Shell:
    fresh.run("enrol", fresh.url, ENROLMENT_CODE)
    return fresh


def test_enrolment_takes_an_argument(fresh: Shell) -> None:
    assert fresh.run("enrol", fresh.url, ENROLMENT_CODE).stdout == "✔ Enrolled Till 3 at Gran Vía\n"


def test_enrolment_takes_standard_input(fresh: Shell) -> None:
    answer = fresh.json("enrol", fresh.url, typed=f"{ENROLMENT_CODE}\n")
    assert answer == {
        "terminal_id": "22222222-2222-4222-8222-222222222222",
        "label": "Till 3",
        "training": False,
        "store": STORE,
        "url": fresh.url,
    }


def test_enrolment_without_a_code_is_wrong_usage(fresh: Shell) -> None:
    assert "enrolment code" in fresh.run("enrol", fresh.url, typed="", fails=2).stderr


def test_enrolment_with_a_bad_code_fails_in_plain_words(fresh: Shell) -> None:
    assert "enrolment code is not valid" in fresh.run("enrol", fresh.url, "use_wrong", fails=1).stderr
    assert fresh.json("enrol", fresh.url, "use_wrong", fails=1)["error"]["code"] == "unauthorized"


def test_what_the_service_advises_is_not_said_twice(fresh: Shell, service: FakeService) -> None:
    detail = "the enrolment code is wrong, used or expired: ask for a new one"
    service.replies = [problem(401, "unauthorized", detail)]
    told = fresh.run("enrol", fresh.url, "use_wrong", fails=1).stderr
    assert told == "✖ The enrolment code is wrong, used or expired: ask for a new one. What waits is kept.\n"


def test_enrolment_over_plain_http_elsewhere_is_wrong_usage(fresh: Shell) -> None:
    assert "https://" in fresh.run("enrol", "http://unspoken.example", "use_x", fails=2).stderr


def test_enrolling_again_waits_for_the_queue(shell: Shell, service: FakeService) -> None:
    service.down = True
    shell.run("scan", a_code())
    service.down = False
    assert "sync first" in shell.run("enrol", shell.url, ENROLMENT_CODE, fails=1).stderr
    shell.run("enrol", shell.url, ENROLMENT_CODE, "--force")


def test_a_scan_is_one_clear_line(shell: Shell, service: FakeService) -> None:
    assert shell.run("scan", a_code()).stdout == "✔ Identified (tier: gold)\n"
    assert shell.run("scan", a_code()).stdout == "✖ Already used: ask for a fresh code\n"
    assert shell.run("scan", "4006381333931").stdout == "– Not an Unspoken code, ignored\n"
    service.down = True
    assert shell.run("scan", a_code(2)).stdout == "… Offline: saved as pending\n"


def test_a_scan_in_json_is_one_object(shell: Shell) -> None:
    answer = shell.json("scan", a_code())
    assert (answer["outcome"], answer["reason"], answer["attributes"]) == ("identified", None, {"tier": "gold"})
    assert shell.json("scan", a_code())["reason"] == "already_used"
    assert shell.json("scan", "4006381333931")["outcome"] == "ignored"


def test_a_wedge_types_lines(shell: Shell) -> None:
    typed = f"]Q1{a_code()}\r\n\r\n4006381333931\n{a_code()}".encode() + b"\n\xff\xfe\n"
    assert shell.run("scan", typed=typed).stdout.splitlines() == [
        "✔ Identified (tier: gold)",
        "– Not an Unspoken code, ignored",
        "✖ Already used: ask for a fresh code",
        "– Not an Unspoken code, ignored",
    ]


def test_a_wedge_in_json_is_one_array(shell: Shell) -> None:
    answers = shell.json("scan", typed=f"{a_code()}\n4006381333931\n{a_code()}\n")
    assert [answer["outcome"] for answer in answers] == ["identified", "ignored", "refused"]
    assert shell.json("scan", typed="") == []


def test_a_scan_without_an_answer_fails_and_the_next_goes_on(shell: Shell, service: FakeService) -> None:
    service.replies = [problem(422, "invalid_body", "The body is wrong.")]
    result = shell.run("scan", typed=f"{a_code(1)}\n{a_code(2)}\n", fails=1)
    assert result.stdout.splitlines()[0].startswith("✖ The body is wrong.")
    assert result.stdout.splitlines()[1] == "✔ Identified (tier: gold)"
    service.replies = [problem(401, "unauthorized", "The till was revoked.")]
    answer = shell.json("scan", a_code(3), fails=1)
    assert (answer["outcome"], answer["error"]["code"]) == ("failed", "unauthorized")


def test_a_sale_takes_the_last_scan_once(shell: Shell, service: FakeService) -> None:
    scan_id = shell.json("scan", a_code())["scan_id"]
    assert shell.run("sell", "--total", "25.00", "--last-scan").stdout == "✔ Sale of 25.00 EUR stored (linked)\n"
    assert service.bodies("sale")[0]["scan_id"] == scan_id
    assert "no scan left" in shell.run("sell", "--total", "25.00", "--last-scan", fails=1).stderr


def test_a_code_scanned_by_two_commands_offline_is_one_scan_of_the_sale(shell: Shell, service: FakeService) -> None:
    service.down = True
    scan_id = shell.json("scan", a_code())["scan_id"]
    assert shell.json("scan", a_code())["scan_id"] == scan_id
    shell.run("sell", "--total", "5", "--last-scan")
    service.down = False
    outcomes = [answer.get("outcome") or answer.get("link") for answer in shell.json("sync")["answers"]]
    assert outcomes == ["identified", "linked"]
    assert service.bodies("sale")[0]["scan_id"] == scan_id


def test_a_sale_takes_a_named_scan_and_lines(shell: Shell, service: FakeService) -> None:
    scan_id = shell.json("scan", a_code())["scan_id"]
    words = ["--line", "2 x 12.50 T-shirt #TS-1", "--line", "-5.00 Sale", "--receipt", "0042", "--scan", scan_id]
    answer = shell.json("sell", *words)
    assert (answer["link"], answer["queued"]) == ("linked", False)
    (body,) = service.bodies("sale")
    assert (body["total_minor"], body["receipt_number"], body["scan_id"]) == (2000, "0042", scan_id)
    assert [line["kind"] for line in body["lines"]] == ["item", "discount"]


def test_a_sale_of_a_total_is_one_line(shell: Shell, service: FakeService) -> None:
    shell.run("sell", "--total", "19.90")
    (line,) = service.bodies("sale")[0]["lines"]
    assert (line["description"], line["total_minor"]) == ("Goods", 1990)


def test_an_offline_sale_is_said_to_be_saved(shell: Shell, service: FakeService) -> None:
    service.down = True
    assert shell.run("sell", "--total", "1").stdout == "… Offline: sale of 1.00 EUR saved, to be sent later\n"


def test_warnings_of_a_sale_are_shown(shell: Shell, service: FakeService) -> None:
    service.answer_more = {"warnings": [{"code": "total_mismatch", "detail": "\x1b[31mThe lines sum up to 24.00."}]}
    assert shell.run("sell", "--total", "25").stdout.splitlines()[1] == "… Note: [31mThe lines sum up to 24.00."


@pytest.mark.parametrize(
    "words",
    [
        [], ["--total", "25.001"], ["--total", "much"], ["--line", "T-shirt"], ["--total", "1", "--scan", "x"],
        ["--total", "1", "--currency", "EURO"], ["--total", "1", "--last-scan", "--scan", STORE["store_id"]],
        ["--total", "1", "--nonsense"],
    ],
)  # fmt: skip
def test_a_sale_that_makes_no_sense_is_wrong_usage(shell: Shell, service: FakeService, words: list[str]) -> None:
    assert shell.json("sell", *words, fails=2)["error"]["code"] == "usage"
    assert service.bodies("sale") == []
    assert shell.json("status")["waiting"]["sale"] == 0


def test_sync_sends_what_waits_and_tells_the_outcome(shell: Shell, service: FakeService) -> None:
    service.down = True
    shell.run("scan", a_code())
    shell.run("sell", "--total", "25", "--last-scan")
    assert "can't be reached" in shell.run("sync", fails=1).stderr
    assert shell.json("sync", fails=1)["error"]["code"] == "unreachable"
    service.down = False
    assert shell.run("sync").stdout == "✔ Online: 2 sent, 0 waiting\n✔ Identified (tier: gold)\n"
    answer = shell.json("sync")
    assert (answer["sent"], answer["refused"], answer["waiting"]) == (0, 0, 0)


def test_a_sync_is_reported_though_the_heartbeat_after_it_fails(shell: Shell, service: FakeService) -> None:
    def queue_one() -> None:
        service.down = True
        shell.run("sell", "--total", "25")
        service.down = False
        service.after_sync = lambda: service.replies.append(problem(503, "not_ready", "Starting."))

    queue_one()
    answer = shell.json("sync")
    assert (answer["sent"], answer["waiting"], answer["heartbeat_error"]["code"]) == (1, 0, "not_ready")
    queue_one()
    result = shell.run("sync")
    assert result.stdout == "✔ Online: 1 sent, 0 waiting\n"
    assert result.stderr.startswith("… Label, keys and clock are the old ones: Starting.")
    service.after_sync = lambda: None
    assert shell.json("sync")["heartbeat_error"] is None


def test_a_sync_that_had_nothing_to_send_fails_with_its_heartbeat(shell: Shell, service: FakeService) -> None:
    service.down = True
    assert shell.json("sync", fails=1)["error"]["code"] == "unreachable"


def test_status_tells_how_the_till_stands(shell: Shell, service: FakeService) -> None:
    service.down = True
    shell.run("scan", a_code())
    service.down = False
    service.replies = [
        problem(422, "invalid_body", "No such currency.", errors=[{"pointer": "/c", "detail": "Bad."}])
    ]
    shell.run("sell", "--total", "25", fails=1)
    lines = shell.run("status").stdout.splitlines()
    assert lines[0] == "✔ Till 3 at Gran Vía"
    assert lines[3] == "… Waiting to be sent: 1 scan"
    assert "No such currency. (invalid_body)" in lines[4]
    assert lines[5] == "✖   /c Bad."
    answer = shell.json("status")
    assert answer["enrolled"] is True
    assert answer["waiting"] == {"scan": 1, "sale": 0, "return": 0, "link": 0}
    assert [(letter["kind"], letter["status"]) for letter in answer["dead_letters"]] == [("sale", 422)]
    assert shell.run("sync", "--retry-refused").stdout.startswith("✔ Online: 2 sent, 0 waiting")
    assert shell.json("status")["dead_letters"] == []


def test_a_till_that_is_not_enrolled_says_what_to_do(fresh: Shell) -> None:
    for words in (["scan", a_code()], ["scan"], ["sell", "--total", "1"], ["sync"]):
        assert "unspoken-till enrol" in fresh.run(*words, fails=1).stderr
        assert fresh.json(*words, fails=1)["error"]["code"] == "not_enrolled"
    assert "Not enrolled yet" in fresh.run("status").stdout
    assert fresh.json("status")["enrolled"] is False


@pytest.mark.parametrize("words", [["scan", a_code()], ["sell", "--total", "1"], ["sync"]])
def test_a_command_that_is_stopped_is_one_json_value_and_keeps_what_was_queued(
    shell: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    service.down = True
    shell.run("sell", "--total", "1")

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pos_client.door.Door.call", stop)
    assert shell.json(*words, fails=1)["error"]["code"] == "aborted"
    assert "Aborted!" in shell.run(*words, fails=1).stderr
    assert sum(shell.json("status")["waiting"].values()) == {"scan": 2, "sell": 3, "sync": 1}[words[0]]


@pytest.mark.skipif(os.name == "nt", reason="Windows interrupts whole groups of processes")
def test_ctrl_c_while_the_network_is_awaited_is_one_json_value(shell: Shell, service: FakeService) -> None:
    asked, answer = threading.Event(), threading.Event()

    def hang(*_: object) -> Reply:
        asked.set()
        answer.wait(30)
        return Reply(500, b"")

    service.answer = hang  # type: ignore[method-assign]
    # A shell has what it runs in the background ignore Ctrl-C, and so does whatever that starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", "pos_client.cli", "sync", "--json", "--state", str(shell.state)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert asked.wait(30)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=30)
    answer.set()
    assert (process.returncode, json.loads(told)["error"]["code"]) == (1, "aborted")


def test_options_may_stand_before_the_command(shell: Shell) -> None:
    result = CliRunner().invoke(main, ["--json", "--state", str(shell.state), "status"])
    assert json.loads(result.stdout)["label"] == "Till 3"


@pytest.mark.parametrize("command", ["enrol", "scan", "sell", "status", "sync"])
def test_every_help_teaches_with_examples(fresh: Shell, command: str) -> None:
    text = fresh.run(command, "--help").stdout
    assert f"  unspoken-till {command}" in text.split("Examples:")[1]
    assert text.isascii()


def test_an_unknown_command_is_wrong_usage(fresh: Shell) -> None:
    assert CliRunner().invoke(main, ["dance", "--json"]).exit_code == 2


def test_a_damaged_queue_file_fails_in_plain_words(fresh: Shell) -> None:
    fresh.state.mkdir()
    (fresh.state / "till.db").write_bytes(b"no database" * 1000)
    assert "queue file can't be used" in fresh.run("status", fails=1).stderr


def test_a_real_process_reads_a_wedge_and_finds_its_state_by_the_environment(shell: Shell) -> None:
    done = shell.process("scan", typed=f"{a_code()}\n{a_code()}\n".encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == ["✔ Identified (tier: gold)", "✖ Already used: ask for a fresh code"]


def test_a_wedge_is_answered_line_by_line(shell: Shell) -> None:
    command = [sys.executable, "-m", "pos_client.cli", "scan", "--state", str(shell.state)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for number in (1, 2):
            process.stdin.write(f"{a_code(number)}\n".encode())
            process.stdin.flush()
            assert "Identified" in process.stdout.readline().decode()
        process.stdin.close()
        assert process.wait() == 0


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_a_screen_without_the_marks_gets_plain_ones(shell: Shell, encoding: str) -> None:
    done = shell.process("scan", typed=f"{a_code()}\n{a_code()}\n".encode(), encoding=encoding)
    assert done.stdout.decode(encoding).splitlines() == [
        "OK Identified (tier: gold)",
        "NO Already used: ask for a fresh code",
    ]
    done = shell.process("status", typed=b"", encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    done = shell.process("status", "--json", typed=b"", encoding=encoding)
    assert json.loads(done.stdout)["store"]["name"] == "Gran Vía"


def test_a_guest_network_is_offline(shell: Shell, service: FakeService) -> None:
    service.replies = [Reply(200, b"<html>Welcome, please sign in</html>")]
    assert shell.run("scan", a_code()).stdout == "… Offline: saved as pending\n"
