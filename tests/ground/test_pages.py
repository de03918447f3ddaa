"""README.md and docs/: what they point to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_points_to_is_there(page: Path) -> None:
    aims = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    assert [aim for aim in aims if "://" not in aim and not (page.parent / aim).exists()] == []


@pytest.mark.parametrize(("name", "picture"), [("README.md", "docs/phone.png"), ("docs/identity.md", "identity.svg")])
def test_the_pages_that_are_to_show_a_picture_do(name: str, picture: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert re.findall(r'!\[[^\]]+\]\(([^)]+)\)|<img src="([^"]+)"', text) in ([(picture, "")], [("", picture)])
    assert (ROOT / name).parent.joinpath(picture).exists()
