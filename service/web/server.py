"""gunicorn, as this service needs it: how its workers take requests, and what it says by itself.

That is problems to clients and JSON lines to operators, like everything else. Its own words quote the request: a
header without a colon may be somebody's token.
"""

import logging
import socket
import struct
from dataclasses import dataclass
from typing import Any

import orjson
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import _DEFER, ThreadWorker

from service.logs import Level, log, where
from service.web.problems import CONTENT_TYPE, Problem, body_of

_OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


# A request that has begun to arrive, or an answer on its way, may pause for so long. Who is slower needs a proxy.
_PAUSE = struct.pack("ll", 3, 0)


@dataclass(frozen=True, slots=True)
class _Done:
    """The future of something that has happened already."""

    outcome: Any

    def cancelled(self) -> bool:
        return False

    def result(self) -> Any:
        return self.outcome


class Worker(ThreadWorker):  # type: ignore[misc]
    """Handles one request at a time, in the thread that waits for them; what can't be read gets a problem.

    gunicorn's own hands each request to a second thread and back. That costs time, and a new connection that says
    nothing yet holds up that thread for five seconds.
    """

    def enqueue_req(self, conn: Any) -> None:
        """Serve a connection that has said something; wait for one that has not."""
        if not conn.initialized and not conn.data_ready:
            for pause in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                conn.sock.setsockopt(socket.SOL_SOCKET, pause, _PAUSE)
            self.finish_request(conn, _Done(_DEFER))
        elif conn.initialized and conn.parser.unreader.buf.getvalue():
            self.method_queue.defer(self._serve, conn)  # it sent several requests at once: the others go first
        else:
            self._serve(conn)

    def _serve(self, conn: Any) -> None:
        self.finish_request(conn, _Done(self.handle(conn)))

    def handle_error(self, _req: Any, client: Any, _addr: Any, error: Exception) -> None:
        """Answer and close: nothing after this is known to be the start of a request."""
        if isinstance(error, errors.ParseException) and not isinstance(error, _OURS):
            problem = _problem_of(error)
            log(Level.WARNING, "request unreadable", status=problem.status, fault=type(error).__qualname__)
        else:
            problem = Problem(500, "internal_error", "the service failed; the operator finds it in the log")
            log(Level.ERROR, "request failed", exception=where(error))
        with self.wsgi.app_context():
            body = orjson.dumps(body_of(problem))
        head = (
            f"HTTP/1.1 {problem.status} {problem.code}\r\nConnection: close\r\nContent-Type: {CONTENT_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        try:
            write_nonblock(client, head.encode() + body)
        except OSError:
            log(Level.INFO, "client gone")


def _problem_of(error: errors.ParseException) -> Problem:
    if isinstance(error, errors.LimitRequestLine):
        return Problem(414, "uri_too_long", "the address is too long: what is long belongs in a body")
    if isinstance(error, errors.LimitRequestHeaders):
        return Problem(431, "headers_too_large", "send fewer and shorter headers")
    return Problem(400, "bad_request", "the request could not be read as HTTP asks for")


class Log(Logger):  # type: ignore[misc]
    """gunicorn's own log, such as a worker that had to be killed, as JSON lines."""

    def setup(self, cfg: Any) -> None:
        """Set the handlers up, and write JSON."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(_Json())


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = where(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()
