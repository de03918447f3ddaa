"""SMS by webhook: whoever sends SMS for the brand gets {to, text} as JSON."""

import base64
import json
import socket
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import cast
from urllib.parse import SplitResult, unquote, urlsplit

from service.sending.message import Message
from service.sending.reply import Reply

TIMEOUT_SECONDS = 10


def post_sms(message: Message, *, url: str) -> None:
    """POST an SMS; `OSError` unless the answer is 2xx. A redirect is not followed, so the code goes nowhere else.

    USER:PASSWORD in the address is sent as HTTP Basic, which tells the gateway who calls.
    """
    address = urlsplit(url)
    connection = _connect(address)
    try:
        connection.request("POST", _target(address), _body(message), _headers(address))
        answer = HTTPResponse(cast(socket.socket, Reply(connection.sock, time.monotonic() + TIMEOUT_SECONDS)))
        answer.begin()
        if not 200 <= answer.status < 300:
            raise OSError(f"the SMS webhook answered {answer.status}")
    except HTTPException as error:
        raise OSError("the SMS webhook answered no HTTP") from error
    finally:
        connection.close()


def _connect(address: SplitResult) -> HTTPConnection:
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    return kind(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)


def _target(address: SplitResult) -> str:
    return (address.path or "/") + (f"?{address.query}" if address.query else "")


def _body(message: Message) -> bytes:
    return json.dumps({"to": message.to, "text": message.text}).encode()


def _headers(address: SplitResult) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "unspoken"}
    if address.username:
        pair = f"{unquote(address.username)}:{unquote(address.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return headers
