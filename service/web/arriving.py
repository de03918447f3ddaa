"""Requests on their way: how much of one is here, so that nobody has to wait for the rest of it.

This only measures; what a request says, and whether it says it rightly, is gunicorn's to read. Source: RFC 9112,
sections 2.1 (the head ends with an empty line) and 6 (how long a body is).
"""

import re
from enum import Enum, auto

MAX_BODY_BYTES = 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024
_HEAD_ENDS = b"\r\n\r\n"
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_ENOUGH_DIGITS = 16  # of a length: it is too large anyway
_CONTENT_LENGTH = re.compile(rb"^content-length:[ \t]*0*([0-9]+)[ \t]*\r$", re.IGNORECASE | re.MULTILINE)
_IS_CHUNKED = re.compile(rb"^transfer-encoding:.*chunked", re.IGNORECASE | re.MULTILINE)
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]+)[ \t]*(?:;.*)?")
_SPEAKS_1_0 = re.compile(rb"^[^\r\n]* HTTP/1\.0\r")
_EXPECTS = re.compile(rb"^expect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE | re.MULTILINE)


class Progress(Enum):
    """How far a request has come. `REFUSED`: its body is too large or no body, so the rest of it isn't waited for."""

    MORE = auto()
    ASKS_TO_CONTINUE = auto()
    WHOLE = auto()
    REFUSED = auto()
    HEAD_TOO_LARGE = auto()
    UNREADABLE = auto()


class Arriving:
    """What has arrived on a connection and was not served yet."""

    def __init__(self, max_body_bytes: int) -> None:
        self.data = bytearray()
        self._max_body_bytes = max_body_bytes
        self._head_bytes = 0
        self._body_bytes: int | None = 0
        self._chunk = 0  # where the next chunk begins

    def take(self, data: bytes) -> Progress:
        """Add what came; return how far the request is."""
        looked_at = max(len(self.data) - len(_HEAD_ENDS) + 1, 0)
        self.data += data
        if self._head_bytes:
            return self._progress()
        end = self.data.find(_HEAD_ENDS, looked_at)
        if end < 0:
            if _BARE_LINE_FEED.search(self.data, looked_at):
                return Progress.UNREADABLE
            return Progress.HEAD_TOO_LARGE if len(self.data) > MAX_HEAD_BYTES else Progress.MORE
        self._head_bytes = end + len(_HEAD_ENDS)
        head = bytes(self.data[: self._head_bytes])
        self._body_bytes = _body_bytes(head)
        self._chunk = self._head_bytes
        progress = self._progress()
        if progress is Progress.WHOLE or not _EXPECTS.search(head):
            return progress
        # It is told now or not at all, and not once more when the body is read.
        without = _EXPECTS.sub(b"", head)
        self.data[: self._head_bytes] = without
        self._chunk = self._head_bytes = len(without)
        if progress is Progress.REFUSED or _SPEAKS_1_0.search(head):  # RFC 9110, section 10.1.1
            return progress
        return Progress.ASKS_TO_CONTINUE

    def _progress(self) -> Progress:
        here = len(self.data) - self._head_bytes
        # Chunks have heads of their own; how much they hold together is measured when they are read.
        if (self._body_bytes or here // 2) > self._max_body_bytes:
            return Progress.REFUSED
        if self._body_bytes is None:
            return self._step_through_chunks()
        return Progress.WHOLE if here >= self._body_bytes else Progress.MORE

    def _step_through_chunks(self) -> Progress:
        """Go on from chunk to chunk, each as long as it says (RFC 9112, section 7.1)."""
        while (line_ends := self.data.find(b"\r\n", self._chunk)) >= 0:
            size = _CHUNK_SIZE.fullmatch(self.data, self._chunk, line_ends)
            if size is None:
                return Progress.REFUSED
            if int(size[1], 16) == 0:  # the last one; a trailer may follow
                return Progress.WHOLE if self.data.find(_HEAD_ENDS, line_ends) >= 0 else Progress.MORE
            self._chunk = line_ends + 2 + int(size[1], 16) + 2
            if self._chunk - self._head_bytes > 2 * self._max_body_bytes:
                return Progress.REFUSED
        return Progress.MORE


def _body_bytes(head: bytes) -> int | None:
    """Return how long the body is; None when it comes in chunks. With both it will be refused as it is."""
    length, is_chunked = _CONTENT_LENGTH.search(head), _IS_CHUNKED.search(head)
    if is_chunked:
        return 0 if length else None
    return int(length[1][:_ENOUGH_DIGITS]) if length else 0
