"""Guards: who may pass a door. `service.app` hangs exactly one on each blueprint."""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from typing import TypeVar

from flask import g, request

from service.cards.show import CarriedCard, recognise_shopper
from service.crypto.tokens import hash_token
from service.errors import NotAuthorised
from service.sessions.models import SessionKind
from service.sessions.recognise import ShopperIdentity
from service.sites.add import recognise_site
from service.staff.add import recognise_operator
from service.stores.recognise import TerminalIdentity, identity_of, recognise
from service.web.buckets import Limit
from service.web.context import here, now, service
from service.web.problems import Problem

Guard = Callable[[], None]
T = TypeVar("T")

TERMINAL_LIMIT = Limit(per_second=50, burst=500)
SITE_LIMIT = Limit(per_second=100, burst=1000)
OPERATOR_LIMIT = Limit(per_second=50, burst=500)
SESSION_LIMIT = Limit(per_second=10, burst=100)
# A whole store shares one address, so an address only pays for what it can't account for.
ADDRESS_LIMIT = Limit(per_second=5, burst=200)

SESSION_COOKIE = "unspoken_session"
PENDING_COOKIE = "unspoken_pending"
CSRF_HEADER = "X-CSRF-Token"
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


def public() -> None:
    """Let everyone pass."""


def limited() -> None:
    """Let everyone pass, each address only so often."""
    _take(b"a" + _address(), ADDRESS_LIMIT)


def terminal() -> None:
    """Let a till with its terminal token pass, as `g.terminal`."""
    token = _bearer()
    digest = hash_token(token)
    identities = service().identities
    # What is PUT is written by statements that ask for the terminal's own row again, so memory is enough here.
    identity = identities.get(digest) if request.method == "PUT" else None
    if identity is None:
        identity = _charged(lambda: _recognise_terminal(token, digest))
        identities.put(digest, identity)
    _take(b"t" + identity.terminal_id.bytes, TERMINAL_LIMIT)
    g.terminal = identity


def site() -> None:
    """Let a site with its secret key pass, as `g.site`."""
    key = _bearer()
    with service().db.read() as session:
        g.site = _charged(lambda: recognise_site(session, key))
    _take(b"s" + g.site.id.bytes, SITE_LIMIT)


def operator() -> None:
    """Let an operator with their key pass, as `g.operator`."""
    key = _bearer()
    with service().db.read() as session:
        g.operator = _charged(lambda: recognise_operator(session, key))
    _take(b"o" + g.operator.id.bytes, OPERATOR_LIMIT)


def shopper() -> None:
    """Let a shopper pass, as `g.shopper`: by bearer token, or by the web app's cookie with its CSRF token."""
    if "Authorization" in request.headers:
        token, kind = _bearer(), SessionKind.API
    else:
        token, kind = _cookie(SESSION_COOKIE), SessionKind.WEB
    ours = here()
    ours.session_token = token
    ours.shopper, ours.card = _charged(lambda: _recognise_shopper(token, kind))
    _take(b"u" + ours.shopper.session_id.bytes, SESSION_LIMIT)


def pending() -> None:
    """Let a shopper pass who exchanged a handoff and has not confirmed it yet."""
    g.pending_token = _cookie(PENDING_COOKIE)
    limited()


def metrics() -> None:
    """Let the machine itself pass, or the bearer of the metrics token."""
    expected = service().settings.metrics_token
    given = request.headers.get("Authorization", "").encode()
    if expected and hmac.compare_digest(given, f"Bearer {expected}".encode()):
        return
    # Behind a proxy that isn't declared, or with one declared too many, everyone seems to be the machine itself.
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    caller = _caller()
    if forwarded or caller is None or not caller.is_loopback:
        raise Problem(401, "unauthorized", "metrics are for this machine, or for UNSPOKEN_METRICS_TOKEN")


def csrf_token(session_token: str) -> str:
    """Return the CSRF token of a cookie: whoever can read it from us holds the session already."""
    return hashlib.sha256(b"csrf:" + session_token.encode()).hexdigest()


def _recognise_terminal(token: str, digest: bytes) -> TerminalIdentity:
    with service().db.write() as session:
        return identity_of(recognise(session, token=token, token_hash=digest, now=now()), digest)


def _recognise_shopper(token: str, kind: SessionKind) -> tuple[ShopperIdentity, CarriedCard | None]:
    return recognise_shopper(service().db, token, kind=kind, now=now())


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthorised("send the token as `Authorization: Bearer …`")
    return token.strip()


def _cookie(name: str) -> str:
    token = request.cookies.get(name)
    if not token:
        raise _unauthorised("send a session token as `Authorization: Bearer …`, or open the card in the web app")
    if request.method not in _SAFE_METHODS:
        given = request.headers.get(CSRF_HEADER, "").encode()
        if not hmac.compare_digest(given, csrf_token(token).encode()):
            raise Problem(403, "csrf_failed", f"requests with the cookie need its token in {CSRF_HEADER}")
    return token


def _charged(recognise_caller: Callable[[], T]) -> T:
    """Recognise a caller; one that can't be costs its address."""
    try:
        return recognise_caller()
    except NotAuthorised as error:
        raise _unauthorised(error.detail) from None


def _unauthorised(detail: str) -> Problem:
    limited()
    return Problem(401, "unauthorized", detail)


def _take(key: bytes, limit: Limit) -> None:
    wait = service().buckets.take(key, limit)
    if wait:
        detail = f"too many requests: at most {limit.per_second:g} a second, {limit.burst} at once"
        raise Problem(429, "rate_limited", detail, retry_after=wait)


def _address() -> bytes:
    """Return the caller's address; of IPv6 the /64, which one household or shop holds whole."""
    caller = _caller()
    if caller is None:
        return b"?"
    return caller.packed[:8] if caller.version == 6 else caller.packed


def _caller() -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the caller's address; None when a socket has none, or a proxy wrote something else."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
