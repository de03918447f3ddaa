"""Why a scan is refused: a closed list, told to the cashier in few words."""

from collections.abc import Callable
from typing import Any

import pytest

from service.codes import issued
from service.codes.keys import CodeKey
from service.codes.refusals import Refusal
from service.stores.add import LANGUAGES
from service.web.pos.messages import ACTIONS, MAX_MESSAGE_CHARACTERS, MESSAGES
from tests.world import MIDDAY, Shopper, World


def forge(world: World, card_id: int = 1, **changes: Any) -> str:
    """A code of a card that isn't there, signed by the service's key except for what is changed."""
    key = world.service.keys.ring.signer(MIDDAY)
    fields = {name: getattr(key, name) for name in ("kid", "signing_key", "sealing_key", "signs_from")}
    return issued.issue(card_id, key=CodeKey(**{**fields, **changes}), now=MIDDAY)


def with_last_digit_changed(code: str) -> str:
    return code[:-1] + str((int(code[-1]) + 1) % 10)


NO_CODES = (
    "",
    "7",
    "73",
    "4006381333931",
    "71" + "0" * 246,
    "71" + "1" * 246,
    "71" + "9" * 246,
    "72" + "1" * 400,
    "74" + "1" * 39,
    "73" + "1" * 14,
    "73" + "1" * 17,
    "73" + "1" * 14 + "x",
    "７３" + "１" * 15,
    "73" + "١" * 15,
    " 73" + "1" * 15,
    "73" + "1" * 15 + "\n",
    "💳" * 20,
    "x" * 1_000,
)


def test_what_is_no_code_is_malformed(world: World) -> None:
    till = world.till()
    for code in NO_CODES:
        answer = till.scan(code)
        assert (answer.status_code, answer.json["outcome"], answer.json["reason"]) == (201, "refused", "malformed"), (
            code
        )
        assert code not in answer.text or len(code) < 3


def test_a_wrong_check_digit_is_malformed_and_no_guess(world: World) -> None:
    till, typed_code = world.till(), world.shopper().typed_code()
    for _ in range(25):
        assert till.scan(with_last_digit_changed(typed_code)).json["reason"] == "malformed"
    assert till.scan(typed_code).json["outcome"] == "identified"


def test_what_is_no_text_or_too_long_is_a_bad_body(world: World) -> None:
    till = world.till()
    for code in ("x" * 1_001, None, 73, ["73"], {"71": 1}):
        answer = till.scan(code)  # type: ignore[arg-type]
        assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, ["/code"]), code


def test_an_altered_code_has_a_bad_signature(world: World) -> None:
    assert world.till().scan(with_last_digit_changed(world.shopper().code())).json["reason"] == "bad_signature"


def test_a_code_signed_by_another_key_of_the_same_id_has_a_bad_signature(world: World) -> None:
    assert world.till().scan(forge(world, signing_key=b"\x07" * 32)).json["reason"] == "bad_signature"


def test_a_code_of_a_key_that_nobody_published_is_unknown(world: World) -> None:
    assert world.till().scan(forge(world, kid=99)).json["reason"] == "unknown_key"


@pytest.mark.parametrize("card_id", [1, 0, -1, -(2**63), 2**63 - 1])
def test_an_authentic_code_of_no_card_is_told_like_any_card_that_cannot_be_used(world: World, card_id: int) -> None:
    assert world.till().scan(forge(world, card_id)).json["reason"] == "card_unusable"


def test_codes_sealed_with_another_key_are_of_no_card(world: World) -> None:
    till = world.till()
    for number in range(8):
        code = forge(world, sealing_key=bytes([number]) * 32)
        assert till.scan(code).json["reason"] == "card_unusable"


def freeze(shopper: Shopper) -> None:
    shopper.call("POST", f"/shopper/v1/cards/{shopper.card['card_id']}/freeze", {})


def revoke(shopper: Shopper) -> None:
    shopper.call("DELETE", f"/shopper/v1/cards/{shopper.card['card_id']}")


@pytest.mark.parametrize(("spoil", "exact"), [(freeze, "card_frozen"), (revoke, "card_revoked")])
@pytest.mark.parametrize("shown", ["code", "typed_code"])
def test_a_till_is_not_told_what_is_wrong_with_a_card_but_its_owner_is(
    world: World, spoil: Callable[[Shopper], None], exact: str, shown: str
) -> None:
    till, maria = world.till(), world.shopper()
    code = maria.call("GET", "/shopper/v1/code").json[shown]
    spoil(maria)
    answer = till.scan(code)
    assert (answer.json["reason"], answer.json["action"]) == ("card_unusable", "continue")
    assert till.call("GET", f"/pos/v1/scans/{answer.json['scan_id']}").json["reason"] == "card_unusable"
    assert exact not in answer.text
    assert [item["reason"] for item in maria.call("GET", "/shopper/v1/activity").json["items"]] == [exact]


def test_a_frozen_card_with_wrong_digits_is_just_wrong_digits(world: World) -> None:
    till, maria = world.till(), world.shopper()
    right = maria.typed_code()
    freeze(maria)
    assert till.scan(right[:11] + f"{(int(right[11:17]) + 1) % 1_000_000:06d}").json["reason"] == "wrong_otp"


def test_an_unfrozen_card_works_again_and_its_refused_code_was_not_spent(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code = maria.code()
    freeze(maria)
    till.scan(code)
    maria.call("POST", f"/shopper/v1/cards/{maria.card['card_id']}/unfreeze", {})
    assert till.scan(code).json["outcome"] == "identified"


def test_every_refusal_has_short_words_in_every_language_and_something_to_do() -> None:
    reasons = {None, *Refusal}
    assert set(ACTIONS) == reasons
    assert set(MESSAGES) == set(LANGUAGES)
    for messages in MESSAGES.values():
        assert set(messages) == reasons
        assert all(0 < len(words) <= MAX_MESSAGE_CHARACTERS for words in messages.values())


def test_the_cashier_reads_the_stores_language(world: World) -> None:
    till = world.till(world.store(language="es"))
    assert till.scan(world.shopper().code()).json["message"] == "Identificado"
    assert till.scan("73").json["message"] == "Código no válido. Escanee de nuevo."


BAD_BODIES: tuple[dict[str, Any], ...] = (
    {},
    {"code": "73", "sneaky": 1},
    {"code": "73", "cashier_ref": "x" * 201},
    {"code": "73", "cashier_ref": "a\u0000b"},
    {"code": "73", "training": None},
    {"code": "73", "training": "yes"},
    {"code": "73", "training": 1},
)
NO_OBJECTS = (
    b"",
    b"{",
    b"[]",
    b'"73"',
    b"null",
    b'{"code": "73",}',
    b'{"code": "\\ud800"}',
    b"\xef\xbb\xbf{}",
    b"\xff",
    b"[" * 9_999,
)


def test_a_bad_body_is_refused_with_the_field_named(world: World) -> None:
    till = world.till()
    for body in BAD_BODIES:
        answer = till.call("PUT", "/pos/v1/scans/0198c0de-0000-7000-8000-000000000001", body)
        assert (answer.status_code, answer.json["code"], len(answer.json["errors"])) == (422, "invalid_body", 1), body


def test_a_body_that_is_no_object_is_refused(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.till().token}", "Content-Type": "application/json"}
    for data in NO_OBJECTS:
        answer = world.client.put("/pos/v1/scans/0198c0de-0000-7000-8000-000000000001", data=data, headers=headers)
        assert answer.status_code in (400, 422), data[:20]
        assert set(answer.json) >= {"type", "title", "status", "detail", "code"}


def test_refused_scans_are_stored_and_shown_to_their_shopper(world: World) -> None:
    till, maria = world.till(), world.shopper()
    code = maria.code()
    till.scan(code)
    till.scan(code)
    world.clock.forward(seconds=61)
    till.scan(code)
    reasons = [item["reason"] for item in maria.call("GET", "/shopper/v1/activity").json["items"]]
    assert reasons[0] == "too_old"
    assert sorted(reasons[1:], key=str) == [None, "already_used"]
