"""gunicorn, as this service needs it: how its workers take requests, and what it says by itself.

That is problems to clients and JSON lines to operators, like everything else. Its own words quote the request: a
header without a colon may be somebody's token.
"""

import errno
import logging
import math
import re
import selectors
import socket
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from service.logs import Level, log, where
from service.web.arriving import MAX_BODY_BYTES, Arriving, Progress
from service.web.counts import counts
from service.web.problems import CONTENT_TYPE, Problem, body_of

_OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


# Of answers that clients don't read as fast as they come; who would make it more is hung up on.
MOST_KEPT_BYTES = 64 * 1024 * 1024
_LINGER_SECONDS = 2.0
# A new connection is left to a worker that has two fewer for a moment, but only so many times a second: where each
# connection is for one request only, sharing them out would cost more than it gives.
_LEAVE_SECONDS = 0.002
_LEAVES_A_SECOND = 10
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_FULL_SECONDS = 1.0
_RECEIVED_BYTES = 64 * 1024
_PIECE_BYTES = 8 * 1024
_HOST = re.compile(r"([A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?")


_UNREADABLE = {
    Progress.HEAD_TOO_LARGE: errors.LimitRequestHeaders("the head has no end"),
    Progress.UNREADABLE: errors.ParseException("it was broken off, or has no lines that end as they must"),
}


class _Come:
    """Stands in for the socket once a request is here: whatever its reader makes of it, it waits for nobody.

    It gives the request piece by piece: of what the reader holds it makes a copy for each chunk.
    """

    def __init__(self, data: bytearray) -> None:
        self._rest = memoryview(data)

    def recv(self, most: int) -> bytes:
        """Return the next piece; none when nothing is left."""
        piece = bytes(self._rest[: min(most, _PIECE_BYTES)])
        self._rest = self._rest[len(piece) :]
        return piece

    def take_rest(self) -> bytes:
        """Return what was not asked for."""
        return bytes(self._rest)


class _Together:
    """Stands in for the socket while a request is answered, so that head and body go out in one call.

    gunicorn sends them one after the other: twice the work, here and for whoever reads them.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._kept: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        """Keep it until the answer is whole."""
        self._kept.append(data)

    def send_kept(self) -> memoryview:
        """Send what the client's side takes at once; return the rest."""
        return _send(self._sock, memoryview(b"".join(self._kept)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def _send(sock: socket.socket, data: memoryview) -> memoryview:
    """Send what can be sent without waiting; return the rest."""
    try:
        return data[sock.send(data, socket.MSG_DONTWAIT) :]
    except BlockingIOError:
        return data


def _check_head(req: Any) -> None:
    """Refuse what gunicorn lets pass: RFC 9112, sections 3.2 (one Host, and a good one) and 6.1 (codings)."""
    hosts = [value for name, value in req.headers if name == "HOST"]
    if not all(map(_HOST.fullmatch, hosts)) or len(hosts) > 1 or (req.version >= (1, 1) and not hosts):
        raise errors.InvalidHeader("HOST")
    for name, value in req.headers:
        if name == "TRANSFER-ENCODING" and value.strip().lower() != "chunked":
            raise errors.UnsupportedTransferCoding(value)


def _asks_to_close(req: Any) -> bool:
    """Return whether `close` is among the options: gunicorn sees it alone only (RFC 9112, section 9.6)."""
    options = (option for name, value in req.headers if name == "CONNECTION" for option in value.split(","))
    return any(option.strip().lower() == "close" for option in options)


class Worker(ThreadWorker):  # type: ignore[misc]
    """Handles one request at a time, once it is whole, in the thread that waits for them all.

    So a client that is slow, silent, stops halfway or reads no answer costs a connection, and nobody's time.
    gunicorn's own hands each request to a second thread, which waits for the rest, and back; that costs time, too.
    """

    def __init__(self, age: int, *args: Any, **kwargs: Any) -> None:
        self._nr_conns, self._counts = 0, counts()
        self.age = age
        super().__init__(age, *args, **kwargs)
        # All who are connected wait among the kept-alive, and gunicorn would close upon who is one too many there.
        self.max_keepalived = self.worker_connections
        # Who has sent a whole request more, while others may be waiting for their first.
        self._in_a_hurry: dict[Any, Progress] = {}
        self._leaves_until, self._left, self._second_ends = 0.0, 0, 0.0
        self._looked_at = 0.0  # when it last looked for what came
        self._sending: deque[Any] = deque()  # who has not read all of their answer yet
        self._tells_next = 0.0

    def init_process(self) -> None:
        """Begin, in the worker's own process, with settings that are read once: gunicorn looks each up each time."""
        cfg: Any = self.cfg
        vars(cfg).update({name: setting.get() for name, setting in cfg.settings.items()})
        super().init_process()

    @property
    def nr_conns(self) -> int:
        """How many connections this worker has; the others see it."""
        return self._nr_conns

    @nr_conns.setter
    def nr_conns(self, number: int) -> None:
        self._nr_conns = number
        self._counts.tell(self.age, number)

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, unless a worker that has fewer may take it within a moment."""
        now = time.monotonic()
        if now >= self._second_ends:
            self._left, self._second_ends = 0, now + 1
        if self._left < _LEAVES_A_SECOND and self._counts.somebody_has_fewer(self.nr_conns - 1):
            self._left += 1
            self._leave_for(_LEAVE_SECONDS)
        else:
            self._accept(listener)

    def _accept(self, listener: socket.socket) -> None:
        """Take a new connection; where no file can be opened for it, leave it until others have ended."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            log(Level.WARNING, "connection left waiting", reason=errno.errorcode[error.errno])
            self._leave_for(_FULL_SECONDS)

    def _leave_for(self, seconds: float) -> None:
        self._leaves_until = time.monotonic() + seconds
        self.set_accept_enabled(False)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Listen for new connections or not; while one is left to others, not."""
        if enabled and time.monotonic() < self._leaves_until:
            return
        super().set_accept_enabled(enabled)
        if enabled:
            self._leaves_until = 0.0

    def notify(self) -> None:
        """Tell the master that this worker lives; once a second is enough for it."""
        now = time.monotonic()
        if now >= self._tells_next:
            self._tells_next = now + 1
            super().notify()

    def is_parent_alive(self) -> bool:
        """Return whether the master lives. Without it clients are told to go, and another may listen here at once."""
        if super().is_parent_alive():
            return True
        self.alive = False
        self.set_accept_enabled(False)
        for listener in self.sockets:
            listener.close()
        return False

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for what comes, and not longer than a new connection is left to others."""
        if self._leaves_until and self.alive:
            timeout = min(timeout, max(self._leaves_until - time.monotonic(), 0))
        self._looked_at = time.monotonic()
        super().wait_for_and_dispatch_events(0 if self._in_a_hurry else timeout)
        waiting, self._in_a_hurry = self._in_a_hurry, {}
        for conn, progress in waiting.items():
            self._answer(conn, progress)

    def murder_keepalived(self, force: bool = False) -> None:
        """Hang up on who was silent too long at the last look: what came since is not read yet."""
        self._drop_until(math.inf if force else self._looked_at, self.keepalived_conns)

    def murder_pending(self) -> None:
        """Hang up on who had its time to read an answer, or to read to the end."""
        while self._sending and self._sending[0].timeout <= self._looked_at:
            self._leave_unread(self._sending[0])
        self._drop_until(self._looked_at, self.pending_conns)

    def _drop_until(self, moment: float, waiting: deque[Any]) -> None:
        while waiting and waiting[0].timeout <= moment:
            self._drop(waiting[0])

    def enqueue_req(self, conn: Any) -> None:
        """Wait for the first request of a new connection."""
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, conn))
        conn.arriving, conn.rest = Arriving(MAX_BODY_BYTES), memoryview(b"")
        self._wait_anew(conn)

    def _wait_anew(self, conn: Any) -> None:
        conn.set_timeout()
        self.keepalived_conns.append(conn)

    def _receive(self, conn: Any, client: socket.socket) -> None:
        """Take what has come, and serve the request once it is whole."""
        if conn in self._in_a_hurry:
            return  # it has sent enough for now
        try:
            data = client.recv(_RECEIVED_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data and (conn.arriving is None or not conn.arriving.data):
            self._drop(conn)
        elif not data:
            self._go_on(conn, Progress.UNREADABLE)
        elif conn.arriving is not None:  # else it was told that the connection is over
            if not conn.arriving.data:
                self.keepalived_conns.remove(conn)
                self._wait_anew(conn)
            self._go_on(conn, conn.arriving.take(data))

    def _go_on(self, conn: Any, progress: Progress) -> None:
        if progress is Progress.ASKS_TO_CONTINUE:
            with suppress(OSError):
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        elif progress is not Progress.MORE:
            self.keepalived_conns.remove(conn)
            self._answer(conn, progress)

    def _answer(self, conn: Any, progress: Progress) -> None:
        """Serve one request; what the client doesn't read at once goes out while others are served."""
        stays = self._serve(conn, progress)
        if not conn.rest:
            self._go_on_after(conn, stays)
        elif sum(len(waiting.rest) for waiting in self._sending) > MOST_KEPT_BYTES:
            self._leave_unread(conn)
        else:
            conn.sock.setblocking(False)
            conn.set_timeout()
            self._sending.append(conn)
            self.poller.modify(conn.sock, selectors.EVENT_WRITE, partial(self._send_rest, conn, stays))

    def _send_rest(self, conn: Any, stays: bool, sock: socket.socket) -> None:
        """Send what the client takes of the rest of its answer."""
        try:
            conn.rest = _send(sock, conn.rest)
        except OSError:
            self._drop(conn)
            return
        if not conn.rest:
            self._sending.remove(conn)
            self.poller.modify(sock, selectors.EVENT_READ, partial(self._receive, conn))
            self._go_on_after(conn, stays)

    def _leave_unread(self, conn: Any) -> None:
        log(Level.INFO, "answer left unread")
        self._drop(conn)

    def _go_on_after(self, conn: Any, stays: bool) -> None:
        """Go on once an answer is out. Who sent several at once gets the next one after the others' turn."""
        if not stays:
            self._end(conn)
            return
        conn.sock.setblocking(False)
        unreader = conn.parser.unreader
        left = unreader.take_buffered() + unreader.sock.take_rest()
        conn.arriving = Arriving(MAX_BODY_BYTES)
        progress = conn.arriving.take(left) if left else Progress.MORE
        if progress in (Progress.MORE, Progress.ASKS_TO_CONTINUE):
            self._wait_anew(conn)
            self._go_on(conn, progress)
        else:
            self._in_a_hurry[conn] = progress

    def _serve(self, conn: Any, progress: Progress) -> bool:
        """Answer a request; return whether the connection stays."""
        self.notify()  # a round of many takes long, and the master would take it for a hang
        if progress in _UNREADABLE:
            conn.sock.setblocking(True)
            self.handle_error(None, conn.sock, conn.client, _UNREADABLE[progress])
            return False
        conn.is_whole = progress is Progress.WHOLE
        conn.init()
        conn.parser.unreader.sock = _Come(conn.arriving.data)
        return bool(self.handle(conn))

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request, and say so when it was the last one here."""
        if not conn.is_whole or _asks_to_close(req):
            req.force_close()
        _check_head(req)
        sock, conn.sock = conn.sock, _Together(conn.sock)
        try:
            stays = super().handle_request(req, conn)
            conn.rest = conn.sock.send_kept()
            return stays
        finally:
            conn.sock = sock

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Return whether the connection may stay: where the request ended is known, and nothing more of it comes."""
        try:
            return conn.is_whole and keepalive and bool(conn.parser.finish_body())
        except errors.ParseException:
            return False  # it was answered already

    def _end(self, conn: Any) -> None:
        """Let the client read to the end before the connection is closed (RFC 9112, section 9.6)."""
        conn.arriving = None
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
        else:
            conn.timeout = time.monotonic() + _LINGER_SECONDS
            self.pending_conns.append(conn)

    def _drop(self, conn: Any) -> None:
        for waiting in (self.keepalived_conns, self.pending_conns, self._sending):
            with suppress(ValueError):
                waiting.remove(conn)
        with suppress(KeyError, ValueError, OSError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

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
            "timestamp": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = where(record.exc_info[1])
        return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z).decode()
