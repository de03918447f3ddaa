"""An enrolled till's calls: its token goes along, and each answer sets its idea of the service's clock."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

from pos_client.answers import Answer, Terminal, read_server_time, read_terminal, understand
from pos_client.basket import format_time
from pos_client.door import Door
from pos_client.errors import NotAuthorised, QueueFailed
from pos_client.queue import MOST_OFFSET_MS, Queue, encode

T = TypeVar("T")


class Wire:
    """The door, with the token, the terminal and the clock offset that the queue file remembers."""

    def __init__(self, door: Door, queue: Queue, clock: Callable[[], datetime], token: str | None) -> None:
        # Whoever builds a header from a damaged token would print it in the error.
        if token is not None and not _is_header_safe(token):
            raise ValueError("The terminal token holds characters that no token has.")
        self._door = door
        self._queue = queue
        self._clock = clock
        self._token = token

    def call(
        self,
        read: Callable[[Answer], T],
        method: str,
        path: str,
        content: str | None = None,
        *,
        token: str | None,
        timeout: float | None = None,
    ) -> T:
        """Return what the answer to one request says; raise what the door raises, and what understand does.

        The clock is measured only by an answer that was understood.
        """
        before = self._clock()
        answer = self._door.call(method, path, content=content, token=token, timeout=timeout)
        after = self._clock()
        result = understand(read, answer)
        self._measure(answer, before, after)
        return result

    def credential(self) -> str:
        """Return the token to send; raise NotAuthorised when this till has none for this service."""
        if self._token:
            return self._token
        token = self._queue.recall("token")
        if not token or self._queue.recall("base_url") != self._door.base_url:
            raise NotAuthorised("This till isn't enrolled with that service.", code="not_enrolled")
        return token

    def enrol(self, content: str) -> Terminal:
        """Enrol, store the terminal and its new token in one go, and use that token from now on."""
        terminal, stored, token = self.call(_read_enrolment, "POST", "/pos/v1/enrol", content, token=None)
        self._queue.remember(token=token, base_url=self._door.base_url, terminal=stored)
        self._token = None
        return terminal

    def heartbeat(self) -> Terminal:
        """Ask about this till, and store what is told."""
        terminal, stored = self.call(_read_heartbeat, "GET", "/pos/v1/terminal", token=self.credential())
        self._queue.remember(terminal=stored)
        return terminal

    def _measure(self, answer: Answer, before: datetime, after: datetime) -> None:
        # The answer was given somewhere on the way: the middle is the best guess, and wrong by half the way at most.
        # What is known stays unless that proves it wrong; a slow answer is a worse measure than the one before.
        facts = {"last_online_at": format_time(after)}
        if server_time := read_server_time(answer):
            half = (after - before) / 2
            offset, known = server_time - before - half, self._queue.clock_offset_ms()
            is_news = known is None or abs(offset - timedelta(milliseconds=known)) > half
            if is_news and abs(in_ms := round(offset / timedelta(milliseconds=1))) <= MOST_OFFSET_MS:
                facts["clock_offset_ms"] = str(in_ms)
        with suppress(QueueFailed):  # an answer is worth more than what it says of the clock
            self._queue.remember(**facts)


def _read_enrolment(answer: Answer) -> tuple[Terminal, str, str]:
    token = answer["terminal_token"]
    if not _is_header_safe(token):
        raise ValueError("not a token")
    return *_read_heartbeat(answer), token


def _read_heartbeat(answer: Answer) -> tuple[Terminal, str]:
    """Return the terminal, and the text to store of it."""
    stored = encode({name: value for name, value in answer.items() if name != "terminal_token"})
    return read_terminal(answer), stored


def _is_header_safe(token: str) -> bool:
    return token.isascii() and token.isprintable() and bool(token) and " " not in token
