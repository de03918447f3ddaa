"""What gunicorn says by itself: problems to clients and JSON lines to operators, like everything else.

Its own words quote the request: a header without a colon may be somebody's token.
"""

import logging
from typing import Any

import orjson
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from service.logs import Level, log, where
from service.web.problems import CONTENT_TYPE, Problem, body_of

_OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class Worker(ThreadWorker):  # type: ignore[misc]
    """Answers what can't be read as HTTP with a problem."""

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
