"""My data: contacts, connected shops, consents, who looked, the copy of everything, and its end."""

import json
import secrets
import uuid
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import TakePhone
from tests.browser.joining import allow_card, join, new_address, open_data, prove
from tests.browser.phone import Phone
from tests.browser.shop import Shop, Site, Till

pytestmark = pytest.mark.browser


@pytest.fixture
def member(phone: Phone, shop: Shop) -> str:
    """Somebody who joined by themselves and looks at their data; their address."""
    address = join(phone, shop)
    open_data(phone)
    return address


def row(phone: Phone, text: str) -> Locator:
    return phone.page.get_by_role("listitem").filter(has_text=text)


def read(phone: Phone, path: str) -> Any:
    return phone.page.evaluate("path => import('/app/static/app/api.js').then(api => api.get(path))", path)


def test_the_way_to_my_data_and_back_is_an_address(phone: Phone, shop: Shop) -> None:
    join(phone, shop)
    open_data(phone)
    assert phone.page.url == f"{shop.url}/app#data"
    expect(phone.page.locator("#data-title")).to_be_focused()
    phone.page.go_back()
    phone.wait_for_code()
    phone.page.go_forward()
    expect(phone.page.locator("#data")).to_be_visible()
    phone.page.reload()
    expect(phone.page.locator("#data")).to_be_visible()
    phone.page.get_by_role("link", name="Back to my card").click()
    phone.wait_for_code()


def test_a_shop_that_opened_the_card_is_connected_and_named(phone: Phone, site: Site) -> None:
    phone.open_card(site.link(f"maria-{uuid.uuid4()}"))
    open_data(phone)
    expect(phone.page.locator("#accounts li")).to_contain_text("Since")
    expect(phone.page.locator("#site")).to_have_text("Moda Clara")


def test_a_contact_is_added_with_its_code_and_removed(phone: Phone, shop: Shop, member: str) -> None:
    other = new_address()
    expect(row(phone, member)).to_contain_text("Confirmed")
    phone.button("Add an address or number").click()
    prove(phone, shop, other)
    expect(phone.page.get_by_role("status").filter(has_text="The contact is yours now.")).to_be_visible()
    row(phone, other).get_by_role("button", name=f"Remove: {other}").click()
    expect(phone.page.get_by_role("dialog")).to_contain_text(f"You can’t sign in with {other} any more.")
    phone.button("Remove it").click()
    expect(row(phone, other)).to_have_count(0)
    expect(row(phone, member)).to_be_visible()


def test_the_only_way_in_is_not_removed(phone: Phone, member: str) -> None:
    row(phone, member).get_by_role("button", name="Remove").click()
    phone.button("Remove it").click()
    expect(phone.page.locator("#data-told")).to_contain_text("This is the only contact that you can sign in with")
    expect(row(phone, member)).to_be_visible()


def test_a_number_of_another_file_is_added_only_by_its_new_owner(phone: Phone, shop: Shop, member: str) -> None:
    number = f"+346{secrets.randbelow(10**8):08}"
    known = [{"kind": "email", "value": new_address()}, {"kind": "phone", "value": number}]
    vouching = shop.open_site("Deportes Sol", may_vouch="email,phone")
    vouched = {"identifiers": [item | {"verified": True} for item in known]}
    vouching.send("PUT", f"/commerce/v1/accounts/jordi-{uuid.uuid4()}", vouched)
    phone.button("Add an address or number").click()
    prove(phone, shop, number)
    expect(phone.page.locator("#contact-title")).to_have_text("This number is in another file")
    phone.button("The number is new to me").click()
    phone.button("Yes, the number is mine now").click()
    expect(row(phone, number)).to_contain_text("Confirmed")
    assert {item["value"] for item in read(phone, "contacts")["items"]} == {member, number}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"status": "linked"}, "The account is connected with your card."),
        ({"status": "pending"}, "Before the account is connected, a person looks at it."),
    ],
)
def test_what_comes_of_an_account_is_told(phone: Phone, planted: Site, answer: dict[str, str], told: str) -> None:
    phone.page.route("**/accounts/*/confirm", lambda route: route.fulfill(json=answer))
    phone.page.get_by_role("button", name="Yes, it’s mine: Moda Clara").click()
    expect(phone.page.locator("#data-told")).to_contain_text(told)


def test_a_contact_that_a_shop_typed_is_proved_from_the_list(phone: Phone, shop: Shop, site: Site) -> None:
    account, address = f"maria-{uuid.uuid4()}", new_address()
    phone.open_card(site.link(account))
    site.send("PUT", f"/commerce/v1/accounts/{account}", {"identifiers": [{"kind": "email", "value": address}]})
    open_data(phone)
    expect(row(phone, address)).to_contain_text("Not confirmed yet")
    row(phone, address).get_by_role("button", name="Confirm it").click()
    expect(phone.page.locator("#contact-value")).to_have_value(address)
    prove(phone, shop, address)
    expect(row(phone, address)).to_contain_text("Confirmed")


def test_a_contact_that_only_a_shop_verified_is_not_said_to_be_confirmed_by_the_shopper(
    phone: Phone, shop: Shop
) -> None:
    vouching, account, address = (
        shop.open_site("Deportes Luna", may_vouch="email"),
        f"maria-{uuid.uuid4()}",
        new_address(),
    )
    phone.open_card(vouching.link(account))
    verified = {"kind": "email", "value": address, "verified": True}
    vouching.send("PUT", f"/commerce/v1/accounts/{account}", {"identifiers": [verified]})
    open_data(phone)
    expect(row(phone, address)).to_contain_text("Confirmed")
    expect(row(phone, address)).not_to_contain_text("by you")


@pytest.fixture
def planted(phone: Phone, shop: Shop, site: Site) -> Site:
    """A shop where somebody typed the address of a shopper who joins afterwards; My data is open."""
    address = new_address()
    typed = {"identifiers": [{"kind": "email", "value": address}]}
    site.send("PUT", f"/commerce/v1/accounts/maria-{uuid.uuid4()}", typed)
    phone.open(f"{shop.url}/app")
    prove(phone, shop, address)
    allow_card(phone)
    phone.wait_for_code()
    open_data(phone)
    expect(phone.page.get_by_role("heading", name="Is this yours?")).to_be_visible()
    return site


def test_an_account_that_is_confirmed_is_connected(phone: Phone, planted: Site) -> None:
    phone.page.get_by_role("button", name="Yes, it’s mine: Moda Clara").click()
    expect(phone.page.locator("#data-told")).to_have_text("The account is connected with your card.")
    expect(phone.page.locator("#to-confirm")).to_be_hidden()
    expect(phone.page.locator("#accounts")).to_contain_text("Moda Clara")
    phone.page.get_by_role("button", name="Disconnect: Moda Clara").click()
    phone.button("Disconnect it").click()
    expect(phone.page.locator("#data-told")).to_have_text("The shop is disconnected.")
    expect(phone.page.locator("#accounts-none")).to_be_visible()


def test_accounts_that_one_answer_decides_are_one_row(phone: Phone, shop: Shop, planted: Site) -> None:
    waiting = [
        {"identifier_id": str(uuid.uuid4()), "site": {"name": name}, "since": "2026-11-20T10:00:00Z"}
        | {"status": "to_confirm", "proposal_id": proposal_id}
        for name, proposal_id in (("Zapatos", "p1"), ("Beta", "p2"), ("Gamma", "p1"))
    ]
    phone.page.route("**/shopper/v1/accounts", lambda route: route.fulfill(json={"items": waiting}))
    phone.page.reload()
    rows = phone.page.locator("#accounts-to-confirm > li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Zapatos and Gamma")
    expect(phone.page.get_by_role("button", name="Yes, it’s mine: Zapatos and Gamma")).to_have_count(1)


def test_an_account_that_is_refused_stays_apart(phone: Phone, planted: Site) -> None:
    phone.page.get_by_role("button", name="No, it isn’t: Moda Clara").click()
    expect(phone.page.locator("#data-told")).to_have_text("The account is not yours, and stays apart.")
    expect(phone.page.locator("#to-confirm")).to_be_hidden()
    assert read(phone, "accounts")["items"] == []


@pytest.fixture
def second(take: TakePhone, shop: Shop, phone: Phone) -> Phone:
    """Another phone, with a card that a shop opened; its owner signed in by themselves looks at My data on the first.

    A shop that opens a card on a phone has a session of its own for it, too.
    """
    vouching, account, address = (
        shop.open_site("Deportes Mar", may_vouch="email"),
        f"maria-{uuid.uuid4()}",
        new_address(),
    )
    verified = {"identifiers": [{"kind": "email", "value": address, "verified": True}]}
    vouching.send("PUT", f"/commerce/v1/accounts/{account}", verified)
    other = take()
    other.open_card(vouching.link(account))
    phone.open(f"{shop.url}/app")
    prove(phone, shop, address)
    allow_card(phone)
    phone.wait_for_code()
    open_data(phone)
    expect(phone.page.locator("#sessions li")).to_have_count(3)
    return other


def test_a_card_that_is_open_elsewhere_is_ended_there(phone: Phone, second: Phone, till: Till) -> None:
    code = second.read_qr()
    here, elsewhere = row(phone, "this phone"), phone.page.locator("#sessions li").nth(1)
    expect(here).to_contain_text("Signed in by yourself")
    expect(here.get_by_role("button")).to_have_count(0)
    end = elsewhere.get_by_role("button", name="End: Deportes Mar, Opened just now")
    end.click()
    expect(phone.page.get_by_role("dialog")).to_contain_text("The card there stops working at once")
    assert phone.find_barriers() == ""
    phone.button("Cancel").click()
    expect(phone.page.locator("#sessions li")).to_have_count(3)
    end.press("Enter")
    phone.button("End it").press("Enter")
    expect(phone.page.locator("#data-told")).to_have_text("It has ended there.")
    expect(phone.page.locator("#sessions li")).to_have_count(2)
    expect(second.page.locator("#message-title")).to_have_text("Your card on this phone has ended")
    assert till.scan(code)["outcome"] == "refused"


def test_all_other_phones_are_signed_out_at_once(phone: Phone, second: Phone) -> None:
    phone.button("End all others").click()
    phone.button("End them all").click()
    expect(phone.page.locator("#data-told")).to_have_text("Your card is open on this phone alone.")
    expect(row(phone, "this phone")).to_be_visible()
    expect(phone.page.locator("#sessions li")).to_have_count(1)
    expect(phone.page.locator("#end-others")).to_be_hidden()
    expect(second.page.locator("#message-title")).to_have_text("Your card on this phone has ended")


def test_a_card_that_a_shop_opened_ends_none_that_its_owner_did(phone: Phone, second: Phone) -> None:
    open_data(second)
    row(second, "Signed in by yourself").get_by_role("button").click()
    second.button("End it").click()
    expect(second.page.locator("#data-told")).to_contain_text("A shop opened this card for you.")
    phone.page.get_by_role("link", name="Back to my card").click()
    phone.wait_for_code()


def test_a_consent_is_given_and_withdrawn_by_its_switch(phone: Phone, member: str) -> None:
    switch = phone.page.get_by_role("switch", name="Send me news and offers by text message.")
    expect(switch).not_to_be_checked()
    offers = row(phone, "by text message")
    expect(offers).to_contain_text("Not answered yet")
    switch.press("Space")
    expect(offers).to_contain_text("Allowed on")
    switch.press("Space")
    expect(offers).to_contain_text("Not allowed since")
    (held,) = (item for item in read(phone, "consents")["items"] if item["purpose"] == "marketing_sms")
    assert held["granted"] is False


SAID = {None: "Not answered yet", True: "Allowed on {}", False: "Not allowed since {}"}
CHANNELS = {
    "marketing_email": "Send me news and offers by e-mail.",
    "marketing_sms": "Send me news and offers by text message.",
    "marketing_push": "Send me news and offers as notifications on my phone.",
}


def shown_consents(phone: Phone) -> list[tuple[str, bool, str]]:
    """What stands under My data, line by line: what may be done, whether it is allowed, and who said so when."""
    return [
        (
            line.locator(".what").inner_text(),
            line.get_by_role("switch").is_checked(),
            line.locator(".where").inner_text(),
        )
        for line in phone.page.locator("#consents li").all()
    ]


def held_consents(phone: Phone) -> list[tuple[str, bool, str]]:
    """The same, as the service holds it."""
    day = "at => import('/app/static/app/words.js').then(words => words.day(at))"
    lines = []
    for item in read(phone, "consents")["items"]:
        said = SAID[item["granted"]].format(item["at"] and phone.page.evaluate(day, item["at"]))
        by = f", told us by {item['site']}" if item["site"] else ""
        lines.append((item["text"], item["granted"] is True, said + by))
    return lines


def test_every_consent_is_shown_as_it_stands_with_its_day_and_the_shop_that_told_it(phone: Phone, site: Site) -> None:
    account = f"maria-{uuid.uuid4()}"
    phone.open_card(site.link(account))
    customer_id = site.send("PUT", f"/commerce/v1/accounts/{account}", {})["customer_id"]
    for purpose, granted in (("marketing_email", True), ("marketing_sms", False), ("profiling", True)):
        said = {"purpose": purpose, "granted": granted, "text_version": "newsletter-3"}
        site.send("PUT", f"/commerce/v1/customers/{customer_id}/consents", said)
    open_data(phone)
    expect(phone.page.locator("#consents li")).to_have_count(5)
    assert shown_consents(phone) == held_consents(phone)
    told = [line for line in shown_consents(phone) if line[2].endswith(", told us by Moda Clara")]
    assert [allowed for _, allowed, _ in told] == [True, True, False]


def test_the_switch_of_one_channel_of_marketing_moves_that_one_alone(phone: Phone, member: str) -> None:
    held: dict[str, bool | None] = dict.fromkeys(CHANNELS)
    for granted in (True, False):
        for purpose, name in CHANNELS.items():
            phone.page.get_by_role("switch", name=name).press("Space")
            expect(row(phone, name)).to_contain_text(SAID[granted].format(""))
            held[purpose] = granted
            told = {item["purpose"]: item["granted"] for item in read(phone, "consents")["items"]}
            assert {channel: told[channel] for channel in CHANNELS} == held
            assert shown_consents(phone) == held_consents(phone)
    phone.page.reload()
    expect(phone.page.locator("#consents li")).to_have_count(5)
    assert shown_consents(phone) == held_consents(phone)


def test_a_consent_that_a_shop_passed_on_names_the_shop(phone: Phone, site: Site) -> None:
    account = f"maria-{uuid.uuid4()}"
    phone.open_card(site.link(account))
    customer_id = site.send("PUT", f"/commerce/v1/accounts/{account}", {})["customer_id"]
    said = {"purpose": "marketing_sms", "granted": True, "text_version": "newsletter-3"}
    site.send("PUT", f"/commerce/v1/customers/{customer_id}/consents", said)
    open_data(phone)
    offers = row(phone, "by text message")
    expect(offers).to_contain_text("told us by Moda Clara")
    offers.get_by_role("switch").press("Space")
    expect(offers).not_to_contain_text("Moda Clara")


def test_who_lets_no_till_know_them_reads_why_there_is_no_code_and_has_it_back_with_the_consent(
    phone: Phone, site: Site
) -> None:
    phone.open_card(site.link(f"maria-{uuid.uuid4()}"))
    for granted in (True, False, True):
        open_data(phone)
        switch = phone.page.get_by_role("switch", name="Recognise me in the store")
        switch.set_checked(granted)
        expect(row(phone, "Recognise me in the store")).to_contain_text(
            "Allowed on" if granted else "Not allowed since"
        )
        phone.page.go_back()
        expect(phone.page.locator("#frozen")).to_be_visible(visible=not granted)
        expect(phone.page.locator("#code")).to_be_visible(visible=granted)
        if not granted:
            expect(phone.page.locator("#frozen")).to_contain_text("You have said that no till may know you.")
            expect(phone.page.locator("#unfreeze")).to_be_hidden()
            assert phone.find_barriers() == ""


def test_a_consent_that_was_not_taken_down_is_not_shown_as_given(phone: Phone, member: str) -> None:
    phone.page.route("**/consents/marketing_sms", lambda route: route.abort())
    switch = phone.page.get_by_role("switch", name="Send me news and offers by text message.")
    switch.click()
    expect(phone.page.locator("#data-told")).to_contain_text("That didn’t work.")
    expect(switch).not_to_be_checked()


def test_the_shopper_reads_who_looked_and_why_page_by_page(phone: Phone, site: Site) -> None:
    phone.open_card(site.link(f"maria-{uuid.uuid4()}"))
    (customer,) = read(phone, "export")["files"]
    for _ in range(12):
        site.send("GET", f"/commerce/v1/customers/{customer['customer_id']}?why=order+4711")
    open_data(phone)
    phone.page.get_by_text("Who saw and changed my file").click()
    looked = row(phone, "Moda Clara: read your file")
    expect(looked).to_have_count(10)
    expect(looked.first).to_contain_text("just now · order 4711")
    phone.page.locator("#looks").get_by_role("button", name="Show more").click()
    expect(looked).to_have_count(12)


def test_the_copy_of_everything_is_a_file_that_can_be_read(phone: Phone, member: str) -> None:
    phone.page.get_by_text("A copy of everything").click()
    with phone.page.expect_download() as downloading:
        phone.button("Download my data").click()
    assert downloading.value.suggested_filename == "my-data.json"
    text = Path(downloading.value.path()).read_text()
    assert text.startswith("{\n")
    assert member in {item["value"] for item in json.loads(text)["identifiers"]}


def test_erasing_is_asked_twice_and_ends_with_a_goodbye(phone: Phone, shop: Shop, member: str, till: Till) -> None:
    phone.page.get_by_role("link", name="Back to my card").click()
    phone.wait_for_code()
    code = phone.read_qr()
    open_data(phone)
    phone.page.get_by_text("Erase everything").click()
    phone.button("Erase my file").click()
    expect(phone.page.get_by_role("dialog")).to_contain_text("What stays: the sales")
    phone.button("Go on").click()
    expect(phone.page.get_by_role("dialog")).to_contain_text("Nobody can bring it back")
    phone.button("Erase everything for good").click()
    expect(phone.page.locator("#message-title")).to_have_text("Your file is erased")
    assert phone.page.url == f"{shop.url}/app"
    assert [cookie["name"] for cookie in phone.context.cookies()] == []
    assert till.scan(code)["outcome"] == "refused"
    phone.page.reload()
    expect(phone.page.locator("#contact")).to_be_visible()


@pytest.mark.parametrize("yeses", [0, 1])
def test_nothing_is_erased_before_the_second_yes(phone: Phone, member: str, yeses: int) -> None:
    phone.page.get_by_text("Erase everything").click()
    phone.button("Erase my file").click()
    for _ in range(yeses):
        phone.button("Go on").click()
        expect(phone.button("Erase everything for good")).to_be_visible()
    phone.button("Cancel").click()
    expect(phone.page.get_by_role("dialog")).to_be_hidden()
    assert not any(url.endswith("/erase") for url in phone.requests)


def test_my_data_follows_the_language(phone: Phone, member: str) -> None:
    phone.button("Español").click()
    expect(phone.page.locator("#data-title")).to_have_text("Mis datos")
    expect(phone.page.get_by_role("switch", name="Enviadme novedades y ofertas por SMS.")).to_be_visible()
    expect(row(phone, member)).to_contain_text("Confirmado")


def test_a_session_that_ended_elsewhere_says_so(phone: Phone, member: str) -> None:
    phone.context.clear_cookies()
    phone.page.get_by_role("switch").first.click()
    expect(phone.page.locator("#message-title")).to_have_text("Your card on this phone has ended")
    phone.button("Sign in or join").click()
    expect(phone.page.locator("#contact")).to_be_visible()


def test_my_data_without_a_connection_says_so_and_comes_back_by_itself(phone: Phone, shop: Shop) -> None:
    join(phone, shop)
    phone.page.route("**/shopper/v1/**", lambda route: route.abort())
    phone.page.get_by_role("link", name="My data").click()
    expect(phone.page.locator("#message-title")).to_have_text("No connection")
    phone.page.unroute_all()
    expect(phone.page.locator("#data-title")).to_be_focused()


def test_signing_out_leaves_nothing_on_the_phone(phone: Phone, shop: Shop, member: str) -> None:
    phone.button("Sign out on this phone").click()
    phone.button("Sign out").click()
    expect(phone.page.locator("#message-title")).to_have_text("Your card is no longer on this phone")
    expect(phone.page.get_by_role("link", name="My data")).to_be_hidden()
    assert phone.page.url == f"{shop.url}/app"
