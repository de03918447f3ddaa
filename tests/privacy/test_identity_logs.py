import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from pos_client.claims import hash_claim, mint_claim
from tests.conftest import LiveService
from tests.privacy.recorder import TOKEN
from tests.world import line

EMAIL, PHONE, NAME = "maria.garcia.private@example.com", "+34612345678", "Garcia-Privata"
TYPED_PHONE, REASON = "612 345 678", "her sister says so"
WAIT_SECONDS = 30


class Day:
    """What is done in a day to one person's file, good and bad, and all that no log may say of it."""

    def __init__(self, live: LiveService, outbox: Path) -> None:
        self.live, self.outbox, self.problems = live, outbox, ""
        self.secrets = {EMAIL, PHONE, PHONE[1:], TYPED_PHONE, NAME, REASON, "1990-04-12", "maria-lou", "mary-lou"}
        self.client = httpx2.Client(base_url=live.url, timeout=20)

    def run(self) -> None:
        site, other = (self._learn(self._add_site(name)) for name in ("Web shop", "Outlet"))
        operator = self._learn(self.live.cli("operator", "add", "Clara")["operator_key"])
        maria = self._introduce(site)
        mary = self.call("PUT", "/commerce/v1/accounts/mary-lou", other, {}).json()["customer_id"]
        session = self._open_card(site)
        self._claim(session)
        self._ask_to_link(session, other)
        self._decide(operator, maria, mary)
        self._sign_in()
        self._go_wrong(site, operator)
        assert self.call("GET", "/shopper/v1/export", session).status_code == 200
        assert self.call("POST", "/shopper/v1/erase", session, {"confirm": "erase"}).status_code == 204

    def call(self, method: str, path: str, token: str, body: Any = None) -> httpx2.Response:
        self.client.cookies.clear()
        answer = self.client.request(method, path, headers={"Authorization": f"Bearer {token}"}, json=body)
        if answer.status_code >= 400:
            self.problems += answer.text
        return answer

    def _add_site(self, name: str) -> str:
        return str(self.live.cli("site", "add", name, "--may-vouch", "email")["secret_key"])

    def _introduce(self, site: str) -> str:
        told = {
            "identifiers": [
                {"kind": "email", "value": EMAIL, "verified": True},
                {"kind": "phone", "value": TYPED_PHONE},
            ],
            "traits": {"given_name": "Maria", "family_name": NAME, "birth_date": "1990-04-12"},
        }
        answer = self.call("PUT", "/commerce/v1/accounts/maria-lou", site, told)
        assert answer.status_code == 201, answer.text
        lookup = {"kind": "email", "value": EMAIL, "why": "returns desk"}
        assert self.call("POST", "/commerce/v1/customers/lookup", site, lookup).status_code == 200
        return str(answer.json()["customer_id"])

    def _open_card(self, site: str) -> str:
        opened = self.call("POST", "/commerce/v1/accounts/maria-lou/sessions", site, {}).json()
        session = self._learn(opened["session_token"])
        assert self.call("POST", "/shopper/v1/cards", session, {}).status_code == 201
        assert EMAIL in self.call("GET", "/shopper/v1/contacts", session).text
        return session

    def _claim(self, session: str) -> None:
        claim = self._learn(mint_claim())
        store_id = self.live.cli("store", "add", "Gran Vía")["store_id"]
        invitation = self.live.cli("terminal", "invite", store_id)["enrolment_code"]
        till = self.client.post("/pos/v1/enrol", json={"enrolment_code": invitation}).json()["terminal_token"]
        moment = self.call("GET", "/pos/v1/terminal", till).json()["server_time"]
        sale = {"receipt_number": "R-1", "scan_id": None, "occurred_at": moment, "currency": "EUR"}
        sale |= {"total_minor": 2500, "lines": [line()], "claim_hash": self._learn(hash_claim(claim))}
        assert self.call("PUT", f"/pos/v1/sales/{uuid4()}", till, sale).status_code == 201
        assert self.call("POST", "/shopper/v1/claims", session, {"claim_code": claim}).json()["status"] == "claimed"
        self.call("POST", "/shopper/v1/claims", session, {"claim_code": claim[:-1]})

    def _ask_to_link(self, session: str, other: str) -> None:
        code = self._learn(self.call("GET", "/shopper/v1/code", session).json()["code"])
        path = "/commerce/v1/accounts/mary-lou/link-requests"
        asked = self.call("POST", path, other, {"code": code})
        assert asked.status_code == 201, asked.text
        assert self.call("POST", path, other, {"code": code}).status_code == 422
        request_id = asked.json()["link_request_id"]
        assert self.call("POST", f"/shopper/v1/link-requests/{request_id}/refuse", session, {}).status_code == 200

    def _decide(self, operator: str, maria: str, mary: str) -> None:
        for kind, value in (("email", EMAIL), ("phone", TYPED_PHONE)):
            lookup = {"kind": kind, "value": value, "reason": REASON}
            assert maria in self.call("POST", "/operator/v1/customers/lookup", operator, lookup).text
        assert EMAIL in self.call("GET", f"/operator/v1/customers/{maria}?why=duplicate", operator).text
        body = {"other_id": mary, "reason": REASON}
        merged = self.call("POST", f"/operator/v1/customers/{maria}/merge", operator, body)
        assert merged.status_code == 201, merged.text
        undo = f"/operator/v1/merges/{merged.json()['merge_id']}/undo"
        assert self.call("POST", undo, operator, {"reason": REASON}).status_code == 200

    def _sign_in(self) -> None:
        asked = self.client.post("/shopper/v1/sign-in", json={"kind": "email", "value": EMAIL}).json()
        path = f"/shopper/v1/sign-in/{asked['request_id']}"
        code = self._learn(self._wait_for_code())
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        for tried, status in ((wrong, 401), (code, 200)):
            answer = self.client.post(path, json={"code": tried})
            assert answer.status_code == status, answer.text
            self.problems += answer.text if status == 401 else ""
        self._learn(answer.cookies["unspoken_session"])

    def _wait_for_code(self) -> str:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            if self.outbox.exists() and (found := re.search(r"\b\d{6}\b", self.outbox.read_text("utf-8"))):
                return found[0]
            time.sleep(0.1)
        raise AssertionError("no message came")

    def _go_wrong(self, site: str, operator: str) -> None:
        for kind, value in (("email", f"{EMAIL}@"), ("phone", f"{PHONE}99999"), (EMAIL, PHONE)):
            told = {"identifiers": [{"kind": kind, "value": value}]}
            answer = self.call("PUT", "/commerce/v1/accounts/maria-lou", site, told)
            self.problems += json.dumps(answer.json()["problems"]) if answer.is_success else ""
            self.call("POST", "/commerce/v1/customers/lookup", site, {"kind": kind, "value": value})
            sought = {"kind": kind, "value": value, "reason": REASON}
            self.call("POST", "/operator/v1/customers/lookup", operator, sought)
            self.client.post("/shopper/v1/sign-in", json={"kind": kind, "value": value})
        self.call("GET", f"/commerce/v1/customers/{EMAIL}", site)
        self.call("GET", f"/operator/v1/customers/{uuid4()}?why={EMAIL}&phone={PHONE}", operator)
        self.call("GET", f"/shopper/v1/contacts?email={EMAIL}", operator)

    def _learn(self, secret: str) -> str:
        self.secrets.add(secret)
        return secret


def test_a_day_of_one_person_leaves_nothing_personal_in_logs_metrics_or_problems(
    live_service: LiveService, tmp_path: Path
) -> None:
    outbox, worker_log = tmp_path / "outbox.jsonl", tmp_path / "log-worker"
    environ = os.environ | live_service.environ | {"UNSPOKEN_OUTBOX": str(outbox)}
    day = Day(live_service, outbox)
    with worker_log.open("wb") as log, day.client:
        command = [sys.executable, "-m", "service", "worker"]
        with subprocess.Popen(command, env=environ, stderr=log) as worker:
            try:
                day.run()
            finally:
                worker.terminate()
    numbers = httpx2.get(f"{live_service.url}/metrics").text
    live_service.process.terminate()
    assert live_service.process.wait(20) == 0
    logged = "".join(path.read_text("utf-8") for path in tmp_path.glob("log-*"))
    assert logged.count('"event":"request"') > 30
    assert '"event":"message sent"' in logged
    assert day.problems.count('"status"') > 7
    for told in (logged, numbers, day.problems):
        assert [secret for secret in day.secrets if secret in told] == []
        assert not TOKEN.search(told)
