import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from service.crypto import keyfile
from service.customers.models import IdentifierKind
from service.errors import NotAuthorised
from service.proof.models import OneTimeCode, ProofPurpose
from service.proof.request import Contact, Wanted, hash_code, message_context, request_code
from service.proof.sign_in import sign_in
from service.proof.verify import Attempt, Proved, prove
from service.purge import purge
from service.sessions.models import ShopperSession
from tests.proof.people import EMAIL, PHONE, Inbox, Maria, at_once, contact_of, give
from tests.shopper.phone import Phone
from tests.world import World

OTHER = "nuria@example.com"


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def test_asking_for_a_code_tells_when_it_ends_and_when_to_ask_again(maria: Maria, world: World) -> None:
    asked = maria.call("POST", "sign-in", contact_of(EMAIL))
    assert asked.status_code == 202
    assert set(asked.json) == {"request_id", "expires_at", "resend_at"}
    assert datetime.fromisoformat(asked.json["expires_at"]) == world.clock() + timedelta(minutes=10)
    assert datetime.fromisoformat(asked.json["resend_at"]) == world.clock() + timedelta(seconds=30)


def test_a_code_has_six_digits_and_lets_its_reader_in(maria: Maria, inbox: Inbox) -> None:
    request_id = maria.ask(EMAIL)
    code = inbox.code(EMAIL)
    assert re.fullmatch(r"\d{6}", code)
    assert maria.enter(request_id, code).json["status"] == "signed_in"


def test_a_code_is_one_of_a_million_that_all_have_six_digits(
    maria: Maria, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "randbelow", {10**6: 42}.__getitem__)
    maria.ask(EMAIL)
    assert inbox.code(EMAIL) == "000042"


def test_a_code_is_good_once(maria: Maria, inbox: Inbox) -> None:
    request_id = maria.ask(EMAIL)
    code = inbox.code(EMAIL)
    assert maria.enter(request_id, code).status_code == 200
    again = maria.enter(request_id, code)
    assert (again.status_code, again.json["code"]) == (401, "code_expired")


def test_a_code_raced_by_many_lets_one_in(world: World, maria: Maria, inbox: Inbox) -> None:
    request_id = maria.ask(EMAIL)
    code = inbox.code(EMAIL)

    def enter(_: int) -> int:
        return Phone(world).call("POST", f"/shopper/v1/sign-in/{request_id}", {"code": code}).status_code

    assert sorted(at_once(world, enter, range(4))) == [200, 401, 401, 401]


def test_of_two_who_entered_a_code_before_either_was_let_in_one_is(world: World, maria: Maria, inbox: Inbox) -> None:
    attempt = Attempt(UUID(maria.ask(EMAIL)), inbox.code(EMAIL), ProofPurpose.SIGN_IN)
    first, second = (
        prove(world.service.db, attempt, vault=world.service.keys.vault, now=world.clock()) for _ in "12"
    )

    def let_in(proved: Proved) -> None:
        with world.service.db.write() as session:
            sign_in(session, world.service.keystore, proved, rules=world.service.rules, now=world.clock())

    let_in(first)
    with pytest.raises(NotAuthorised):
        let_in(second)


def test_a_wrong_code_says_how_many_tries_are_left(maria: Maria, inbox: Inbox) -> None:
    request_id = maria.ask(EMAIL)
    bad = wrong(inbox.code(EMAIL))
    told = [maria.enter(request_id, bad) for _ in range(5)]
    assert {(answer.status_code, answer.json["code"]) for answer in told} == {(401, "wrong_code")}
    said = [answer.json["detail"].rpartition("; ")[2] for answer in told]
    assert said[0] == "4 tries left"
    assert said[3:] == ["1 try left", "no tries left: ask for a new code"]


def test_after_five_wrong_codes_the_right_one_is_too_late(maria: Maria, inbox: Inbox) -> None:
    request_id = maria.ask(EMAIL)
    code = inbox.code(EMAIL)
    for _ in range(5):
        maria.enter(request_id, wrong(code))
    refused = maria.enter(request_id, code)
    assert (refused.status_code, refused.json["code"]) == (401, "code_expired")


def test_guesses_at_the_same_time_are_counted_one_by_one(world: World, maria: Maria, inbox: Inbox) -> None:
    request_id = maria.ask(EMAIL)
    bad = wrong(inbox.code(EMAIL))

    def guess(_: int) -> str:
        answer = Phone(world).call("POST", f"/shopper/v1/sign-in/{request_id}", {"code": bad})
        code: str = answer.json["code"]
        return code

    told = sorted(at_once(world, guess, range(12)))
    assert told == ["code_expired"] * 7 + ["wrong_code"] * 5


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 401)])
def test_a_code_lives_ten_minutes(world: World, maria: Maria, inbox: Inbox, seconds: int, status: int) -> None:
    request_id = maria.ask(EMAIL)
    code = inbox.code(EMAIL)
    world.clock.forward(seconds=seconds)
    assert maria.enter(request_id, code).status_code == status


@pytest.mark.parametrize(("seconds", "status"), [(29, 429), (30, 202)])
def test_a_code_is_sent_again_after_thirty_seconds(world: World, maria: Maria, seconds: int, status: int) -> None:
    maria.ask(EMAIL)
    world.clock.forward(seconds=seconds)
    again = maria.call("POST", "sign-in", contact_of(EMAIL))
    assert again.status_code == status
    if status == 429:
        assert (again.json["code"], again.headers["Retry-After"]) == ("rate_limited", "1")


def test_a_contact_is_sent_five_codes_an_hour(world: World, maria: Maria) -> None:
    for _ in range(5):
        maria.ask(EMAIL)
        world.clock.forward(minutes=2)
    refused = maria.call("POST", "sign-in", contact_of(EMAIL))
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(50 * 60))
    assert maria.call("POST", "sign-in", contact_of(OTHER)).status_code == 202, "another contact is not kept waiting"
    world.clock.forward(minutes=50)
    assert maria.call("POST", "sign-in", contact_of(EMAIL)).status_code == 202


def test_asking_at_the_same_time_is_counted_one_by_one(world: World) -> None:
    def ask(_: int) -> int:
        return Phone(world).call("POST", "/shopper/v1/sign-in", contact_of(EMAIL)).status_code

    assert sorted(at_once(world, ask, range(8))) == [202] + [429] * 7


def test_other_ways_to_write_a_contact_are_the_same_contact(maria: Maria) -> None:
    maria.ask(PHONE)
    assert maria.call("POST", "sign-in", {"kind": "phone", "value": "600 12 34 56"}).status_code == 429
    maria.ask(EMAIL)
    assert maria.call("POST", "sign-in", {"kind": "email", "value": " Maria@EXAMPLE.com"}).status_code == 429


def test_a_rotated_index_key_forgets_no_code(world: World, maria: Maria) -> None:
    path = world.settings.keys_file
    for number in range(5):
        if number == 3:
            keyfile.save(path, keyfile.rotate_index(keyfile.load(path), world.clock(), at_once=True))
        maria.ask(EMAIL)
        world.clock.forward(seconds=30)
    assert maria.call("POST", "sign-in", contact_of(EMAIL)).status_code == 429


@pytest.mark.parametrize(
    ("kind", "value"),
    [("email", "maria"), ("email", "maria@"), ("phone", "12"), ("phone", "maria@example.com"), ("email", "6001")],
)
def test_a_contact_that_is_none_is_told_so(maria: Maria, kind: str, value: str) -> None:
    refused = maria.call("POST", "sign-in", {"kind": kind, "value": value})
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_body")
    assert [error["pointer"] for error in refused.json["errors"]] == ["/value"]
    assert value not in refused.json["errors"][0]["detail"].split()


@pytest.mark.parametrize("code", ["12345", "1234567", "12345a", "", "１２３４５６"])
def test_what_can_not_be_a_code_costs_no_try(maria: Maria, inbox: Inbox, code: str) -> None:
    request_id = maria.ask(EMAIL)
    for _ in range(6):
        assert maria.enter(request_id, code).status_code == 422
    assert maria.enter(request_id, inbox.code(EMAIL)).status_code == 200


def test_a_request_that_nobody_made_is_like_one_that_expired(maria: Maria) -> None:
    refused = maria.enter(str(uuid4()), "123456")
    assert (refused.status_code, refused.json["code"]) == (401, "code_expired")


def test_a_code_to_add_a_contact_signs_nobody_in(maria: Maria, inbox: Inbox) -> None:
    maria.sign_in()
    asked = maria.call("POST", "contacts", contact_of(OTHER)).json
    assert maria.enter(asked["request_id"], inbox.code(OTHER)).json["code"] == "code_expired"


def test_a_code_to_sign_in_adds_no_contact(maria: Maria, inbox: Inbox) -> None:
    maria.sign_in()
    request_id = maria.ask(OTHER)
    refused = maria.call("POST", f"contacts/{request_id}", {"code": inbox.code(OTHER)})
    assert (refused.status_code, refused.json["code"]) == (401, "code_expired")


def test_a_code_is_good_for_what_it_was_asked_for_alone(world: World, maria: Maria, inbox: Inbox) -> None:
    maria.sign_in()
    request_id = UUID(maria.call("POST", "contacts", contact_of(OTHER)).json["request_id"])
    with world.service.db.read() as session:
        asked_in = session.get_one(OneTimeCode, request_id).session_id
    attempt = Attempt(request_id, inbox.code(OTHER), ProofPurpose.SIGN_IN, asked_in)
    with pytest.raises(NotAuthorised):
        prove(world.service.db, attempt, vault=world.service.keys.vault, now=world.clock())


def test_a_session_that_has_just_ended_asks_for_no_code(world: World, maria: Maria) -> None:
    maria.sign_in()
    with world.service.db.write() as session:
        ended = session.scalars(select(ShopperSession)).one()
        ended.ended_at = world.clock()
        session.flush()
        wanted = Wanted(Contact(IdentifierKind.EMAIL, OTHER), ProofPurpose.ADD_CONTACT, "en", ended.id)
        with pytest.raises(NotAuthorised):
            request_code(session, wanted, vault=world.service.keys.vault, now=world.clock())


def test_a_kept_code_can_not_be_tried_out_without_the_keys_nor_told_from_another_requests() -> None:
    vault, other = (keyfile.create(datetime.now(UTC)).vault for _ in "12")
    request_id = uuid4()
    kept = {hash_code(*given, "123456") for given in ((vault, request_id), (other, request_id), (vault, uuid4()))}
    assert len(kept) == 3


def test_nothing_is_kept_in_clear(world: World, maria: Maria, inbox: Inbox) -> None:
    maria.ask(EMAIL)
    with world.service.db.read() as session:
        before = repr(session.execute(select(OneTimeCode.__table__)).all())
    code = inbox.code(EMAIL)
    with world.service.db.read() as session:
        after = session.execute(select(OneTimeCode.__table__)).all()
    assert EMAIL not in before + repr(after)
    assert code not in before.replace("datetime", "") + repr(after)
    assert after[0].message_sealed is None, "what is sent is not kept"


def test_a_used_code_forgets_where_it_was_sent_and_is_sent_no_more(world: World, maria: Maria, inbox: Inbox) -> None:
    """As when the network gave no answer, and the worker is to try again."""
    request_id = UUID(maria.ask(EMAIL))
    with world.service.db.read() as session:
        sealed = session.get_one(OneTimeCode, request_id).message_sealed or b""
    code = world.service.keys.vault.open(sealed, context=message_context(request_id)).decode()
    assert maria.enter(str(request_id), code).json["status"] == "signed_in"
    with world.service.db.read() as session:
        row = session.get_one(OneTimeCode, request_id)
    assert (row.contact_sealed, row.message_sealed, row.send_after) == (b"", None, None)
    assert inbox.messages() == []


def test_codes_are_purged_a_day_after_they_expire(world: World, maria: Maria) -> None:
    maria.ask(EMAIL)
    for hours, gone in ((24, 0), (1, 1)):
        world.clock.forward(hours=hours)
        with world.service.db.write() as session:
            assert purge(session, world.clock())["one_time_codes"] == gone


def test_whoever_erases_a_file_that_claims_her_address_takes_none_of_her_codes(
    world: World, maria: Maria, inbox: Inbox
) -> None:
    """Nor does it make her address free to be asked for again."""
    site = world.site()
    for time in range(5):
        request_id, code = maria.ask(EMAIL), inbox.code(EMAIL)
        give(site, f"mallory-{time}", EMAIL)
        assert (
            site.shopper(f"mallory-{time}").call("POST", "/shopper/v1/erase", {"confirm": "erase"}).status_code == 204
        )
        world.clock.forward(minutes=1)
    assert maria.call("POST", "sign-in", contact_of(EMAIL)).status_code == 429
    assert maria.enter(request_id, code).json["status"] == "signed_in"


def test_whoever_erases_a_file_that_a_number_has_left_takes_no_codes_of_its_new_owner(
    maria: Maria, somebody: Callable[[], Maria], inbox: Inbox
) -> None:
    before, owner = somebody().sign_in(PHONE), maria.sign_in(PHONE, new_owner=True)
    request_id = owner.ask(PHONE)
    assert before.call("POST", "erase", {"confirm": "erase"}).status_code == 204
    assert owner.enter(request_id, inbox.code(PHONE)).json["status"] == "signed_in"


def test_codes_that_an_erased_session_asked_for_count_and_can_be_entered_no_more(
    world: World, somebody: Callable[[], Maria], inbox: Inbox
) -> None:
    for time in range(5):
        mallory = somebody()
        mallory.phone.open(world.site(f"Shop {time}"), "mallory")
        asked = mallory.call("POST", "contacts", contact_of(EMAIL))
        assert asked.status_code == 202, asked.json
        assert mallory.call("POST", "erase", {"confirm": "erase"}).status_code == 204
        world.clock.forward(minutes=1)
    assert somebody().call("POST", "sign-in", contact_of(EMAIL)).status_code == 429
    assert inbox.messages() == []
