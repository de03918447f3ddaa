import contextlib
import smtplib
import socket
import ssl
import threading
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from service.config import Settings
from service.sending import smtp
from service.sending.message import Channel, Language, Message, write_code
from service.sending.send import Way, send
from service.sending.smtp import send_mail
from tests.postgres import free_port
from tests.sending.conftest import self_signed
from tests.sending.smtp_server import SmtpServer, serving

SENDER = "Zapatos <codes@zapatos.example>"


def mail(to: str = "maria@example.com", language: Language = Language.SPANISH) -> Message:
    return write_code(Channel.EMAIL, to=to, code="012345", minutes=10, language=language)


def test_a_mail_arrives_whole(plain_server: SmtpServer) -> None:
    send_mail(mail(), url=f"smtp://127.0.0.1:{plain_server.port}", sender=SENDER)
    [taken] = plain_server.mails
    assert (taken["From"], taken["To"]) == (SENDER, "maria@example.com")
    assert taken["Subject"] == "Tu código de un solo uso"
    assert taken["Auto-Submitted"] == "auto-generated"
    assert taken["Message-ID"].endswith("@zapatos.example>")
    assert parsedate_to_datetime(taken["Date"]) is not None
    assert taken.get_content_type() == "text/plain"
    assert "Tu código es 012345." in taken.get_content()
    assert "012345" not in str(taken["Subject"])


def test_the_settings_choose_smtp(plain_server: SmtpServer, tmp_path: Path) -> None:
    settings = Settings(
        smtp_url=f"smtp://127.0.0.1:{plain_server.port}",
        public_url="https://id.example.com",
        outbox=tmp_path / "outbox.jsonl",
    )
    assert send(mail(), settings) is Way.SMTP
    assert plain_server.mails[0]["From"] == "no-reply@id.example.com"
    assert not settings.outbox.exists()


def test_starttls_is_used_wherever_it_is_offered(certified: ssl.SSLContext) -> None:
    with serving(SmtpServer(tls=certified, password="s3cret/word")) as server:
        send_mail(mail(), url=f"smtp://unspoken:s3cret%2Fword@127.0.0.1:{server.port}", sender=SENDER)
    assert len(server.mails) == 1
    assert server.commands[:2] == ["EHLO", "STARTTLS"]
    assert all(command.startswith("tls ") for command in server.commands[2:])
    assert "tls AUTH" in server.commands


def test_smtps_is_encrypted_from_the_first_byte(certified: ssl.SSLContext) -> None:
    with serving(SmtpServer(tls=certified, implicit=True)) as server:
        send_mail(mail(), url=f"smtps://127.0.0.1:{server.port}", sender=SENDER)
    assert len(server.mails) == 1
    assert all(command.startswith("tls ") for command in server.commands)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_nobody_trusts_is_not_spoken_to(tmp_path: Path, scheme: str) -> None:
    with serving(SmtpServer(tls=self_signed(tmp_path), implicit=scheme == "smtps")) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            send_mail(mail(), url=f"{scheme}://127.0.0.1:{server.port}", sender=SENDER)
        assert server.mails == []


def test_a_password_never_travels_in_clear_over_a_network(
    plain_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.sending.smtp._HERE", ())
    plain_server.password = "s3cret"
    with pytest.raises(smtplib.SMTPNotSupportedError):
        send_mail(mail(), url=f"smtp://unspoken:s3cret@127.0.0.1:{plain_server.port}", sender=SENDER)
    assert "AUTH" not in plain_server.commands


def test_a_wrong_password_is_a_failure_to_try_again() -> None:
    with serving(SmtpServer(password="right")) as server:
        with pytest.raises(OSError, match="535"):
            send_mail(mail(), url=f"smtp://unspoken:wrong@127.0.0.1:{server.port}", sender=SENDER)
        assert server.mails == []


@pytest.mark.parametrize("refuse", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_refusal_is_a_failure_to_try_again(refuse: str) -> None:
    with serving(SmtpServer(refuse=refuse)) as server:
        if refuse == "EHLO":  # an old server: HELO does
            send_mail(mail(), url=f"smtp://127.0.0.1:{server.port}", sender=SENDER)
            assert len(server.mails) == 1
            return
        with pytest.raises(OSError, match="550"):
            send_mail(mail(), url=f"smtp://127.0.0.1:{server.port}", sender=SENDER)
        assert server.mails == []


def test_a_server_that_is_not_there_is_a_failure_to_try_again() -> None:
    with pytest.raises(ConnectionRefusedError):
        send_mail(mail(), url=f"smtp://127.0.0.1:{free_port()}", sender=SENDER)


def test_an_address_can_smuggle_no_header(plain_server: SmtpServer) -> None:
    message = mail("maria@example.com\r\nBcc: everybody@example.com")
    with pytest.raises((ValueError, OSError)):
        send_mail(message, url=f"smtp://127.0.0.1:{plain_server.port}", sender=SENDER)
    assert plain_server.mails == []


@pytest.mark.parametrize("greeting", [b"", b"220 mail.example ESMTP\r\n"])
def test_a_server_that_says_nothing_more_has_timed_out(monkeypatch: pytest.MonkeyPatch, greeting: bytes) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        held = []

        def greet() -> None:
            held.append(silent.accept()[0])
            held[0].sendall(greeting)

        greeting_thread = threading.Thread(target=greet)
        greeting_thread.start()
        with pytest.raises(TimeoutError):
            send_mail(mail(), url=f"smtp://127.0.0.1:{port}", sender="shop@example.com")
        greeting_thread.join()
        held[0].close()


@pytest.mark.parametrize("then", [{"refuse": "QUIT"}, {"hang_up": "QUIT"}], ids=["refusal", "nothing"])
def test_a_mail_that_was_taken_is_sent_whatever_the_server_says_then(then: dict[str, str]) -> None:
    with serving(SmtpServer(**then)) as server:
        send_mail(mail(), url=f"smtp://127.0.0.1:{server.port}", sender=SENDER)
    assert len(server.mails) == 1


def test_a_slow_server_has_its_time_for_each_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 1)
    with serving(SmtpServer(seconds=0.25)) as server:
        send_mail(mail(), url=f"smtp://127.0.0.1:{server.port}", sender=SENDER)
    assert len(server.mails) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("limit", ["TIMEOUT_SECONDS", "MESSAGE_SECONDS"])
@pytest.mark.parametrize("drop", [b"220-wait\r\n", b"2"])
def test_a_server_that_drips_has_timed_out(
    monkeypatch: pytest.MonkeyPatch, certified: ssl.SSLContext, scheme: str, limit: str, drop: bytes
) -> None:
    monkeypatch.setattr(smtp, limit, 0.3)
    with socket.create_server(("127.0.0.1", 0)) as dripping:
        port = dripping.getsockname()[1]

        def drip() -> None:
            with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
                connection = stack.enter_context(dripping.accept()[0])
                if scheme == "smtps":
                    connection = stack.enter_context(certified.wrap_socket(connection, server_side=True))
                for _ in range(100):
                    connection.sendall(drop)
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            send_mail(mail(), url=f"{scheme}://127.0.0.1:{port}", sender=SENDER)
        assert time.monotonic() - begun < 2
        thread.join()
