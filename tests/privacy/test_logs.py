import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx2

from tests.conftest import LiveService
from tests.privacy.recorder import TOKEN
from tests.world import line

ACCOUNT_ID = "maria-the-first@example.com"


class Flow:
    """Everything a shop does in a day, good and bad, and every secret it met on the way."""

    def __init__(self, live: LiveService) -> None:
        self.live, self.secrets = live, {ACCOUNT_ID}
        self.client = httpx2.Client(base_url=live.url, timeout=20)

    def run(self) -> None:
        with self.client:
            terminal = self._enrol()
            session, site = self._open_session()
            card = self._call("POST", "/shopper/v1/cards", session, {}).json()
            code = self._call("GET", "/shopper/v1/code", session).json()
            self._learn(card["card_number"], card["card_id"], card["otp_key"], code["code"], code["typed_code"])
            self._sell(terminal, code)
            self._look(session, site, card)
            self._go_wrong(terminal, session, code)

    def _enrol(self) -> str:
        store_id = self.live.cli("store", "add", "Gran Vía")["store_id"]
        code = self.live.cli("terminal", "invite", store_id)["enrolment_code"]
        token: str = self.client.post("/pos/v1/enrol", json={"enrolment_code": code}).json()["terminal_token"]
        self._learn(code, token)
        rolled: str = self._call("POST", "/pos/v1/terminal/roll", token).json()["terminal_token"]
        self._learn(rolled)
        return rolled

    def _open_session(self) -> tuple[str, str]:
        site = self.live.cli("site", "add", "Web shop")
        self._learn(site["secret_key"], site["write_key"])
        path = f"/commerce/v1/accounts/{quote(ACCOUNT_ID)}"
        customer = self._call("PUT", path, site["secret_key"], {}).json()
        opened = self._call("POST", f"{path}/sessions", site["secret_key"], {}).json()
        handoff = urlsplit(opened["app_url"]).fragment.removeprefix("handoff=")
        self._learn(customer["customer_id"], opened["session_token"], handoff)
        pending = self.client.post("/shopper/v1/handoff", json={"handoff": handoff})
        self._learn(pending.json()["csrf_token"], pending.cookies["unspoken_pending"])
        self.client.cookies.clear()
        self.customer_id = customer["customer_id"]
        return opened["session_token"], site["secret_key"]

    def _sell(self, terminal: str, code: dict[str, Any]) -> None:
        scan_id, sale_id = str(uuid4()), str(uuid4())
        self._learn(scan_id, sale_id)
        sale = {
            "receipt_number": "receipt-4711",
            "scan_id": scan_id,
            "occurred_at": code["server_time"],
            "currency": "EUR",
            "total_minor": 2500,
            "lines": [line(description="a very private purchase")],
        }
        self._learn("receipt-4711", "a very private purchase")
        for shown in (code["code"], code["typed_code"]):
            assert self._call("PUT", f"/pos/v1/scans/{scan_id}", terminal, {"code": shown}).status_code in (201, 409)
        assert self._call("PUT", f"/pos/v1/sales/{sale_id}", terminal, sale).json()["link"] == "linked"
        self._call("POST", "/pos/v1/sync", terminal, {"scans": [{"scan_id": str(uuid4()), "code": code["code"]}]})

    def _look(self, session: str, site: str, card: dict[str, Any]) -> None:
        for path in ("cards", "code.svg", "activity?limit=1"):
            assert self._call("GET", f"/shopper/v1/{path}", session).status_code == 200
        assert self._call("POST", f"/shopper/v1/cards/{card['card_id']}/freeze", session, {}).status_code == 200
        for path in ("", "/sales", "/scans?limit=1"):
            assert self._call("GET", f"/commerce/v1/customers/{self.customer_id}{path}", site).status_code == 200

    def _go_wrong(self, terminal: str, session: str, code: dict[str, Any]) -> None:
        answers = [
            self._call("PUT", f"/pos/v1/scans/{code['code']}", terminal, {"code": code["code"]}),
            self._call("PUT", f"/pos/v1/scans/{uuid4()}", terminal, {code["typed_code"]: 1, "code": [session]}),
            self._call("GET", f"/shopper/v1/activity?after={session}", session),
            self._call("GET", f"/pos/v1/terminal?token={terminal}", session),
            self._call("POST", f"/pos/v1/enrol?code={code['code']}", terminal, {"enrolment_code": terminal}),
            self._call(code["typed_code"], "/pos/v1/keys", terminal),
            self._call("GET", "/healthz", terminal, None, **{"X-Request-Id": session}),
        ]
        # A field's own name is the one thing that an error repeats: it is how the field is pointed at.
        told = "".join(answer.text for answer in answers).replace(f'"/{code["typed_code"]}"', "")
        assert [secret for secret in self.secrets if secret in told] == []

    def _call(self, method: str, path: str, token: str, body: Any = None, **headers: str) -> httpx2.Response:
        given = {"Authorization": f"Bearer {token}", **headers}
        return self.client.request(method, path, headers=given, json=body)

    def _learn(self, *secrets: str) -> None:
        self.secrets |= set(secrets)


def log_lines(tmp_path: Path) -> Iterator[dict[str, Any]]:
    for path in tmp_path.glob("log-*"):
        for text in path.read_text("utf-8").splitlines():
            yield json.loads(text)


def test_a_day_leaves_no_secret_and_nothing_personal_in_the_logs(live_service: LiveService, tmp_path: Path) -> None:
    flow = Flow(live_service)
    flow.run()
    numbers = httpx2.get(f"{live_service.url}/metrics").text
    live_service.process.terminate()
    assert live_service.process.wait(20) == 0
    logged = "\n".join(json.dumps(told, ensure_ascii=False) for told in log_lines(tmp_path))
    assert logged.count('"event": "request"') > 20, "the log was read"
    assert len(flow.secrets) > 15
    for told in (logged, numbers):
        assert [secret for secret in flow.secrets if secret in told] == []
        assert not TOKEN.search(told)
        assert not re.search(r"(?<![.\d])7[1-4]\d{15,}", told), "nothing that looks like a code"


def test_a_log_line_has_these_fields_and_no_others(live_service: LiveService, tmp_path: Path) -> None:
    httpx2.get(f"{live_service.url}/pos/v1/scans/{uuid4()}?code=7112345", headers={"Authorization": "Bearer x"})
    live_service.process.terminate()
    live_service.process.wait(20)
    lines = [told for told in log_lines(tmp_path) if told.get("event") == "request"]
    expected = {"event", "level", "timestamp", "request_id", "method", "route", "status", "ms"}
    assert all(set(told) == expected for told in lines)
    assert "/pos/v1/scans/<uuid:scan_id>" in {told["route"] for told in lines}
