"""A site asks to connect its account: the shopper sees who asks, while the code shows, and decides."""

import re
import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.joining import join
from tests.browser.phone import Phone
from tests.browser.shop import Shop, Site

pytestmark = pytest.mark.browser


@pytest.fixture
def shown(phone: Phone, shop: Shop) -> Phone:
    """A phone that shows the code of somebody who joined by themselves."""
    join(phone, shop)
    phone.wait_for_time()
    return phone


def ask(phone: Phone, site: Site) -> str:
    """Let a site ask with the code on show, and wait until the phone tells; return the request's id."""
    request = site.ask_to_link(f"maria-{uuid.uuid4()}", phone.read_qr())
    expect(phone.page.locator("#link-request")).to_be_visible()
    return request


def test_the_shopper_sees_who_asks_and_how_long(shown: Phone, site: Site) -> None:
    ask(shown, site)
    asked = shown.page.get_by_role("region", name="Moda Clara asks to connect its account with your card")
    expect(asked).to_be_in_viewport()
    expect(asked).to_contain_text("Approve only if you are asking for this right now.")
    expect(shown.page.locator("#link-left")).to_have_text(re.compile("^(10|9):[0-5][0-9]$"))
    told = shown.page.get_by_role("status").filter(has_text="Moda Clara asks to connect its account")
    expect(told).to_have_count(1)


def test_an_approved_request_connects_both(shown: Phone, site: Site) -> None:
    request = ask(shown, site)
    shown.button("Approve").click()
    expect(shown.page.locator("#link-told")).to_have_text("Your account at Moda Clara is connected with your card.")
    expect(shown.page.locator("#link-request")).to_be_hidden()
    assert site.read_link(request)["status"] == "approved"
    assert site.read_link(request)["customer_id"] is not None


def test_a_refused_request_connects_nothing(shown: Phone, site: Site) -> None:
    request = ask(shown, site)
    shown.button("Refuse").click()
    expect(shown.page.locator("#link-told")).to_have_text("You refused. Moda Clara is not connected.")
    assert site.read_link(request)["status"] == "refused"
    assert site.read_link(request)["customer_id"] is None


def test_the_keyboard_alone_reaches_the_answer(shown: Phone, site: Site) -> None:
    ask(shown, site)
    shown.page.locator("#card-title").focus()
    shown.page.keyboard.press("Tab")
    expect(shown.button("Approve")).to_be_focused()
    shown.page.keyboard.press("Tab")
    expect(shown.button("Refuse")).to_be_focused()
    shown.page.keyboard.press("Enter")
    expect(shown.page.locator("#link-told")).to_contain_text("You refused.")
    expect(shown.page.locator("#card-title")).to_be_focused()


def test_a_request_that_nobody_answered_goes_away(phone: Phone, shop: Shop, site: Site) -> None:
    phone.page.clock.install()
    join(phone, shop)
    ask(phone, site)
    phone.context.set_offline(True)
    phone.page.clock.fast_forward(11 * 60_000)
    expect(phone.page.locator("#link-request")).to_be_hidden()
    expect(phone.page.locator("#link-told")).to_have_text("")


def test_an_approval_that_a_person_looks_at_first_says_so(shown: Phone, site: Site) -> None:
    ask(shown, site)
    later = {"status": "approved", "linked": False, "why_not": "two accounts of one site"}
    shown.page.route("**/approve", lambda route: route.fulfill(json=later))
    shown.button("Approve").click()
    expect(shown.page.locator("#link-told")).to_contain_text("Before your account at Moda Clara is connected")


def test_a_request_that_was_answered_elsewhere_says_so(shown: Phone, site: Site) -> None:
    request = ask(shown, site)
    shown.page.route("**/shopper/v1/link-requests", lambda route: route.abort())
    refuse = "id => import('/app/static/app/api.js').then(api => api.post(`link-requests/${id}/refuse`))"
    shown.page.evaluate(refuse, request)
    shown.button("Approve").click()
    expect(shown.page.locator("#link-told")).to_contain_text("Too late: this request of Moda Clara has ended.")


def test_a_name_is_text_and_never_markup(shown: Phone, shop: Shop) -> None:
    name = "<b>Moda</b> & <img src=x onerror=alert(1)>"
    ask(shown, shop.open_site(name))
    expect(shown.page.locator("#link-what")).to_have_text(f"{name} asks to connect its account with your card")
