"""The door to the service: one call, one JSON object or one exception, within a hard time limit."""

import json
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from threading import Thread
from time import monotonic
from typing import Any, TypeVar

import httpx2

from pos_client.answers import NOT_UNSPOKEN, Answer
from pos_client.errors import NotAuthorised, Refused, ServiceError, Unavailable

T = TypeVar("T")

_NOT_AUTHORISED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
NO_ANSWER = {"timeout", "unreachable"}
"""Codes of an Unavailable that nobody has said."""

_MOST_BYTES = 1 << 20
_TRY_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


def software() -> str:
    """Return the name and version of this client."""
    try:
        return f"unspoken-till/{version('unspoken')}"
    except PackageNotFoundError:
        return "unspoken-till"


class Door:
    """Talks JSON to one service; follows no redirect, so the token goes nowhere else."""

    def __init__(
        self, base_url: str, *, transport: httpx2.BaseTransport | None, timeout: float, insecure: bool
    ) -> None:
        url = check_address(base_url, insecure=insecure)
        self.base_url = str(url)
        self._timeout = timeout
        self._http = httpx2.Client(
            base_url=url,
            transport=transport,
            timeout=timeout,
            follow_redirects=False,
            trust_env=not _is_this_machine(url.host),
            headers={"accept": "application/json", "user-agent": software()},
        )

    def call(
        self,
        method: str,
        path: str,
        *,
        content: str | None = None,
        token: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Return the answer to one request; raise NotAuthorised, Refused or Unavailable."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        if content is not None:
            headers["content-type"] = "application/json"
        seconds = timeout or self._timeout
        limits = httpx2.Timeout(seconds, connect=self._timeout)
        try:
            response, body = _within(
                seconds,
                lambda: self._fetch(method, path, seconds, content=content, headers=headers, timeout=limits),
            )
        except TimeoutError as error:
            raise Unavailable("The service didn't answer in time.", code="timeout") from error
        except (httpx2.HTTPError, OSError) as error:
            raise Unavailable("The service can't be reached.", code="unreachable") from error
        return _answer(response, body)

    def _fetch(self, method: str, path: str, seconds: float, **request: Any) -> tuple[httpx2.Response, bytes]:
        """Return a response and its body; more than any answer of the service, or one without an end, is none."""
        ends, body = monotonic() + seconds, bytearray()
        with self._http.stream(method, path, **request) as response:
            for piece in response.iter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise Unavailable(NOT_UNSPOKEN, code="garbage_answer", status=response.status_code)
                if monotonic() > ends:  # nobody waits for it any more
                    raise TimeoutError
        return response, bytes(body)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def check_address(base_url: str, *, insecure: bool = False) -> httpx2.URL:
    """Return the service's address; raise ValueError unless it is https, or http on this very machine."""
    try:
        url = httpx2.URL(base_url.rstrip("/"))
    except httpx2.InvalidURL as error:
        raise ValueError("Give the service's address, such as https://unspoken.example.") from error
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("Give the service's address, such as https://unspoken.example.")
    if url.scheme == "http" and not insecure and not _is_this_machine(url.host):
        raise ValueError("The address must begin with https://, for the till's token travels with each request.")
    return url


def is_final(status: int) -> bool:
    """Return whether an item's status says that repeating it is useless."""
    return status // 100 == 4 and status not in _NOT_AUTHORISED | _TRY_LATER


def read_problem(status: int, problem: object, headers: httpx2.Headers | None = None) -> ServiceError:
    """Return what a problem (RFC 9457) means to a till."""
    fields = problem if isinstance(problem, dict) else {}
    ours = isinstance(fields.get("code"), str)
    code = fields["code"] if ours else "garbage_answer"
    request_id = headers.get("x-request-id") if headers else None
    silent = "The service has trouble." if status // 100 == 5 else NOT_UNSPOKEN
    detail = _words(fields.get("detail")) or _words(fields.get("title")) or silent
    # Any proxy may answer 413; every other no must be in the service's own words: a hotspot answers 403, too.
    if ours and status in _NOT_AUTHORISED:
        return NotAuthorised(detail, code=code, status=status, request_id=request_id)
    if is_final(status) and (ours or status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
        errors = _errors(fields)
        return Refused(detail, code=code, status=status, errors=errors, request_id=request_id)
    later = Unavailable(detail, code=code, status=status, request_id=request_id)
    later.retry_after = _seconds(headers.get("retry-after", "") if headers else "")
    return later


def _answer(response: httpx2.Response, body: bytes) -> Answer:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):  # nested deeply enough, anything is garbage
        said = None
    if response.is_success and isinstance(said, dict):
        return said
    raise read_problem(response.status_code, said, response.headers)


def _errors(fields: dict[str, Any]) -> list[dict[str, str]]:
    found = fields.get("errors")
    listed = found if isinstance(found, list) else []
    return [{name: _words(value) for name, value in one.items()} for one in listed if isinstance(one, dict)]


def _words(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) else ""


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _within(seconds: float, do: Callable[[], T]) -> T:
    # A name server that is gone can hold a call far longer than any socket's time-out, and a cashier never
    # waits. The abandoned thread ends by itself, and its answer is fetched again under the same id.
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(do())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is awaited
            future.set_exception(error)

    Thread(target=run, daemon=True, name="unspoken-till").start()
    return future.result(seconds)
