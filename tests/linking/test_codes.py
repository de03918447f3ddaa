"""The code that a site sends is judged and spent like a scan at a till."""

from typing import Any

import pytest
from sqlalchemy import select

from service.cards.models import Card
from service.customers.models import NO_ISSUER
from service.scans.models import Scan
from tests.linking.requests import ask, asked, refusal
from tests.world import Shopper, Site, World


def wrong(typed_code: str, by: int = 1) -> str:
    """Return a typed code of 17 digits with another OTP."""
    return typed_code[:11] + f"{(int(typed_code[11:17]) + by) % 1_000_000:06d}"


@pytest.mark.parametrize("shown", ["code", "typed_code"])
def test_a_code_that_a_site_sent_is_spent_for_every_till(
    world: World, outlet: Site, maria: Shopper, shown: str
) -> None:
    codes = maria.call("GET", "/shopper/v1/code").json
    asked(outlet, codes[shown])
    assert refusal(ask(outlet, codes["code"])) == "already_used"
    for code in (codes["code"], codes["typed_code"]):
        assert world.till().scan(code).json["reason"] == "already_used"


def test_a_code_that_a_till_scanned_is_spent_for_every_site(world: World, outlet: Site, maria: Shopper) -> None:
    codes = maria.call("GET", "/shopper/v1/code").json
    world.till().scan(codes["code"])
    assert refusal(ask(outlet, codes["code"])) == refusal(ask(outlet, codes["typed_code"])) == "already_used"
    assert maria.call("GET", "/shopper/v1/link-requests").json["items"] == []


@pytest.mark.parametrize(
    "code", ["", "7", "71", "hello", "72" + "1" * 300, "74" + "1" * 39, "71" + "1" * 246, "73" + "1" * 16]
)
def test_what_is_no_code_is_malformed(outlet: Site, code: str) -> None:
    assert refusal(ask(outlet, code)) == "malformed"


@pytest.mark.parametrize("shown", ["code", "typed_code"])
def test_an_old_code_is_refused(world: World, outlet: Site, maria: Shopper, shown: str) -> None:
    code = maria.call("GET", "/shopper/v1/code").json[shown]
    world.clock.forward(seconds=61)
    assert refusal(ask(outlet, code)) == ("too_old" if shown == "code" else "wrong_otp")


def test_a_code_from_the_future_is_refused(world: World, outlet: Site, maria: Shopper) -> None:
    code = maria.code()
    world.clock.forward(seconds=-31)
    assert refusal(ask(outlet, code)) == "not_yet_valid"


def test_a_forged_code_is_refused(outlet: Site, maria: Shopper) -> None:
    code = maria.code()
    assert refusal(ask(outlet, code[:-1] + str((int(code[-1]) + 1) % 10))) == "bad_signature"


@pytest.mark.parametrize("end", ["freeze", "revoke"])
def test_an_unusable_card_asks_nothing(world: World, outlet: Site, maria: Shopper, end: str) -> None:
    code, card = maria.code(), f"/shopper/v1/cards/{maria.card['card_id']}"
    ended = maria.call("DELETE", card) if end == "revoke" else maria.call("POST", f"{card}/freeze", {})
    assert ended.status_code < 300
    assert refusal(ask(outlet, code)) == "card_unusable"


def test_a_card_that_is_gone_asks_nothing(world: World, outlet: Site, maria: Shopper) -> None:
    code = maria.code()
    with world.service.db.write() as session:
        session.delete(session.scalars(select(Card)).one())
    assert refusal(ask(outlet, code)) == "card_unusable"


def test_the_third_wrong_otp_of_a_card_makes_the_site_wait_for_that_card_only(
    world: World, outlet: Site, maria: Shopper
) -> None:
    typed = maria.typed_code()
    for by in (1, 2, 3):
        assert refusal(ask(outlet, wrong(typed, by))) == "wrong_otp"
    assert refusal(ask(outlet, typed)) == "too_many_tries", "even the right digits wait now"
    other = world.site("Third")
    other.account("mary")
    assert ask(other, typed).status_code == 201, "nobody locks a stranger out"


def test_twenty_wrong_otps_an_hour_end_a_sites_typed_codes_and_no_others(
    world: World, outlet: Site, maria: Shopper
) -> None:
    for number in range(20):
        assert refusal(ask(outlet, f"73{100_000_000 + number}000000")) == "wrong_otp"
    assert refusal(ask(outlet, maria.typed_code())) == "too_many_tries"
    assert ask(outlet, maria.code()).status_code == 201
    world.clock.forward(hours=1)
    assert ask(outlet, maria.typed_code()).status_code == 201


def test_a_wrong_otp_at_a_till_does_not_count_against_a_site(world: World, outlet: Site, maria: Shopper) -> None:
    till, typed = world.till(), maria.typed_code()
    for by in (1, 2, 3):
        till.scan(wrong(typed, by))
    assert ask(outlet, typed).status_code == 201


def test_a_spent_code_is_no_scan_of_any_store(world: World, outlet: Site, maria: Shopper) -> None:
    shop = world.site("Third")
    noor = shop.shopper("noor")
    asked(outlet, noor.code())
    assert noor.call("GET", "/shopper/v1/activity").json["items"] == []
    assert shop.call("GET", f"/commerce/v1/customers/{noor.customer_id}/scans").json["items"] == []
    with world.service.db.read() as session:
        (row,) = session.scalars(select(Scan))
    assert (str(row.terminal_id), row.store_id, row.outcome) == (outlet.site_id, NO_ISSUER, "identified")
    assert noor.call("POST", f"/shopper/v1/activity/{row.id}/not-me", {}).status_code == 404
    assert "unspoken_scans_total{" not in world.client.get("/metrics").text


def test_no_sale_is_linked_to_a_code_that_a_site_spent(world: World, outlet: Site, maria: Shopper) -> None:
    asked(outlet, maria.code())
    with world.service.db.read() as session:
        scan_id = str(session.scalars(select(Scan.id)).one())
    assert world.till().sell(scan_id).json["link"] == "pending"
    assert maria.call("GET", "/shopper/v1/activity").json["items"] == []


@pytest.mark.parametrize("body", [{}, {"code": 7}, {"code": "7" * 1_001}, {"code": "7", "force": True}], ids=str)
def test_a_bad_body_is_pointed_at(outlet: Site, body: Any) -> None:
    answer = outlet.call("POST", "/commerce/v1/accounts/mary/link-requests", body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_body")
