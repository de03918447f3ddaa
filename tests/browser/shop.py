"""A real shop for the browser: the service as `unspoken serve` starts it, a site's back end, and a till."""

import json
import os
import socket
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

UNSPOKEN = Path(sys.executable).with_name("unspoken")
START_SECONDS = 30


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

    url: str
    environment: dict[str, str]
    http: httpx2.Client

    def open_site(self, name: str) -> Site:
        return Site(self.http, self.run("site", "add", name)["secret_key"])

    def open_till(self, store_name: str, label: str = "Till 3") -> Till:
        store = self.run("store", "add", store_name, "--language", "en")["store_id"]
        invitation = self.run("terminal", "invite", store, "--label", label)
        enrolment = {"enrolment_code": invitation["enrolment_code"]}
        answer = self.http.post("/pos/v1/enrol", json=enrolment).raise_for_status()
        return Till(self.http, answer.json()["terminal_token"])

    def run(self, *words: str) -> dict[str, Any]:
        return json.loads(run(self.environment, *words, "--json"))


@contextmanager
def open_shop(home: Path) -> Iterator[Shop]:
    """Start the service on a fresh SQLite in `home`, and stop it at the end."""
    url = f"http://127.0.0.1:{_free_port()}"
    environment = {
        **os.environ,
        "UNSPOKEN_DATABASE_URL": f"sqlite:///{home / 'unspoken.db'}",
        "UNSPOKEN_KEYS_FILE": str(home / "keys.json"),
        "UNSPOKEN_PUBLIC_URL": url,
    }
    run(environment, "migrate")
    with serving(environment, url, home / "serve.log"), httpx2.Client(base_url=url) as http:
        yield Shop(url, environment, http)


@contextmanager
def serving(environment: dict[str, str], url: str, log: Path) -> Iterator[None]:
    with log.open("w") as written:
        command = [UNSPOKEN, "serve", "--port", url.rpartition(":")[2]]
        process = subprocess.Popen(command, env=environment, stdout=written, stderr=written)
    try:
        _wait_until_ready(url, process, log)
        yield
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def run(environment: dict[str, str], *words: str) -> str:
    """Run `unspoken` and give back what it printed."""
    command = [UNSPOKEN, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}/readyz").is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the service did not start: {log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
