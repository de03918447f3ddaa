import io
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from tests.operations.doors import doors, tokens
from tests.shopper.phone import jarless
from tests.world import Till, World

SECRET = "hunter2-tell-nobody"
JSON = {"Content-Type": "application/json"}
MEBIBYTE = 1024 * 1024
# Refused before any database is asked.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def assert_problem(answer: TestResponse, status: int, code: str) -> None:
    """Check an answer to be a whole RFC 9457 problem with this status and code."""
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), answer.text
    problem = answer.json
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["type"].endswith(f"/docs#problem-{code}")
    assert problem["title"]
    assert problem["detail"]
    assert SECRET not in answer.text
    for error in problem.get("errors", []):
        assert set(error) == {"pointer", "detail"}
        assert error["pointer"] == "" or error["pointer"].startswith("/")


def sync(till: Till, data: bytes, **headers: str) -> TestResponse:
    given = {"Authorization": f"Bearer {till.token}", **JSON, **headers}
    return till.world.client.post("/pos/v1/sync", data=data, headers=given)


def test_an_unknown_address_is_not_found(world: World) -> None:
    for path in (
        "/",
        "/nowhere",
        "/pos/v1",
        "/pos/v2/keys",
        "/docs/",
        "//docs",
        "/pos/v1/scans/not-a-uuid",
        "/%00",
        "/%ff",
    ):
        assert_problem(world.client.get(path), 404, "not_found")


def test_an_id_that_is_no_uuid_is_not_found(world: World) -> None:
    till = world.till()
    for ident in ("1", "x" * 36, str(uuid4())[:-1], f"{uuid4()}%0a", f"{{{uuid4()}}}", "%ff"):
        assert_problem(till.call("PUT", f"/pos/v1/scans/{ident}", {"code": "7"}), 404, "not_found")


def test_a_method_that_a_door_does_not_know_is_answered_with_those_it_does(world: World) -> None:
    for method in ("POST", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW"):
        answer = world.client.open("/pos/v1/keys", method=method)
        assert_problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_head_is_get_without_a_body(world: World) -> None:
    head, get = world.client.head("/pos/v1/keys"), world.client.get("/pos/v1/keys")
    assert (head.status_code, head.data, head.content_length) == (200, b"", get.content_length)


def test_options_passes_the_same_guard(world: World) -> None:
    assert world.client.options("/pos/v1/keys").status_code == 200
    assert world.client.options("/pos/v1/terminal").status_code == 401
    assert "Access-Control-Allow-Origin" not in world.client.options("/pos/v1/keys").headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"scans": [}',
        b"\xef\xbb\xbf{}",
        '{"scans": []}'.encode("utf-16"),
        b'{"scans": ["\xff"]}',
        b'{"scans": ["\x00"]}',
        b"[" * 100_000,
        b'{"a":' * 1_000,
        b"{'scans': []}",
        b"{} {}",
    ],
    ids=lambda body: repr(body[:20]),
)
@on_sqlite
def test_a_body_that_is_not_json_is_malformed(world: World, body: bytes) -> None:
    till = world.till()
    if body == b"":  # nothing is required of a sync, so no body is an empty one
        assert sync(till, body).status_code == 200
        return
    assert_problem(sync(till, body), 400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b"true"])
@on_sqlite
def test_a_body_that_is_no_object_is_invalid(world: World, body: bytes) -> None:
    assert_problem(sync(world.till(), body), 422, "invalid_body")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": ""},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br"},
    ],
    ids=str,
)
@on_sqlite
def test_a_body_in_another_shape_than_plain_json_is_unsupported(world: World, headers: dict[str, str]) -> None:
    assert_problem(sync(world.till(), b'{"scans": []}', **headers), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json; charset=utf8",
        'Application/JSON; charset="UTF-8"',
    ],
)
@on_sqlite
def test_json_may_name_its_charset(world: World, kind: str) -> None:
    assert sync(world.till(), b'{"scans": []}', **{"Content-Type": kind}).status_code == 200


def test_a_body_over_one_mebibyte_is_too_large(world: World) -> None:
    till = world.till()
    body = b'{"scans": []}'
    assert sync(till, body.ljust(MEBIBYTE)).status_code == 200
    assert_problem(sync(till, body.ljust(MEBIBYTE + 1)), 413, "body_too_large")


@pytest.mark.parametrize(("size", "status"), [(MEBIBYTE, 200), (MEBIBYTE + 1, 413), (3 * MEBIBYTE, 413)])
@on_sqlite
def test_a_body_in_chunks_is_measured_too(world: World, size: int, status: int) -> None:
    headers = {"Authorization": f"Bearer {world.till().token}", **JSON, "Transfer-Encoding": "chunked"}
    answer = world.client.post(
        "/pos/v1/sync",
        input_stream=io.BytesIO(b'{"scans": []}'.ljust(size)),
        headers=headers,
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert answer.status_code == status


def test_unknown_fields_are_named(world: World) -> None:
    till = world.till()
    body = till.sale() | {"customer_email": "maria@example.com", "a/b~c": SECRET}
    body["lines"][0]["colour"] = SECRET
    answer = till.call("PUT", f"/pos/v1/sales/{uuid4()}", body)
    assert_problem(answer, 422, "invalid_body")
    assert {error["pointer"] for error in answer.json["errors"]} == {"/customer_email", "/a~1b~0c", "/lines/0/colour"}
    assert "maria@example.com" not in answer.text


def test_missing_fields_are_named(world: World) -> None:
    answer = world.till().call("PUT", f"/pos/v1/sales/{uuid4()}", {})
    assert_problem(answer, 422, "invalid_body")
    missing = {error["pointer"] for error in answer.json["errors"]}
    assert missing == {"/receipt_number", "/occurred_at", "/currency", "/total_minor", "/lines"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("occurred_at", "2026-11-22T12:00:00"),
        ("occurred_at", "2026-11-22"),
        ("occurred_at", 1_700_000_000),
        ("occurred_at", "2026-02-30T12:00:00Z"),
        ("scan_id", "1"),
        ("scan_id", SECRET),
        ("scan_id", 7),
        ("currency", "eur"),
        ("currency", "EURO"),
        ("currency", "EUR\n"),
        ("total_minor", 25.5),
        ("total_minor", "2500"),
        ("total_minor", True),
        ("total_minor", None),
        ("total_minor", 2**53),
        ("total_minor", 10**400),
        ("receipt_number", ""),
        ("receipt_number", "R\x00"),
        ("receipt_number", "R\x1b[2J"),
        ("receipt_number", "x" * 201),
        ("receipt_number", 1),
        ("lines", {}),
        ("lines", [SECRET]),
        ("lines", [[]]),
        ("training", "true"),
        ("training", 1),
        ("cashier_ref", SECRET * 30),
    ],
    ids=lambda value: repr(value)[:30],
)
@on_sqlite
def test_a_wrong_value_is_pointed_at_and_never_echoed(world: World, field: str, value: Any) -> None:
    answer = world.till().sell(**{field: value})
    assert_problem(answer, 422, "invalid_body")
    assert all(error["pointer"].startswith(f"/{field}") for error in answer.json["errors"])
    assert "Value error" not in answer.text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1.5", "1e300", "-0.5"])
@on_sqlite
def test_a_number_that_is_no_integer_is_refused(world: World, number: str) -> None:
    till = world.till()
    body = f'{{"code": "7", "clock_offset_ms": {number}}}'.encode()
    headers = {"Authorization": f"Bearer {till.token}", **JSON}
    answer = world.client.put(f"/pos/v1/scans/{uuid4()}", data=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.content_type == "application/problem+json"


def test_a_flood_of_wrong_fields_is_answered_briefly(world: World) -> None:
    answer = world.till().call("PUT", f"/pos/v1/sales/{uuid4()}", {f"f{number}": 1 for number in range(5_000)})
    assert_problem(answer, 422, "invalid_body")
    assert len(answer.json["errors"]) == 50


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=", "limit=1e2", "limit=" + "9" * 5_000])
@on_sqlite
def test_a_wrong_limit_is_pointed_at(world: World, query: str) -> None:
    answer = world.shopper().call("GET", f"/shopper/v1/activity?{query}")
    assert_problem(answer, 422, "invalid_parameter")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/limit"]


@pytest.mark.parametrize("cursor", ["x", "%ff", "AAAA", "A" * 32, "A" * 40, "_" * 40, "é", "A" * 101])
def test_a_cursor_of_someone_elses_making_is_refused(world: World, cursor: str) -> None:
    answer = world.shopper().call("GET", f"/shopper/v1/activity?after={cursor}")
    assert_problem(answer, 422, "invalid_parameter")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/after"]


def test_unknown_parameters_are_named_and_not_echoed(world: World) -> None:
    answer = world.shopper().call("GET", f"/shopper/v1/activity?order={SECRET}")
    assert_problem(answer, 422, "invalid_parameter")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/order"]


def test_a_secret_in_the_wrong_place_is_echoed_by_no_door(world: World) -> None:
    good = tokens(world)
    wrong = {SECRET: 1, "code": [SECRET], "scan_id": SECRET, "enrolment_code": SECRET, "handoff": SECRET}
    for door in doors(world):
        token = next((good[scheme] for scheme in door.schemes & set(good)), None)
        if token is None or door.path == "/shopper/v1/session":
            continue
        headers = {
            "X-Request-Id": SECRET,
            "X-Custom": SECRET,
            "Cookie": f"a={SECRET}",
            "If-None-Match": f'"{SECRET}"',
        }
        answer = door.knock(jarless(world), token, headers=headers)
        assert SECRET.encode() not in answer.data + str(answer.headers).encode(), door
        if door.has_body:
            body = {key: value for key, value in wrong.items() if key != SECRET}
            refused = door.knock(world.client, token, json=body)
            assert refused.status_code in (404, 422), (door, refused.text)
            assert SECRET not in refused.text + str(refused.headers), door


@pytest.mark.parametrize("credential", ["wrong", "expired"])
def test_a_refused_secret_is_not_echoed(world: World, credential: str) -> None:
    code = world.invitation() if credential == "expired" else f"use_{SECRET}"
    world.clock.forward(minutes=15)
    answer = world.client.post("/pos/v1/enrol", json={"enrolment_code": code})
    assert_problem(answer, 401, "unauthorized")
    assert code not in answer.text
    handoff = world.client.post("/shopper/v1/handoff", json={"handoff": f"ush_{SECRET}"})
    assert_problem(handoff, 401, "unauthorized")


CACHED = {
    "/pos/v1/keys": "public, max-age=300",
    "/openapi.json": "public, max-age=300",
    "/docs": "public, max-age=300",
    "/docs/style.css": "public, max-age=300",
    "/app": "no-store",
    "/app/static/app/main.js": "no-cache",
}


def test_an_answer_is_stored_nowhere_unless_it_says_otherwise(world: World) -> None:
    token_of = tokens(world)
    for door in doors(world):
        for token in (None, next((token_of[scheme] for scheme in door.schemes if scheme in token_of), None)):
            answer = door.knock(world.client, token)
            if (door.path, answer.status_code) not in (("/pos/v1/keys", 200), ("/shopper/v1/activity", 200)):
                assert answer.headers.getlist("Cache-Control") == ["no-store"], (door, answer.status_code)
    for path in ("/nowhere", "/app/static/missing.js"):
        assert world.client.get(path).headers.getlist("Cache-Control") == ["no-store"], path
    for path, said in CACHED.items():
        with world.client.get(path) as page:
            assert page.headers.getlist("Cache-Control") == [said], path


def test_an_answer_names_its_request(world: World) -> None:
    ours = world.client.get("/healthz").headers["X-Request-Id"]
    assert len(ours) == 32
    given = uuid4()
    assert world.client.get("/healthz", headers={"X-Request-Id": str(given)}).headers["X-Request-Id"] == given.hex
    assert world.client.get("/healthz").headers.getlist("X-Content-Type-Options") == ["nosniff"]
    with world.client.get("/app") as page:
        assert page.headers.getlist("X-Content-Type-Options") == ["nosniff"]


@on_sqlite
@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("2026-11-22T10:00:00Z", 201),
        ("2026-11-22t10:00:00.123456789z", 201),
        ("2026-11-22 10:00:00-00:00", 201),
        ("2026-12-31T23:59:60Z", 201),
        ("1970-01-01T00:00:00Z", 201),
        ("2026-11-22T10:00:00", 422),
        ("2026-11-22T10:00Z", 422),
        ("2026-11-22T10:00:00+0100", 422),
        ("2026-11-22_10:00:00Z", 422),
        ("2026-13-22T10:00:00Z", 422),
        ("2026-11-22T10:00:61Z", 422),
        ("2026-11-22T10:00:00+25:00", 422),
        ("1795348800", 422),
        ("1969-12-31T23:59:59Z", 201),
        ("2200-01-01T00:00:00Z", 201),
        ("0001-01-01T00:00:00+23:59", 201),
        ("٢٠٢٦-11-22T10:00:00Z", 422),
        (1795348800, 422),
        (None, 422),
    ],
)
def test_a_time_is_written_as_rfc_3339_does(world: World, given: Any, status: int) -> None:
    answer = world.till().sell(occurred_at=given)
    assert answer.status_code == status, answer.json
    if status == 422:
        assert_problem(answer, 422, "invalid_body")
        assert [error["pointer"] for error in answer.json["errors"]] == ["/occurred_at"]


@on_sqlite
@pytest.mark.parametrize("day", ["2026-11-31", "1795348800", "2026-11-22T00:00:00Z", 20261122])
def test_a_day_is_written_as_year_month_and_day(world: World, day: Any) -> None:
    till = world.till()
    receipt = {"store_id": till.enrolled["store"]["store_id"], "receipt_number": "R-1", "date": day}
    answer = till.take_back(receipt=receipt)
    assert_problem(answer, 422, "invalid_body")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/receipt/date"]


@on_sqlite
def test_an_id_has_one_spelling_in_addresses_and_in_bodies(world: World) -> None:
    till, ident = world.till(), uuid4()
    for spelling in (ident.hex, f"{{{ident}}}", f"urn:uuid:{ident}"):
        assert_problem(till.call("PUT", f"/pos/v1/scans/{spelling}", {"code": "71"}), 404, "not_found")
        assert_problem(till.sell(spelling), 422, "invalid_body")
        item = {"scan_id": spelling, "code": "71"}
        [result] = till.call("POST", "/pos/v1/sync", {"scans": [item]}).json["results"]
        assert result["status"] == 422
    assert till.call("PUT", f"/pos/v1/scans/{str(ident).upper()}", {"code": "71"}).status_code == 201
    assert till.scan("71", str(ident)).status_code == 200


@on_sqlite
def test_a_sale_that_says_nothing_of_a_scan_has_none(world: World) -> None:
    till = world.till()
    body = till.sale()
    del body["scan_id"]
    answer = till.call("PUT", f"/pos/v1/sales/{uuid4()}", body)
    assert (answer.status_code, answer.json["link"]) == (201, "unidentified")


def test_a_fault_of_ours_says_nothing_of_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    till = world.till()
    monkeypatch.setattr("service.web.pos.record.identify", fail_with_a_secret)
    assert_problem(till.scan("7"), 500, "internal_error")


def test_a_database_that_fails_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    till = world.till()
    fault = world.service.db.passing_errors[0](SECRET)

    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("service.web.pos.record.identify", fail)
    answer = till.scan("7")
    assert_problem(answer, 503, "not_ready")
    assert int(answer.headers["Retry-After"]) >= 1


def fail_with_a_secret(*_: object, **__: object) -> None:
    raise RuntimeError(SECRET)
