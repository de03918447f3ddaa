"""A receipt's claim code: out of the address at once, never in one again, and told in words."""

import pytest
from playwright.sync_api import expect

from tests.browser.joining import allow_card, join, new_address, prove
from tests.browser.phone import Phone
from tests.browser.shop import Shop, Till, mint_claim

pytestmark = pytest.mark.browser

OTHERS = "740" + "0" * 38


def test_the_digits_leave_the_address_before_anything_is_asked(phone: Phone, shop: Shop) -> None:
    seen: list[str] = []
    phone.page.route("**/shopper/v1/session", lambda route: (seen.append(phone.page.url), route.continue_()))
    phone.open(f"{shop.url}/app#claim={mint_claim()}")
    expect(phone.page.locator("#contact-title")).to_have_text("Make this purchase yours")
    assert seen == [f"{shop.url}/app"]


def test_the_digits_are_in_no_address_no_history_and_no_store(phone: Phone, shop: Shop, till: Till) -> None:
    code = mint_claim()
    till.sell_to_nobody(code, 2500)
    phone.open(f"{shop.url}/app#claim={code}")
    prove(phone, shop, new_address())
    expect(phone.page.locator("#message-title")).to_have_text("This purchase is yours")
    kept = phone.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    assert kept == f'[{{}},{{}},"","{shop.url}/app"]'
    assert [url for url in phone.requests if code in url.partition("#")[0]] == []
    phone.page.goto("about:blank#next")
    phone.page.go_back()
    phone.page.wait_for_selector("#join:visible")
    assert phone.page.url == f"{shop.url}/app"


def test_a_purchase_of_nobody_is_theirs_who_joins_with_its_receipt(phone: Phone, shop: Shop, till: Till) -> None:
    code = mint_claim()
    assert till.sell_to_nobody(code, 2500)["link"] == "unidentified"
    phone.open(f"{shop.url}/app#claim={code}")
    prove(phone, shop, new_address())
    expect(phone.page.locator("#message-text")).to_have_text("Gran Vía, €25.00. You find it in your activity.")
    phone.button("Continue").click()
    allow_card(phone)
    phone.wait_for_code()
    expect(phone.page.locator("#items")).to_contain_text("Purchase: €25.00")


def test_who_has_a_card_claims_at_once_in_the_tab_that_is_open(phone: Phone, shop: Shop, till: Till) -> None:
    join(phone, shop)
    code = mint_claim()
    till.sell_to_nobody(code, 1990)
    phone.page.goto(f"{shop.url}/app#claim={code}")
    expect(phone.page.locator("#message-text")).to_contain_text("Gran Vía, €19.90")
    assert phone.page.url == f"{shop.url}/app"
    phone.button("Continue").click()
    phone.wait_for_code()


def test_a_receipt_that_the_till_has_not_sent_yet_waits(phone: Phone, shop: Shop, till: Till) -> None:
    join(phone, shop)
    code = mint_claim()
    phone.open(f"{shop.url}/app#claim={code}")
    expect(phone.page.locator("#message-title")).to_have_text("This purchase will be yours")
    till.sell_to_nobody(code, 2500)
    phone.button("Continue").click()
    expect(phone.page.locator("#items")).to_contain_text("Purchase: €25.00")


def test_a_receipt_that_somebody_else_claimed_is_refused_in_words(phone: Phone, take, shop: Shop, till: Till) -> None:
    code = mint_claim()
    till.sell_to_nobody(code, 2500)
    for someone in (phone, take()):
        join(someone, shop)
        someone.open(f"{shop.url}/app#claim={code}")
    expect(phone.page.locator("#message-title")).to_have_text("This purchase is yours")
    expect(someone.page.locator("#message-title")).to_have_text("This purchase already belongs to somebody")
    someone.button("Continue").click()
    someone.wait_for_code()


@pytest.mark.parametrize("digits", ["74", "73" + "0" * 39, "74" + "9" * 39, "12x"])
def test_digits_that_are_no_claim_code_are_told_at_once(phone: Phone, shop: Shop, digits: str) -> None:
    phone.open(f"{shop.url}/app#claim={digits}")
    expect(phone.page.locator("#message-title")).to_have_text("This is not a receipt’s code")
    phone.button("Continue").click()
    expect(phone.page.locator("#contact-title")).to_have_text("Your in-store card")


def test_a_sixth_receipt_of_a_day_is_refused_in_words(phone: Phone, shop: Shop) -> None:
    join(phone, shop)
    for _ in range(6):
        phone.open(f"{shop.url}/app#claim={mint_claim()}")
        expect(phone.page.locator("#message-title")).to_be_visible()
    expect(phone.page.locator("#message-title")).to_have_text("Enough receipts for today")


@pytest.mark.parametrize(
    ("status", "code", "title"),
    [
        (409, "not_claimable", "This purchase can’t be claimed"),
        (409, "too_late", "It is too late for this purchase"),
        (422, "invalid_body", "This is not a receipt’s code"),
    ],
)
def test_other_refusals_are_told_in_words(phone: Phone, shop: Shop, status: int, code: str, title: str) -> None:
    join(phone, shop)
    phone.page.route("**/shopper/v1/claims", lambda route: route.fulfill(status=status, json={"code": code}))
    phone.open(f"{shop.url}/app#claim={OTHERS}")
    expect(phone.page.locator("#message-title")).to_have_text(title)


def test_without_connection_the_claim_can_be_tried_again(phone: Phone, shop: Shop, till: Till) -> None:
    join(phone, shop)
    code = mint_claim()
    till.sell_to_nobody(code, 2500)
    phone.page.route("**/shopper/v1/claims", lambda route: route.abort(), times=1)
    phone.open(f"{shop.url}/app#claim={code}")
    phone.button("Try again").click()
    expect(phone.page.locator("#message-title")).to_have_text("This purchase is yours")


def test_what_is_no_claim_code_is_refused_by_the_service_itself(phone: Phone, shop: Shop) -> None:
    join(phone, shop)
    phone.open(f"{shop.url}/app#claim=123")
    expect(phone.page.locator("#message-title")).to_have_text("This is not a receipt’s code")


def test_a_receipt_is_not_forgotten_when_one_signs_in_in_another_tab(phone: Phone, shop: Shop, till: Till) -> None:
    code = mint_claim()
    till.sell_to_nobody(code, 2500)
    phone.open(f"{shop.url}/app#claim={code}")
    phone.page.wait_for_selector("#contact:visible")
    other = Phone(phone.context, phone.context.new_page())
    join(other, shop)
    expect(phone.page.locator("#message-title")).to_have_text("This purchase is yours")
