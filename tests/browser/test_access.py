"""For everybody: screen readers, the keyboard alone, two languages, small screens, light and dark."""

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.joining import enter_code, join, new_address, open_data
from tests.browser.phone import ARGUMENTS, CHROMIUM, Phone, take_phone
from tests.browser.shop import Shop, Site, Till, mint_claim

pytestmark = pytest.mark.browser


@pytest.fixture
def link(site: Site) -> str:
    return site.link(f"maria-{uuid.uuid4()}")


def show_every_state(phone: Phone, shop: Shop, link: str, till: Till) -> Iterator[str]:
    """Bring the page into one state after the other, and name it."""
    page = phone.page
    page.clock.install()
    phone.open(f"{shop.url}/app")
    expect(page.locator("#contact-title")).to_be_visible()
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


def join_in_every_state(phone: Phone, shop: Shop, site: Site, till: Till) -> Iterator[str]:
    """Join with a receipt, connect a shop, look at all the data and erase it; name each state."""
    page, address, receipt = phone.page, new_address(), mint_claim()
    typed = {"identifiers": [{"kind": "email", "value": address}]}
    site.send("PUT", f"/commerce/v1/accounts/maria-{uuid.uuid4()}", typed)
    till.sell_to_nobody(receipt, 2500)
    phone.open(f"{shop.url}/app#claim={receipt}")
    page.locator("#contact-send").click()
    expect(page.locator("#contact-wrong")).not_to_be_empty()
    yield "no contact"
    page.locator("#contact-value").fill(address)
    page.locator("#contact-send").click()
    page.wait_for_selector("#proof:visible")
    enter_code(phone, "1")
    expect(page.locator("#proof-wrong")).not_to_be_empty()
    yield "the wrong code"
    enter_code(phone, shop.read_code(address))
    expect(page.locator("#message-go")).to_be_visible()
    yield "claimed"
    page.locator("#message-go").click()
    page.locator("#join-consents input").first.check()
    yield "the consents"
    page.locator("#join-form [type=submit]").click()
    phone.wait_for_code()
    site.ask_to_link(f"maria-{uuid.uuid4()}", phone.read_qr())
    expect(page.locator("#link-request")).to_be_visible()
    yield "a shop asks"
    page.locator("#link-refuse").click()
    expect(page.locator("#link-told")).not_to_be_empty()
    yield "refused a shop"
    page.locator("#my-data").click()
    page.wait_for_selector("#data:visible")
    for part in page.locator("#data summary").all():
        part.click()
    expect(page.locator("#looks-items li")).not_to_have_count(0)
    expect(page.locator("#to-confirm")).to_be_visible()
    yield "my data"
    page.locator("#add-contact").click()
    page.wait_for_selector("#contact:visible")
    yield "another contact"
    page.locator("#contact-other").click()
    page.locator("#erase").click()
    expect(page.locator("#confirm")).to_be_visible()
    yield "erase?"
    page.locator("#confirm-yes").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#message-title")).to_be_visible()
    yield "erased"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_in_any_state(take, shop: Shop, link: str, till: Till, scheme: str) -> None:
    phone = take(color_scheme=scheme, reduced_motion="reduce")
    barriers = {state: phone.find_barriers() for state in show_every_state(phone, shop, link, till)}
    assert {state: found for state, found in barriers.items() if found} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_from_joining_to_erasing(take, shop: Shop, site: Site, till: Till, scheme: str) -> None:
    phone = take(color_scheme=scheme, reduced_motion="reduce")
    barriers = {state: phone.find_barriers() for state in join_in_every_state(phone, shop, site, till)}
    assert {state: found for state, found in barriers.items() if found} == {}


TWICE_THE_SIZE = "--blink-settings=defaultFontSize=32"
# What sticks out of the page as it stands, and the words broken over two lines; addresses may be.
FIND_FLAWS = r"""() => {
    const isClipped = (node) =>
        node !== null && (getComputedStyle(node).clipPath !== "none" || isClipped(node.parentElement));
    const isSeen = (node) => node.checkVisibility({ visibilityProperty: true }) && !isClipped(node);
    const isBroken = (text, word) => {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        return new Set([...range.getClientRects()].map((part) => part.top)).size > 1;
    };
    const isOut = (node) =>
        node.getBoundingClientRect().right > innerWidth || node.scrollWidth > node.clientWidth + 1;
    const flaws = [...document.querySelectorAll("html, button, input, a, p, h1, h2, li, time")]
        .filter((node) => isSeen(node) && getComputedStyle(node).display !== "inline" && isOut(node))
        .map((node) => `out: ${node.tagName} ${node.id || node.className}`);
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text; (text = texts.nextNode()); ) {
        if (!isSeen(text.parentElement) || text.data.includes("@")) continue;
        flaws.push(...[...text.data.matchAll(/\p{L}+/gu)].filter((word) => isBroken(text, word)).map(String));
    }
    return flaws;
}"""


@pytest.fixture(scope="session", params=["letters as usual", "letters of twice the size"])
def reader(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Browser]:
    """A browser whose owner reads letters of this size."""
    if request.param == "letters as usual":
        yield browser
        return
    started = browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, TWICE_THE_SIZE])
    yield started
    started.close()


@pytest.fixture
def small(reader: Browser) -> Iterator[Phone]:
    """A Spanish phone with a small screen."""
    with take_phone(reader, viewport={"width": 320, "height": 568}, locale="es-ES") as phone:
        yield phone


def find_flaws(phone: Phone, states: Iterator[str]) -> dict[str, list[str]]:
    """What sticks out or is broken, in each state where anything is."""
    found = {state: phone.page.evaluate(FIND_FLAWS) for state in states}
    return {state: flaws for state, flaws in found.items() if flaws}


def test_the_card_fits_a_small_screen(small: Phone, shop: Shop, link: str, till: Till) -> None:
    assert find_flaws(small, show_every_state(small, shop, link, till)) == {}


def test_joining_and_my_data_fit_a_small_screen(small: Phone, shop: Shop, site: Site, till: Till) -> None:
    assert find_flaws(small, join_in_every_state(small, shop, site, till)) == {}


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


def test_the_keyboard_alone_joins_and_erases(phone: Phone, shop: Shop) -> None:
    page, address = phone.page, new_address()
    phone.open(f"{shop.url}/app")
    expect(page.locator("#contact-title")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type(address)
    page.keyboard.press("Enter")
    expect(page.locator("#proof-value")).to_be_focused()
    page.keyboard.type(shop.read_code(address))
    page.keyboard.press("Enter")
    expect(page.locator("#join-title")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    press(page, "Continue")
    phone.wait_for_code()
    open_data(phone)
    page.get_by_text("Erase everything").focus()
    page.keyboard.press("Enter")
    press(page, "Erase my file")
    expect(phone.button("Cancel")).to_be_focused()
    press(page, "Go on")
    expect(page.locator("#confirm-title")).to_have_text("Are you sure?")
    press(page, "Erase everything for good")
    expect(page.locator("#message-title")).to_be_focused()


@pytest.mark.parametrize(("part", "name"), [("Erase everything", "Erase my file"), (None, "Sign out on this phone")])
def test_the_keyboard_is_where_it_was_when_a_question_is_cancelled(
    phone: Phone, shop: Shop, part: str | None, name: str
) -> None:
    join(phone, shop)
    open_data(phone)
    if part:
        phone.page.get_by_text(part).click()
    press(phone.page, name)
    expect(phone.button("Cancel")).to_be_focused()
    phone.page.keyboard.press("Escape")
    expect(phone.button(name)).to_be_focused()


def test_a_spanish_phone_joins_in_spanish(take, shop: Shop) -> None:
    phone, address = take(locale="es-ES"), new_address()
    phone.open(f"{shop.url}/app#claim={mint_claim()}")
    expect(phone.page.locator("#contact-title")).to_have_text("Haz tuya esta compra")
    phone.page.locator("#contact-value").fill(address)
    phone.button("Envíame un código").click()
    expect(phone.page.locator("#proof-explained")).to_contain_text("Hemos enviado seis cifras a")
    enter_code(phone, shop.read_code(address))
    expect(phone.page.locator("#message-title")).to_have_text("Esta compra será tuya")
    phone.button("Continuar").click()
    expect(phone.page.locator("#join-consents")).to_contain_text("Reconocedme en la tienda")
    assert shop.read_message(address).startswith(f"Tu código es {shop.read_code(address)}.")


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
