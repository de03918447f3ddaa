"""The API's own pages: the OpenAPI description, and the same in words."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, render_template
from markupsafe import Markup, escape

from service.web import openapi
from service.web.context import service
from service.web.operation import answer
from service.web.operations.problem_codes import WHAT_TO_DO
from service.web.operations.schemas import SAMPLE_ID, Field, fields, sample

bp = Blueprint("docs", __name__, template_folder="templates")

STYLE = Path(__file__).parents[1] / "static" / "docs" / "style.css"
CACHED_SECONDS = 300

_CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_IN_BACKTICKS = re.compile(r"`([^`]+)`")
_SAMPLE_PARAMETERS = {"account_id": "maria", "card_id": "3f6a2b8c1e050198"}
# How curl shows each credential; the words before it say who holds it.
_CREDENTIALS = {
    "terminal": ("Terminal token", ['-H "Authorization: Bearer $TERMINAL_TOKEN"']),
    "site": ("Site's secret key", ['-H "Authorization: Bearer $SITE_KEY"']),
    "session": ("Shopper session", ['-H "Authorization: Bearer $SESSION_TOKEN"']),
    "pendingCookie": (
        "Pending session's cookie",
        ['-b "unspoken_pending=$PENDING"', '-H "X-CSRF-Token: $CSRF_TOKEN"'],
    ),
    "operator": ("Operator's key", ['-H "Authorization: Bearer $OPERATOR_KEY"']),
    "metrics": ("This machine, or the metrics token", ['-H "Authorization: Bearer $METRICS_TOKEN"']),
}
_NOBODY: tuple[str, list[str]] = ("Public", [])


@dataclass(frozen=True)
class Answered:
    """One answer of an operation."""

    status: str
    words: str
    media_type: str
    fields: list[Field]

    @property
    def is_problem(self) -> bool:
        """Whether the answer is an error."""
        return self.status >= "400"


@dataclass(frozen=True)
class Described:
    """One operation, as the page tells it."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    access: str
    parameters: list[Field]
    body: list[Field]
    answers: list[Answered]
    example: str


@bp.get("/openapi.json")
def get_openapi() -> Response:
    """Return the OpenAPI 3.1 description."""
    return _cached(answer(_document()))


@bp.get("/docs")
def get_docs() -> Response:
    """Return the description as a page to read."""
    api = _document()
    described = [(tag, list(_described(api, tag["name"]))) for tag in api["tags"]]
    html = render_template("docs.html", info=api["info"], audiences=described, problems=WHAT_TO_DO)
    page = Response(html, mimetype="text/html")
    page.headers["Content-Security-Policy"] = _CSP
    page.headers["Referrer-Policy"] = "no-referrer"
    return _cached(page)


@bp.get("/docs/style.css")
def get_style() -> Response:
    """Return the page's style."""
    return _cached(Response(STYLE.read_bytes(), mimetype="text/css"))


@bp.app_template_filter("inline_code")
def inline_code(words: str) -> Markup:
    """Return words as HTML, with what stands in backticks as code."""
    return Markup(_IN_BACKTICKS.sub(r"<code>\1</code>", str(escape(words))))  # noqa: S704 - escaped just before


def _document() -> dict[str, Any]:
    description = current_app.extensions[openapi.EXTENSION]
    assert isinstance(description, openapi.Description)
    return description.document


def _cached(response: Response) -> Response:
    response.headers["Cache-Control"] = f"public, max-age={CACHED_SECONDS}"
    return response


def _described(api: Mapping[str, Any], audience: str) -> Iterator[Described]:
    components = api["components"]["schemas"]
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            if audience in operation["tags"]:
                yield _describe(path, method.upper(), operation, components)


def _describe(path: str, method: str, operation: Mapping[str, Any], components: Mapping[str, Any]) -> Described:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content["application/json"]["schema"] if content else None
    access, credentials = _credentials(operation)
    return Described(
        anchor=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        access=access,
        parameters=list(_parameters(operation)),
        body=list(fields(schema, components)) if schema else [],
        answers=[_answered(status, told, components) for status, told in sorted(operation["responses"].items())],
        example=_example(path, method, credentials, sample(schema, components) if schema else None),
    )


def _credentials(operation: Mapping[str, Any]) -> tuple[str, list[str]]:
    schemes = [scheme for option in operation["security"] for scheme in option]
    return next((_CREDENTIALS[scheme] for scheme in schemes if scheme in _CREDENTIALS), _NOBODY)


def _parameters(operation: Mapping[str, Any]) -> Iterator[Field]:
    for given in operation["parameters"]:
        as_object = {"properties": {given["name"]: given["schema"]}, "required": [given["name"]] * given["required"]}
        yield from fields(as_object, {})


def _answered(status: str, told: Mapping[str, Any], components: Mapping[str, Any]) -> Answered:
    content: Mapping[str, Any] = told.get("content", {})
    told_fields = [field for media in content.values() for field in fields(media["schema"], components)]
    return Answered(status, told["description"], ", ".join(content), told_fields)


def _example(path: str, method: str, credentials: list[str], body: Any) -> str:
    for name in re.findall(r"{(\w+)}", path):
        path = path.replace(f"{{{name}}}", _SAMPLE_PARAMETERS.get(name, SAMPLE_ID))
    parts = [f"curl -X {method} {service().settings.public_url}{path}", *credentials]
    if body is not None:
        parts += ['-H "Content-Type: application/json"', f"-d '{json.dumps(body, ensure_ascii=False)}'"]
    return " \\\n  ".join(parts)
