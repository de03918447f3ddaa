import io
from datetime import datetime, timedelta

import pytest
import zxingcpp
from PIL import Image

from tests.shopper.test_cards import session_of
from tests.world import World


def test_a_code_comes_with_its_digits_and_its_times(world: World) -> None:
    world.clock.forward(seconds=7, milliseconds=250)
    shown = world.shopper().call("GET", "/shopper/v1/code")
    assert shown.status_code == 200
    assert shown.json["code"].startswith("71")
    assert shown.json["typed_code"].isdigit()
    assert len(shown.json["typed_code"]) == 18
    issued, refresh = (datetime.fromisoformat(shown.json[name]) for name in ("issued_at", "refresh_at"))
    assert issued == world.clock().replace(microsecond=0)
    assert refresh == world.clock().replace(microsecond=0) + timedelta(seconds=23)
    assert datetime.fromisoformat(shown.json["server_time"]) == world.clock()


def test_the_next_code_is_there_while_the_old_one_still_holds(world: World) -> None:
    maria, till = world.shopper(), world.till()
    old = maria.call("GET", "/shopper/v1/code").json
    world.clock.now = datetime.fromisoformat(old["refresh_at"])
    new = maria.call("GET", "/shopper/v1/code").json
    assert new["typed_code"] != old["typed_code"]
    assert till.scan(old["code"]).json["outcome"] == "identified"
    assert till.scan(new["code"]).json["outcome"] == "identified"


def test_no_two_answers_show_one_code(world: World) -> None:
    maria = world.shopper()
    assert len({maria.code() for _ in range(5)}) == 5


@pytest.mark.parametrize("address", ["code", "code.svg", "code.png"])
def test_a_code_is_never_stored_on_its_way(world: World, address: str) -> None:
    assert world.shopper().call("GET", f"/shopper/v1/{address}").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("address", ["code", "code.svg", "code.png"])
def test_while_no_key_signs_there_is_no_code(world: World, address: str) -> None:
    maria = world.shopper()
    world.clock.now = world.service.keys.ring.keys[0].signs_from - timedelta(seconds=1)
    answer = maria.call("GET", f"/shopper/v1/{address}")
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (503, "not_ready", "1")
    assert "no key signs yet" in world.client.get("/readyz").json["detail"]


@pytest.mark.parametrize("address", ["code", "code.svg", "code.png"])
def test_without_a_card_there_is_no_code(world: World, address: str) -> None:
    answer = session_of(world.site()).call("GET", f"/shopper/v1/{address}")
    assert (answer.status_code, answer.json["code"]) == (409, "card_needed")


def test_the_png_is_read_and_identifies(world: World) -> None:
    maria, till = world.shopper(), world.till()
    png = maria.call("GET", "/shopper/v1/code.png")
    assert png.content_type == "image/png"
    read = zxingcpp.read_barcodes(Image.open(io.BytesIO(png.data)))
    assert till.scan(read[0].text).json["outcome"] == "identified"


def test_the_svg_is_a_picture_and_small(world: World) -> None:
    svg = world.shopper().call("GET", "/shopper/v1/code.svg")
    assert svg.mimetype == "image/svg+xml"
    assert b"<svg" in svg.data
    assert len(svg.data) < 6_000
    assert b"script" not in svg.data
