"""The shopper's web app: the page at `/app` and the files it is made of."""

from pathlib import Path

from flask import Blueprint, Response, request, send_from_directory

STATIC = Path(__file__).parents[1] / "static"

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), screen-wake-lock=(self)",
}

bp = Blueprint("app", __name__)


@bp.get("/app")
def page() -> Response:
    """The page itself: one for every shopper, and never stored."""
    response = send_from_directory(STATIC / "app", "index.html", conditional=False, etag=False)
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/app/static/<path:path>")
def asset(path: str) -> Response:
    """A file of the page, kept by the browser and revalidated, so that no upgrade mixes old files with new."""
    response = send_from_directory(STATIC, path, conditional=False, etag=False)
    response.direct_passthrough = False
    # The tag is made of the content: packages give every file the same date.
    response.add_etag()
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    # The web server dates every answer; werkzeug has just done so too.
    response.headers.remove("Date")
    return response


@bp.after_request
def protect(response: Response) -> Response:
    """Let the page run our own files only, talk to nobody else, and sit in no frame."""
    response.headers.update(HEADERS)
    return response
