"""The bundled load generator: replays raw requests over so many connections, one in flight on each.

    python -m tests.bench.generator PORT FILE SECONDS STATUS TEXT

FILE holds requests, each as its length, a line feed and its bytes. An answer counts as right when it has the
status and holds the text. A connection that the server closes is opened again.
"""

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.problems import MeasurementFailed

CONNECTIONS = 16
_TIMEOUT_SECONDS = 10.0
_RECEIVE_BYTES = 65_536


def write_requests(path: Path, requests: list[bytes]) -> None:
    """Write requests as both generators read them."""
    path.write_bytes(b"".join(b"%d\n%b" % (len(request), request) for request in requests))


def read_requests(path: Path) -> Iterator[bytes]:
    """Read them back."""
    with path.open("rb") as file:
        while length := file.readline():
            yield file.read(int(length))


@dataclass
class Replay:
    """One run: what is left to send, and what came of the rest."""

    port: int
    requests: Iterator[bytes]
    status: bytes
    text: bytes
    latencies: list[float] = field(default_factory=list)
    wrong: int = 0
    exhausted: bool = False

    def run(self, seconds: float) -> dict[str, Any]:
        """Send until the time or the requests are over; return the figures, latencies in milliseconds."""
        started = time.perf_counter()
        with selectors.DefaultSelector() as selector:
            for _ in range(CONNECTIONS):
                _Connection(self, selector).send_next()
            while selector.get_map() and time.perf_counter() - started < seconds and not self.exhausted:
                ready = selector.select(_TIMEOUT_SECONDS)
                if not ready:
                    raise MeasurementFailed("the server stopped answering")
                for key, _ in ready:
                    key.data.receive()
            took = time.perf_counter() - started
            for key in list(selector.get_map().values()):
                key.data.close()
        return self._figures(took)

    def judge(self, answer: bytes, latency: float) -> None:
        """Count one answer."""
        self.latencies.append(latency)
        self.wrong += not (answer[9:12] == self.status and self.text in answer)

    def _figures(self, seconds: float) -> dict[str, Any]:
        sorted_ms = [latency * 1000 for latency in sorted(self.latencies)]
        return {
            "answered": len(sorted_ms),
            "wrong": self.wrong,
            "seconds": seconds,
            "p50_ms": sorted_ms[len(sorted_ms) // 2] if sorted_ms else 0.0,
            "p99_ms": sorted_ms[len(sorted_ms) * 99 // 100] if sorted_ms else 0.0,
            "exhausted": self.exhausted,
        }


class _Connection:
    def __init__(self, replay: Replay, selector: selectors.BaseSelector) -> None:
        self._replay, self._selector = replay, selector
        self._request, self._answer, self._sent_at = b"", b"", 0.0
        self._open()

    def send_next(self) -> None:
        """Send the next request, if there is one."""
        request = next(self._replay.requests, None)
        if request is None:
            self._replay.exhausted = True
            return
        self._request, self._sent_at = request, time.perf_counter()
        self._send()

    def receive(self) -> None:
        """Take what arrived; judge the answer once it is whole."""
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except ConnectionResetError:
            data = b""
        self._answer += data
        if not data and not self._answer:  # the server closed an idle connection as we wrote to it
            self._reopen()
            self._send()
        elif not data or _is_whole(self._answer):
            self._finish(closed=not data)

    def close(self) -> None:
        """Hang up."""
        self._selector.unregister(self._socket)
        self._socket.close()

    def _finish(self, *, closed: bool) -> None:
        answer, self._answer = self._answer, b""
        self._replay.judge(answer, time.perf_counter() - self._sent_at)
        if closed or b"connection: close" in answer.partition(b"\r\n\r\n")[0].lower():
            self._reopen()
        self.send_next()

    def _send(self) -> None:
        try:
            self._socket.sendall(self._request)
        except (BrokenPipeError, ConnectionResetError):
            self._reopen()
            self._socket.sendall(self._request)

    def _reopen(self) -> None:
        self.close()
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._replay.port), timeout=_TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._socket, selectors.EVENT_READ, self)


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length or 0)


def main() -> None:
    """Replay a file and print the figures as JSON."""
    port, path, seconds, status, text = sys.argv[1:]
    requests = read_requests(Path(path))
    print(json.dumps(Replay(int(port), requests, status.encode(), text.encode()).run(float(seconds))))


if __name__ == "__main__":
    main()
