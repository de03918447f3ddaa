"""Browser tests run where Chromium is; with UNSPOKEN_REQUIRE_BROWSER=1 a missing Chromium is a failure."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.phone import CHROMIUM, Phone, start_browser, take_phone
from tests.browser.shop import Shop, Site, Till, open_shop

if CHROMIUM is None and os.environ.get("UNSPOKEN_REQUIRE_BROWSER") != "1":
    # All but what looks at the files alone.
    collect_ignore = [path.name for path in Path(__file__).parent.glob("test_*.py") if path.name != "test_page.py"]

TakePhone = Callable[..., Phone]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with start_browser() as started:
        yield started


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as opened:
        yield opened


@pytest.fixture(scope="session")
def site(shop: Shop) -> Site:
    return shop.open_site("Moda Clara")


@pytest.fixture(scope="session")
def till(shop: Shop) -> Till:
    return shop.open_till("Gran Vía")


@pytest.fixture
def take(browser: Browser, shop: Shop) -> Iterator[TakePhone]:
    """Take a phone; at the end, none may have complained or have talked to anybody but the service."""
    phones: list[Phone] = []
    with ExitStack() as stack:

        def take_one(**options: Any) -> Phone:
            phones.append(stack.enter_context(take_phone(browser, **options)))
            return phones[-1]

        yield take_one
        for phone in phones:
            strangers = [url for url in phone.requests if not url.startswith((shop.url, "about:"))]
            assert strangers == []
            assert phone.complaints == []


@pytest.fixture
def phone(take: TakePhone) -> Phone:
    return take()
