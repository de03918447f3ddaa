"""Every operation of the API, and someone for each kind of credential."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.world import World

ENDING = ("/commerce/v1/accounts/{account_id}", "/shopper/v1/session")
CARD_ID = "0123456789abcdef"
# Open to everyone, on purpose; each address only so often where a secret could be guessed.
PUBLIC = {
    ("POST", "/pos/v1/enrol"),
    ("GET", "/pos/v1/keys"),
    ("POST", "/shopper/v1/handoff"),
    ("POST", "/shopper/v1/sign-in"),
    ("POST", "/shopper/v1/sign-in/{request_id}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),  # from this machine; tests/operations/test_metrics.py has the rest
}


@dataclass(frozen=True)
class Door:
    """One operation: how to call it, and which credentials open it."""

    method: str
    path: str
    schemes: frozenset[str]
    has_body: bool

    @property
    def address(self) -> str:
        path = self.path.replace("{account_id}", "maria").replace("{card_id}", CARD_ID)
        return re.sub(r"{\w+}", lambda _: str(uuid4()), path)

    def knock(self, client: FlaskClient, token: str | None = None, **given: Any) -> TestResponse:
        """Call it with `{}` for a body where it takes one, as somebody at an address of their own."""
        headers = given.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token is not None else {})
        if self.has_body:
            given = {"json": {}} | given
        return client.open(self.address, method=self.method, headers=headers, **given)


def doors(world: World) -> Iterator[Door]:
    """Yield every operation that the API describes; those that end the shopper's session come last."""
    found = world.client.get("/openapi.json").json["paths"]
    for path, operations in sorted(found.items(), key=lambda item: item[0] in ENDING):
        for method, operation in operations.items():
            schemes = frozenset(scheme for option in operation["security"] for scheme in option)
            yield Door(method.upper(), path, schemes, "requestBody" in operation)


def tokens(world: World) -> dict[str, str]:
    """Return one good token of every kind, by the name of the scheme it is for, or else its own."""
    site = world.site()
    shopper = site.shopper()
    opened = site.call("POST", "/commerce/v1/accounts/maria/sessions", {}).json
    return {
        "terminal": world.till().token,
        "enrolment code": world.invitation(),
        "site": site.secret_key,
        "write key": site.write_key,
        "operator": world.operator().token,
        "session": shopper.token,
        "handoff": urlsplit(opened["app_url"]).fragment.removeprefix("handoff="),
    }
