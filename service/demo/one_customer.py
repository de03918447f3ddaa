"""The second act: Maria is three files, and becomes one customer, with the merge undone and redone."""

import csv
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from pos_client import Line, Link, Sale
from pos_client.claims import mint_claim
from service import clock
from service.demo.stage import DemoFailed, run_command, running_worker
from service.sites.add import add_site
from service.staff.add import add_operator

if TYPE_CHECKING:
    from service.demo.story import Demo

EMAIL, CRM = "maria.garcia@example.com", "4711"
TRAITS = {
    "given_name": "Maria",
    "family_name": "García",
    "birth_date": "1990-04-12",
    "address": {"street": "Calle de Alcalá", "house_number": "12", "postcode": "28014", "city": "Madrid"},
}
# The clerk heard "Garsia", and the e-mail went wrong, too.
MISTYPED = {
    "account_id": CRM,
    "crm": CRM,
    "given_name": "Maria",
    "family_name": "Garsia",
    "birth_date": "1990-04-12",
    "email": "maria.garcia@exmaple.com",
    "street": "Calle de Alcala",
    "house_number": "12",
    "postcode": "28014",
    "city": "Madrid",
}
CAP_MINOR = 1500
_WAIT_SECONDS = 20.0


class OneCustomer:
    """The steps that make one customer of the web shop's Maria, the old CRM's, and the one in the store."""

    # Each is made by the step that first needs it.
    _crm_key: str
    _crm_customer: str
    _operator_key: str
    _proposal: str
    _claim: str
    _cap_sale: str
    _phone: httpx2.Client
    _merge: str

    def __init__(self, demo: "Demo") -> None:
        self._demo = demo

    def steps(self) -> tuple[tuple[str, Callable[[], str]], ...]:
        """Return the steps with their names."""
        return (
            ("let the web shop say who Maria is", self._introduce),
            ("import the old CRM, where she is mistyped", self._import),
            ("look for probable duplicates", self._find_duplicates),
            ("sell a cap without a scan, with a claim code", self._sell_unidentified),
            ("let her join on her own phone, with a code by e-mail", self._sign_in),
            ("let her claim the cap", self._claim_sale),
            ("merge: an operator accepts the proposal", self._accept),
            ("undo the merge", self._undo),
            ("merge again", self._redo),
        )

    def _introduce(self) -> str:
        body = {"identifiers": [{"kind": "email", "value": EMAIL, "verified": True}], "traits": TRAITS}
        told = self._demo.ask("PUT", "/commerce/v1/accounts/maria", self._demo.site_key, body)
        _expect(told["customer_id"], self._demo.report.customer_id)
        return f"The web shop vouches for her e-mail, {EMAIL}, which it has verified"

    def _import(self) -> str:
        with self._demo.db.write() as session:
            site, self._crm_key, _ = add_site(session, name="Old CRM", now=clock.now())
            _, self._operator_key = add_operator(session, name="Clara", now=clock.now())
            site_id = str(site.id)
        path = self._demo.folder / "old-crm.csv"
        _write_csv(path, MISTYPED)
        done = run_command(self._demo.environ, "import", "customers", str(path), "--site", site_id)
        _expect(done["created"], 1)
        lookup = {"kind": "crm", "value": CRM, "why": "demo"}
        self._crm_customer = self._demo.ask("POST", "/commerce/v1/customers/lookup", self._crm_key, lookup)[
            "customer_id"
        ]
        return f"The old CRM has a Maria Garsia with a mistyped e-mail: customer {self._crm_customer}"

    def _find_duplicates(self) -> str:
        run_command(self._demo.environ, "identity", "duplicates")
        proposals = self._demo.ask("GET", "/operator/v1/proposals", self._operator_key)["items"]
        both = {self._demo.report.customer_id, self._crm_customer}
        found = [item for item in proposals if set(item["customer_ids"]) == both]
        _expect(len(found), 1)
        self._proposal = found[0]["proposal_id"]
        return f"Probably one person: {found[0]['why']}"

    def _sell_unidentified(self) -> str:
        self._claim = mint_claim()
        cap = Line(description="Cap", sku="CAP", unit_price_minor=CAP_MINOR, total_minor=CAP_MINOR)
        sale = Sale(receipt_number="T3-000118", total_minor=CAP_MINOR, lines=[cap])
        sold = self._demo.till.sell(sale, claim=self._claim)
        _expect(sold.link, Link.UNIDENTIFIED)
        self._cap_sale = sold.sale_id
        return "A cap is sold for 15.00 EUR to somebody unknown: the receipt carries a QR that claims it"

    def _sign_in(self) -> str:
        self._phone = self._demo.keep_open(httpx2.Client(base_url=self._demo.url, timeout=15.0, trust_env=False))
        asked = self._post("/shopper/v1/sign-in", {"kind": "email", "value": EMAIL, "language": "en"})
        with running_worker(self._demo.environ, self._demo.folder / "worker.log"):
            code = _wait_for_code(self._demo.folder / "outbox.jsonl")
        opened = self._post(f"/shopper/v1/sign-in/{asked['request_id']}", {"code": code})
        _expect((opened["status"], opened["created"]), ("signed_in", False))
        self._phone.headers["X-CSRF-Token"] = opened["csrf_token"]
        return "Still in the store she opens it on her phone and proves her e-mail with a one-time code: we know her"

    def _claim_sale(self) -> str:
        claimed = self._post("/shopper/v1/claims", {"claim_code": self._claim})
        _expect(claimed["status"], "claimed")
        sales = self._demo.ask(
            "GET", f"/commerce/v1/customers/{self._demo.report.customer_id}/sales", self._demo.site_key
        )["items"]
        _expect({sale["sale_id"] for sale in sales}, {self._cap_sale, self._demo.report.sale_id})
        return "The cap is hers: T-shirt and cap are on one customer, the one the web shop knows"

    def _accept(self) -> str:
        accepted = self._demo.ask("POST", f"/operator/v1/proposals/{self._proposal}/accept", self._operator_key, {})
        self._merge = accepted["merge_id"]
        return f"Clara accepts the proposal. {self._tell_one()}"

    def _undo(self) -> str:
        body = {"reason": "demo: take it apart"}
        self._demo.ask("POST", f"/operator/v1/merges/{self._merge}/undo", self._operator_key, body)
        apart = self._ask_crm()
        _expect((apart["customer_id"], apart["absorbed"]), (self._crm_customer, False))
        return "She undoes it: two customers again, each with what was theirs"

    def _redo(self) -> str:
        body = {"other_id": self._crm_customer, "reason": "demo: it was her after all"}
        path = f"/operator/v1/customers/{self._demo.report.customer_id}/merge"
        self._merge = self._demo.ask("POST", path, self._operator_key, body)["merge_id"]
        return f"And merges again. {self._tell_one()}"

    def _tell_one(self) -> str:
        one = self._ask_crm()
        _expect((one["customer_id"], one["absorbed"]), (self._demo.report.customer_id, True))
        return f"The old CRM asks for {self._crm_customer[:8]}… and is answered {one['customer_id'][:8]}…"

    def _ask_crm(self) -> dict[str, Any]:
        return self._demo.ask("GET", f"/commerce/v1/customers/{self._crm_customer}", self._crm_key)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = self._phone.post(path, json=body)
        if not response.is_success:
            raise DemoFailed(f"POST {path} answered {response.status_code}")
        answer: dict[str, Any] = response.json()
        return answer


def _write_csv(path: Path, row: dict[str, str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)


def _wait_for_code(outbox: Path) -> str:
    """Return the code in the newest message; it is the worker that sends it."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        lines = outbox.read_text("utf-8").splitlines() if outbox.exists() else []
        found = re.search(r"\b\d{6}\b", json.loads(lines[-1])["text"]) if lines else None
        if found:
            return found[0]
        time.sleep(0.1)
    raise DemoFailed("no message came")


def _expect(got: object, wanted: object) -> None:
    if got != wanted:
        raise DemoFailed(f"expected {wanted}, got {got}")
