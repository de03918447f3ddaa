"""A real shop for the browser: the service as `unspoken serve` starts it, a site's back end, and a till."""

import os
import subprocess
import sys
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


@dataclass
class Caller:
    """Who calls the service with a token of their own."""

    http: httpx2.Client
    token: str

    def send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        bearer = {"Authorization": f"Bearer {self.token}"}
        return self.http.request(method, path, json=body, headers=bearer).raise_for_status().json()


class Till(Caller):
    """A till of a store."""

    def scan(self, code: str) -> dict[str, Any]:
        return self.send("PUT", f"/pos/v1/scans/{uuid.uuid4()}", {"code": code})

    def sell(self, scan_id: str, total_minor: int) -> dict[str, Any]:
        line = {"line_id": "1", "kind": "item", "description": "T-shirt", "quantity": "1", "total_minor": total_minor}
        sale = {
            "receipt_number": "T3-000117",
            "scan_id": scan_id,
            "occurred_at": datetime.now(UTC).isoformat(),
            "currency": "EUR",
            "total_minor": total_minor,
            "lines": [line],
        }
        return self.send("PUT", f"/pos/v1/sales/{uuid.uuid4()}", sale)


class Site(Caller):
    """The back end of a web shop, which opens the in-store card for its own shoppers."""

    def link(self, account_id: str) -> str:
        """A fresh link that opens the card of this account: good once, for a minute."""
        account = f"/commerce/v1/accounts/{account_id}"
        self.send("PUT", account, {})
        return self.send("POST", f"{account}/sessions", {})["app_url"]


@dataclass
class Shop:
    """The running service, and what its operator needs to open sites, stores and tills."""

    live: LiveService
    http: httpx2.Client

    @property
    def url(self) -> str:
        return self.live.url

    def open_site(self, name: str) -> Site:
        return Site(self.http, self.live.cli("site", "add", name)["secret_key"])

    def open_till(self, store_name: str, label: str = "Till 3") -> Till:
        store = self.live.cli("store", "add", store_name, "--language", "en")["store_id"]
        invitation = self.live.cli("terminal", "invite", store, "--label", label)
        enrolment = {"enrolment_code": invitation["enrolment_code"]}
        answer = self.http.post("/pos/v1/enrol", json=enrolment).raise_for_status()
        return Till(self.http, answer.json()["terminal_token"])


@contextmanager
def open_shop(home: Path) -> Iterator[Shop]:
    """Start the service on a fresh SQLite in `home`, one for all tests, and stop it at the end."""
    url = f"http://127.0.0.1:{free_port()}"
    environ = os.environ | {
        "UNSPOKEN_DATABASE_URL": f"sqlite:///{home / 'unspoken.db'}",
        "UNSPOKEN_KEYS_FILE": str(home / "keys.json"),
        "UNSPOKEN_PUBLIC_URL": url,
    }
    subprocess.run([UNSPOKEN, "migrate"], env=environ, check=True, capture_output=True)
    with (home / "serve.log").open("w") as log:
        serve = [UNSPOKEN, "serve", "--port", url.rpartition(":")[2]]
        process = subprocess.Popen(serve, env=environ, stdout=log, stderr=log)
    live = LiveService(url, environ, process)
    try:
        wait_until_ready(live)
        with httpx2.Client(base_url=url) as http:
            yield Shop(live, http)
    finally:
        process.terminate()
        process.wait(timeout=STOP_SECONDS)
