"""The API's own page, read by people: on any screen, light and dark, in a screen reader."""

import pytest

from tests.browser.shop import Shop

pytestmark = pytest.mark.browser

SCREENS = {"small": {"width": 320, "height": 568}, "desktop": {"width": 1280, "height": 800}}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_in_the_docs(take, shop: Shop, scheme: str, screen: str) -> None:
    phone = take(color_scheme=scheme, viewport=SCREENS[screen], device_scale_factor=1)
    phone.open(f"{shop.url}/docs")
    for part in phone.page.locator("details").all()[::15]:
        part.evaluate("part => { part.open = true; }")
    assert phone.find_barriers() == ""


@pytest.mark.parametrize("screen", SCREENS)
def test_the_docs_leave_no_screen(take, shop: Shop, screen: str) -> None:
    phone = take(viewport=SCREENS[screen], device_scale_factor=1)
    phone.open(f"{shop.url}/docs")
    phone.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= SCREENS[screen]["width"]
