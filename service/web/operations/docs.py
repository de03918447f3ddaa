"""The API's own pages: the OpenAPI description, and the same in words."""

from flask import Blueprint, Response, current_app, render_template

from service.web import openapi
from service.web.operation import answer

bp = Blueprint("docs", __name__, template_folder="templates")

_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@bp.get("/openapi.json")
def get_openapi() -> Response:
    """Return the OpenAPI 3.1 description."""
    return answer(current_app.extensions[openapi.EXTENSION].document)


@bp.get("/docs")
def get_docs() -> Response:
    """Return the description as a page to read."""
    page = Response(
        render_template("docs.html", api=current_app.extensions[openapi.EXTENSION].document), mimetype="text/html"
    )
    page.headers["Content-Security-Policy"] = _CSP
    return page
