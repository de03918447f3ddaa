"""The composition root: settings in, a Flask app out. Importing it does nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPMethod
from random import getrandbits
from typing import Any
from uuid import UUID

from flask import Blueprint, Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from service import clock
from service.config import Settings
from service.crypto.keystore import KeyStore
from service.crypto.live import open_keys
from service.db import Database
from service.logs import Level, log
from service.merging.rules import load_rules
from service.web import guards, openapi, problems
from service.web.arriving import MAX_BODY_BYTES
from service.web.buckets import Buckets
from service.web.commerce import accounts as commerce_accounts
from service.web.commerce import consents as commerce_consents
from service.web.commerce import linking as commerce_linking
from service.web.commerce import routes as commerce
from service.web.context import EXTENSION, Service, here, service
from service.web.identities import Identities
from service.web.metrics import Metrics
from service.web.operations import docs
from service.web.operations import routes as operations
from service.web.operator import feed as operator_feed
from service.web.operator import privacy as operator_privacy
from service.web.operator import proposals as operator_proposals
from service.web.operator import routes as operator
from service.web.pos import routes as pos
from service.web.shopper import app_page, contacts, linking, privacy, sign_in
from service.web.shopper import routes as shopper
from service.web.shopper import sessions as shopper_sessions


@dataclass(frozen=True)
class Door:
    """A blueprint, where it hangs, and who may pass."""

    blueprint: Blueprint
    prefix: str
    guard: guards.Guard


DOORS = (
    Door(pos.enrolment, "/pos/v1", guards.limited),
    Door(pos.keys, "/pos/v1", guards.public),
    Door(pos.bp, "/pos/v1", guards.terminal),
    Door(commerce.bp, "/commerce/v1", guards.site),
    Door(commerce_accounts.bp, "/commerce/v1", guards.site),
    Door(commerce_linking.bp, "/commerce/v1", guards.site),
    Door(commerce_consents.bp, "/commerce/v1", guards.site),
    Door(shopper_sessions.handoffs, "/shopper/v1", guards.limited),
    Door(shopper_sessions.confirmation, "/shopper/v1", guards.pending),
    Door(shopper_sessions.bp, "/shopper/v1", guards.shopper),
    Door(shopper.bp, "/shopper/v1", guards.shopper),
    Door(sign_in.bp, "/shopper/v1", guards.limited),
    Door(contacts.bp, "/shopper/v1", guards.shopper),
    Door(linking.bp, "/shopper/v1", guards.shopper),
    Door(privacy.bp, "/shopper/v1", guards.shopper),
    Door(operator.bp, "/operator/v1", guards.operator),
    Door(operator_proposals.bp, "/operator/v1", guards.operator),
    Door(operator_feed.bp, "/operator/v1", guards.operator),
    Door(operator_privacy.bp, "/operator/v1", guards.operator),
    Door(app_page.bp, "", guards.public),
    Door(docs.bp, "", guards.public),
    Door(operations.health, "", guards.public),
    Door(operations.bp, "", guards.metrics),
)


class _App(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view as it is: none is asynchronous, and asking each one at each request takes its time."""
        return func


def create_app(settings: Settings, *, now: Callable[[], datetime] = clock.now) -> Flask:
    """Compose the service; raise `BadSettings`, in one line, when it can't serve with these settings."""
    app = _App("service", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.merge_slashes = False  # an account id may hold "//"
    app.url_map.strict_slashes = True
    app.extensions[EXTENSION] = compose(settings, now=now)
    app.before_request(_begin)
    for door in DOORS:
        _hang(app, door)
    app.after_request(_finish)
    problems.register(app)
    app.extensions[openapi.EXTENSION] = openapi.Description(app, {door.blueprint.name: door.guard for door in DOORS})
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)  # type: ignore[method-assign]
    return app


def compose(settings: Settings, *, now: Callable[[], datetime] = clock.now) -> Service:
    """Open what the doors need: the databases, the keys, the rules."""
    keys = open_keys(settings)
    return Service(
        settings,
        Database(settings.database_url),
        keys,
        Buckets(),
        Metrics(),
        Identities(),
        KeyStore(settings.keystore_url, lambda: keys.current().vault),
        load_rules(settings.identity_rules),
        now,
    )


def _hang(app: Flask, door: Door) -> None:
    app.register_blueprint(door.blueprint, url_prefix=door.prefix)
    app.before_request_funcs.setdefault(door.blueprint.name, []).append(door.guard)


def _begin() -> None:
    ours = here()
    ours.started = time.perf_counter()
    ours.now = service().now()
    ours.request_id = _request_id(request.headers.get("X-Request-Id"))


def _request_id(given: str | None) -> str:
    """Return the caller's id when it is a UUID (anything else might be something personal), or one of ours."""
    if given is not None:
        try:
            return UUID(given).hex
        except ValueError:
            pass
    return f"{getrandbits(128):032x}"  # tells requests apart; nobody has to be kept from guessing it


def _finish(response: Response) -> Response:
    ours, asked = here(), request._get_current_object()  # type: ignore[attr-defined]
    seconds = time.perf_counter() - ours.started
    route = asked.url_rule.rule if asked.url_rule is not None else "unmatched"
    # A method that HTTP doesn't know is a word of the caller's own.
    method = asked.method if asked.method in HTTPMethod.__members__ else "other"
    request_id, status = ours.request_id, response.status_code
    service().metrics.count_request(method, route, status, seconds)
    ms = round(seconds * 1000, 2)
    log(Level.INFO, "request", request_id=request_id, method=method, route=route, status=status, ms=ms)
    response.headers.add("X-Request-Id", request_id)
    response.headers.add("X-Content-Type-Options", "nosniff")
    if not response.headers.getlist("Cache-Control"):  # `in` makes and catches an exception
        response.headers.add("Cache-Control", "no-store")
    return response
