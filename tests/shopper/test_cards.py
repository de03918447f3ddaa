import base64
import re
import secrets
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import delete, select

from service.cards.models import CardNumber
from service.crypto import keyfile
from tests.shopper.phone import Phone
from tests.world import Shopper, Site, World


def session_of(site: Site, account_id: str = "maria") -> Shopper:
    """A session without a card."""
    customer_id = site.account(account_id)
    opened = site.call("POST", f"/commerce/v1/accounts/{account_id}/sessions", {}).json
    return Shopper(site.world, opened["session_token"], customer_id)


def cards(shopper: Shopper) -> list[dict[str, Any]]:
    listed = shopper.call("GET", "/shopper/v1/cards").json
    assert listed["next_cursor"] is None
    items: list[dict[str, Any]] = listed["items"]
    return items


def test_a_new_card_shows_its_otp_key_once(world: World) -> None:
    maria = session_of(world.site())
    first, second = (maria.call("POST", "/shopper/v1/cards", {}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert re.fullmatch(r"88\d{7}", first.json["card_number"])
    assert len(base64.b32decode(first.json["otp_key"])) == 20
    assert first.json["otp"] == {"algorithm": "SHA1", "digits": 6, "period": 30}
    assert "otp_key" not in second.json
    assert second.json == {key: value for key, value in first.json.items() if key not in ("otp_key", "otp")}


def test_the_otp_key_makes_the_typed_code(world: World) -> None:
    maria, till = world.shopper(), world.till()
    otp = pyotp.TOTP(maria.card["otp_key"]).at(world.clock())
    assert maria.typed_code()[:17] == f"73{maria.card['card_number']}{otp}"
    assert till.scan(f"73{maria.card['card_number']}{otp}").json["outcome"] == "identified"


def test_each_session_has_a_card_of_its_own(world: World) -> None:
    site = world.site()
    phone, tablet = site.shopper(), site.shopper()
    assert phone.card["card_number"] != tablet.card["card_number"]
    assert {card["card_id"] for card in cards(phone)} == {phone.card["card_id"], tablet.card["card_id"]}
    assert [card["card_id"] for card in cards(phone) if card["this_session"]] == [phone.card["card_id"]]


def test_cards_are_listed_newest_first(world: World) -> None:
    site, made = world.site(), []
    for _ in range(3):
        shopper = site.shopper()
        made.append(shopper.card["card_id"])
        world.clock.forward(seconds=1)
    assert [card["card_id"] for card in cards(shopper)] == made[::-1]


def test_no_list_shows_an_otp_key(world: World) -> None:
    maria = world.shopper()
    assert maria.card["otp_key"] not in maria.call("GET", "/shopper/v1/cards").text


def test_a_card_number_that_is_taken_gives_way_to_one_of_another_kind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = world.site()
    taken = site.shopper().card["card_number"]
    drawn = SimpleNamespace(
        token_bytes=secrets.token_bytes,
        randbits=secrets.randbits,
        choice=lambda prefixes: int(taken[:2]) if int(taken[:2]) in prefixes else secrets.choice(prefixes),
        randbelow=lambda _: int(taken[2:]),
    )
    monkeypatch.setattr("service.cards.manage.secrets", drawn)
    assert re.fullmatch(rf"(8[1246]|9[1-9]){taken[2:]}", site.shopper().card["card_number"])


def test_the_number_of_an_erased_card_is_never_given_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Her phone may still have its OTP key, which is the number's."""
    site = world.site()
    erased = site.shopper("erased")
    number = erased.card["card_number"]
    assert erased.call("POST", "/shopper/v1/erase", {"confirm": "erase"}).status_code == 204
    drawn = iter([int(number), 887654321])
    monkeypatch.setattr("service.cards.manage._draw_number", lambda _: next(drawn))
    assert site.shopper("another").card["card_number"] == "887654321"


def test_a_card_of_before_numbers_were_kept_keeps_its_number(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    site = world.site()
    number = site.shopper().card["card_number"]
    with world.service.db.write() as session:
        session.execute(delete(CardNumber))
    drawn = iter([int(number), 887654321])
    monkeypatch.setattr("service.cards.manage._draw_number", lambda _: next(drawn))
    assert site.shopper("another").card["card_number"] == "887654321"


def test_what_is_kept_of_a_number_tells_it_to_nobody_without_the_key_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([887654321, 887654322])
    monkeypatch.setattr("service.cards.manage._draw_number", lambda _: next(drawn))
    site, vault = world.site(), world.service.keys.vault
    numbers = [site.shopper(account_id).card["card_number"] for account_id in ("maria", "jose")]
    assert numbers == ["887654321", "887654322"]
    with world.service.db.read() as session:
        kept = set(session.scalars(select(CardNumber.digest)))
    assert kept == {vault.digest(number.encode(), context="card_numbers.digest") for number in numbers}
    other = replace(vault, sealing_key=bytes(32))
    assert kept.isdisjoint(other.digest(number.encode(), context="card_numbers.digest") for number in numbers)


def test_an_otp_key_belongs_to_its_number_and_to_the_key_file(world: World) -> None:
    maria, keys = world.shopper(), world.service.keys
    info = b"cards.otp_key:" + maria.card["card_number"].encode()
    expanded = HKDFExpand(SHA256(), length=20, info=info).derive(keys.otp_root)
    assert base64.b32decode(maria.card["otp_key"]) == expanded


def test_a_rotation_after_a_compromise_ends_the_otp_keys_that_phones_hold(world: World) -> None:
    maria, till, path = world.shopper(), world.till(), world.settings.keys_file
    for at_once, told in ((False, "identified"), (True, "refused")):
        keyfile.save(path, keyfile.rotate(keyfile.load(path), world.clock(), at_once=at_once))
        held = pyotp.TOTP(maria.card["otp_key"]).at(world.clock())
        assert till.scan(f"73{maria.card['card_number']}{held}").json["outcome"] == told
        world.clock.forward(minutes=1)
    assert till.scan(maria.typed_code()).json["outcome"] == "identified", "the phone that asks has the new one"


def test_a_card_that_was_frozen_and_then_revoked_is_told_as_revoked(world: World) -> None:
    maria, till = world.shopper(), world.till()
    code, path = maria.typed_code(), f"/shopper/v1/cards/{maria.card['card_id']}"
    maria.call("POST", f"{path}/freeze", {})
    maria.call("DELETE", path)
    assert till.scan(code).json["reason"] == "card_unusable"
    assert maria.call("GET", "/shopper/v1/activity").json["items"][0]["reason"] == "card_revoked"


def test_a_revoked_card_makes_room_for_a_new_one(world: World) -> None:
    maria, till = world.shopper(), world.till()
    old_code, path = maria.code(), f"/shopper/v1/cards/{maria.card['card_id']}"
    assert maria.call("DELETE", path).status_code == 204
    assert maria.call("GET", "/shopper/v1/code").json["code"] == "card_needed"
    again = maria.call("POST", "/shopper/v1/cards", {})
    assert again.status_code == 201
    assert again.json["card_number"] != maria.card["card_number"]
    assert [card["status"] for card in cards(maria)].count("revoked") == 1
    assert till.scan(old_code).json["reason"] == "card_unusable"
    assert till.scan(maria.code()).json["outcome"] == "identified"


def test_revoking_twice_is_no_fault(world: World) -> None:
    maria = world.shopper()
    for _ in range(2):
        assert maria.call("DELETE", f"/shopper/v1/cards/{maria.card['card_id']}").status_code == 204


def test_a_frozen_card_is_refused_until_it_is_unfrozen(world: World) -> None:
    maria, till = world.shopper(), world.till()
    path, code = f"/shopper/v1/cards/{maria.card['card_id']}", maria.code()
    frozen = maria.call("POST", f"{path}/freeze", {})
    assert (frozen.status_code, frozen.json["status"]) == (200, "frozen")
    assert till.scan(code).json["reason"] == "card_unusable"
    assert till.scan(f"{maria.card['card_number']}").json["reason"] == "malformed"
    for address in ("code", "code.svg", "code.png"):
        answer = maria.call("GET", f"/shopper/v1/{address}")
        assert (answer.status_code, answer.json["code"]) == (409, "card_frozen")
    thawed = maria.call("POST", f"{path}/unfreeze", {})
    assert (thawed.status_code, thawed.json["status"]) == (200, "active")
    assert till.scan(maria.code()).json["outcome"] == "identified"


def test_freezing_and_unfreezing_twice_is_no_fault(world: World) -> None:
    maria = world.shopper()
    for verb in ("freeze", "freeze", "unfreeze", "unfreeze"):
        assert maria.call("POST", f"/shopper/v1/cards/{maria.card['card_id']}/{verb}", {}).status_code == 200


def test_what_is_done_to_a_card_twice_was_done_the_first_time(world: World) -> None:
    maria = world.shopper()
    path = f"/shopper/v1/cards/{maria.card['card_id']}"
    for method, verb, name in (("POST", "/freeze", "frozen_at"), ("DELETE", "", "revoked_at")):
        moments = []
        for _ in range(2):
            world.clock.forward(seconds=1)
            assert maria.call(method, path + verb, {} if verb else None).status_code in (200, 204)
            moments.append(maria.call("GET", "/shopper/v1/export").json["cards"][0][name])
        assert moments[0] == moments[1] is not None


def test_a_revoked_card_can_be_neither_frozen_nor_unfrozen(world: World) -> None:
    maria = world.shopper()
    path = f"/shopper/v1/cards/{maria.card['card_id']}"
    maria.call("DELETE", path)
    for verb in ("freeze", "unfreeze"):
        answer = maria.call("POST", f"{path}/{verb}", {})
        assert (answer.status_code, answer.json["code"]) == (409, "card_revoked")
    assert cards(maria)[0]["status"] == "revoked"


def test_a_shopper_may_freeze_a_card_on_another_phone_of_theirs(world: World) -> None:
    site = world.site()
    lost, kept = site.shopper(), site.shopper()
    assert kept.call("POST", f"/shopper/v1/cards/{lost.card['card_id']}/freeze", {}).status_code == 200
    assert lost.call("GET", "/shopper/v1/code").json["code"] == "card_frozen"
    assert kept.call("GET", "/shopper/v1/code").status_code == 200


@pytest.mark.parametrize(("method", "verb"), [("DELETE", ""), ("POST", "/freeze"), ("POST", "/unfreeze")])
def test_nobody_touches_another_shoppers_card(world: World, method: str, verb: str) -> None:
    site = world.site()
    maria, nuria = site.shopper("maria"), site.shopper("nuria")
    answer = nuria.call(method, f"/shopper/v1/cards/{maria.card['card_id']}{verb}", {} if verb else None)
    unknown = nuria.call(method, f"/shopper/v1/cards/{'0' * 16}{verb}", {} if verb else None)
    assert answer.status_code == 404
    assert answer.json == unknown.json, "whether there is such a card isn't told"
    assert cards(maria)[0]["status"] == "active"


@pytest.mark.parametrize("card_id", ["1", "g" * 16, "f" * 16, "0" * 17, "-000000000000001", "٠" * 16, "A" * 16])
def test_a_card_id_that_can_not_be_one_is_not_found(world: World, card_id: str) -> None:
    assert world.shopper().call("DELETE", f"/shopper/v1/cards/{card_id}").status_code == 404


def test_a_web_session_has_a_card_like_any_other(world: World) -> None:
    phone, till = Phone(world).open(world.site()), world.till()
    assert till.scan(phone.code()).json["outcome"] == "identified"
