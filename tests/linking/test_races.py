"""Real races for a code between a site and the tills, and for one decision: both databases."""

from collections import Counter
from uuid import uuid4

from tests.linking.requests import asked
from tests.scans.arena import Arena, Shot
from tests.world import Caller, Shopper, Site

TILLS = 10
ROUNDS = 10


def ask(site: Site, code: str) -> Shot:
    path = "/commerce/v1/accounts/mary/link-requests"
    return Shot(Caller(site.world, site.secret_key), "POST", path, {"code": code})


def decide(shopper: Shopper, verb: str, link_request_id: str) -> Shot:
    return Shot(shopper, "POST", f"/shopper/v1/link-requests/{link_request_id}/{verb}", {})


def test_of_a_site_and_ten_tills_that_race_for_one_code_exactly_one_gets_it(arena: Arena) -> None:
    store, shop, outlet = arena.store(), arena.site("Web shop"), arena.site("Outlet")
    outlet.account("mary")
    tills = [arena.till(store) for _ in range(TILLS)]
    for number in range(ROUNDS):
        shown = shop.shopper(str(uuid4())).call("GET", "/shopper/v1/code").json
        scans = [Shot(till, "PUT", f"/pos/v1/scans/{uuid4()}", {"code": shown["code"]}) for till in tills]
        code = shown["typed_code"] if number % 2 else shown["code"]
        replies = arena.at_once([*scans[:5], ask(outlet, code), ask(outlet, code), *scans[5:]])
        asks, scanned = replies[5:7], replies[:5] + replies[7:]
        won = [reply.status_code == 201 for reply in asks]
        won += [reply.json["outcome"] == "identified" for reply in scanned]
        assert Counter(won)[True] == 1
        assert {reply.json["code"] for reply in asks if reply.status_code != 201} <= {"code_refused"}


def test_a_request_approved_and_refused_at_once_is_decided_once(arena: Arena) -> None:
    shop = arena.site("Web shop")
    for _ in range(5):
        outlet, maria = arena.site("Outlet"), shop.shopper(str(uuid4()))
        outlet.account("mary")
        ident = asked(outlet, maria.code())
        verbs = ["approve", "refuse"] * 5
        replies = arena.at_once([decide(maria, verb, ident) for verb in verbs])
        assert Counter(reply.status_code for reply in replies) == {200: 1, 409: 9}
        (verb,) = (verb for verb, reply in zip(verbs, replies, strict=True) if reply.status_code == 200)
        told = outlet.call("GET", f"/commerce/v1/link-requests/{ident}").json
        assert (told["status"], told["customer_id"] is None) == (f"{verb}d", verb == "refuse")


def test_wrong_otps_of_a_site_at_once_are_never_more_than_twenty_guesses(arena: Arena) -> None:
    outlet = arena.site("Outlet")
    outlet.account("mary")
    guesses = [f"73{100_000_000 + number:09d}{number:06d}" for number in range(50)]
    replies = arena.at_once([ask(outlet, guess) for guess in guesses])
    reasons = Counter(reply.json["errors"][0]["detail"].partition(":")[0] for reply in replies)
    assert reasons == {"wrong_otp": 20, "too_many_tries": 30}
