"""The same id and body get the first answer; the same id and another body get 409; another till has its own ids."""

from typing import Any
from uuid import uuid4

import pytest

from service.web.pos import sync
from service.web.pos.models import ScanIn
from tests.world import Till, World

SCAN_ID = "0198c0de-0000-7000-8000-00000000000a"


def put(till: Till, body: dict[str, Any], scan_id: str = SCAN_ID) -> Any:
    return till.call("PUT", f"/pos/v1/scans/{scan_id}", body)


def put_text(till: Till, text: str) -> Any:
    headers = {"Authorization": f"Bearer {till.token}", "Content-Type": "application/json"}
    return till.world.client.put(f"/pos/v1/scans/{SCAN_ID}", data=text, headers=headers)


def but_time(answer: Any) -> dict[str, Any]:
    return {**answer.json, "server_time": None}


@pytest.mark.parametrize("shown", ["code", "typed_code"])
def test_a_repeat_gets_the_first_answer_however_late(world: World, shown: str) -> None:
    till, maria = world.till(), world.shopper()
    body = {"code": maria.call("GET", "/shopper/v1/code").json[shown]}
    first = put(till, body)
    world.clock.forward(days=3)
    again = put(till, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert but_time(first) == but_time(again)
    assert again.json["outcome"] == "identified"
    assert again.json["server_time"].startswith("2026-11-25T12:00:00")


def test_a_repeat_of_a_refused_scan_stays_refused(world: World) -> None:
    till, maria = world.till(), world.shopper()
    body = {"code": maria.code()}
    world.clock.forward(seconds=61)
    first = put(till, body)
    world.clock.now = world.clock.now.replace(minute=0, second=30)
    again = put(till, body)
    assert (first.json["reason"], again.json["reason"], again.status_code) == ("too_old", "too_old", 200)


def test_the_answer_stands_when_the_card_is_gone(world: World) -> None:
    till, maria = world.till(), world.shopper()
    body = {"code": maria.code()}
    put(till, body)
    maria.call("DELETE", f"/shopper/v1/cards/{maria.card['card_id']}")
    assert put(till, body).json["outcome"] == "identified"


def test_the_answer_to_a_spent_code_stands_too(world: World) -> None:
    till, maria = world.till(), world.shopper()
    body = {"code": maria.code()}
    put(world.till(), body)
    assert [put(till, body).status_code for _ in range(3)] == [201, 200, 200]
    assert put(till, body).json["reason"] == "already_used"


SAME = {
    "reordered keys": '{{"cashier_ref": "Ana", "training": false, "scanned_at": "2026-11-22T12:00:00Z",'
    ' "code": "{0}"}}',
    "another zone": '{{"code": "{0}", "scanned_at": "2026-11-22T13:00:00+01:00", "cashier_ref": "Ana"}}',
    "a fraction of a second": '{{"code": "{0}", "scanned_at": "2026-11-22T12:00:00.000000Z", "cashier_ref": "Ana"}}',
    "an offset of nothing": '{{"code": "{0}", "scanned_at": "2026-11-22T12:00:00-00:00", "cashier_ref": "Ana"}}',
    "defaults written out": '{{"code": "{0}", "scanned_at": "2026-11-22T12:00:00Z", "clock_offset_ms": 0,'
    ' "cashier_ref": "Ana", "training": false}}',
    "escapes and blanks": ' {{ "code":"{0}",\n"scanned_at":"2026-11-22T12:00:00Z","cashier_ref":"\\u0041na"}} ',
}


def test_a_body_spelled_otherwise_is_the_same_body(world: World) -> None:
    till, code = world.till(), world.shopper().code()
    first = put(till, {"code": code, "scanned_at": "2026-11-22T12:00:00Z", "cashier_ref": "Ana"})
    for name, spelling in SAME.items():
        again = put_text(till, spelling.format(code))
        assert (again.status_code, but_time(again)) == (200, but_time(first)), name


def test_null_and_absent_are_the_same(world: World) -> None:
    till, code = world.till(), world.shopper().code()
    assert put(till, {"code": code}).status_code == 201
    assert put(till, {"code": code, "scanned_at": None, "cashier_ref": None}).status_code == 200


CHANGES: tuple[dict[str, Any], ...] = (
    {"code": "73" + "1" * 15},
    {"scanned_at": "2026-11-22T12:00:00.001Z"},
    {"clock_offset_ms": 1},
    {"cashier_ref": "Bea"},
    {"training": True},
)


def test_another_body_under_the_same_id_is_a_conflict_and_changes_nothing(world: World) -> None:
    till, code = world.till(), world.shopper().code()
    first = put(till, {"code": code})
    for change in CHANGES:
        conflict = put(till, {"code": code, **change})
        assert (conflict.status_code, conflict.json["code"]) == (409, "id_conflict"), change
        assert code not in conflict.text
    assert but_time(put(till, {"code": code})) == but_time(first)


def test_a_repeat_across_an_upgrade_that_adds_a_field_is_still_a_repeat(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LaterScanIn(ScanIn):
        colour: str | None = None

    till, body = world.till(), {"scan_id": SCAN_ID, "code": "71"}
    put(till, {"code": "71"})
    monkeypatch.setattr(sync, "ScanIn", LaterScanIn)
    (result,) = till.call("POST", "/pos/v1/sync", {"scans": [body]}).json["results"]
    assert result["status"] == 200


def test_a_conflict_spends_no_code(world: World) -> None:
    till, site = world.till(), world.site()
    maria, jose = site.shopper("maria").code(), site.shopper("jose").code()
    put(till, {"code": maria})
    assert put(till, {"code": jose}).status_code == 409
    assert till.scan(jose).json["outcome"] == "identified"


def test_tills_cannot_touch_or_see_each_others_ids(world: World) -> None:
    store, site = world.store(), world.site()
    one, other = world.till(store), world.till(store)
    body = {"code": site.shopper("maria").code()}
    first = put(one, body)
    assert other.call("GET", f"/pos/v1/scans/{SCAN_ID}").status_code == 404
    theirs = put(other, {"code": site.shopper("jose").code(), "cashier_ref": "Bea"})
    assert (theirs.status_code, theirs.json["outcome"]) == (201, "identified")
    assert but_time(put(one, body)) == but_time(first)


def test_a_till_reads_its_scan_back_as_it_was_answered(world: World) -> None:
    till, maria = world.till(), world.shopper()
    codes = [maria.code()] * 2 + ["73" + "1" * 15]
    for code in codes:
        first = till.scan(code)
        world.clock.forward(seconds=1)
        read = till.call("GET", f"/pos/v1/scans/{first.json['scan_id']}")
        assert (read.status_code, but_time(read)) == (200, but_time(first))


def test_a_till_hears_of_no_scan_that_is_not_there(world: World) -> None:
    assert world.till().call("GET", f"/pos/v1/scans/{uuid4()}").status_code == 404


def test_ids_of_any_version_are_taken_in_either_case(world: World) -> None:
    till = world.till()
    for version in (1, 4, 6, 7, 8):
        scan_id = f"0198c0de-abcd-{version}000-8000-00000000000a"
        assert put(till, {"code": "71"}, scan_id.upper()).json["scan_id"] == scan_id
        assert put(till, {"code": "71"}, scan_id).status_code == 200


def test_an_id_that_is_no_uuid_is_not_found(world: World) -> None:
    till = world.till()
    for scan_id in ("1", "x" * 36, "0198c0de00007000800000000000000a", "0198c0de-0000-7000-8000-0000000000"):
        answer = put(till, {"code": "71"}, scan_id)
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
