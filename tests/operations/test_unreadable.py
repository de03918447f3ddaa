"""What can't be read as HTTP: gunicorn would answer in HTML, and quote in its log what it could not read."""

import json
import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import LiveService

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SECRET = "ust_LEAKLEAKLEAKLEAKLEAKLEAKLEAKLEAKLEAK"
GET = "GET /pos/v1/terminal HTTP/1.1\r\nHost: x\r\n"
GARBLED = {
    f"{GET}Authorization Bearer {SECRET}\r\n\r\n": 400,
    f"{SECRET}\r\n\r\n": 400,
    f"GET /{SECRET} HTTP/9.9\r\nHost: x\r\n\r\n": 400,
    f"POST /pos/v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Length: -5{SECRET}\r\n\r\n": 400,
    "POST /pos/v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}": 400,
    "GET /healthz HTTP/1.1\r\n\r\n": 400,
    "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n": 400,
    "GET /healthz HTTP/1.1\r\nHost: a b/c@d\r\n\r\n": 400,
    "GET /healthz HTTP/1.1\nHost: x\n\n": 400,
    "GET /healthz HTTP/1.1\r\nHost: x\n\r\n": 400,
    "POST /pos/v1/enrol HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n": 400,
    "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: foo\r\n\r\n": 400,
    f"GET /{'a' * 5_000}{SECRET} HTTP/1.1\r\nHost: x\r\n\r\n": 414,
    f"{GET}X-Long: {SECRET}{'a' * 20_000}\r\n\r\n": 431,
}


def send(live: LiveService, data: str) -> tuple[int, str, bytes]:
    address = urlsplit(live.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(data.encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode(), body


@on_sqlite
def test_what_is_no_http_gets_a_problem_and_leaves_no_secret(live_service: LiveService, tmp_path: Path) -> None:
    for data, status in GARBLED.items():
        got, head, body = send(live_service, data)
        assert got == status, data[:60]
        assert "Content-Type: application/problem+json" in head
        assert set(json.loads(body)) == {"type", "title", "status", "detail", "code"}
        assert SECRET.encode() not in body
    [log] = tmp_path.glob("log-*")
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert sum(line["event"] == "request unreadable" for line in lines) == len(GARBLED)
    assert SECRET not in log.read_text("utf-8")


@on_sqlite
@pytest.mark.parametrize("header", ["SCRIPT_NAME: /x", "Script_Name: /x", "PATH_INFO: /metrics", "SCRIPT_NAME: /y"])
def test_no_header_moves_a_request_to_another_path(live_service: LiveService, header: str) -> None:
    status, _, _ = send(live_service, f"GET /x/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n")
    assert status == 404


@on_sqlite
def test_what_gunicorn_says_by_itself_is_json_too(live_service: LiveService, tmp_path: Path) -> None:
    children = Path(f"/proc/{live_service.process.pid}/task/{live_service.process.pid}/children")
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    [log] = tmp_path.glob("log-*")
    until = time.monotonic() + 10
    while "SIGKILL" not in log.read_text("utf-8"):
        assert time.monotonic() < until
        time.sleep(0.1)
    for line in log.read_text("utf-8").splitlines():
        assert set(json.loads(line)) >= {"timestamp", "level", "event"}
