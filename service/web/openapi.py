"""The OpenAPI 3.1 description, built from what the routes themselves say, once, when the app is composed."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from service import __version__
from service.web import guards
from service.web.operation import Answer, Operation, may_be_left_out, operation_of

EXTENSION = "unspoken_openapi"
_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
_MODELS = "#/components/schemas/{model}"

# Who a door is for, and how to pass it. What hangs on no door's prefix is for whoever watches the service.
_AUDIENCES = {
    "pos": (
        "For tills. Trade the enrolment code that `unspoken terminal invite` prints for a terminal token, once, and "
        "send it as `Authorization: Bearer ust_…` from then on. The till mints the ids (any UUID of RFC 9562) and "
        "repeats a PUT until it is answered: the same id with the same body gets the same answer. A completed sale "
        "is never refused over its sums."
    ),
    "commerce": (
        "For the server of a web shop. Send the shop's secret key, which `unspoken site add` prints, as "
        "`Authorization: Bearer usk_…`; it must never reach a browser. A site reads only customers who hold an "
        "account with it."
    ),
    "shopper": (
        "For the shopper's own app, or our web app. An app sends the session token that its site opened as "
        "`Authorization: Bearer uss_…`. The web app holds a cookie instead, and names its CSRF token in "
        "`X-CSRF-Token` with every request that changes something."
    ),
    "operator": (
        "For the brand's own people. Send the key that `unspoken operator add` prints as "
        "`Authorization: Bearer uop_…`. It reads any customer, so every look is audited under its owner, and the "
        "shopper sees it."
    ),
    "operations": (
        "For the machines that watch the service. Health and readiness are public. Metrics are for the machine "
        "itself, or for whoever sends UNSPOKEN_METRICS_TOKEN as a bearer token."
    ),
}

_SECURITY: dict[guards.Guard, list[dict[str, list[str]]]] = {
    guards.terminal: [{"terminal": []}],
    guards.site: [{"site": []}],
    guards.operator: [{"operator": []}],
    guards.shopper: [{"session": []}, {"sessionCookie": [], "csrf": []}],
    guards.pending: [{"pendingCookie": [], "csrf": []}],
    guards.metrics: [{}, {"metrics": []}],
}
# What a guard itself may answer.
_GUARD_PROBLEMS: dict[guards.Guard, tuple[int, ...]] = {
    guards.limited: (429,),
    guards.terminal: (401, 429),
    guards.site: (401, 429),
    guards.operator: (401, 429),
    guards.shopper: (401, 429),
    guards.pending: (401, 403, 429),
    guards.metrics: (401, 429),
}
_PROBLEM_WORDS = {
    400: "The body is not JSON",
    401: "The credential is bad, expired, revoked or for another door",
    403: "The CSRF token is missing or wrong",
    404: "There is no such thing, or it isn't yours to see",
    409: "The state of the thing, or an id used before, forbids it",
    413: "The body is over 1 MiB",
    414: "The address is too long",
    415: "The body isn't plain JSON in UTF-8",
    422: "Fields are missing, unknown or wrong",
    429: "Too many requests: wait as long as Retry-After says",
    431: "The headers are too many or too long",
    503: "Not ready: try again",
}


class ErrorOut(BaseModel):
    """One thing that is wrong, at a JSON Pointer (RFC 6901) into the body or the address."""

    pointer: str
    detail: str


class ProblemOut(Answer):
    """RFC 9457: what is wrong, where, and what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ErrorOut] | None = None


class Description:
    """The description, built when it is first asked for: most workers never are."""

    def __init__(self, app: Flask, guard_of: Mapping[str, guards.Guard]) -> None:
        self._app, self._guard_of = app, guard_of

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return describe(self._app, self._guard_of)


def describe(app: Flask, guard_of: Mapping[str, guards.Guard]) -> dict[str, Any]:
    """Return the description of every route that has an operation."""
    described = list(_operations(app))
    schemas = _schemas(operation for _, operation, _ in described)
    paths: dict[str, dict[str, Any]] = {}
    for rule, operation, view in described:
        path = _PARAMETER.sub(r"{\2}", rule.rule)
        guard = guard_of[rule.endpoint.partition(".")[0]]
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            paths.setdefault(path, {})[method.lower()] = _operation(rule, operation, view, guard)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Unspoken",
            "version": __version__,
            "summary": "In-store identification at the till",
            "description": "Errors are RFC 9457 problems. Times are RFC 3339 with an offset.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": name, "description": words} for name, words in _AUDIENCES.items()],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": schemas, "securitySchemes": _SECURITY_SCHEMES},
    }


def _operations(app: Flask) -> Iterator[tuple[Rule, Operation, Any]]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        operation = operation_of(view)
        if operation is not None:
            yield rule, operation, view


def _schemas(operations: Iterator[Operation]) -> dict[str, Any]:
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(ProblemOut, "serialization"): None}
    for operation in operations:
        if operation.body is not None:
            models[operation.body, "validation"] = None
        for answer in operation.answers.values():
            if isinstance(answer, type):
                models[answer, "serialization"] = None
    _, definitions = models_json_schema(list(models), ref_template=_MODELS)
    found: dict[str, Any] = definitions["$defs"]
    return dict(sorted(found.items()))


def _operation(rule: Rule, operation: Operation, view: Any, guard: guards.Guard) -> dict[str, Any]:
    summary, _, description = (view.__doc__ or "").strip().partition("\n")
    audience = _audience(rule)
    described: dict[str, Any] = {
        "operationId": f"{audience}_{view.__name__.rstrip('_')}",
        "summary": summary,
        "tags": [audience],
        "parameters": [*_path_parameters(rule), *_query_parameters(operation)],
        "responses": {str(status): _response(answer) for status, answer in operation.answers.items()},
        "security": _SECURITY.get(guard, []),
    }
    if description.strip():
        described["description"] = " ".join(description.split())
    if operation.body is not None:
        required = not may_be_left_out(operation.body)
        described["requestBody"] = {"required": required, "content": _content("application/json", operation.body)}
    for status in sorted(_problems(rule, operation, guard)):
        described["responses"][str(status)] = _problem(status)
    return described


def _audience(rule: Rule) -> str:
    prefix = rule.rule.split("/")[1]
    return prefix if prefix in _AUDIENCES else "operations"


def _problems(rule: Rule, operation: Operation, guard: guards.Guard) -> set[int]:
    statuses = {*operation.problems, *_GUARD_PROBLEMS.get(guard, ()), 431, 503}
    if operation.body is not None:
        statuses |= {400, 413, 415, 422}
    if operation.query is not None:
        statuses |= {414, 422}
    if any(converter != "uuid" for converter, _ in _PARAMETER.findall(rule.rule)):
        statuses |= {414}
    if "<uuid:" in rule.rule:
        statuses |= {404}
    return statuses - set(operation.answers)


def _path_parameters(rule: Rule) -> Iterator[dict[str, Any]]:
    for converter, name in _PARAMETER.findall(rule.rule):
        schema = {"type": "string", "format": "uuid"} if converter == "uuid" else {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.query is not None:
        for name, schema in operation.query.model_json_schema()["properties"].items():
            yield {"name": name, "in": "query", "required": False, "schema": schema}


def _response(answer: type[BaseModel] | str | None) -> dict[str, Any]:
    if answer is None:
        return {"description": "Nothing more to say"}
    if isinstance(answer, str):
        return {"description": "As asked", "content": {answer: {"schema": {"type": "string"}}}}
    return {"description": (answer.__doc__ or "").strip(), "content": _content("application/json", answer)}


def _problem(status: int) -> dict[str, Any]:
    described = {"description": _PROBLEM_WORDS[status], "content": _content("application/problem+json", ProblemOut)}
    if status in (429, 503):
        described["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    return described


def _content(media_type: str, model: type[BaseModel]) -> dict[str, Any]:
    return {media_type: {"schema": {"$ref": _MODELS.format(model=model.__name__)}}}


_SECURITY_SCHEMES: dict[str, Any] = {
    "terminal": {"type": "http", "scheme": "bearer", "description": "A terminal token (ust_…)"},
    "site": {"type": "http", "scheme": "bearer", "description": "A site's secret key (usk_…)"},
    "operator": {"type": "http", "scheme": "bearer", "description": "An operator's key (uop_…)"},
    "session": {"type": "http", "scheme": "bearer", "description": "A shopper session token (uss_…)"},
    "metrics": {"type": "http", "scheme": "bearer", "description": "UNSPOKEN_METRICS_TOKEN"},
    "sessionCookie": {"type": "apiKey", "in": "cookie", "name": guards.SESSION_COOKIE},
    "pendingCookie": {"type": "apiKey", "in": "cookie", "name": guards.PENDING_COOKIE},
    "csrf": {"type": "apiKey", "in": "header", "name": guards.CSRF_HEADER},
}
