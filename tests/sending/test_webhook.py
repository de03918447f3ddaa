import base64
import contextlib
import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.config import Settings
from service.sending import webhook
from service.sending.message import Channel, Language, write_code
from service.sending.send import Way, send
from service.sending.webhook import post_sms
from tests.postgres import free_port

SMS = write_code(Channel.SMS, to="+34600123456", code="012345", minutes=10, language=Language.ENGLISH)


class Gateway(http.server.ThreadingHTTPServer):
    """Somebody who sends SMS for the brand."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status, self.got = 202, list[tuple[str, dict[str, str], Any]]()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        if 300 <= self.server.status < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_text_is_posted_as_json(gateway: Gateway) -> None:
    post_sms(SMS, url=f"http://{gateway.address}/send?account=7")
    [(path, headers, body)] = gateway.got
    assert path == "/send?account=7"
    assert headers["Content-Type"] == "application/json"
    assert "Authorization" not in headers
    assert body == {"to": "+34600123456", "text": SMS.text}
    assert SMS.text.startswith("012345 ")


def test_a_gateway_may_ask_for_a_password(gateway: Gateway) -> None:
    post_sms(SMS, url=f"http://shop:s3cret%40@{gateway.address}")
    [(path, headers, _)] = gateway.got
    assert path == "/"
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"shop:s3cret@"


@pytest.mark.parametrize("drop", [b"HTTP/1.1 100 Continue\r\n\r\n", b"H", b""], ids=["answers", "letters", "nothing"])
def test_a_gateway_that_drips_has_timed_out(monkeypatch: pytest.MonkeyPatch, drop: bytes) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as dripping:

        def drip() -> None:
            with contextlib.suppress(OSError), dripping.accept()[0] as connection:
                for _ in range(100):
                    connection.sendall(drop)
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            post_sms(SMS, url=f"http://127.0.0.1:{dripping.getsockname()[1]}")
        assert time.monotonic() - begun < 2
        thread.join()


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 429, 500])
def test_anything_but_success_is_a_failure_and_no_redirect_is_followed(gateway: Gateway, status: int) -> None:
    gateway.status = status
    with pytest.raises(OSError, match=str(status)):
        post_sms(SMS, url=f"http://{gateway.address}/send")
    assert [path for path, _, _ in gateway.got] == ["/send"]


def test_a_gateway_that_is_not_there_is_a_failure_to_try_again() -> None:
    with pytest.raises(OSError, match="refused"):
        post_sms(SMS, url=f"http://127.0.0.1:{free_port()}/")


def test_what_speaks_no_http_is_a_failure_to_try_again() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"hello\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(OSError, match="no HTTP"):
            post_sms(SMS, url=f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join()


def test_the_settings_choose_the_webhook_for_texts_alone(gateway: Gateway, tmp_path: Path) -> None:
    settings = Settings(sms_webhook=f"http://{gateway.address}/", outbox=tmp_path / "outbox.jsonl")
    assert send(SMS, settings) is Way.WEBHOOK
    email = write_code(Channel.EMAIL, to="maria@example.com", code="1", minutes=10, language=Language.ENGLISH)
    assert send(email, settings) is Way.OUTBOX
    assert len(gateway.got) == 1
    assert len(settings.outbox.read_text("utf-8").splitlines()) == 1
