"""Operations: what a route takes and answers, said once, for the parser and for the OpenAPI page alike."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, Self

import orjson
from flask import Response, request
from gunicorn.http.errors import ParseException
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header

from service.web.problems import Problem, invalid

View = Callable[..., Response]
_ATTRIBUTE = "operation"
_UTF_8 = ("utf-8", "utf8")


class Body(BaseModel):
    """A request's body: types are JSON's own, and unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Parse a request's body; `pydantic.ValidationError` says what is wrong with it."""
        return cls.model_validate_json(data)


class Answer(BaseModel):
    """An answer's shape. Answers may gain fields."""

    model_config = ConfigDict(defer_build=True)  # it describes; nothing is validated with it


@dataclass(frozen=True)
class Operation:
    """What the OpenAPI page says of a view. An answer is a model, a media type, or None for no content."""

    body: type[Body] | None
    query: type[BaseModel] | None
    answers: Mapping[int, type[BaseModel] | str | None]
    problems: tuple[int, ...]


def operation(
    answers: Mapping[int, type[BaseModel] | str | None],
    *,
    body: type[Body] | None = None,
    query: type[BaseModel] | None = None,
    problems: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Describe a view, and give it its parsed `body` and `query`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def parsed(**arguments: Any) -> Response:
            if query is not None:
                arguments["query"] = _parse_query(query)
            if body is not None:
                arguments["body"] = _parse(body)
            return view(**arguments)

        setattr(parsed, _ATTRIBUTE, Operation(body, query, answers, problems))
        return parsed

    return decorate


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """Return what a view was described with."""
    return getattr(view, _ATTRIBUTE, None)


def answer(payload: Mapping[str, Any], status: int = 200) -> Response:
    """Return a JSON answer. Times are written in UTC with a Z, UUIDs and enums as strings."""
    data = orjson.dumps(payload, option=orjson.OPT_UTC_Z)
    return Response(data, status, content_type="application/json")


def may_be_left_out(body: type[Body]) -> bool:
    """Return whether a request may have no body at all, since nothing in it is required."""
    return not any(field.is_required() for field in body.model_fields.values())


def _parse_query(query: type[BaseModel]) -> BaseModel:
    try:
        return query.model_validate_strings(request.args.to_dict())
    except ValidationError as error:
        raise invalid(error, code="invalid_parameter") from None


def _parse(body: type[Body]) -> Body:
    if not request.content_length and "Transfer-Encoding" not in request.headers and may_be_left_out(body):
        return body()
    return body.read(_json_body())


def _json_body() -> bytes:
    asked = request._get_current_object()  # type: ignore[attr-defined]  # the proxy looks it up at each attribute
    if "HTTP_CONTENT_ENCODING" in asked.environ or not _is_json(asked.environ.get("CONTENT_TYPE", "")):
        raise Problem(415, "unsupported_media_type", "send plain, uncompressed application/json in UTF-8")
    most = asked.max_content_length or sys.maxsize
    if asked.content_length is None:
        # Of a body that comes in chunks, werkzeug reads as much as is allowed and drops the rest.
        asked.max_content_length = most + 1
    try:
        data: bytes = asked.get_data(cache=False)
    except ParseException:
        raise Problem(400, "bad_request", "the body's chunks can't be read: see RFC 9112, section 7.1") from None
    if len(data) > most:
        raise RequestEntityTooLarge
    return data


@lru_cache(maxsize=64)
def _is_json(content_type: str) -> bool:
    mimetype, parameters = parse_options_header(content_type)
    return mimetype.lower() == "application/json" and parameters.get("charset", "utf-8").lower() in _UTF_8
