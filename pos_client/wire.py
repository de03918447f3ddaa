"""An enrolled till's calls: its token goes along, and each answer sets its idea of the service's clock."""

from collections.abc import Callable
from datetime import datetime, timedelta

from pos_client.answers import Answer, Terminal, read_server_time, read_terminal, understand
from pos_client.basket import format_time
from pos_client.door import Door
from pos_client.errors import NotAuthorised
from pos_client.queue import Queue, encode


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
        method: str,
        path: str,
        content: str | None = None,
        *,
        token: str | None,
        timeout: float | None = None,
    ) -> Answer:
        """Return the answer to one request and measure the clock by it; raise what the door raises."""
        before = self._clock()
        answer = self._door.call(method, path, content=content, token=token, timeout=timeout)
        self._measure(answer, before, self._clock())
        return answer

    def credential(self) -> str:
        """Return the token to send; raise NotAuthorised when this till has none for this service."""
        if self._token:
            return self._token
        token = self._queue.recall("token")
        if not token or self._queue.recall("base_url") != self._door.base_url:
            raise NotAuthorised("This till isn't enrolled with that service.", code="not_enrolled")
        return token

    def keep_enrolment(self, answer: Answer) -> Terminal:
        """Store the terminal and its new token in one go, and use that token from now on."""
        terminal, token = understand(_read_enrolment, answer)
        self._queue.remember(token=token, base_url=self._door.base_url, terminal=_without_token(answer))
        self._token = None
        return terminal

    def keep_terminal(self, answer: Answer) -> Terminal:
        """Store what a heartbeat told about this till."""
        terminal = understand(read_terminal, answer)
        self._queue.remember(terminal=_without_token(answer))
        return terminal

    def _measure(self, answer: Answer, before: datetime, after: datetime) -> None:
        # The answer was given somewhere on the way; the middle is the best guess.
        facts = {"last_online_at": format_time(after)}
        if server_time := read_server_time(answer):
            offset = server_time - (before + (after - before) / 2)
            facts["clock_offset_ms"] = str(round(offset / timedelta(milliseconds=1)))
        self._queue.remember(**facts)


def _read_enrolment(answer: Answer) -> tuple[Terminal, str]:
    token = answer["terminal_token"]
    if not _is_header_safe(token):
        raise ValueError("not a token")
    return read_terminal(answer), token


def _is_header_safe(token: str) -> bool:
    return token.isascii() and token.isprintable() and bool(token) and " " not in token


def _without_token(answer: Answer) -> str:
    return encode({name: value for name, value in answer.items() if name != "terminal_token"})
