"""A shopper's phone: a browser with cookies, at our web app."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.world import Site, World


@dataclass
class Phone:
    """Holds the cookies, and the CSRF token as the page does: in memory."""

    world: World
    client: FlaskClient = field(init=False)
    csrf_token: str = ""

    def __post_init__(self) -> None:
        self.client = self.world.client

    def follow(self, site: Site, account_id: str = "maria") -> TestResponse:
        """Follow the site's link: exchange its handoff for a pending session."""
        return self.exchange(handoff(site, account_id))

    def exchange(self, token: str) -> TestResponse:
        answer = self.client.post("/shopper/v1/handoff", json={"handoff": token})
        self._remember(answer)
        return answer

    def confirm(self) -> TestResponse:
        answer = self.call("POST", "/shopper/v1/session", {})
        self._remember(answer)
        return answer

    def open(self, site: Site, account_id: str = "maria") -> "Phone":
        """Follow the site's link, agree, and make a card."""
        assert self.follow(site, account_id).status_code == 200
        assert self.confirm().status_code == 201
        assert self.call("POST", "/shopper/v1/cards", {}).status_code == 201
        return self

    def call(self, method: str, path: str, body: Any = None, **given: Any) -> TestResponse:
        """Call as the page does, with the CSRF token; `headers` given win."""
        headers = {"X-CSRF-Token": self.csrf_token} | given.pop("headers", {})
        if body is not None:
            given["json"] = body
        return self.client.open(path, method=method, headers=headers, **given)

    def code(self) -> str:
        code: str = self.call("GET", "/shopper/v1/code").json["code"]
        return code

    def _remember(self, answer: TestResponse) -> None:
        if answer.status_code < 300:
            self.csrf_token = answer.json["csrf_token"]


def handoff(site: Site, account_id: str = "maria") -> str:
    """Return a fresh handoff for the site's account, as its fragment carries it."""
    site.account(account_id)
    opened = site.call("POST", f"/commerce/v1/accounts/{account_id}/sessions", {}).json
    return urlsplit(opened["app_url"]).fragment.removeprefix("handoff=")


def jarless(world: World) -> FlaskClient:
    """Return a client that sends the Cookie header it is given, and keeps no cookies."""
    return world.app.test_client(use_cookies=False)
