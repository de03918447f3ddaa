from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from service.audit.models import AuditEntry
from service.consent.models import Purpose
from service.consent.texts import LANGUAGES, TEXT_VERSION, text_of
from tests.merging.people import People
from tests.world import Caller, Shopper, Site, World

SHOPPERS = "/shopper/v1/consents"
CHANNELS = tuple(purpose.value for purpose in Purpose if purpose.value.startswith("marketing_"))


def say(shopper: Shopper, granted: bool, purpose: str = "marketing_email") -> dict[str, Any]:
    shopper.world.clock.forward(seconds=1)
    answer = shopper.call("PUT", f"{SHOPPERS}/{purpose}", {"granted": granted, "text_version": TEXT_VERSION})
    assert answer.status_code == 200, answer.json
    told: dict[str, Any] = answer.json
    return told


def tell(site: Site, customer_id: str, granted: bool) -> Any:
    site.world.clock.forward(seconds=1)
    body = {"purpose": "marketing_email", "granted": granted, "text_version": "newsletter-3"}
    return site.call("PUT", f"/commerce/v1/customers/{customer_id}/consents", body)


def granted_by(caller: Caller | Site, path: str) -> dict[str, bool | None]:
    answer = caller.call("GET", path)
    assert answer.status_code == 200, answer.json
    return {item["purpose"]: item["granted"] for item in answer.json["items"]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_purpose_has_words_of_its_own(language: str) -> None:
    assert len({text_of(purpose, language) for purpose in Purpose}) == len(Purpose)


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("en", ("by e-mail", "by text message", "notifications")),
        ("es", ("correo electrónico", "SMS", "notificaciones")),
    ],
)
def test_each_channel_of_marketing_is_asked_by_its_own_name(language: str, names: tuple[str, ...]) -> None:
    for purpose, own in zip(CHANNELS, names, strict=True):
        assert [name for name in names if name in text_of(Purpose(purpose), language)] == [own]


def test_nothing_is_granted_before_it_is_asked(world: World) -> None:
    maria = world.shopper()
    items = maria.call("GET", SHOPPERS).json["items"]
    assert [item["purpose"] for item in items] == [purpose.value for purpose in Purpose]
    for item in items:
        assert (item["granted"], item["at"], item["source"]) == (None, None, None)
        assert (item["text_version"], item["text"]) == (TEXT_VERSION, text_of(Purpose(item["purpose"]), "en"))


@pytest.mark.parametrize(
    ("accepts", "language"), [("es-ES,es;q=0.9", "es"), ("fr, es;q=0.2", "es"), ("fr", "en"), ("", "en")]
)
def test_the_words_are_in_the_asked_language(world: World, accepts: str, language: str) -> None:
    answer = world.shopper().call("GET", SHOPPERS, headers={"Accept-Language": accepts})
    told = {item["purpose"]: item["text"] for item in answer.json["items"]}
    assert told == {purpose.value: text_of(purpose, language) for purpose in Purpose}
    assert answer.headers["Vary"] == "Accept-Language"


def test_a_shopper_grants_and_withdraws(world: World) -> None:
    maria = world.shopper()
    told = say(maria, True)
    assert (told["granted"], told["source"], told["text_version"]) == (True, "shopper", TEXT_VERSION)
    assert told["at"] == world.clock().isoformat().replace("+00:00", "Z")
    say(maria, True, "profiling")
    say(maria, False)
    granted = granted_by(maria, SHOPPERS)
    assert (granted["marketing_email"], granted["profiling"], granted["marketing_sms"]) == (False, True, None)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("door", ["app", "site", "operator"])
def test_what_is_said_of_one_channel_of_marketing_says_nothing_of_the_others(
    world: World, channel: str, door: str
) -> None:
    site, operator = world.site(), world.operator()
    maria = site.shopper()
    path = f"/customers/{maria.customer_id}/consents"

    def tell_of(purpose: str, granted: bool) -> None:
        if door == "app":
            say(maria, granted, purpose)
            return
        world.clock.forward(seconds=1)
        body = {"purpose": purpose, "granted": granted, "text_version": "newsletter-3"}
        caller, doors = (site, "/commerce/v1") if door == "site" else (operator, "/operator/v1")
        assert caller.call("PUT", f"{doors}{path}", body).status_code == 200

    def held() -> dict[str, bool | None]:
        granted = granted_by(maria, SHOPPERS)
        assert granted["identification"] is granted["profiling"] is None
        return {purpose: granted[purpose] for purpose in CHANNELS}

    others = [purpose for purpose in CHANNELS if purpose != channel]
    for word in (True, False):
        tell_of(channel, word)
        assert held() == {**dict.fromkeys(others), channel: word}
    for word in (True, False):
        for other in others:
            tell_of(other, not word)
        tell_of(channel, word)
        assert held() == {**dict.fromkeys(others, not word), channel: word}


def test_two_words_of_one_instant_keep_their_order(world: World) -> None:
    maria = world.shopper()
    for granted in (False, True, False, True):
        maria.call("PUT", f"{SHOPPERS}/profiling", {"granted": granted, "text_version": TEXT_VERSION})
        assert granted_by(maria, SHOPPERS)["profiling"] is granted


def test_what_was_said_before_stays_to_be_told(world: World) -> None:
    maria = world.shopper()
    for granted in (True, False, True):
        say(maria, granted)
    told = maria.call("GET", "/shopper/v1/export").json["consents"]
    assert [(one["granted"], one["text_version"]) for one in told] == [
        (granted, TEXT_VERSION) for granted in (True, False, True)
    ]


def test_old_words_are_not_agreed_to(world: World) -> None:
    maria = world.shopper()
    answer = maria.call("PUT", f"{SHOPPERS}/profiling", {"granted": True, "text_version": "2019-1"})
    assert (answer.status_code, answer.json["code"]) == (409, "text_changed")
    assert granted_by(maria, SHOPPERS)["profiling"] is None


def test_there_are_no_other_purposes(world: World) -> None:
    maria = world.shopper()
    body = {"granted": True, "text_version": TEXT_VERSION}
    assert maria.call("PUT", f"{SHOPPERS}/world_domination", body).status_code == 404


def test_a_site_passes_on_what_it_was_told(world: World) -> None:
    site = world.site("Zapatos")
    maria = site.shopper()
    answer = tell(site, maria.customer_id, True)
    assert answer.status_code == 200
    assert (answer.json["source"], answer.json["site"]) == ("site", "Zapatos")
    [told] = [item for item in maria.call("GET", SHOPPERS).json["items"] if item["granted"]]
    assert (told["purpose"], told["source"], told["site"]) == ("marketing_email", "site", "Zapatos")
    assert granted_by(site, f"/commerce/v1/customers/{maria.customer_id}/consents")["marketing_email"] is True


def test_a_shopper_reads_to_which_words_a_shop_says_they_agreed(world: World) -> None:
    shop = world.site()
    maria = shop.shopper("maria")
    tell(shop, maria.customer_id, granted=True)
    items = {item["purpose"]: item for item in maria.call("GET", SHOPPERS).json["items"]}
    told, unasked = items["marketing_email"], items["profiling"]
    assert (told["said_version"], told["source"], told["site"]) == ("newsletter-3", "site", "Web shop")
    assert (told["text_version"], unasked["text_version"], unasked["said_version"]) == (
        TEXT_VERSION,
        TEXT_VERSION,
        None,
    )


def test_the_last_word_holds_whoever_passed_it_on(world: World) -> None:
    site = world.site()
    maria = site.shopper()
    tell(site, maria.customer_id, True)
    say(maria, False)
    assert granted_by(site, f"/commerce/v1/customers/{maria.customer_id}/consents")["marketing_email"] is False


def test_a_site_reads_what_was_said_to_another_site_and_in_the_app(world: World) -> None:
    people, zapatos, libros = People(world, world.service.rules), world.site("Zapatos"), world.site("Libros")
    maria, reader = zapatos.shopper(), libros.account("maria-7")
    people.join(UUID(maria.customer_id), UUID(reader))
    tell(zapatos, maria.customer_id, True)
    say(maria, False, "profiling")
    path = f"/commerce/v1/customers/{reader}"
    held = granted_by(libros, f"{path}/consents")
    assert (held["marketing_email"], held["profiling"], held["identification"]) == (True, False, None)
    assert libros.call("GET", path).json["consents"] == held


def test_a_site_has_no_say_about_strangers(world: World) -> None:
    maria, stranger = world.shopper(), world.site("Libros")
    path = f"/commerce/v1/customers/{maria.customer_id}/consents"
    assert stranger.call("GET", path).status_code == 404
    assert tell(stranger, maria.customer_id, True).status_code == 404
    assert tell(stranger, str(uuid4()), True).status_code == 404
    assert granted_by(maria, SHOPPERS)["marketing_email"] is None


@pytest.mark.parametrize(
    "given", [{"purpose": "spam"}, {"granted": "yes"}, {"text_version": ""}, {"text_version": "a b"}, {"more": 1}]
)
def test_a_statement_that_says_nothing_is_refused(world: World, given: dict[str, Any]) -> None:
    site = world.site()
    body = {"purpose": "profiling", "granted": True, "text_version": "1", **given}
    path = f"/commerce/v1/customers/{site.account()}/consents"
    assert site.call("PUT", path, body).status_code == 422
    body = {name: value for name, value in body.items() if name != "purpose"}
    answer = world.shopper("eva").call("PUT", f"{SHOPPERS}/{given.get('purpose', 'profiling')}", body)
    assert answer.status_code == (404 if "purpose" in given else 422)


def test_a_statement_and_a_look_leave_a_line_in_the_audit(world: World) -> None:
    site = world.site()
    maria = site.shopper()
    say(maria, True)
    site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/consents?why=newsletter-81")
    with world.service.db.read() as session:
        wanted = AuditEntry.action.in_(("consent.changed", "customer.read"))
        lines = {line.action: line for line in session.scalars(select(AuditEntry).where(wanted))}
    changed, read = lines["consent.changed"], lines["customer.read"]
    assert changed.detail == {"purpose": "marketing_email", "granted": True, "text_version": TEXT_VERSION}
    assert (changed.actor_kind, read.actor_kind, read.why) == ("shopper", "site", "newsletter-81")
    assert (str(read.customer_id), str(read.actor_id)) == (maria.customer_id, site.site_id)


def test_after_a_merge_the_more_restrictive_holds_and_after_the_unmerge_each_has_their_own(world: World) -> None:
    people = People(world, world.service.rules)
    maria, carmen = world.shopper("maria", world.site("Zapatos")), world.shopper("carmen", world.site("Libros"))
    say(maria, True)
    say(carmen, False)
    merge = people.join(UUID(maria.customer_id), UUID(carmen.customer_id))
    assert granted_by(maria, SHOPPERS) == granted_by(carmen, SHOPPERS)
    assert granted_by(maria, SHOPPERS)["marketing_email"] is False
    say(maria, True)
    assert granted_by(carmen, SHOPPERS)["marketing_email"] is True
    people.undo(merge.merge_id)
    assert granted_by(maria, SHOPPERS)["marketing_email"] is True
    assert granted_by(carmen, SHOPPERS)["marketing_email"] is False


@pytest.mark.parametrize("channel", CHANNELS)
def test_after_a_merge_each_channel_of_marketing_is_weighed_by_itself(world: World, channel: str) -> None:
    people = People(world, world.service.rules)
    maria, carmen = world.shopper("maria", world.site("Zapatos")), world.shopper("carmen", world.site("Libros"))
    granted_by_both, untold = (purpose for purpose in CHANNELS if purpose != channel)
    for shopper in (maria, carmen):
        say(shopper, True, granted_by_both)
        say(shopper, shopper is carmen, channel)
    people.join(UUID(maria.customer_id), UUID(carmen.customer_id))
    wanted = {granted_by_both: True, untold: None, channel: False}
    assert {purpose: granted_by(maria, SHOPPERS)[purpose] for purpose in CHANNELS} == wanted
    say(maria, True, untold)
    wanted[untold] = True
    assert {purpose: granted_by(carmen, SHOPPERS)[purpose] for purpose in CHANNELS} == wanted


def test_what_was_said_to_a_site_follows_its_account_when_a_merge_is_undone(world: World) -> None:
    people, zapatos, libros = People(world, world.service.rules), world.site("Zapatos"), world.site("Libros")
    ours, theirs = zapatos.account("maria"), libros.account("carmen")
    merge = people.join(UUID(ours), UUID(theirs))
    canonical = str(merge.customer_id)
    assert tell(zapatos, canonical, True).status_code == tell(libros, canonical, False).status_code == 200
    people.undo(merge.merge_id)
    for site, customer_id, granted in ((zapatos, ours, True), (libros, theirs, False)):
        told = granted_by(site, f"/commerce/v1/customers/{customer_id}/consents")
        assert told["marketing_email"] is granted


def test_of_two_accounts_of_one_site_the_named_one_has_said_it(world: World) -> None:
    people, site = People(world, world.service.rules), world.site()
    ours, theirs = site.account("maria"), site.account("maria-again")
    merge = people.join(UUID(ours), UUID(theirs))
    assert tell(site, theirs, True).status_code == 200
    people.undo(merge.merge_id)
    told = [granted_by(site, f"/commerce/v1/customers/{one}/consents")["marketing_email"] for one in (ours, theirs)]
    assert told == [None, True]


def test_who_withdraws_identification_is_identified_no_more(world: World) -> None:
    maria, till = world.shopper(), world.till()
    assert till.scan(maria.code()).json["outcome"] == "identified"
    world.clock.forward(seconds=30)
    shown = maria.code()
    say(maria, granted=False, purpose="identification")
    refused = till.scan(shown).json
    assert (refused["outcome"], refused["reason"]) == ("refused", "card_unusable")
    [card] = maria.call("GET", "/shopper/v1/cards").json["items"]
    assert card["status"] == "frozen"


def test_withdrawing_something_else_leaves_the_card_as_it_is(world: World) -> None:
    maria, till = world.shopper(), world.till()
    say(maria, granted=False)
    assert till.scan(maria.code()).json["outcome"] == "identified"


@pytest.mark.parametrize("purpose", [purpose.value for purpose in Purpose if purpose is not Purpose.IDENTIFICATION])
def test_nor_does_it_keep_a_card_from_being_made_given_back_or_joined(world: World, purpose: str) -> None:
    people, site = People(world, world.service.rules), world.site()
    maria, carmen = site.shopper("maria"), world.shopper("carmen", world.site("Libros"))
    card = f"/shopper/v1/cards/{maria.card['card_id']}"
    second = Caller(world, site.call("POST", "/commerce/v1/accounts/maria/sessions", {}).json["session_token"])
    say(maria, granted=False, purpose=purpose)
    assert second.call("POST", "/shopper/v1/cards", {}).status_code == 201
    assert maria.call("POST", f"{card}/freeze", {}).json["status"] == "frozen"
    assert maria.call("POST", f"{card}/unfreeze", {}).json["status"] == "active"
    join(people, maria, carmen)
    assert cards(carmen) == ["active"] * 3


def cards(shopper: Shopper) -> list[str]:
    return [card["status"] for card in shopper.call("GET", "/shopper/v1/cards").json["items"]]


def test_after_a_merge_a_withdrawal_of_one_holds_for_the_cards_of_both_until_the_unmerge(world: World) -> None:
    people, till = People(world, world.service.rules), world.till()
    maria, carmen = world.shopper("maria", world.site("Zapatos")), world.shopper("carmen", world.site("Libros"))
    shown = maria.code()
    say(carmen, granted=False, purpose="identification")
    merge = people.join(UUID(maria.customer_id), UUID(carmen.customer_id))
    assert till.scan(shown).json["reason"] == "card_unusable"
    assert cards(maria) == ["frozen", "frozen"]
    people.undo(merge.merge_id)
    assert (cards(maria), cards(carmen)) == (["active"], ["frozen"])


def withdraw(shopper: Shopper) -> None:
    say(shopper, granted=False, purpose="identification")


def join(people: People, one: Shopper, other: Shopper) -> UUID:
    merge = people.join(UUID(one.customer_id), UUID(other.customer_id))
    assert merge.merge_id is not None
    return merge.merge_id


def test_a_withdrawal_while_two_are_one_stays_with_who_said_it_after_the_unmerge(world: World) -> None:
    people = People(world, world.service.rules)
    maria, carmen = world.shopper("maria", world.site("Zapatos")), world.shopper("carmen", world.site("Libros"))
    merge_id = join(people, maria, carmen)
    withdraw(maria)
    assert cards(carmen) == ["frozen", "frozen"]
    people.undo(merge_id)
    assert (cards(maria), cards(carmen)) == (["frozen"], ["active"])
    assert carmen.call("GET", "/shopper/v1/code").status_code == 200
    assert maria.call("GET", "/shopper/v1/code").json["code"] == "consent_withdrawn"
    for shopper, withheld in ((maria, True), (carmen, False)):
        assert [card["withheld"] for card in shopper.call("GET", "/shopper/v1/cards").json["items"]] == [withheld]


def test_a_merge_comes_after_what_was_said_before_it_whatever_the_clocks_say(world: World) -> None:
    """A grant that another machine took down, whose clock is ahead, is no word about what came of the merge."""
    people = People(world, world.service.rules)
    maria, carmen = world.shopper("maria", world.site("Zapatos")), world.shopper("carmen", world.site("Libros"))
    withdraw(carmen)
    world.clock.forward(seconds=10)
    say(maria, granted=True, purpose="identification")
    world.clock.forward(seconds=-10)
    merge_id = join(people, maria, carmen)
    assert cards(carmen) == ["frozen", "frozen"]
    people.undo(merge_id)
    assert (cards(maria), cards(carmen)) == (["active"], ["frozen"])


def test_what_is_said_after_a_merge_holds_whatever_the_clocks_say(world: World) -> None:
    people = People(world, world.service.rules)
    maria, carmen = world.shopper("maria", world.site("Zapatos")), world.shopper("carmen", world.site("Libros"))
    withdraw(carmen)
    world.clock.forward(seconds=10)
    join(people, maria, carmen)
    world.clock.forward(seconds=-10)
    say(maria, granted=True, purpose="identification")
    assert cards(carmen) == ["active", "active"]


def test_a_merge_that_was_undone_is_no_reason_why_the_next_would_be_answered_already(world: World) -> None:
    """What Maria granted in between was her own word: it says nothing of Carmen, who joins her anew."""
    people = People(world, world.service.rules)
    maria, carmen = world.shopper("maria", world.site("Zapatos")), world.shopper("carmen", world.site("Libros"))
    say(carmen, granted=False)
    people.undo(join(people, maria, carmen))
    say(maria, granted=True)
    join(people, maria, carmen)
    assert granted_by(maria, SHOPPERS)["marketing_email"] is False


def test_both_withdraw_and_an_unmerge_gives_neither_card_back(world: World) -> None:
    people = People(world, world.service.rules)
    maria, carmen = world.shopper("maria", world.site("Zapatos")), world.shopper("carmen", world.site("Libros"))
    withdraw(carmen)
    merge_id = join(people, maria, carmen)
    withdraw(maria)
    people.undo(merge_id)
    # Maria's word came while they were one; Carmen's own stands, too.
    assert (cards(maria), cards(carmen)) == (["frozen"], ["frozen"])


def test_a_withdrawal_reaches_a_chain_of_merges_and_leaves_it_with_the_edge_that_brought_it(world: World) -> None:
    people = People(world, world.service.rules)
    ana, bea, carmen = (world.shopper(name, world.site(name)) for name in ("ana", "bea", "carmen"))
    withdraw(ana)
    brought = join(people, ana, bea)
    join(people, bea, carmen)
    assert cards(carmen) == ["frozen"] * 3
    people.undo(brought)
    assert (cards(ana), cards(carmen)) == (["frozen"], ["active", "active"])


def test_who_grants_identification_again_has_their_cards_back(world: World) -> None:
    maria, till = world.shopper(), world.till()
    withdraw(maria)
    say(maria, granted=True, purpose="identification")
    assert cards(maria) == ["active"]
    assert till.scan(maria.code()).json["outcome"] == "identified"


@pytest.mark.parametrize("how", ["freeze", "not-me"])
def test_a_card_that_its_owner_freezes_while_it_is_withheld_stays_frozen_after_the_unmerge(
    world: World, how: str
) -> None:
    people, till, scan_id = People(world, world.service.rules), world.till(), str(uuid4())
    maria, carmen = world.shopper("maria", world.site("Zapatos")), world.shopper("carmen", world.site("Libros"))
    assert till.scan(maria.code(), scan_id).json["outcome"] == "identified"
    withdraw(carmen)
    merge_id = join(people, maria, carmen)
    paths = {"freeze": f"cards/{maria.card['card_id']}/freeze", "not-me": f"activity/{scan_id}/not-me"}
    assert maria.call("POST", f"/shopper/v1/{paths[how]}", {}).status_code == 200
    people.undo(merge_id)
    assert cards(maria) == ["frozen"]


def test_a_card_that_its_owner_froze_stays_frozen_after_an_unmerge(world: World) -> None:
    people = People(world, world.service.rules)
    maria, carmen = world.shopper("maria", world.site("Zapatos")), world.shopper("carmen", world.site("Libros"))
    maria.call("POST", f"/shopper/v1/cards/{maria.card['card_id']}/freeze", {})
    world.clock.forward(seconds=1)
    say(carmen, granted=False, purpose="identification")
    people.undo(people.join(UUID(maria.customer_id), UUID(carmen.customer_id)).merge_id)
    assert cards(maria) == ["frozen"]


def test_who_has_withdrawn_identification_gets_no_card_and_no_card_back(world: World) -> None:
    site = world.site()
    maria = site.shopper()
    unfreeze = f"/shopper/v1/cards/{maria.card['card_id']}/unfreeze"
    second = Caller(world, site.call("POST", "/commerce/v1/accounts/maria/sessions", {}).json["session_token"])
    say(maria, granted=False, purpose="identification")
    for caller, path in ((second, "/shopper/v1/cards"), (maria, unfreeze)):
        refused = caller.call("POST", path, {})
        assert (refused.status_code, refused.json["code"]) == (409, "consent_withdrawn")
    assert maria.call("POST", "/shopper/v1/cards", {}).status_code == 200, "she is told of the card that she has"
    assert cards(maria) == ["frozen"]
    say(maria, granted=True, purpose="identification")
    assert maria.call("POST", unfreeze, {}).json["status"] == "active"
    assert second.call("POST", "/shopper/v1/cards", {}).status_code == 201
