"""The rotating code: what a till reads from the screen, and what the page says when no next code comes."""

import io
import uuid

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.phone import PORTRAIT, Phone
from tests.browser.shop import Site, Till

pytestmark = pytest.mark.browser

SCREENS = {
    "portrait": PORTRAIT,
    "landscape": {"width": 844, "height": 390},
    "small": {"width": 320, "height": 568},
    "desktop": {"width": 1280, "height": 800},
}
# 37 modules of version 5 and a quiet zone of four on each side.
MODULES = 45
STEP_SECONDS = 30


@pytest.fixture
def link(site: Site) -> str:
    return site.link(f"maria-{uuid.uuid4()}")


def test_a_till_identifies_the_qr_and_its_digits_are_the_same_code(phone: Phone, link: str, till: Till) -> None:
    phone.open_card(link)
    phone.wait_for_time()
    assert till.scan(phone.read_qr())["outcome"] == "identified"
    assert till.scan(phone.read_digits())["reason"] == "already_used"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_the_qr_is_sharp_white_and_large_on_every_screen(take, link: str, screen: str, scheme: str) -> None:
    phone = take(viewport=SCREENS[screen], color_scheme=scheme)
    phone.open_card(link)
    assert phone.read_qr().startswith("71")
    box = phone.page.locator("#qr").bounding_box()
    pixels_a_module = box["width"] * 2 / MODULES
    assert pixels_a_module == pytest.approx(round(pixels_a_module))
    assert phone.page.locator("#qr").evaluate("canvas => canvas.width") == MODULES
    assert box["width"] >= 0.85 * min(SCREENS[screen].values(), key=int) or box["width"] >= 512
    assert quiet_zone_is_white(phone)


def quiet_zone_is_white(phone: Phone) -> bool:
    picture = Image.open(io.BytesIO(phone.page.locator("#qr").screenshot())).convert("RGB")
    module = picture.width // MODULES
    middle = picture.height // 2
    row = [picture.getpixel((x, middle)) for x in range(4 * module - 1)]
    return set(row) == {(255, 255, 255)}


def test_the_digits_can_be_read_by_a_screen_reader(phone: Phone, link: str) -> None:
    phone.open_card(link)
    phone.wait_for_time()
    spoken = phone.page.locator("#typed-spoken").inner_text()
    assert "".join(filter(str.isdigit, spoken)) == phone.read_digits()
    expect(phone.page.get_by_role("img", name="Your code as a QR code, for the till to scan")).to_be_visible()


def test_the_next_code_is_there_while_the_old_one_still_works(phone: Phone, link: str, till: Till) -> None:
    phone.open_card(link)
    phone.wait_for_time()
    old, old_digits = phone.read_qr(), phone.read_digits()
    expect(phone.page.locator("#typed-shown")).not_to_have_text(
        phone.page.locator("#typed-shown").inner_text(), timeout=(STEP_SECONDS + 5) * 1000
    )
    assert phone.read_digits() != old_digits
    assert till.scan(old)["outcome"] == "identified"
    assert till.scan(phone.read_qr())["outcome"] == "identified"


def test_without_connection_the_page_counts_the_seconds_left_and_then_wipes_the_code(phone: Phone, link: str) -> None:
    phone.page.clock.install()
    phone.open_card(link)
    phone.context.set_offline(True)
    phone.page.clock.fast_forward(31_000)
    trouble = phone.page.locator("#trouble")
    expect(trouble).to_contain_text("No connection. This code works for ")
    expect(trouble).to_contain_text("more second")
    phone.page.clock.fast_forward(31_000)
    expect(phone.page.locator("#panel-text")).to_contain_text("This code has expired")
    expect(phone.page.locator("#qr")).to_be_hidden()
    assert phone.read_digits() == ""
    phone.context.set_offline(False)
    phone.wait_for_code()
    expect(trouble).to_have_text("")


def test_a_service_that_fails_is_not_called_a_lost_connection(phone: Phone, link: str) -> None:
    phone.page.clock.install()
    phone.open_card(link)
    phone.page.route("**/shopper/v1/code", lambda route: route.fulfill(status=503, body="busy"))
    phone.page.clock.fast_forward(31_000)
    expect(phone.page.locator("#trouble")).to_contain_text("The service doesn’t answer. This code works for ")


def test_the_countdown_goes_by_the_clock_of_the_service(phone: Phone, link: str, till: Till) -> None:
    phone.page.clock.install(time="2019-03-01T09:00:00Z")
    phone.open_card(link)
    phone.page.clock.run_for(500)
    assert 0 <= int(phone.page.locator("#seconds").inner_text()) <= STEP_SECONDS
    expect(phone.page.locator("#panel-text")).to_have_text("")
    assert till.scan(phone.read_qr())["outcome"] == "identified"


def test_a_hidden_page_asks_for_nothing_and_a_seen_one_asks_at_once(phone: Phone, link: str) -> None:
    phone.open_card(link)
    phone.hide(hidden=True)
    phone.page.wait_for_load_state("networkidle")
    asked_before = len(phone.requests)
    phone.page.wait_for_timeout(2500)
    assert len(phone.requests) == asked_before
    with phone.page.expect_request("**/shopper/v1/code", timeout=1000):
        phone.hide(hidden=False)
