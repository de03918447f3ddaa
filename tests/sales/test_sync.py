"""Sync: what a till kept offline, in one request; each item is judged by itself."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.world import Till, World


def sync(till: Till, **lists: Any) -> Any:
    return till.call("POST", "/pos/v1/sync", lists)


def sync_text(till: Till, text: str) -> Any:
    headers = {"Authorization": f"Bearer {till.token}", "Content-Type": "application/json"}
    return till.world.client.post("/pos/v1/sync", data=text, headers=headers)


def scan(code: str, scan_id: str | None = None) -> dict[str, Any]:
    return {"scan_id": scan_id or str(uuid4()), "code": code}


def sale(till: Till, **given: Any) -> dict[str, Any]:
    return {"sale_id": str(uuid4()), **till.sale(**given)}


def goods_back(sale_id: str | None = None) -> dict[str, Any]:
    lines = [{"line_id": "1", "quantity": "1", "total_minor": -2500}]
    given = {"reason": "return", "currency": "EUR", "occurred_at": "2026-11-22T12:00:00Z", "lines": lines}
    return {"return_id": str(uuid4()), "sale_id": sale_id, **given}


def test_a_sync_answers_each_item_as_its_put_would_in_the_order_sent(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scans = [scan(maria.code()), scan("71")]
    sales = [sale(till, scan_id=scans[0]["scan_id"]), sale(till)]
    returns = [goods_back(sales[0]["sale_id"])]
    answer = sync(till, scans=scans, sales=sales, returns=returns)
    assert answer.status_code == 200
    results = answer.json["results"]
    assert [(result["kind"], result["id"], result["status"]) for result in results] == [
        *(("scan", item["scan_id"], 201) for item in scans),
        *(("sale", item["sale_id"], 201) for item in sales),
        ("return", returns[0]["return_id"], 201),
    ]
    bodies = [result["body"] for result in results]
    assert [body["outcome"] for body in bodies[:2]] == ["identified", "refused"]
    assert [body["link"] for body in bodies[2:4]] == ["linked", "unidentified"]
    assert bodies[4] == {
        "return_id": returns[0]["return_id"],
        "warnings": [],
        "server_time": bodies[4]["server_time"],
    }


def test_a_sync_repeated_or_mixed_with_puts_gets_the_first_answers(world: World) -> None:
    till, maria = world.till(), world.shopper()
    one = scan(maria.code())
    alone = till.scan(one["code"], one["scan_id"])
    lists = {"scans": [one], "sales": [sale(till, scan_id=one["scan_id"])]}
    answers = [sync(till, **lists).json["results"] for _ in range(3)]
    assert answers[0][0]["status"] == 200
    assert {**answers[0][0]["body"], "server_time": None} == {**alone.json, "server_time": None}
    assert [result["status"] for result in answers[0] + answers[1] + answers[2]] == [200, 201, 200, 200, 200, 200]
    assert len(maria.call("GET", "/shopper/v1/activity").json["items"]) == 2


def test_one_item_twice_in_a_sync_is_stored_once(world: World) -> None:
    till = world.till()
    one = sale(till)
    assert [result["status"] for result in sync(till, sales=[one, one]).json["results"]] == [201, 200]


def test_bad_items_spoil_no_others(world: World) -> None:
    till, maria = world.till(), world.shopper()
    used = sale(till)
    sync(till, sales=[used])
    bad: list[dict[str, Any]] = [
        {},
        {"sale_id": None},
        {"sale_id": 7},
        {"sale_id": "x" * 10_000},
        {"sale_id": {"deep": [1]}},
        sale(till, lines=None),
        sale(till, occurred_at="2026-11-22T12:00:00"),
        {**sale(till), "sneaky": 1},
        {**used, "total_minor": 1},
    ]
    good = scan(maria.code())
    results = sync(till, scans=[scan(""), good, {"scan_id": str(uuid4())}], sales=[*bad, sale(till)]).json["results"]
    assert [result["status"] for result in results] == [201, 201, 422, *[422] * 8, 409, 201]
    assert results[1]["body"]["outcome"] == "identified"
    assert results[-2]["body"]["code"] == "id_conflict"
    pointers = [error["pointer"] for error in results[3]["body"]["errors"]]
    assert pointers == ["/sale_id"]
    assert [result["id"] for result in results[3:8]] == [None, None, None, "x" * 10_000, None]


@pytest.mark.parametrize("item", [5, None, "x", [], True, ["scan_id"]])
def test_an_item_that_is_no_object_spoils_no_other(world: World, item: Any) -> None:
    till, maria = world.till(), world.shopper()
    results = sync(till, scans=[item, scan(maria.code())], returns=[item]).json["results"]
    assert [(result["status"], result["id"] is None) for result in results] == [
        (422, True),
        (201, False),
        (422, True),
    ]
    assert "each scan is an object" in results[0]["body"]["detail"]


def test_half_a_character_spoils_no_other_item(world: World) -> None:
    """A till that cuts a text in the middle of an emoji sends half of a surrogate pair."""
    till = world.till()
    halved, whole = sale(till, receipt_number="HALF"), sale(till, receipt_number="R-1")
    text = json.dumps({"sales": [halved, whole]}).replace("HALF", "\\ud83d")
    assert [result["status"] for result in sync_text(till, text).json["results"]] == [400, 201]
    assert sync_text(till, text[:-1]).status_code == 400
    assert sync_text(till, "[" * 100_000).status_code == 400


@pytest.mark.parametrize("depth", [150, 3_000, 200_000])
def test_an_abyss_spoils_no_other_item(world: World, depth: int) -> None:
    till, maria = world.till(), world.shopper()
    abyss = f'{{"scan_id": "{uuid4()}", "code": {"[" * depth}"]["{"]" * depth}}}'
    text = f'{{"scans": [{abyss}, {json.dumps(scan(maria.code()))}, {"[" * depth}{"]" * depth}]}}'
    results = sync_text(till, text).json["results"]
    assert [result["status"] for result in results] == [422, 201, 422]
    assert sync_text(till, text[:-5]).status_code == 400


def test_numbers_that_no_number_type_holds_spoil_no_others(world: World) -> None:
    till, maria = world.till(), world.shopper()
    good = f'{{"scan_id": "{uuid4()}", "code": "{maria.code()}"}}'
    for number in ("1" * 5_000, "1e999", "-1e999", "0." + "1" * 5_000, "NaN", "Infinity"):
        item = f'{{"scan_id": "{uuid4()}", "code": "71", "clock_offset_ms": {number}}}'
        answer = sync_text(till, f'{{"scans": [{item}, {good}]}}')
        assert answer.status_code == 200, number
        assert [result["status"] for result in answer.json["results"]] in ([422, 201], [422, 200]), number


def test_five_hundred_items_are_taken_and_one_more_is_not(world: World) -> None:
    till = world.till()
    scans = [scan("71") for _ in range(300)]
    returns = [goods_back() for _ in range(200)]
    answer = sync(till, scans=scans, returns=returns)
    assert (answer.status_code, len(answer.json["results"])) == (200, 500)
    more = sync(till, scans=scans, returns=returns, sales=[sale(till)])
    assert (more.status_code, more.json["code"]) == (422, "invalid_body")


def test_what_a_slow_database_leaves_undone_is_to_be_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    till, body = world.till(), {"scans": [{"scan_id": str(uuid4()), "code": "71"} for _ in range(3)]}
    moments = iter([0, 1, 9, 10])
    with monkeypatch.context() as slow:
        slow.setattr("service.web.pos.sync.monotonic", lambda: next(moments))
        results = till.call("POST", "/pos/v1/sync", body).json["results"]
    assert [(result["status"], result["body"].get("code")) for result in results] == [
        (201, None),
        (201, None),
        (503, "not_ready"),
    ]
    again = till.call("POST", "/pos/v1/sync", body).json["results"]
    assert [result["status"] for result in again] == [200, 200, 201]


def test_an_empty_sync_is_answered(world: World) -> None:
    assert sync(world.till()).json["results"] == []


def test_what_is_no_sync_is_refused(world: World) -> None:
    till = world.till()
    for body in (
        {"scans": None},
        {"scans": {}},
        {"links": []},
    ):
        answer = sync(till, **body)
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_body"), body
    for text in ("", "[]", "{", "null"):
        assert sync_text(till, text).status_code in (200, 400, 422), text


def test_a_sync_above_one_mebibyte_is_refused_and_below_is_not(world: World) -> None:
    till = world.till()
    padding = " " * (1024 * 1024 - len('{"scans":[]}'))
    assert sync_text(till, '{"scans":[]}' + padding).status_code == 200
    answer = sync_text(till, '{"scans":[]} ' + padding)
    assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")


def test_sales_before_their_scans_join_in_one_sync(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan_id = str(uuid4())
    assert sync(till, sales=[sale(till, scan_id=scan_id)]).json["results"][0]["body"]["link"] == "pending"
    sync(till, scans=[scan(maria.code(), scan_id)])
    assert [item["kind"] for item in maria.call("GET", "/shopper/v1/activity").json["items"]].count("sale") == 1


def test_of_two_offline_tills_with_one_code_the_first_to_arrive_keeps_it(world: World) -> None:
    store, maria = world.store(), world.shopper()
    tills, code = [world.till(store) for _ in range(2)], maria.code()
    told = []
    for till in tills:
        one = scan(code)
        results = sync(till, scans=[one], sales=[sale(till, scan_id=one["scan_id"])]).json["results"]
        told.append((results[0]["body"]["outcome"], results[1]["status"], results[1]["body"]["link"]))
    assert told == [("identified", 201, "linked"), ("refused", 201, "conflict")]


def test_a_number_of_five_thousand_digits_spoils_its_own_item_only(world: World) -> None:
    till = world.till()
    good, huge = (json.dumps({"scan_id": str(uuid4()), "code": "1", "clock_offset_ms": 0}) for _ in range(2))
    huge = huge.replace('_ms": 0', '_ms": ' + "9" * 5_000)
    answer = sync_text(till, f'{{"scans": [{good}, {huge}]}}')
    assert (answer.status_code, [one["status"] for one in answer.json["results"]]) == (200, [201, 422])


def test_half_a_character_in_an_id_spoils_its_own_item_only(world: World) -> None:
    till = world.till()
    body = (
        b'{"scans": [{"scan_id": "\\ud800", "code": "1"}], "sales": ['
        + json.dumps({"sale_id": str(uuid4()), **till.sale()}).encode()
        + b"]}"
    )
    headers = {"Authorization": f"Bearer {till.token}"}
    answer = world.client.post("/pos/v1/sync", data=body, headers=headers, content_type="application/json")
    assert answer.status_code == 200
    assert [(one["id"] is None, one["status"]) for one in answer.json["results"]] == [(True, 400), (False, 201)]


def test_a_till_without_a_clock_can_send_what_it_sold_and_took_back(world: World) -> None:
    till, odd = world.till(), {"occurred_at": "0001-01-01T00:00:00+01:00"}
    results = sync(till, sales=[sale(till, **odd)], returns=[goods_back() | odd]).json["results"]
    assert [result["status"] for result in results] == [201, 201]
    assert [[told["code"] for told in result["body"]["warnings"]] for result in results] == [["odd_time"]] * 2
