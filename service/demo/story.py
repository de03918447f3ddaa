"""The main job, step by step; then the second act, one customer."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import Any, Self

import httpx2
import zxingcpp
from PIL import Image

from pos_client import Line, Link, PosClient, Sale, ScanResult
from service import clock
from service.db import Database
from service.demo.one_customer import OneCustomer
from service.demo.stage import DemoFailed, free_port, own_environ, own_folder, running_service
from service.migrations import migrate
from service.sites.add import add_site
from service.stores.add import add_store
from service.stores.enrol import invite

# Patient, because the machine may be small and busy; a real till waits 2 seconds.
TIMEOUT_SECONDS = 15.0

STORE, TILL, SHOP, ACCOUNT = "Gran Vía", "Till 3", "Moda Clara", "maria"
PRICE_MINOR = 2500

Tell = Callable[[bool, str], None]
Step = tuple[str, Callable[[], str]]


@dataclass
class Report:
    """What the demo found out; `ok` only if every step held."""

    ok: bool = False
    steps: list[dict[str, Any]] = field(default_factory=list)
    customer_id: str | None = None
    sale_id: str | None = None
    first: dict[str, str | None] | None = None
    second: dict[str, str | None] | None = None
    qr_png: str | None = None


class Demo:
    """One run of the main job, told as it goes. What it starts ends with the `with` block."""

    # Each is made by the step that first needs it.
    folder: Path
    url: str
    environ: dict[str, str]
    db: Database
    _service: Popen[bytes]
    _http: httpx2.Client
    till: PosClient
    _invitation: str
    site_key: str
    _session_token: str
    _picture: Path
    _code: str
    _scan_id: str

    def __init__(self, *, tell: Tell, port: int) -> None:
        self._tell = tell
        self._preferred_port = port
        self._closing = ExitStack()
        self.report = Report()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def play(self) -> Report:
        """Perform the steps and return the report; the first step that fails is the last."""
        self.report.ok = all(self._perform(name, act) for name, act in self._steps())
        return self.report

    def open_phone_page(self) -> str:
        """Return a fresh link into Maria's web app; it works once, within 60 seconds."""
        return str(self._open_session()["app_url"])

    def keep_open(self, client: httpx2.Client) -> httpx2.Client:
        """Return a client that closes when the demo ends."""
        return self._closing.enter_context(client)

    def wait(self) -> None:
        """Return when the service has ended by itself."""
        self._service.wait()

    def _steps(self) -> tuple[Step, ...]:
        return (
            ("start the service on a fresh SQLite", self._start),
            ("add a store and a web shop", self._add_store_and_shop),
            ("enrol a till", self._enrol),
            ("let the web shop create Maria's account", self._create_account),
            ("let the web shop open her session, with a card", self._make_card),
            ("draw her QR", self._draw),
            ("read the picture with a QR decoder", self._decode),
            ("scan it: identified", self._scan),
            ("sell a T-shirt on that scan", self._sell),
            ("show the sale on the customer the web shop knows", self._show_sale),
            ("scan the same picture again: already used", self._scan_again),
            *OneCustomer(self).steps(),
        )

    def _perform(self, name: str, act: Callable[[], str]) -> bool:
        try:
            words, ok = act(), True
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the report is still owed
            words, ok = f"{name}: {error or type(error).__name__}", False
        self.report.steps.append({"name": name, "ok": ok})
        self._tell(ok, words)
        return ok

    def _start(self) -> str:
        self.folder = self._closing.enter_context(own_folder())
        self.url = f"http://127.0.0.1:{free_port(self._preferred_port)}"
        self.environ = own_environ(self.folder, self.url)
        self.db = Database(self.environ["UNSPOKEN_DATABASE_URL"])
        self._closing.callback(self.db.close)
        migrate(self.db)
        self._service = self._closing.enter_context(running_service(self.environ, self.folder / "service.log"))
        self._http = self.keep_open(httpx2.Client(base_url=self.url, timeout=TIMEOUT_SECONDS, trust_env=False))
        return f"The service answers at {self.url}: gunicorn, on a fresh SQLite in {self.folder}"

    def _add_store_and_shop(self) -> str:
        where, now = {"time_zone": "Europe/Madrid", "currency": "EUR", "language": "en"}, clock.now()
        with self.db.write() as session:
            store = add_store(session, name=STORE, now=now, **where)
            session.flush()
            self._invitation, _ = invite(session, store_id=store.id, label=TILL, training=False, now=now)
            _, self.site_key, _ = add_site(session, name=SHOP, now=now, may_vouch=["email"])
        return f"The brand has a store, {STORE}, and a web shop, {SHOP}"

    def _enrol(self) -> str:
        # `unspoken-till --state …/till` looks for its file under this name.
        queue = self.folder / "till" / "till.db"
        self.till = self._closing.enter_context(PosClient(self.url, queue=queue, timeout=TIMEOUT_SECONDS))
        terminal = self.till.enrol(self._invitation)
        return f"{terminal.label} is enrolled at {terminal.store.name}"

    def _create_account(self) -> str:
        answer = self.ask("PUT", f"/commerce/v1/accounts/{ACCOUNT}", self.site_key, {})
        self.report.customer_id = answer["customer_id"]
        return f"{SHOP} knows Maria as customer {self.report.customer_id}"

    def _make_card(self) -> str:
        self._session_token = self._open_session()["session_token"]
        card = self.ask("POST", "/shopper/v1/cards", self._session_token, {})
        return f"She is logged in there, and card {card['card_number']} is on her phone"

    def _draw(self) -> str:
        png = self._send("GET", "/shopper/v1/code.png", self._session_token).content
        self._picture = self.folder / "maria.png"
        self._picture.write_bytes(png)
        self.report.qr_png = str(self._picture.absolute())
        return f"Her phone shows a QR: {self._picture}"

    def _decode(self) -> str:
        with Image.open(self._picture) as picture:
            found = zxingcpp.read_barcode(picture)
        if found is None:
            raise DemoFailed("there is no code in it")
        self._code = found.text
        return f"The scanner reads {len(self._code)} digits in it: {self._code[:12]}…"

    def _scan(self) -> str:
        first = self.till.scan(self._code)
        self.report.first = _outcome(first)
        _expect(self.report.first, {"outcome": "identified", "reason": None})
        self._scan_id = first.scan_id
        return f"{TILL} says: {first.message}"

    def _sell(self) -> str:
        shirt = Line(description="T-shirt", sku="TSHIRT-M", unit_price_minor=PRICE_MINOR, total_minor=PRICE_MINOR)
        sold = self.till.sell(
            Sale(receipt_number="T3-000117", total_minor=PRICE_MINOR, lines=[shirt], scan_id=self._scan_id)
        )
        self.report.sale_id = sold.sale_id
        _expect(sold.link, Link.LINKED)
        return f"A T-shirt is sold for 25.00 EUR: sale {sold.sale_id}"

    def _show_sale(self) -> str:
        path = f"/commerce/v1/customers/{self.report.customer_id}/sales"
        sales = self.ask("GET", path, self.site_key)["items"]
        _expect([(sale["sale_id"], sale["total_minor"]) for sale in sales], [(self.report.sale_id, PRICE_MINOR)])
        return f"{SHOP} finds that sale on customer {self.report.customer_id}"

    def _scan_again(self) -> str:
        second = self.till.scan(self._code)
        self.report.second = _outcome(second)
        _expect(self.report.second, {"outcome": "refused", "reason": "already_used"})
        return f"The same picture again, and {TILL} says: {second.message}"

    def _open_session(self) -> dict[str, Any]:
        return self.ask("POST", f"/commerce/v1/accounts/{ACCOUNT}/sessions", self.site_key, {})

    def ask(self, method: str, path: str, token: str, body: object = None) -> dict[str, Any]:
        """Send a request with a bearer token; return the answer, or raise `DemoFailed`."""
        answer: dict[str, Any] = self._send(method, path, token, body).json()
        return answer

    def _send(self, method: str, path: str, token: str, body: object = None) -> httpx2.Response:
        response = self._http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
        if not response.is_success:
            raise DemoFailed(f"{method} {path} answered {response.status_code}")
        return response


def _outcome(scan: ScanResult) -> dict[str, str | None]:
    return {"outcome": scan.outcome.value, "reason": scan.reason}


def _expect(got: object, wanted: object) -> None:
    if got != wanted:
        raise DemoFailed(f"expected {wanted}, got {got}")
