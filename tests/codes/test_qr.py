import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from xml.etree import ElementTree

import pytest
import zxingcpp
from PIL import Image

from service.codes import issued, qr, typed
from tests.codes.judge import ring

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SIDE, QUIET = 37, 4
WHOLE = SIDE + 2 * QUIET
SVG = "{http://www.w3.org/2000/svg}"


def code(card_id: int = 7) -> str:
    return issued.issue(card_id, key=ring().keys[1], now=NOW, nonce=bytes(8))


def paths(svg: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(svg).findall(f"{SVG}path")


def rasterised(svg: str, *, scale: int = 4) -> Image.Image:
    """Fill the dark path's rectangles, as a browser does."""
    side = int(ElementTree.fromstring(svg).attrib["viewBox"].split()[2])
    picture = Image.new("L", (side * scale, side * scale), 255)
    drawing = paths(svg)[1].attrib["d"]
    steps = re.findall(r"m(-?\d+) (-?\d+)h(\d+)v1h-(\d+)z", drawing)
    assert "".join(f"m{x} {y}h{right}v1h-{left}z" for x, y, right, left in steps) == drawing
    x = y = 0
    for across, down, right, left in steps:
        assert right == left
        x, y = x + int(across), y + int(down)
        picture.paste(0, (x * scale, y * scale, (x + int(right)) * scale, (y + 1) * scale))
    return picture


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("L")


def decoded(picture: Image.Image) -> zxingcpp.Barcode:
    [barcode] = zxingcpp.read_barcodes(picture)
    return barcode


@pytest.mark.parametrize("draw", [lambda text: opened(qr.draw_png(text)), lambda text: rasterised(qr.draw_svg(text))])
def test_a_drawn_code_is_read_back_as_a_plain_qr_code_of_level_l(draw: Callable[[str], Image.Image]) -> None:
    for card_id in range(20):
        text = code(card_id)
        barcode = decoded(draw(text))
        assert barcode.text == text
        assert barcode.symbology_identifier == "]Q1"
        assert barcode.ec_level == "L"


def test_svg_and_png_are_the_same_modules() -> None:
    text = code()
    assert rasterised(qr.draw_svg(text), scale=8).tobytes() == opened(qr.draw_png(text)).tobytes()


def module(picture: Image.Image, column: int, row: int) -> int:
    """1 for a dark module of the symbol, counted without the quiet zone."""
    scale = picture.width // WHOLE
    return int(picture.getpixel(((column + QUIET) * scale, (row + QUIET) * scale)) == 0)


def unmasked_bits(picture: Image.Image, places: list[tuple[int, int]]) -> int:
    """Read modules as a number; mask 0 turns those whose row and column make an even sum."""
    bits = 0
    for row, column in places:
        bits = 2 * bits + (module(picture, column, row) ^ ((row + column) % 2 == 0))
    return bits


def test_an_issued_code_is_version_5_with_four_quiet_modules_around() -> None:
    picture = opened(qr.draw_png(code()))
    scale = picture.width // WHOLE
    assert picture.size == (WHOLE * 8, WHOLE * 8)
    dark = picture.point(lambda level: 255 - level).getbbox()
    assert dark == (QUIET * scale, QUIET * scale, (WHOLE - QUIET) * scale, (WHOLE - QUIET) * scale)


def test_the_content_is_one_numeric_segment_of_248_digits() -> None:
    # ISO/IEC 18004 section 7.7.3: bits go up the two right-most columns first. Version 5-L is one block.
    last = SIDE - 1
    places = [(row, column) for row in range(last, last - 7, -1) for column in (last, last - 1)]
    bits = unmasked_bits(opened(qr.draw_png(code())), places)
    assert bits >> 10 == 0b0001  # the mode: numeric
    assert bits & 0x3FF == 248  # ten bits of length


def test_an_svg_is_small_and_has_one_dark_path_on_its_own_white_ground() -> None:
    for card_id in range(50):
        svg = qr.draw_svg(code(card_id))
        ground, dark = paths(svg)
        assert len(svg) < 6_000
        assert ElementTree.fromstring(svg).attrib["viewBox"] == f"0 0 {WHOLE} {WHOLE}"
        assert ground.attrib == {"fill": "#fff", "d": f"M0 0h{WHOLE}v{WHOLE}H0z"}
        assert "fill" not in dark.attrib


def test_a_typed_code_can_be_drawn_too() -> None:
    text = typed.write(123456789, otp_key=bytes(20), now=NOW)[:17]
    assert decoded(rasterised(qr.draw_svg(text))).text == text


@pytest.mark.parametrize("width", [100, 75])
def test_a_small_clean_picture_is_read(width: int) -> None:
    for card_id in range(20):
        text = code(card_id)
        small = opened(qr.draw_png(text)).resize((width, width), Image.Resampling.BOX)
        assert decoded(small).text == text


def test_drawing_takes_milliseconds() -> None:
    def fastest(draw: Callable[[str], object]) -> float:
        spans = []
        for _ in range(7):
            start = perf_counter()
            draw(text)
            spans.append(perf_counter() - start)
        return min(spans)

    text = code()
    assert fastest(qr.draw_svg) < 0.020
    assert fastest(qr.draw_png) < 0.020
