"""What tills did with the card: told at once, listed, and answered with *not me*, freezing or removing."""

import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TakePhone
from tests.browser.phone import Phone
from tests.browser.shop import Shop, Site, Till

pytestmark = pytest.mark.browser

REASONS = (
    "malformed",
    "unknown_key",
    "bad_signature",
    "too_old",
    "not_yet_valid",
    "already_used",
    "wrong_otp",
    "too_many_tries",
    "card_unusable",
    "card_frozen",
    "card_revoked",
)


@pytest.fixture
def shown(phone: Phone, site: Site) -> Phone:
    """A phone that shows the code of a new shopper."""
    phone.open_card(site.link(f"maria-{uuid.uuid4()}"))
    return phone


def test_the_phone_tells_who_identified_it_within_two_seconds(shown: Phone, till: Till) -> None:
    assert till.scan(shown.read_qr())["outcome"] == "identified"
    told = shown.page.get_by_role("status").filter(has_text="Identified at Gran Vía, Till 3, just now")
    told.wait_for(timeout=2000)


def test_a_refused_scan_is_told_in_plain_words(shown: Phone, till: Till) -> None:
    code = shown.read_qr()
    till.scan(code)
    till.scan(code)
    expect(shown.page.locator("#notice")).to_have_text(
        "Not accepted at Gran Vía, Till 3, just now. The code had already been used."
    )
    expect(shown.page.locator("#items li")).to_have_count(2)


def test_the_notice_of_a_refusal_goes_with_the_next_code(phone: Phone, site: Site, till: Till) -> None:
    phone.page.clock.install()
    phone.open_card(site.link(f"maria-{uuid.uuid4()}"))
    code = phone.read_qr()
    till.scan(code)
    till.scan(code)
    expect(phone.page.locator("#banner")).to_have_attribute("data-outcome", "refused")
    phone.page.clock.fast_forward(31_000)
    expect(phone.page.locator("#banner")).to_have_attribute("data-outcome", "none")


def test_the_notice_of_a_visit_goes_when_the_shopper_has_answered(shown: Phone, till: Till) -> None:
    code = shown.read_qr()
    till.scan(code)
    till.scan(code)
    expect(shown.page.locator("#banner")).to_have_attribute("data-outcome", "refused")
    shown.page.locator(".not-me:visible").first.click()
    shown.button("It wasn’t me: freeze the card").click()
    shown.button("Unfreeze the card").click()
    shown.wait_for_code()
    expect(shown.page.locator("#items li")).to_have_count(2)
    expect(shown.page.locator("#banner")).to_have_attribute("data-outcome", "none")


def test_a_sale_is_listed_with_its_money_and_receipt(shown: Phone, till: Till) -> None:
    scan = till.scan(shown.read_qr())
    assert till.sell(scan["scan_id"], 2500)["link"] == "linked"
    expect(shown.page.locator("#items")).to_contain_text("Purchase: €25.00")
    expect(shown.page.locator("#items")).to_contain_text("Gran Vía, Till 3 · Receipt T3-000117")


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-IE", ("Continue", "Purchase: €25.00 · returned €10.00")),
        ("es-ES", ("Continuar", "Compra: 25,00\N{NO-BREAK SPACE}€ · devuelto 10,00\N{NO-BREAK SPACE}€")),
    ],
)
def test_what_came_back_is_told_at_its_sale(
    take: TakePhone, site: Site, till: Till, locale: str, words: tuple[str, str]
) -> None:
    go_on, told = words
    phone = take(locale=locale)
    phone.open(site.link(f"maria-{uuid.uuid4()}"))
    phone.button(go_on).click()
    phone.wait_for_code()
    sale_id = till.sell(till.scan(phone.read_qr())["scan_id"], 2500)["sale_id"]
    till.take_back(sale_id, 1000)
    expect(phone.page.locator("#items")).to_contain_text(told)


def test_not_me_freezes_the_card_once_the_shopper_has_said_yes(shown: Phone, till: Till) -> None:
    till.scan(shown.read_qr())
    not_me = shown.page.get_by_role("button", name="Not me: Gran Vía, Till 3, just now")
    not_me.click()
    expect(shown.page.get_by_role("dialog")).to_contain_text("We freeze the card")
    shown.button("Cancel").click()
    expect(shown.page.locator("#code")).to_be_visible()
    not_me.click()
    shown.button("It wasn’t me: freeze the card").click()
    expect(shown.page.locator("#frozen")).to_be_visible()
    assert shown.heading == "Your card is frozen"
    expect(shown.page.locator("#items")).to_contain_text("You said that this wasn’t you.")
    expect(not_me).to_be_hidden()


def test_a_frozen_card_shows_no_code_and_no_till_takes_it_until_it_is_unfrozen(shown: Phone, till: Till) -> None:
    code = shown.read_qr()
    shown.button("Freeze the card").click()
    expect(shown.page.locator("#frozen")).to_be_visible()
    expect(shown.page.locator("#qr")).to_be_hidden()
    assert till.scan(code)["reason"] == "card_unusable"
    shown.button("Unfreeze the card").click()
    shown.wait_for_code()
    expect(shown.page.locator("#items")).to_contain_text("The card was frozen.")


def test_a_card_removed_from_the_phone_is_gone_for_the_till_too(shown: Phone, shop: Shop, till: Till) -> None:
    code = shown.read_qr()
    shown.button("Remove this card from this phone").click()
    shown.button("Remove it").click()
    expect(shown.page.locator("#message-title")).to_have_text("Your card is no longer on this phone")
    assert till.scan(code)["reason"] == "card_unusable"
    shown.open(f"{shop.url}/app")
    expect(shown.page.locator("#contact-title")).to_have_text("Your in-store card")


def test_what_fails_is_said_and_can_be_done_again(shown: Phone) -> None:
    shown.page.route("**/freeze", lambda route: route.abort(), times=1)
    shown.button("Freeze the card").click()
    expect(shown.page.get_by_text("That didn’t work.")).to_be_visible()
    shown.button("Freeze the card").click()
    expect(shown.page.locator("#frozen")).to_be_visible()
    expect(shown.page.locator("#failed")).to_have_text("")


def test_older_visits_come_when_they_are_asked_for(shown: Phone, till: Till) -> None:
    code = shown.read_qr()
    for _ in range(12):
        till.scan(code)
    shown.page.reload()
    shown.button("Show more").click()
    expect(shown.page.locator("#items li")).to_have_count(12)
    expect(shown.button("Show more")).to_be_hidden()


def test_the_names_of_stores_are_text_and_never_markup(shown: Phone, shop: Shop) -> None:
    name = "<b>Gran</b> & <img src=x onerror=alert(1)>"
    shop.open_till(name).scan(shown.read_qr())
    expect(shown.page.locator("#notice")).to_have_text(f"Identified at {name}, Till 3, just now")
    expect(shown.page.locator("#items .where")).to_have_text(f"{name}, Till 3")


def test_a_long_word_in_the_name_of_a_store_is_broken_on_a_small_screen(
    take: TakePhone, site: Site, shop: Shop
) -> None:
    phone = take(viewport={"width": 320, "height": 568})
    phone.open_card(site.link(f"maria-{uuid.uuid4()}"))
    shop.open_till("Landmaschinenfachhandelsgesellschaft").scan(phone.read_qr())
    expect(phone.page.locator("#notice")).to_contain_text("Identified at Land")
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_every_sentence_and_every_reason_is_there_in_both_languages(shown: Phone) -> None:
    sentences = shown.page.evaluate("import('/app/static/app/sentences.js').then(module => module.SENTENCES)")
    assert sentences["en"].keys() == sentences["es"].keys()
    assert {f"why_{reason}" for reason in REASONS} <= sentences["en"].keys()


def test_a_card_frozen_in_another_tab_is_frozen_here_too(phone: Phone, site: Site) -> None:
    phone.page.clock.install()
    phone.open_card(site.link(f"maria-{uuid.uuid4()}"))
    other = phone.context.new_page()
    other.goto(phone.page.url)
    other.get_by_role("button", name="Freeze the card", exact=True).click()
    expect(other.locator("#frozen")).to_be_visible()
    phone.page.clock.fast_forward(31_000)
    expect(phone.page.locator("#frozen")).to_be_visible()


def test_a_card_that_was_revoked_is_made_anew_only_after_asking(shown: Phone) -> None:
    shown.page.evaluate(
        """async () => {
            const api = await import("/app/static/app/api.js");
            const { items } = await api.get("cards");
            await api.remove(`cards/${items[0].card_id}`);
        }"""
    )
    shown.page.reload()
    expect(shown.page.locator("#ask-title")).to_be_visible()
    shown.button("Continue").click()
    shown.wait_for_code()
