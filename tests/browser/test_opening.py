"""Opening the card: by a link from the shop, once, and only after the shopper said yes."""

import re
import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.phone import Phone
from tests.browser.shop import Shop, Site

pytestmark = pytest.mark.browser


@pytest.fixture
def link(site: Site) -> str:
    return site.link(f"maria-{uuid.uuid4()}")


def handoff_in(link: str) -> str:
    return link.partition("#handoff=")[2]


def test_the_app_asks_in_the_name_of_the_site_before_it_makes_a_card(phone: Phone, link: str) -> None:
    phone.open(link)
    expect(phone.page.locator("#ask-title")).to_have_text(
        "Moda Clara wants to open your in-store card on this phone. Continue?"
    )
    assert not any(url.endswith(("/cards", "/session")) for url in phone.requests)
    phone.button("Continue").click()
    phone.wait_for_code()


def test_the_handoff_leaves_the_address_before_it_is_exchanged(phone: Phone, shop: Shop, link: str) -> None:
    seen: list[str] = []
    phone.page.route(
        "**/shopper/v1/handoff",
        lambda route: (seen.append(phone.page.url), route.abort()),
    )
    phone.open(link)
    expect(phone.button("Try again")).to_be_visible()
    assert seen == [f"{shop.url}/app"]
    assert phone.page.evaluate("location.href") == f"{shop.url}/app"


def test_the_handoff_is_kept_nowhere(phone: Phone, link: str) -> None:
    phone.open_card(link)
    kept = phone.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    assert kept == f'[{{}},{{}},"","{phone.page.url}"]'
    handoff = handoff_in(link)
    assert handoff
    assert [url for url in phone.requests if handoff in url.partition("#")[0]] == []


def test_the_session_is_a_cookie_that_no_script_can_read(phone: Phone, link: str) -> None:
    phone.open_card(link)
    (cookie,) = (cookie for cookie in phone.context.cookies() if cookie["name"] == "unspoken_session")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"


def test_a_used_link_opens_nothing_on_another_phone(phone: Phone, take, link: str) -> None:
    phone.open_card(link)
    thief = take()
    thief.open(link)
    expect(thief.page.locator("#message-title")).to_have_text("This link has already been used")


def test_a_used_link_shows_the_card_that_is_already_here(phone: Phone, link: str) -> None:
    phone.open_card(link)
    phone.open(link)
    phone.wait_for_code()


def test_declining_opens_nothing(phone: Phone, shop: Shop, link: str) -> None:
    phone.open(link)
    phone.button("Not now").click()
    expect(phone.page.locator("#message-title")).to_have_text("Nothing was opened")
    phone.open(f"{shop.url}/app")
    expect(phone.page.locator("#contact-title")).to_have_text("Your in-store card")


def test_without_a_link_the_page_says_where_to_begin(phone: Phone, shop: Shop) -> None:
    phone.open(f"{shop.url}/app")
    expect(phone.page.get_by_text("Open your card from the shop’s site or app")).to_be_visible()


def test_the_card_is_still_here_after_a_reload(phone: Phone, link: str) -> None:
    phone.open_card(link)
    phone.page.reload()
    phone.wait_for_code()
    expect(phone.page.locator("#site")).to_have_text("Moda Clara")


def test_another_shop_says_which_card_will_end(phone: Phone, shop: Shop, link: str) -> None:
    phone.open_card(link)
    phone.open(shop.open_site("Zapatos Río").link("maria"))
    expect(phone.page.locator("#ask-title")).to_have_text(re.compile("^Zapatos Río wants"))
    expect(phone.page.locator("#ask-replaces")).to_have_text(
        "The card of Moda Clara that is on this phone now will end."
    )
    phone.button("Continue").click()
    phone.wait_for_code()
    expect(phone.page.locator("#site")).to_have_text("Zapatos Río")


def test_a_second_tab_follows_when_the_card_is_replaced(phone: Phone, shop: Shop, link: str) -> None:
    phone.open_card(link)
    second = phone.context.new_page()
    second.goto(shop.open_site("Zapatos Río").link("maria"))
    second.get_by_role("button", name="Continue", exact=True).click()
    expect(second.locator("#code")).to_be_visible()
    expect(phone.page.locator("#site")).to_have_text("Zapatos Río")
    phone.wait_for_code()


def test_declining_another_shop_keeps_the_card(phone: Phone, shop: Shop, link: str) -> None:
    phone.open_card(link)
    phone.open(shop.open_site("Zapatos Río").link("maria"))
    phone.button("Not now").click()
    phone.wait_for_code()
    expect(phone.page.locator("#site")).to_have_text("Moda Clara")


def test_a_new_link_in_the_same_tab_asks_anew(phone: Phone, shop: Shop, site: Site, link: str) -> None:
    phone.open_card(link)
    phone.page.goto(site.link("jordi"))
    expect(phone.page.locator("#ask-title")).to_be_visible()
    assert phone.page.evaluate("location.href") == f"{shop.url}/app"


def test_a_link_opened_without_connection_goes_on_by_itself(phone: Phone, link: str) -> None:
    phone.page.route("**/shopper/v1/handoff", lambda route: route.abort())
    phone.open(link)
    expect(phone.page.locator("#message-title")).to_have_text("No connection")
    phone.page.unroute_all()
    expect(phone.page.locator("#ask-title")).to_be_visible()


def test_a_link_that_the_service_could_not_answer_can_be_tried_again(phone: Phone, link: str) -> None:
    wait = {"Retry-After": "600"}
    phone.page.route("**/shopper/v1/handoff", lambda route: route.fulfill(status=503, headers=wait), times=1)
    phone.open(link)
    expect(phone.page.locator("#message-title")).to_have_text("The service doesn’t answer")
    phone.button("Try again").click()
    expect(phone.page.locator("#ask-title")).to_be_visible()


def test_a_card_that_ended_elsewhere_says_so(phone: Phone, link: str) -> None:
    phone.open_card(link)
    phone.context.clear_cookies()
    expect(phone.page.locator("#message-title")).to_have_text("Your card on this phone has ended")
    expect(phone.page.locator("#message-text")).to_contain_text("Sign in again")
