"""A real shop for the browser: the service and its worker as they are started, a site's back end, and a till."""

import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from tests.conftest import LiveService, wait_until_ready
from tests.postgres import free_port

UNSPOKEN = Path(sys.executable).with_name("unspoken")
STOP_SECONDS = 20
# The worker sends every second.
SEND_SECONDS = 15


@dataclass
class Caller:
    """Who calls the service with a token of their own."""

    http: httpx2.Client
    token: str

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        bearer = {"Authorization": f"Bearer {self.token}"}
        return self.http.request(method, path, json=body, headers=bearer).raise_for_status().json()


class Till(Caller):
    """A till of a store."""

    def scan(self, code: str) -> dict[str, Any]:
        return self.send("PUT", f"/pos/v1/scans/{uuid.uuid4()}", {"code": code})

    def sell(self, scan_id: str, total_minor: int) -> dict[str, Any]:
        return self._record(total_minor, scan_id=scan_id)

    def sell_to_nobody(self, claim_code: str, total_minor: int) -> dict[str, Any]:
        """Ring up a sale without a scan, and print a claim code on its receipt."""
        return self._record(total_minor, scan_id=None, claim_hash=hashlib.sha256(claim_code.encode()).hexdigest())

    def take_back(self, sale_id: str, total_minor: int) -> None:
        """Take goods of a sale back, and write what they gave back as negative."""
        body = {
            "sale_id": sale_id,
            "reason": "return",
            "currency": "EUR",
            "occurred_at": datetime.now(UTC).isoformat(),
            "lines": [{"line_id": "1", "quantity": "1", "total_minor": -total_minor}],
        }
        self.send("PUT", f"/pos/v1/returns/{uuid.uuid4()}", body)

    def _record(self, total_minor: int, **link: str | None) -> dict[str, Any]:
        line = {"line_id": "1", "kind": "item", "description": "T-shirt", "quantity": "1", "total_minor": total_minor}
        sale = {
            "receipt_number": "T3-000117",
            "occurred_at": datetime.now(UTC).isoformat(),
            "currency": "EUR",
            "total_minor": total_minor,
            "lines": [line],
            **link,
        }
        return self.send("PUT", f"/pos/v1/sales/{uuid.uuid4()}", sale)


def mint_claim() -> str:
    """A claim code, as a till mints it."""
    return f"74{int.from_bytes(secrets.token_bytes(16), 'big'):039d}"


class Site(Caller):
    """The back end of a web shop, which opens the in-store card for its own shoppers."""

    def link(self, account_id: str) -> str:
        """A fresh link that opens the card of this account: good once, for a minute."""
        account = f"/commerce/v1/accounts/{account_id}"
        self.send("PUT", account, {})
        return self.send("POST", f"{account}/sessions", {})["app_url"]

    def ask_to_link(self, account_id: str, code: str) -> str:
        """Ask to link an account with whoever showed this code; return the request's id."""
        account = f"/commerce/v1/accounts/{account_id}"
        self.send("PUT", account, {})
        return self.send("POST", f"{account}/link-requests", {"code": code})["link_request_id"]

    def read_link(self, link_request_id: str) -> dict[str, Any]:
        return self.send("GET", f"/commerce/v1/link-requests/{link_request_id}")


@dataclass
class Shop:
    """The running service, and what its operator needs to open sites, stores and tills."""

    live: LiveService
    http: httpx2.Client
    outbox: Path

    @property
    def url(self) -> str:
        return self.live.url

    def read_message(self, contact: str) -> str:
        """The first message to a contact, once the worker has sent it."""
        until = time.monotonic() + SEND_SECONDS
        while not (sent := self._texts_to(contact)):
            assert time.monotonic() < until, "the worker has not sent the message"
            time.sleep(0.1)
        return sent[0]

    def read_code(self, contact: str) -> str:
        """The code in the first message to a contact."""
        (code,) = re.findall(r"\b[0-9]{6}\b", self.read_message(contact))
        return code

    def _texts_to(self, contact: str) -> list[str]:
        lines = self.outbox.read_text().splitlines() if self.outbox.exists() else []
        return [message["text"] for message in map(json.loads, lines) if message["to"] == contact]

    def open_site(self, name: str, *, may_vouch: str | None = None) -> Site:
        vouching = ["--may-vouch", may_vouch] if may_vouch else []
        return Site(self.http, self.live.cli("site", "add", name, *vouching)["secret_key"])

    def open_till(self, store_name: str, label: str = "Till 3") -> Till:
        store = self.live.cli("store", "add", store_name, "--language", "en")["store_id"]
        invitation = self.live.cli("terminal", "invite", store, "--label", label)
        enrolment = {"enrolment_code": invitation["enrolment_code"]}
        answer = self.http.post("/pos/v1/enrol", json=enrolment).raise_for_status()
        return Till(self.http, answer.json()["terminal_token"])


@contextmanager
def open_shop(home: Path) -> Iterator[Shop]:
    """Start the service and its worker on a fresh SQLite in `home`, once for all tests, and stop them at the end."""
    url = f"http://127.0.0.1:{free_port()}"
    outbox = home / "outbox.jsonl"
    environ = os.environ | {
        "UNSPOKEN_DATABASE_URL": f"sqlite:///{home / 'unspoken.db'}",
        "UNSPOKEN_KEYSTORE_URL": f"sqlite:///{home / 'keystore.db'}",
        "UNSPOKEN_KEYS_FILE": str(home / "keys.json"),
        "UNSPOKEN_OUTBOX": str(outbox),
        "UNSPOKEN_PUBLIC_URL": url,
    }
    subprocess.run([UNSPOKEN, "migrate"], env=environ, check=True, capture_output=True)
    serve = ["serve", "--port", url.rpartition(":")[2]]
    with _running(serve, environ, home / "serve.log") as process, _running(["worker"], environ, home / "worker.log"):
        live = LiveService(url, environ, process)
        wait_until_ready(live)
        with httpx2.Client(base_url=url) as http:
            yield Shop(live, http, outbox)


@contextmanager
def _running(command: list[str], environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("w") as output:
        process = subprocess.Popen([UNSPOKEN, *command], env=environ, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=STOP_SECONDS)
