import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.crypto import keyfile
from service.proof import send
from service.proof.models import OneTimeCode
from service.proof.send import send_due
from service.sending.message import Channel, Message
from service.worker import jobs_of
from tests.conftest import LiveService
from tests.proof.people import EMAIL, PHONE, Inbox, Maria, at_once, contact_of
from tests.world import World


class Network:
    """A network that takes messages, or refuses them."""

    def __init__(self, *, up: bool) -> None:
        self.up, self.taken, self.tries = up, 0, 0
        self.failure: type[OSError] = ConnectionRefusedError

    def send(self, message: Message, _: Any) -> str:
        self.tries += 1
        if not self.up:
            raise self.failure(f"no way to {message.to}")
        self.taken += 1
        return "smtp"


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network(up=False)
    monkeypatch.setattr(send, "send", network.send)
    return network


def test_nothing_is_sent_while_the_request_is_answered(maria: Maria, inbox: Inbox) -> None:
    maria.ask(EMAIL)
    assert not inbox.path.exists()
    assert len(inbox.messages()) == 1


def test_a_message_is_sent_once(maria: Maria, inbox: Inbox) -> None:
    maria.ask(EMAIL)
    assert [inbox.deliver(), inbox.deliver()] == [1, 0]
    assert len(inbox.messages()) == 1


def test_two_workers_send_a_message_once(world: World, maria: Maria, inbox: Inbox) -> None:
    for number in range(6):
        maria.ask(f"maria{number}@example.com")
    assert sum(at_once(world, lambda _: inbox.deliver(), range(4))) == 6
    assert sorted(message["to"] for message in inbox.messages()) == [f"maria{n}@example.com" for n in range(6)]


def test_a_channel_that_does_not_answer_is_left_alone_for_this_time(
    world: World, maria: Maria, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def hang(message: Message, _: Any) -> Any:
        tried.append(message.to)
        if "@" in message.to:
            raise TimeoutError
        return send.Way.OUTBOX

    monkeypatch.setattr(send, "send", hang)
    for number in range(4):
        maria.ask(f"maria{number}@example.com")
    maria.ask(PHONE)
    assert inbox.deliver() == 1
    assert (len(tried), tried[-1]) == (2, PHONE)


def test_no_channel_waits_for_another(world: World, maria: Maria, monkeypatch: pytest.MonkeyPatch) -> None:
    mailed, stop = threading.Event(), threading.Event()

    def take(message: Message, _: Any) -> Any:
        if message.channel is Channel.SMS and not mailed.wait(20):
            raise AssertionError("no mail left meanwhile")
        if message.channel is Channel.EMAIL:
            mailed.set()
        return send.Way.OUTBOX

    monkeypatch.setattr(send, "send", take)
    maria.ask(PHONE)
    world.clock.forward(seconds=1)
    maria.ask(EMAIL)
    jobs = jobs_of(world.settings, world.service.db, world.service.live_keys, stop)
    at_once(world, lambda job: job.run(), [job for job in jobs if job.name.startswith("send")])
    with world.service.db.read() as session:
        assert session.scalars(select(OneTimeCode.message_sealed)).all() == [None, None]


def test_nothing_more_is_sent_once_the_worker_is_told_to_stop(world: World, maria: Maria, network: Network) -> None:
    for number in range(3):
        maria.ask(f"maria{number}@example.com")
    vault = world.service.keys.vault
    told = {"vault": vault, "now": world.clock, "is_over": lambda: network.tries == 1}
    send_due(world.service.db, world.settings, Channel.EMAIL, **told)
    assert network.tries == 1


@pytest.mark.parametrize("path", ["-", "/dev/stderr"])
def test_the_outbox_may_be_the_console(
    maria: Maria, inbox: Inbox, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    inbox.path = Path(path)
    maria.ask(EMAIL)
    assert inbox.deliver() == 1
    [line] = [line for line in capfd.readouterr().err.splitlines() if '"subject"' in line]
    assert json.loads(line)["to"] == EMAIL
    assert not Path("-").exists()


def test_only_the_service_can_read_the_outbox(maria: Maria, inbox: Inbox) -> None:
    before = os.umask(0)
    try:
        maria.ask(EMAIL)
        inbox.deliver()
    finally:
        os.umask(before)
    assert stat.S_IMODE(inbox.path.stat().st_mode) == 0o600


def test_an_email_has_a_subject_without_the_code(maria: Maria, inbox: Inbox) -> None:
    maria.ask(EMAIL)
    [message] = inbox.messages()
    assert set(message) == {"channel", "to", "subject", "text"}
    assert (message["channel"], message["to"], message["subject"]) == ("email", EMAIL, "Your one-time code")
    assert inbox.code(EMAIL) in message["text"]
    assert not any(letter.isdigit() for letter in message["subject"])


def test_a_text_message_is_short_enough_for_one(maria: Maria, inbox: Inbox) -> None:
    for number, language in ((PHONE, "en"), ("+34600999888", "es")):
        maria.ask(number, language=language)
    messages = inbox.messages()
    assert {message["channel"] for message in messages} == {"sms"}
    # One with letters outside of GSM 03.38's alphabet holds 70.
    limits = [160 if message["text"].isascii() else 70 for message in messages]
    assert all(len(message["text"]) <= limit for message, limit in zip(messages, limits, strict=True))


@pytest.mark.parametrize(
    ("given", "header", "subject"),
    [
        ({}, "", "Your one-time code"),
        ({}, "es-ES,es;q=0.9,en;q=0.5", "Tu código de un solo uso"),
        ({}, "fr", "Your one-time code"),
        ({"language": "es"}, "en", "Tu código de un solo uso"),
        ({"language": "en"}, "es", "Your one-time code"),
    ],
)
def test_a_message_is_in_the_readers_language(
    maria: Maria, inbox: Inbox, given: dict[str, str], header: str, subject: str
) -> None:
    headers = {"Accept-Language": header} if header else {}
    asked = maria.phone.call("POST", "/shopper/v1/sign-in", contact_of(EMAIL) | given, headers=headers)
    assert asked.status_code == 202
    assert inbox.messages()[0]["subject"] == subject


@pytest.mark.parametrize(
    ("contact", "language", "words"),
    [
        (EMAIL, "en", "Your code is "),
        (EMAIL, "es", "Tu código es "),
        (PHONE, "en", " is your code. "),
        (PHONE, "es", " es tu código. "),
    ],
)
def test_what_a_message_says_is_in_the_readers_language(
    maria: Maria, inbox: Inbox, contact: str, language: str, words: str
) -> None:
    maria.ask(contact, language=language)
    assert words in inbox.messages()[0]["text"]


@pytest.mark.parametrize("failure", [ConnectionRefusedError, TimeoutError])
def test_a_failure_is_tried_again_later_and_later(
    world: World, maria: Maria, inbox: Inbox, network: Network, failure: type[OSError]
) -> None:
    network.failure = failure
    maria.ask(EMAIL)
    waited = []
    for seconds in range(60):
        tries = network.tries
        inbox.deliver()
        if network.tries > tries:
            waited.append(seconds)
        world.clock.forward(seconds=1)
    assert waited == [0, 5, 15, 35]
    network.up = True
    world.clock.forward(seconds=60)
    inbox.deliver()
    inbox.deliver()
    assert network.taken == 1


def test_a_code_that_expired_is_sent_no_more(world: World, maria: Maria, inbox: Inbox, network: Network) -> None:
    maria.ask(EMAIL)
    inbox.deliver()
    world.clock.forward(minutes=10)
    network.up = True
    inbox.deliver()
    assert network.taken == 0
    with world.service.db.read() as session:
        row = session.scalars(select(OneTimeCode)).one()
    assert (row.message_sealed, row.send_after) == (None, None), "and nothing of it is kept"


def test_a_message_of_a_worker_that_died_is_sent_by_another(
    world: World, maria: Maria, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(message: Message, settings: Any) -> str:
        raise KeyboardInterrupt

    maria.ask(EMAIL)
    with monkeypatch.context() as patched:
        patched.setattr(send, "send", die)
        with pytest.raises(KeyboardInterrupt):
            inbox.deliver()
    world.clock.forward(seconds=119)
    assert inbox.messages() == [], "it may still be at work"
    world.clock.forward(seconds=1)
    assert len(inbox.messages()) == 1


def test_a_worker_that_fails_too_late_takes_nothing_from_the_one_that_took_over(
    world: World, maria: Maria, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def fail(message: Message, settings: Any) -> str:
        calls.append(message.to)
        if len(calls) == 1:
            world.clock.forward(minutes=2)
            with pytest.raises(KeyboardInterrupt):
                inbox.deliver()
            raise ConnectionRefusedError
        assert len(calls) == 2, "nobody else takes it yet"
        raise KeyboardInterrupt

    maria.ask(EMAIL)
    with monkeypatch.context() as patched:
        patched.setattr(send, "send", fail)
        inbox.deliver()
    world.clock.forward(seconds=119)
    assert inbox.messages() == [], "the second may still be at work"
    world.clock.forward(seconds=1)
    assert len(inbox.messages()) == 1


def test_a_message_sealed_with_other_keys_keeps_nobody_waiting(world: World, maria: Maria, inbox: Inbox) -> None:
    maria.ask("lost@example.com")
    keyfile.save(world.settings.keys_file, keyfile.create(world.clock()))
    world.clock.forward(seconds=1)
    maria.ask(EMAIL)
    assert [message["to"] for message in inbox.messages()] == [EMAIL]
    assert inbox.deliver() == 0


def test_the_log_of_a_failure_names_neither_contact_nor_code(
    world: World, maria: Maria, inbox: Inbox, network: Network, capfd: pytest.CaptureFixture[str]
) -> None:
    maria.ask(EMAIL)
    inbox.deliver()
    logged = capfd.readouterr().err
    assert "message not sent" in logged
    assert EMAIL not in logged
    assert "example.com" not in logged


def test_problems_and_logs_name_neither_contact_nor_code(
    world: World, maria: Maria, inbox: Inbox, capfd: pytest.CaptureFixture[str]
) -> None:
    request_id = maria.ask(EMAIL)
    code = inbox.code(EMAIL)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    told = [
        maria.enter(request_id, wrong),
        maria.call("POST", "sign-in", contact_of(EMAIL)),
        maria.call("POST", "sign-in", {"kind": "phone", "value": EMAIL}),
        maria.call("POST", "sign-in", {"kind": "email", "value": PHONE, EMAIL: 1}),
        maria.call("POST", f"sign-in/{request_id}", {"code": f"{code} "}),
        maria.enter(request_id, code),
        maria.enter(request_id, code),
    ]
    assert [answer.status_code for answer in told] == [401, 429, 422, 422, 422, 200, 401]
    answered = "".join(answer.text for answer in told).replace(f'"/{EMAIL}"', "")  # a field is pointed at by name
    logged = capfd.readouterr().err.replace(str(inbox.path.parent), "")
    assert '"message sent"' in logged
    for secret in (EMAIL, PHONE, f'"{code}"', f"{code} ", wrong):
        assert secret not in answered + logged


def test_the_real_worker_sends_what_the_real_service_was_asked_for(live_service: LiveService, tmp_path: Path) -> None:
    import subprocess
    import sys
    import time
    import urllib.request

    outbox = tmp_path / "sent" / "outbox.jsonl"
    environ = live_service.environ | {"UNSPOKEN_OUTBOX": str(outbox)}
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen([sys.executable, "-m", "service", "worker"], env=environ, stderr=log)
    try:
        body = json.dumps(contact_of(EMAIL)).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{live_service.url}/shopper/v1/sign-in", data=body, headers=headers)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.status == 202
        for _ in range(200):
            if outbox.exists() and outbox.read_text("utf-8").endswith("\n"):
                break
            time.sleep(0.1)
        [line] = outbox.read_text("utf-8").splitlines()
        assert json.loads(line)["to"] == EMAIL
    finally:
        worker.terminate()
        assert worker.wait(20) == 0
    logged = (tmp_path / "worker.log").read_text("utf-8")
    assert str(outbox) in logged, "whoever tries it out is told where to look"
    assert EMAIL not in logged


@pytest.mark.parametrize("sealed", ["message_sealed", "contact_sealed"])
def test_a_message_that_somebody_moved_to_another_request_reaches_nobody(
    world: World, maria: Maria, inbox: Inbox, sealed: str
) -> None:
    for contact in (EMAIL, PHONE):
        maria.ask(contact)
    with world.service.db.write() as session:
        one, other = session.scalars(select(OneTimeCode)).all()
        moved = getattr(one, sealed), getattr(other, sealed)
        setattr(other, sealed, moved[0])
        setattr(one, sealed, moved[1])
    assert inbox.messages() == []
