"""The real service, given the keys and cards of the vectors, answers a till as the vectors say."""

import base64
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete

from service.crypto import keyfile
from service.crypto.keyfile import Keys
from service.scans.models import Scan
from tests.codes.judge import VECTORS, ring
from tests.vectors.build import MIDDAY
from tests.world import World


def carry_the_cards(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.settings.keys_file
    keyfile.save(path, replace(keyfile.load(path), ring=ring()))
    world.clock.now = MIDDAY
    site = world.site()
    cards = VECTORS["test_secrets"]["cards"]
    otp_keys = {int(card["card_number"]): base64.b32decode(card["otp_key"]) for card in cards}
    monkeypatch.setattr(Keys, "otp_key_of", lambda _, number: otp_keys.get(number, bytes(20)))
    for card in cards:
        drawn = SimpleNamespace(randbits=lambda _, card_id=card["card_id"]: int(card_id, 16))
        monkeypatch.setattr("service.cards.manage.secrets", drawn)
        monkeypatch.setattr("service.cards.manage._draw_number", lambda _, number=card["card_number"]: int(number))
        assert site.shopper(card["card_number"]).card["card_id"] == card["card_id"]


def answer(world: World, case: dict[str, Any]) -> tuple[str, str | None]:
    world.clock.now = datetime.fromisoformat(case["at"])
    with world.service.db.write() as session:  # each case stands alone
        session.execute(delete(Scan))
    answered = world.till().scan(case["code"])
    assert answered.status_code == 201, answered.json
    return answered.json["outcome"], answered.json["reason"]


def test_a_till_hears_what_the_vectors_say(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    carry_the_cards(world, monkeypatch)
    for case in VECTORS["cases"]:
        expect = case["expect"]
        told = ("identified", None) if expect["accepted"] else ("refused", expect["reason"])
        assert (case["name"], *answer(world, case)) == (case["name"], *told)


def test_the_keys_that_tills_fetch_are_written_as_in_the_vectors(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_the_cards(world, monkeypatch)
    published = world.client.get("/pos/v1/keys").json["keys"]
    assert published == [key for key in VECTORS["keys"] if key["kid"] != "AQ"]  # AQ verifies no longer
