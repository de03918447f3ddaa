"""Shoppers who prove contacts: their phones, and the inbox where their codes arrive."""

import json
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

from werkzeug.test import TestResponse

from service.proof.send import send_due
from service.sending.message import Channel
from service.sites.add import add_site
from tests.shopper.phone import Phone
from tests.world import Site, World

EMAIL = "maria@example.com"
PHONE = "+34600123456"
T = TypeVar("T")


@dataclass
class Inbox:
    """Everything that was sent: the worker's outbox, and a worker's turn whenever it is read."""

    world: World
    path: Path

    def deliver(self) -> int:
        """Let a worker send what is due."""
        settings = replace(self.world.settings, outbox=self.path)
        world = self.world
        vault = world.service.keys.vault
        return sum(send_due(world.service.db, settings, one, vault=vault, now=world.clock) for one in Channel)

    def messages(self) -> list[dict[str, Any]]:
        self.deliver()
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]

    def code(self, to: str) -> str:
        """Return the code that was sent last to a contact."""
        text = [message["text"] for message in self.messages() if message["to"] == to][-1]
        found = re.search(r"\b\d{6}\b", text)
        assert found is not None, text
        return found[0]


@dataclass
class Maria:
    """A shopper with a phone of her own, who reads the inbox of the contacts that are hers."""

    world: World
    inbox: Inbox
    phone: Phone = field(init=False)

    def __post_init__(self) -> None:
        self.phone = Phone(self.world)

    def call(self, method: str, path: str, body: Any = None) -> TestResponse:
        return self.phone.call(method, f"/shopper/v1/{path}", body)

    def ask(self, contact: str, **given: Any) -> str:
        """Ask for a code to sign in; return the request's id."""
        asked = self.call("POST", "sign-in", contact_of(contact) | given)
        assert asked.status_code == 202, asked.json
        request_id: str = asked.json["request_id"]
        return request_id

    def enter(self, request_id: str, code: str, **given: Any) -> TestResponse:
        """Enter a code, and remember what the page must."""
        answer = self.call("POST", f"sign-in/{request_id}", {"code": code, **given})
        if answer.status_code == 200 and answer.json["status"] == "signed_in":
            self.phone.csrf_token = answer.json["csrf_token"]
        return answer

    def prove(self, contact: str, *, first_proof: str | None = None, **given: Any) -> TestResponse:
        """Ask for a code and enter it."""
        request_id = self.ask(contact, **({"first_proof": first_proof} if first_proof else {}))
        return self.enter(request_id, self.inbox.code(contact), **given)

    def sign_in(self, contact: str = EMAIL, **given: Any) -> "Maria":
        """Sign in with a contact that is hers."""
        answer = self.prove(contact, **given)
        assert (answer.status_code, answer.json.get("status")) == (200, "signed_in"), answer.json
        self.world.clock.forward(minutes=1)  # so that she may ask for another one
        return self

    def add(self, contact: str, **given: Any) -> TestResponse:
        """Add a contact to the file she is signed in to."""
        asked = self.call("POST", "contacts", contact_of(contact))
        assert asked.status_code == 202, asked.json
        entered = {"code": self.inbox.code(contact), **given}
        added = self.call("POST", f"contacts/{asked.json['request_id']}", entered)
        self.world.clock.forward(minutes=1)
        return added

    def contacts(self) -> dict[str, str]:
        """Return the values of her contacts, each with its trust."""
        return {item["value"]: item["trust"] for item in self.call("GET", "contacts").json["items"]}

    def accounts(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.call("GET", "accounts").json["items"]
        return items


def at_once(world: World, act: Callable[[Any], T], given: Iterable[Any]) -> list[T]:
    """Do something for each of these, all at the same time; return the results."""
    given = list(given)
    ready = Barrier(len(given))

    def run(item: Any) -> T:
        ready.wait()
        try:
            return act(item)
        finally:
            world.service.db._kept.close()  # this thread's own connection: the pool is everybody's

    with ThreadPoolExecutor(len(given)) as pool:
        return list(pool.map(run, given))


def contact_of(value: str) -> dict[str, str]:
    return {"kind": "email" if "@" in value else "phone", "value": value}


def give(site: Site, account_id: str, *values: str, verified: bool | None = None) -> str:
    """Let a site say that contacts belong to an account; return its customer."""
    said = {} if verified is None else {"verified": verified}
    identifiers = [contact_of(value) | said for value in values]
    put = site.call("PUT", f"/commerce/v1/accounts/{account_id}", {"identifiers": identifiers})
    assert put.status_code in (200, 201), put.json
    assert put.json["problems"] == []
    customer_id: str = put.json["customer_id"]
    return customer_id


def vouching_site(world: World, name: str = "Trusted shop") -> Site:
    """A site whose word on e-mail addresses and phones is proof."""
    with world.service.db.write() as session:
        site, secret_key, write_key = add_site(session, name=name, now=world.clock(), may_vouch=("email", "phone"))
        return Site(world, str(site.id), secret_key, write_key)
