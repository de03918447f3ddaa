"""Problems: every error leaves as RFC 9457 `application/problem+json`, in words, without the input's echo."""

from collections.abc import Iterable
from math import ceil
from typing import Any

import orjson
from flask import Flask, Response, g, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from service.errors import Conflict, NotAuthorised, NotFound, Unavailable, UnspokenError
from service.logs import Level, log, where
from service.web.context import service

CONTENT_TYPE = "application/problem+json"

_STATUS_OF: dict[type[UnspokenError], int] = {NotAuthorised: 401, NotFound: 404, Conflict: 409}

# what the framework refuses by itself: a code, and what to do
_BY_STATUS = {
    400: ("bad_request", "the request could not be read as HTTP asks for"),
    404: ("not_found", "there is nothing at this address; ids in it must be whole and well formed"),
    405: ("method_not_allowed", "use one of the methods in the Allow header"),
    413: ("body_too_large", "send at most 1 MiB; split a sync into smaller ones"),
    415: ("unsupported_media_type", "send plain, uncompressed application/json in UTF-8"),
}


class Problem(Exception):
    """An error that a door itself raises."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Iterable[dict[str, str]] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail
        self.errors = list(errors)
        self.retry_after = retry_after


def to_problem(error: Exception) -> Problem | None:
    """Return the problem that an expected error is, or None when it is a fault of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Unavailable):
        log(Level.WARNING, "not ready", request_id=g.get("request_id"), error=_first_line(error.__cause__ or error))
        return Problem(503, error.code, error.detail, retry_after=1)
    if isinstance(error, UnspokenError):
        status = next((status for kind, status in _STATUS_OF.items() if isinstance(error, kind)), None)
        return None if status is None else Problem(status, error.code, error.detail)
    if isinstance(error, ValidationError):
        return invalid(error)
    if isinstance(error, service().db.passing_errors):
        log(Level.WARNING, "database failed", request_id=g.get("request_id"), error=_first_line(error))
        return Problem(503, "not_ready", "the database does not answer: try again", retry_after=1)
    return None


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0]


def body_of(problem: Problem) -> dict[str, Any]:
    """Return a problem's JSON members."""
    members: dict[str, Any] = {
        "type": f"{service().settings.public_url}/docs#problem-{problem.code}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    if problem.errors:
        members["errors"] = problem.errors
    return members


def register(app: Flask) -> None:
    """Make every error of the app leave as a problem."""
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer)


def _answer_http(error: HTTPException) -> Response:
    status = error.code if error.code is not None and error.code >= 400 else 404
    code, detail = _BY_STATUS.get(status, ("http_error", "the request failed"))
    answer = _respond(Problem(status, code, detail))
    allowed = error.get_response().headers.get("Allow")
    if allowed is not None:
        answer.headers["Allow"] = allowed
    return answer


def _answer(error: Exception) -> Response:
    problem = to_problem(error)
    if problem is None:
        log(
            Level.ERROR,
            "request failed",
            request_id=g.get("request_id"),
            route=str(request.url_rule),
            exception=where(error),
        )
        problem = Problem(500, "internal_error", "the service failed; the operator finds it under the request id")
    return _respond(problem)


def _respond(problem: Problem) -> Response:
    response = Response(orjson.dumps(body_of(problem)), problem.status, content_type=CONTENT_TYPE)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="unspoken"'
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, ceil(problem.retry_after)))
    return response


def invalid(error: ValidationError, *, code: str = "invalid_body") -> Problem:
    """Return the problem of a body, or of parameters, that don't fit their model."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return Problem(400, "malformed_json", "the body is not JSON: " + found[0]["msg"].partition(": ")[2])
    errors = [{"pointer": _pointer(item["loc"]), "detail": _words(item["type"], item["msg"])} for item in found]
    return Problem(422, code, "some fields are missing, unknown or wrong: see errors", errors=errors[:50])


def _words(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "this field is not known here: remove it"
    return message.removeprefix("Value error, ")


def _pointer(location: Iterable[int | str]) -> str:
    """Return a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
