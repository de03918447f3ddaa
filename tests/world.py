"""A small world to test in: a service, its tills, sites and shoppers, all reached over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.config import Settings
from service.sites.add import add_site
from service.staff.add import add_operator
from service.stores.add import add_store
from service.stores.enrol import invite
from service.web.context import EXTENSION, Service

MIDDAY = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


class Clock:
    """The service's clock, which tests move."""

    def __init__(self) -> None:
        self.now = MIDDAY

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class World:
    """The service under test; `client` speaks HTTP to it."""

    app: Flask
    clock: Clock
    settings: Settings

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    @property
    def service(self) -> Service:
        found: Service = self.app.extensions[EXTENSION]
        return found

    def store(self, name: str = "Gran Vía", **given: str) -> str:
        values = {"time_zone": "Europe/Madrid", "currency": "EUR", "language": "en"} | given
        with self.service.db.write() as session:
            return str(add_store(session, name=name, now=self.clock(), **values).id)

    def invitation(self, store_id: str | None = None, *, label: str = "Till 3", training: bool = False) -> str:
        of_store = UUID(store_id or self.store())
        with self.service.db.write() as session:
            code, _ = invite(session, store_id=of_store, label=label, training=training, now=self.clock())
            return code

    def till(self, store_id: str | None = None, **given: Any) -> Till:
        body = {"enrolment_code": self.invitation(store_id, **given)}
        enrolled = self.client.post("/pos/v1/enrol", json=body)
        assert enrolled.status_code == 201, enrolled.json
        return Till(self, enrolled.json["terminal_token"], enrolled.json)

    def site(self, name: str = "Web shop", *, may_vouch: Iterable[str] = ()) -> Site:
        with self.service.db.write() as session:
            site, secret_key, write_key = add_site(session, name=name, now=self.clock(), may_vouch=may_vouch)
            return Site(self, str(site.id), secret_key, write_key)

    def operator(self, name: str = "Olga") -> Caller:
        with self.service.db.write() as session:
            _, key = add_operator(session, name=name, now=self.clock())
            return Caller(self, key)

    def shopper(self, account_id: str = "maria", site: Site | None = None) -> Shopper:
        return (site or self.site()).shopper(account_id)


@dataclass
class Caller:
    """Someone with a bearer token."""

    world: World
    token: str

    def call(self, method: str, path: str, body: Any = None, **given: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} | given.pop("headers", {})
        if body is not None:
            given["json"] = body
        return self.world.client.open(path, method=method, headers=headers, **given)


@dataclass
class Till(Caller):
    """An enrolled terminal."""

    enrolled: dict[str, Any] = field(default_factory=dict)

    def scan(self, code: str, scan_id: str | None = None, **given: Any) -> TestResponse:
        return self.call("PUT", f"/pos/v1/scans/{scan_id or uuid4()}", {"code": code, **given})

    def sell(self, scan_id: str | None = None, sale_id: str | None = None, **given: Any) -> TestResponse:
        return self.call("PUT", f"/pos/v1/sales/{sale_id or uuid4()}", self.sale(scan_id, **given))

    def sale(self, scan_id: str | None = None, **given: Any) -> dict[str, Any]:
        return {
            "receipt_number": "R-1",
            "scan_id": scan_id,
            "occurred_at": self.world.clock().isoformat(),
            "currency": "EUR",
            "total_minor": 2500,
            "lines": [line()],
            **given,
        }

    def take_back(self, return_id: str | None = None, **given: Any) -> TestResponse:
        body = {
            "reason": "return",
            "currency": "EUR",
            "occurred_at": self.world.clock().isoformat(),
            "lines": [{"line_id": "1", "quantity": "1", "total_minor": -2500}],
            **given,
        }
        return self.call("PUT", f"/pos/v1/returns/{return_id or uuid4()}", body)


@dataclass
class Site:
    """A web shop."""

    world: World
    site_id: str
    secret_key: str
    write_key: str

    def call(self, method: str, path: str, body: Any = None, **given: Any) -> TestResponse:
        return Caller(self.world, self.secret_key).call(method, path, body, **given)

    def account(self, account_id: str = "maria") -> str:
        answer = self.call("PUT", f"/commerce/v1/accounts/{account_id}", {})
        assert answer.status_code in (200, 201), answer.json
        customer_id: str = answer.json["customer_id"]
        return customer_id

    def put(self, account_id: str, *identifiers: dict[str, Any], **given: Any) -> dict[str, Any]:
        """Put an account with identifiers and traits; return the answer, with its status."""
        body = {"identifiers": list(identifiers), **given}
        answer = self.call("PUT", f"/commerce/v1/accounts/{account_id}", body)
        assert answer.status_code in (200, 201), answer.json
        return answer.json | {"status": answer.status_code}

    def shopper(self, account_id: str = "maria") -> Shopper:
        customer_id = self.account(account_id)
        opened = self.call("POST", f"/commerce/v1/accounts/{account_id}/sessions", {})
        assert opened.status_code == 201, opened.json
        shopper = Shopper(self.world, opened.json["session_token"], customer_id)
        shopper.card = shopper.call("POST", "/shopper/v1/cards", {}).json
        return shopper


@dataclass
class Shopper(Caller):
    """A shopper with a card, in an app backend's session."""

    customer_id: str
    card: dict[str, Any] = field(default_factory=dict)

    def code(self) -> str:
        code: str = self.call("GET", "/shopper/v1/code").json["code"]
        return code

    def typed_code(self) -> str:
        code: str = self.call("GET", "/shopper/v1/code").json["typed_code"]
        return code


def line(**given: Any) -> dict[str, Any]:
    """A T-shirt at 25 euros."""
    return {
        "line_id": "1",
        "kind": "item",
        "sku": "TSHIRT-M",
        "description": "T-shirt",
        "quantity": "1",
        "unit_price_minor": 2500,
        "total_minor": 2500,
        **given,
    }
