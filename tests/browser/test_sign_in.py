"""Signing in and joining with a one-time code, without any shop's site."""

import secrets
import uuid

import pytest
from playwright.sync_api import Route, expect

from tests.browser.joining import allow_card, ask_for_code, enter_code, join, new_address, prove
from tests.browser.phone import Phone
from tests.browser.shop import Shop, Site, Till

pytestmark = pytest.mark.browser


@pytest.fixture
def door(phone: Phone, shop: Shop) -> Phone:
    """A phone that has no card yet, before the app's first page."""
    phone.open(f"{shop.url}/app")
    phone.page.wait_for_selector("#contact:visible")
    return phone


def new_number() -> str:
    return f"+346{secrets.randbelow(10**8):08}"


def test_somebody_new_joins_with_an_address_and_gets_a_card(door: Phone, shop: Shop, till: Till) -> None:
    assert door.heading == "Your in-store card"
    prove(door, shop, new_address())
    expect(door.page.locator("#join-title")).to_be_visible()
    allow_card(door)
    door.wait_for_code()
    assert till.scan(door.read_qr())["outcome"] == "identified"
    expect(door.page.locator("#site")).to_have_text("")
    expect(door.page).to_have_title("Your card")


def test_a_number_typed_the_way_people_write_it_joins_too(door: Phone, shop: Shop) -> None:
    number = new_number()
    written = f" {number[3:6]} {number[6:9]} {number[9:]} "
    ask_for_code(door, written)
    expect(door.page.locator("#proof-explained")).to_contain_text(written.strip())
    enter_code(door, shop.read_code(number))
    expect(door.page.locator("#join-title")).to_be_visible()


@pytest.mark.parametrize("channel", ["marketing_email", "marketing_sms", "marketing_push"])
def test_nothing_is_ticked_beforehand_and_only_what_was_ticked_is_granted(
    door: Phone, shop: Shop, channel: str
) -> None:
    prove(door, shop, new_address())
    boxes = door.page.locator("#join-consents input")
    expect(boxes).to_have_count(5)
    assert not any(box.is_checked() for box in boxes.all())
    expect(door.page.locator("#join-consents li").first).to_contain_text("Your card needs this")
    door.page.locator(f"#join-consents input[name={channel}]").check()
    allow_card(door)
    door.wait_for_code()
    held = door.page.evaluate("import('/app/static/app/api.js').then(api => api.get('consents'))")["items"]
    granted = {item["purpose"]: item["granted"] for item in held}
    assert granted.pop("identification") is granted.pop(channel) is True
    assert set(granted.values()) == {None}


def test_who_does_not_want_to_be_recognised_gets_no_card_and_is_asked_again_when_they_like(
    door: Phone, shop: Shop
) -> None:
    prove(door, shop, new_address())
    door.page.locator("#join-form").get_by_role("button").click()
    expect(door.page.locator("#message-title")).to_have_text("No card, as you wish")
    assert not any(url.endswith("/code") for url in door.requests)
    door.button("Ask me again").click()
    allow_card(door)
    door.wait_for_code()


def test_who_is_known_signs_in_and_has_the_card_at_once(take, shop: Shop) -> None:
    site = shop.open_site("Deportes Sol", may_vouch="email,phone")
    address = new_address()
    site.send("PUT", f"/commerce/v1/accounts/{uuid.uuid4()}", verified(email=address))
    phone = take()
    phone.open(f"{shop.url}/app")
    prove(phone, shop, address)
    allow_card(phone)
    phone.wait_for_code()
    phone.page.reload()
    phone.wait_for_code()


@pytest.mark.parametrize("stays", [True, False])
def test_who_joins_sees_what_was_granted_before_and_withdraws_it_by_unticking_alone(
    take, shop: Shop, stays: bool
) -> None:
    site = shop.open_site("Deportes Sol", may_vouch="email,phone")
    address = new_address()
    customer_id = site.send("PUT", f"/commerce/v1/accounts/{uuid.uuid4()}", verified(email=address))["customer_id"]
    for purpose, granted in (("identification", False), ("marketing_sms", True), ("profiling", False)):
        said = {"purpose": purpose, "granted": granted, "text_version": "newsletter-3"}
        site.send("PUT", f"/commerce/v1/customers/{customer_id}/consents", said)
    phone = take()
    phone.open(f"{shop.url}/app")
    prove(phone, shop, address)
    expect(phone.page.locator("#join-consents input")).to_have_count(5)
    ticked = [box.get_attribute("name") for box in phone.page.locator("#join-consents input:checked").all()]
    assert ticked == ["marketing_sms"]
    phone.page.locator("#join-consents input[name=marketing_sms]").set_checked(stays)
    allow_card(phone)
    phone.wait_for_code()
    held = phone.page.evaluate("import('/app/static/app/api.js').then(api => api.get('consents'))")["items"]
    assert {item["purpose"]: (item["granted"], item["site"]) for item in held} == {
        "identification": (True, None),
        "profiling": (False, "Deportes Sol"),
        "marketing_email": (None, None),
        "marketing_sms": (True, "Deportes Sol") if stays else (False, None),
        "marketing_push": (None, None),
    }


def verified(**contacts: str) -> dict[str, object]:
    return {"identifiers": [{"kind": kind, "value": value, "verified": True} for kind, value in contacts.items()]}


def test_a_wrong_code_is_told_and_can_be_corrected(door: Phone, shop: Shop) -> None:
    address = new_address()
    ask_for_code(door, address)
    right = shop.read_code(address)
    enter_code(door, f"{(int(right) + 1) % 10**6:06}")
    expect(door.page.get_by_role("alert").filter(has_text="That isn’t the code we sent")).to_be_visible()
    expect(door.page.locator("#proof-value")).to_be_focused()
    enter_code(door, "12345")
    expect(door.page.locator("#proof-wrong")).to_have_text("The code has six digits.")
    enter_code(door, f"{right[:3]} {right[3:]}")
    expect(door.page.locator("#join-title")).to_be_visible()


def test_a_code_that_was_tried_too_often_has_ended(door: Phone, shop: Shop) -> None:
    address = new_address()
    ask_for_code(door, address)
    right = shop.read_code(address)
    for _ in range(5):
        with door.page.expect_response("**/shopper/v1/sign-in/*"):
            enter_code(door, f"{(int(right) + 1) % 10**6:06}")
        expect(door.page.locator("#proof-wrong")).to_have_text("That isn’t the code we sent. Look again.")
    enter_code(door, right)
    expect(door.page.locator("#proof-wrong")).to_contain_text("That code has ended")


def test_the_code_field_takes_what_the_phone_offers(door: Phone) -> None:
    ask_for_code(door, new_address())
    field = door.page.get_by_label("Code", exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_attribute("autocomplete", "one-time-code")
    expect(field).to_have_attribute("inputmode", "numeric")


def test_another_code_can_be_asked_for_after_a_while_and_only_the_newest_counts(door: Phone) -> None:
    page = door.page
    page.clock.install()
    ask_for_code(door, new_address())
    expect(page.locator("#proof-wait")).to_contain_text("You can have another code sent in")
    expect(door.button("Send another code")).to_be_hidden()
    page.clock.fast_forward(40_000)
    newest = str(uuid.uuid4())
    page.route("**/shopper/v1/sign-in", lambda route: answer_request(route, newest))
    door.button("Send another code").click()
    expect(page.get_by_role("status").filter(has_text="Another code is on its way")).to_be_visible()
    expect(door.button("Send another code")).to_be_hidden()
    with page.expect_request(f"**/shopper/v1/sign-in/{newest}"):
        enter_code(door, "123456")
    expect(page.locator("#proof-wrong")).to_contain_text("That code has ended")


def answer_request(route: Route, request_id: str) -> None:
    later = "2100-01-01T00:00:00Z"
    route.fulfill(status=202, json={"request_id": request_id, "expires_at": later, "resend_at": later})


def test_asking_too_often_is_told_in_words(door: Phone) -> None:
    address = new_address()
    ask_for_code(door, address)
    door.button("Correct the address or number").click()
    door.button("Send me a code").click()
    expect(door.page.locator("#contact-wrong")).to_have_text("Too many tries. Wait a minute, then try again.")


@pytest.mark.parametrize("typed", ["", "maria", "maria@", "@example.com", "12", "+34 000"])
def test_what_is_no_contact_is_told_before_anything_is_sent(door: Phone, typed: str) -> None:
    door.page.locator("#contact-value").fill(typed)
    door.button("Send me a code").click()
    expect(door.page.locator("#contact-wrong")).to_contain_text("neither an e-mail address nor a phone number")
    expect(door.page.locator("#contact-value")).to_be_focused()


def test_known_and_unknown_contacts_are_asked_the_same(door: Phone, take, shop: Shop) -> None:
    site = shop.open_site("Deportes Sol", may_vouch="email")
    known, unknown = new_address(), new_address()
    site.send("PUT", f"/commerce/v1/accounts/{uuid.uuid4()}", verified(email=known))
    ask_for_code(door, known)
    other = take()
    other.open(f"{shop.url}/app")
    ask_for_code(other, unknown)
    told = [phone.page.locator("#proof").inner_text() for phone in (door, other)]
    assert told[0].replace(known, "").splitlines()[:2] == told[1].replace(unknown, "").splitlines()[:2]


@pytest.fixture
def recycled(shop: Shop) -> tuple[str, str]:
    """A number and an address of one file: the number alone may have changed hands."""
    number, address = new_number(), new_address()
    site = shop.open_site("Deportes Sol", may_vouch="email,phone")
    site.send("PUT", f"/commerce/v1/accounts/{uuid.uuid4()}", verified(email=address, phone=number))
    return number, address


def test_a_number_that_may_have_changed_hands_needs_the_address_too(
    door: Phone, shop: Shop, recycled: tuple[str, str]
) -> None:
    number, address = recycled
    prove(door, shop, number)
    expect(door.page.locator("#contact-title")).to_have_text("One more check")
    prove(door, shop, address)
    allow_card(door)
    door.wait_for_code()
    assert contacts_of(door) == {number, address}


def test_the_new_owner_of_a_number_begins_a_file_of_their_own(
    door: Phone, shop: Shop, recycled: tuple[str, str]
) -> None:
    number, _ = recycled
    prove(door, shop, number)
    door.button("The number is new to me").click()
    door.button("Yes, the number is mine now").click()
    allow_card(door)
    door.wait_for_code()
    assert contacts_of(door) == {number}


def test_a_number_that_leads_to_nothing_else_opens_only_a_new_file(door: Phone) -> None:
    unsure = {"status": "second_proof_needed", "kind": None}
    door.page.route("**/shopper/v1/sign-in/*", lambda route: route.fulfill(json=unsure), times=1)
    ask_for_code(door, new_number())
    enter_code(door, "123456")
    expect(door.page.locator("#contact-title")).to_have_text("Is this number new to you?")
    expect(door.page.locator("#contact-value")).to_be_hidden()
    door.button("The number is new to me").press("Enter")
    door.page.keyboard.press("Escape")
    expect(door.button("The number is new to me")).to_be_focused()
    door.button("The number is new to me").click()
    with door.page.expect_request("**/shopper/v1/sign-in/*") as sent:
        door.button("Yes, the number is mine now").click()
    assert sent.value.post_data_json == {"code": "123456", "new_owner": True}


def contacts_of(phone: Phone) -> set[str]:
    items = phone.page.evaluate("import('/app/static/app/api.js').then(api => api.get('contacts'))")["items"]
    return {item["value"] for item in items}


def test_signing_in_in_one_tab_brings_the_other_along(door: Phone, shop: Shop) -> None:
    second = door.context.new_page()
    second.goto(f"{shop.url}/app")
    second.wait_for_selector("#contact:visible")
    join(door, shop)
    door.page.reload()
    door.wait_for_code()
    second.bring_to_front()
    expect(second.locator("#contact")).to_be_hidden()


def test_signing_out_ends_the_card_of_this_phone(door: Phone, shop: Shop, till: Till) -> None:
    join(door, shop)
    code = door.read_qr()
    door.button("Remove this card from this phone").click()
    expect(door.page.get_by_role("dialog")).to_contain_text("What you bought stays in your file")
    door.button("Sign out").click()
    expect(door.page.locator("#message-title")).to_have_text("Your card is no longer on this phone")
    assert till.scan(code)["reason"] == "card_unusable"
    door.button("Sign in or join").click()
    expect(door.page.locator("#contact-title")).to_be_visible()


def test_a_shops_link_says_that_it_ends_the_card_one_joined_with(phone: Phone, shop: Shop, site: Site) -> None:
    join(phone, shop)
    phone.open(site.link(f"maria-{uuid.uuid4()}"))
    expect(phone.page.locator("#ask-replaces")).to_have_text("The card that is on this phone now will end.")
    phone.button("Not now").click()
    phone.wait_for_code()
