"""For everybody: screen readers, the keyboard alone, two languages, small screens, light and dark."""

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.phone import Phone
from tests.browser.shop import Shop, Site, Till

pytestmark = pytest.mark.browser


@pytest.fixture
def link(site: Site) -> str:
    return site.link(f"maria-{uuid.uuid4()}")


def show_every_state(phone: Phone, shop: Shop, link: str, till: Till) -> Iterator[str]:
    """Bring the page into one state after the other, and name it."""
    page = phone.page
    page.clock.install()
    phone.open(f"{shop.url}/app")
    expect(page.locator("#message-title")).to_be_visible()
    yield "no card"
    phone.open(link)
    expect(page.locator("#ask")).to_be_visible()
    yield "the question"
    page.locator("#ask-yes").click()
    phone.wait_for_code()
    yield "the code"
    code = phone.read_qr()
    till.scan(code)
    expect(page.locator("#banner")).to_have_attribute("data-outcome", "identified")
    yield "identified"
    till.scan(code)
    expect(page.locator("#banner")).to_have_attribute("data-outcome", "refused")
    yield "refused"
    phone.context.set_offline(True)
    page.clock.fast_forward(31_000)
    expect(page.locator("#trouble-what")).not_to_be_empty()
    yield "no connection"
    # An answer that was on its way when the clock first jumped counts from there: 60 s more, and the 31.
    page.clock.fast_forward(91_000)
    expect(page.locator("#panel-text")).not_to_be_empty()
    yield "expired"
    phone.context.set_offline(False)
    phone.wait_for_code()
    page.locator(".not-me:visible").first.click()
    expect(page.locator("#confirm")).to_be_visible()
    yield "not me"
    page.locator("#confirm-yes").click()
    expect(page.locator("#frozen")).to_be_visible()
    yield "frozen"
    page.locator("#remove").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#message-title")).to_be_visible()
    yield "removed"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_in_any_state(take, shop: Shop, link: str, till: Till, scheme: str) -> None:
    phone = take(color_scheme=scheme, reduced_motion="reduce")
    barriers = {state: phone.find_barriers() for state in show_every_state(phone, shop, link, till)}
    assert {state: found for state, found in barriers.items() if found} == {}


def test_nothing_leaves_a_screen_320_pixels_wide(take, shop: Shop, link: str, till: Till) -> None:
    phone = take(viewport={"width": 320, "height": 568}, locale="es-ES")
    widths = {
        state: phone.page.evaluate("document.documentElement.scrollWidth")
        for state in show_every_state(phone, shop, link, till)
    }
    assert {state: width for state, width in widths.items() if width > 320} == {}


def press_until_focused(page: Page, name: str) -> None:
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        if button.evaluate("node => node === document.activeElement && node.matches(':focus-visible')"):
            return
    raise AssertionError(f"the keyboard doesn't reach {name!r}")


def press(page: Page, name: str) -> None:
    press_until_focused(page, name)
    page.keyboard.press("Enter")


def test_the_keyboard_alone_opens_disowns_unfreezes_and_removes(phone: Phone, link: str, till: Till) -> None:
    page = phone.page
    phone.open(link)
    press(page, "Continue")
    phone.wait_for_code()
    till.scan(phone.read_qr())
    press(page, "Not me: Gran Vía, Till 3, just now")
    page.keyboard.press("Escape")
    expect(page.locator("#confirm")).to_be_hidden()
    page.keyboard.press("Enter")
    press(page, "It wasn’t me: freeze the card")
    expect(page.locator("#frozen")).to_be_visible()
    expect(page.locator("#card-title")).to_be_focused()
    press(page, "Unfreeze the card")
    phone.wait_for_code()
    press(page, "Remove this card from this phone")
    press(page, "Remove it")
    expect(page.locator("#message-title")).to_be_focused()


def test_a_spanish_phone_is_spoken_to_in_spanish(take, link: str, till: Till) -> None:
    phone = take(locale="es-MX")
    phone.open(link)
    expect(phone.page.locator("#ask-title")).to_have_text(
        "Moda Clara quiere abrir tu tarjeta de tienda en este teléfono. ¿Continuar?"
    )
    assert phone.page.locator("html").get_attribute("lang") == "es"
    phone.button("Continuar").click()
    phone.wait_for_code()
    till.scan(phone.read_qr())
    expect(phone.page.locator("#notice")).to_have_text("Te han identificado en Gran Vía, Till 3, ahora mismo")


def test_the_language_can_be_changed_and_is_remembered(phone: Phone, link: str, till: Till) -> None:
    phone.open_card(link)
    till.scan(phone.read_qr())
    expect(phone.page.locator("#items .what")).to_have_text("Identified")
    phone.button("Español").click()
    expect(phone.page.locator("#items .what")).to_have_text("Identificación")
    expect(phone.page.locator("#card-title")).to_have_text("Muestra este código en la caja")
    phone.page.reload()
    phone.wait_for_code()
    assert phone.page.locator("html").get_attribute("lang") == "es"
    expect(phone.button("English")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "written"),
    [
        ("en-GB", ["€25.00", "¥2,500", "just now", "5 minutes ago", "3 hours ago", "1 Mar 2026, 09:00"]),
        ("es-ES", ["25,00 €", "2500 JPY", "ahora mismo", "hace 5 minutos", "hace 3 horas", "1 mar 2026, 9:00"]),
    ],
)
def test_money_and_time_are_written_as_the_language_does(take, shop: Shop, locale: str, written: list[str]) -> None:
    phone = take(locale=locale, timezone_id="UTC")
    phone.open(f"{shop.url}/app")
    found = phone.page.evaluate(
        """async () => {
            const { money, when } = await import("/app/static/app/words.js");
            const now = Date.parse("2026-03-03T09:00:00Z");
            const ago = (seconds) => when(now - seconds * 1000, now);
            return [money(2500, "EUR"), money(2500, "JPY"), ago(59), ago(300), ago(10_800), ago(172_800)];
        }"""
    )
    assert [text.replace("\xa0", " ").replace("JP¥", "¥") for text in found] == written
