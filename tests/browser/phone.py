"""A shopper's phone: a real Chromium that opens links, shows codes, and is watched while it does."""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PORTRAIT = {"width": 390, "height": 844}
# The browser itself reports every 401 and every lost connection: these are the service's answers, not faults.
NETWORK_REPORT = "Failed to load resource"


@dataclass
class Phone:
    """One browser with cookies of its own, showing one page."""

    context: BrowserContext
    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self._hear(message.type, message.text))

    def open(self, link: str) -> None:
        # By way of an empty page: a link that differs only in its fragment would not load the page anew.
        self.page.goto("about:blank")
        self.page.goto(link)

    def open_card(self, link: str) -> None:
        """Open a link, say yes, and wait for the first code."""
        self.open(link)
        self.button("Continue").click()
        self.wait_for_code()

    def wait_for_code(self) -> None:
        self.page.wait_for_selector("#code[data-state=good]")

    def wait_for_time(self, seconds: int = 5) -> None:
        """Wait until the code on show stays for some seconds, so that what is read of it belongs together."""
        self.page.wait_for_function(
            "seconds => Number(document.getElementById('seconds').textContent) > seconds", arg=seconds
        )

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def heading(self) -> str:
        return self.page.locator("main h1:visible").inner_text()

    def read_qr(self) -> str:
        """What a till's camera reads from the screen."""
        picture = Image.open(io.BytesIO(self.page.locator("#panel").screenshot()))
        (found,) = zxingcpp.read_barcodes(picture)
        return found.text

    def read_digits(self) -> str:
        return self.page.locator("#typed-shown").inner_text().replace(" ", "").replace("\n", "")

    def hide(self, *, hidden: bool) -> None:
        """Do as the operating system does when the shopper turns to another app, or comes back."""
        self.page.evaluate(
            """hidden => {
                Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            hidden,
        )

    def find_barriers(self) -> str:
        """What axe finds against accessibility in the page as it stands; empty when nothing."""
        found = Axe().run(self.page)
        return found.generate_report() if found.violations_count else ""

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not text.startswith(NETWORK_REPORT):
            self.complaints.append(text)


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    assert CHROMIUM, "Chromium is missing: install Debian's package `chromium`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def take_phone(browser: Browser, **options: Any) -> Iterator[Phone]:
    """A phone fresh from its box, in English and lying upright unless `options` say otherwise."""
    settings = {"viewport": PORTRAIT, "device_scale_factor": 2, "locale": "en-GB", **options}
    context = browser.new_context(**settings)
    yield Phone(context, context.new_page())
    context.close()
