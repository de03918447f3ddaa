"""Takes `docs/phone.png` anew: `python -m tests.browser.picture`."""

import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from tests.browser.phone import start_browser, take_phone
from tests.browser.shop import Shop, open_shop

PICTURE = Path(__file__).parents[2] / "docs" / "phone.png"
COLOURS = 128


def take_picture(shop: Shop, file: Path) -> None:
    """Photograph the phone just after a till has identified it and rung up a T-shirt."""
    with start_browser() as browser, take_phone(browser) as phone:
        phone.open_card(shop.open_site("Moda Clara").link("maria"))
        till = shop.open_till("Gran Vía")
        phone.wait_for_time(15)
        till.sell(till.scan(phone.read_qr())["scan_id"], 2500)
        expect(phone.page.locator("#items")).to_contain_text("€25.00")
        phone.page.screenshot(path=file)
    Image.open(file).quantize(COLOURS).save(file, optimize=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home, open_shop(Path(home)) as opened:
        take_picture(opened, PICTURE)
