"""What a shopper does to sign in or join, in the tests that begin after that."""

import uuid

from tests.browser.phone import Phone
from tests.browser.shop import Shop


def new_address() -> str:
    """An e-mail address that nobody has used yet."""
    return f"maria-{uuid.uuid4().hex}@example.com"


def ask_for_code(phone: Phone, contact: str) -> None:
    """Type a contact, and wait until its code is asked for."""
    phone.page.locator("#contact-value").fill(contact)
    phone.button("Send me a code").click()
    phone.page.wait_for_selector("#proof:visible")


def enter_code(phone: Phone, code: str) -> None:
    """Type a code and go on."""
    phone.page.locator("#proof-value").fill(code)
    phone.page.locator("#proof-value").press("Enter")


def prove(phone: Phone, shop: Shop, contact: str) -> None:
    """Prove a contact with the code that is sent to it."""
    ask_for_code(phone, contact)
    enter_code(phone, shop.read_code(contact))


def allow_card(phone: Phone) -> None:
    """Allow what a card needs, and nothing else."""
    phone.page.locator("#join-consents input[name=identification]").check()
    phone.page.locator("#join-form").get_by_role("button").click()


def join(phone: Phone, shop: Shop) -> str:
    """Join with a new e-mail address, which is returned, and wait for the first code."""
    address = new_address()
    phone.open(f"{shop.url}/app")
    prove(phone, shop, address)
    allow_card(phone)
    phone.wait_for_code()
    return address


def open_data(phone: Phone) -> None:
    """Go from the card to My data."""
    phone.page.get_by_role("link", name="My data").click()
    phone.page.wait_for_selector("#data:visible")
