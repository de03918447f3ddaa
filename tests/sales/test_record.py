"""A completed sale is never refused: what is odd about it comes back as a warning."""

from typing import Any
from uuid import uuid4

from tests.world import Till, World, line

SALE_ID = "0198c0de-0000-7000-8000-00000000000b"
LARGEST = 2**53 - 1


def put(till: Till, body: dict[str, Any]) -> Any:
    return till.call("PUT", f"/pos/v1/sales/{SALE_ID}", body)


def warnings(answer: Any) -> list[str]:
    assert answer.status_code == 201, answer.json
    return [warning["code"] for warning in answer.json["warnings"]]


def but(answer: Any, *changing: str) -> dict[str, Any]:
    return {name: value for name, value in answer.json.items() if name not in changing}


def test_a_sale_is_stored_and_answered(world: World) -> None:
    answer = put(till := world.till(), till.sale())
    assert answer.status_code == 201
    assert but(answer, "server_time") == {"sale_id": SALE_ID, "link": "unidentified", "warnings": []}


def test_a_repeat_gets_the_first_answer_but_for_time_and_link(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan_id = str(uuid4())
    body = till.sale(scan_id, total_minor=1)
    first = put(till, body)
    till.scan(maria.code(), scan_id)
    world.clock.forward(hours=1)
    again = put(till, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json["link"], again.json["link"]) == ("pending", "linked")
    assert but(first, "server_time", "link") == but(again, "server_time", "link")
    assert [warning["code"] for warning in again.json["warnings"]] == ["total_mismatch"]


def test_a_sale_spelled_otherwise_is_the_same_sale(world: World) -> None:
    till = world.till()
    body = till.sale(occurred_at="2026-11-22T12:00:00Z")
    put(till, body)
    spelled = {
        "cashier_ref": None,
        "lines": [{**line(), "gtin": None}],
        **{name: body[name] for name in reversed(body) if name != "lines"},
        "occurred_at": "2026-11-22T07:00:00.000-05:00",
        "training": False,
    }
    assert put(till, spelled).status_code == 200


AS_GOOD_AS_LEFT_OUT = {"sku": "", "gtin": ""}


def test_an_empty_optional_field_is_as_good_as_left_out(world: World) -> None:
    till, site = world.till(), world.site()
    maria = site.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    bare = {name: value for name, value in line().items() if name != "sku"}
    filled = till.sale(scan_id, lines=[bare | AS_GOOD_AS_LEFT_OUT], cashier_ref="", claim_hash="")
    first = put(till, filled)
    assert warnings(first) == []
    (sale,) = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales").json["items"]
    assert sale["lines"] == [bare]
    again = put(till, till.sale(scan_id, lines=[bare]))
    assert (again.status_code, but(again, "server_time")) == (200, but(first, "server_time"))


def test_a_repeat_may_write_its_quantities_otherwise(world: World) -> None:
    till, site = world.till(), world.site()
    maria = site.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    for spellings in (
        ("1", "1.0", "1.00", "01", "001.000000000000000000"),
        ("1.5", "1.50", "01.5"),
        ("10", "010", "10.0"),
        ("0", "-0", "0.0", "-0.00", "00"),
        ("-2.05", "-02.050"),
    ):
        for given in spellings:
            ident = str(uuid4())
            assert till.sell(scan_id, ident, lines=[line(quantity=given)]).status_code == 201, given
            for other in spellings:
                assert till.sell(scan_id, ident, lines=[line(quantity=other)]).status_code == 200, (given, other)
            newest = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales?limit=1").json["items"][0]
            assert newest["lines"][0]["quantity"] == given
            world.clock.forward(seconds=1)


def test_what_only_looks_like_a_quantity_is_a_difference(world: World) -> None:
    till = world.till()
    ident, words = str(uuid4()), ('"quantity":"1"', '"quantity":"1.0"')
    first, second = (till.sell(None, ident, lines=[line(description=given)]) for given in words)
    assert (first.status_code, second.status_code) == (201, 409)


CHANGES: tuple[dict[str, Any], ...] = (
    {"receipt_number": "R-2"},
    {"scan_id": str(uuid4())},
    {"occurred_at": "2026-11-22T12:00:01Z"},
    {"currency": "USD"},
    {"total_minor": 2501},
    {"lines": []},
    {"lines": [line(), line()]},
    {"lines": [line(quantity="1.1")]},
    {"lines": [line(quantity="-1")]},
    {"lines": [line(quantity="10")]},
    {"cashier_ref": "Ana"},
    {"training": True},
)


def test_another_sale_under_the_same_id_is_a_conflict_and_changes_nothing(world: World) -> None:
    till = world.till()
    first = put(till, till.sale())
    for change in CHANGES:
        conflict = put(till, till.sale(**change))
        assert (conflict.status_code, conflict.json["code"]) == (409, "id_conflict"), change
    again = put(till, till.sale())
    assert (again.status_code, but(again, "server_time")) == (200, but(first, "server_time"))


def test_tills_cannot_touch_or_see_each_others_sales(world: World) -> None:
    store = world.store()
    one, other = world.till(store), world.till(store)
    put(one, one.sale())
    assert other.call("GET", f"/pos/v1/sales/{SALE_ID}").status_code == 404
    assert other.call("PUT", f"/pos/v1/sales/{SALE_ID}/scan", {"scan_id": str(uuid4())}).status_code == 404
    assert put(other, other.sale(total_minor=1)).status_code == 201
    assert put(one, one.sale()).status_code == 200


def test_a_till_reads_its_sale_back(world: World) -> None:
    till = world.till()
    first = put(till, till.sale(total_minor=1))
    read = till.call("GET", f"/pos/v1/sales/{SALE_ID}")
    assert (read.status_code, but(read, "server_time")) == (200, but(first, "server_time"))
    assert till.call("GET", f"/pos/v1/sales/{uuid4()}").status_code == 404


def test_receipt_numbers_need_not_be_unique(world: World) -> None:
    till = world.till()
    assert [till.sell().status_code for _ in range(3)] == [201] * 3


ODD_SUMS: tuple[tuple[dict[str, Any], list[str]], ...] = (
    ({}, []),
    ({"total_minor": 2501}, ["total_mismatch"]),
    ({"total_minor": -2500}, ["total_mismatch"]),
    ({"lines": [], "total_minor": 2500}, []),
    ({"lines": [line(total_minor=2499)], "total_minor": 2499}, []),
    ({"lines": [line(total_minor=2498)], "total_minor": 2498}, ["line_mismatch"]),
    ({"lines": [line(total_minor=1)], "total_minor": 2}, ["line_mismatch", "total_mismatch"]),
    ({"lines": [line(unit_price_minor=None)]}, []),
    ({"lines": [line(quantity="0.5", total_minor=1250)], "total_minor": 1250}, []),
    ({"lines": [line(quantity="0.333333", total_minor=833)], "total_minor": 833}, []),
    ({"lines": [line(quantity="0.333333333333333333", total_minor=833)], "total_minor": 833}, []),
    ({"lines": [line(quantity="-1", total_minor=-2500)], "total_minor": -2500}, []),
    ({"lines": [line(quantity="0", total_minor=0)], "total_minor": 0}, []),
    ({"lines": [line(), line(line_id="2")], "total_minor": 5000}, []),
    ({"lines": [line(), line()], "total_minor": 5000}, ["duplicate_line"]),
    (
        {
            "lines": [line(), line(line_id="2", kind="discount", unit_price_minor=None, total_minor=-500)],
            "total_minor": 2000,
        },
        [],
    ),
)


def test_sums_that_do_not_add_up_are_warnings(world: World) -> None:
    till = world.till()
    for change, expected in ODD_SUMS:
        assert warnings(till.sell(**change)) == expected, change


BAR_CODES = {
    "4006381333931": [],
    "96385074": [],
    "036000291452": [],
    "36000291452": [],
    "10614141000415": [],
    "4006381333932": ["odd_gtin"],
    "0": ["odd_gtin"],
    "4006": ["odd_gtin"],
    "010614141000415": ["odd_gtin"],
    "4006381X3931": ["odd_gtin"],
    "٤٠٠٦٣٨١٣٣٣٩٣١": ["odd_gtin"],
    " 4006381333931": ["odd_gtin"],
    "x" * 200: ["odd_gtin"],
}


def test_an_odd_bar_code_is_kept_with_a_warning(world: World) -> None:
    till, site = world.till(), world.site()
    maria = site.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    for gtin, expected in BAR_CODES.items():
        assert warnings(till.sell(scan_id, lines=[line(gtin=gtin)])) == expected, gtin
    sales = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales").json["items"]
    assert {sale["lines"][0]["gtin"] for sale in sales} == BAR_CODES.keys()


def test_a_whole_number_may_be_written_with_a_point(world: World) -> None:
    till = world.till()
    first = put(till, till.sale())
    assert first.status_code == 201
    pointed = till.sale(total_minor=2500.0, lines=[line(total_minor=2500.0)])
    assert put(till, pointed).status_code == 200, "it is the same sale"
    for broken in (2500.5, "2500", True):
        assert till.sell(total_minor=broken).status_code == 422, broken


def test_every_kind_of_line_is_taken(world: World) -> None:
    kinds = ("item", "discount", "tax", "deposit", "tip", "rounding", "gift_card")
    lines = [line(line_id=kind, kind=kind) for kind in kinds]
    assert warnings(world.till().sell(lines=lines, total_minor=2500 * len(kinds))) == []


ODD_TIMES = {
    "2026-11-22T12:05:00Z": [],
    "2026-11-22T12:05:01Z": ["odd_time"],
    "2026-11-15T12:00:00Z": [],
    "2026-11-15T11:59:59Z": ["odd_time"],
    "1970-01-01T00:00:00Z": ["odd_time"],
    "2199-12-31T23:59:59.999999Z": ["odd_time"],
}


def test_odd_times_are_warnings(world: World) -> None:
    till = world.till()
    for moment, expected in ODD_TIMES.items():
        assert warnings(till.sell(occurred_at=moment)) == expected, moment


EARLIEST, LATEST = "1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z"
BEYOND_THE_BORDERS = {
    "0000-02-29T12:00:00Z": EARLIEST,
    "0001-01-01T00:00:00Z": EARLIEST,
    "0001-01-01T00:00:00+23:59": EARLIEST,
    "1970-01-01T00:30:00+01:00": EARLIEST,
    "1969-12-31T23:59:60Z": EARLIEST,
    "2200-01-01T00:00:00.000001Z": LATEST,
    "9999-12-31T23:59:59Z": LATEST,
    "9999-12-31T23:59:59.999999-23:59": LATEST,
}


def test_a_time_beyond_the_borders_is_taken_for_the_nearest_one(world: World) -> None:
    till, site = world.till(world.store(time_zone="America/Los_Angeles")), world.site()
    maria = site.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    for moment, border in BEYOND_THE_BORDERS.items():
        body = till.sale(scan_id, occurred_at=moment)
        first = till.call("PUT", address := f"/pos/v1/sales/{uuid4()}", body)
        assert (warnings(first), first.json["link"]) == (["odd_time"], "linked"), moment
        again = till.call("PUT", address, body)
        assert (again.status_code, but(again, "server_time")) == (200, but(first, "server_time")), moment
        newest = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales?limit=1").json["items"][0]
        assert newest["occurred_at"] == border, moment
        world.clock.forward(seconds=1)
    assert len(maria.call("GET", "/shopper/v1/activity").json["items"]) == len(BEYOND_THE_BORDERS) + 1
    exported = maria.call("GET", "/shopper/v1/export").json["sales"]
    assert sorted(sale["occurred_at"] for sale in exported) == sorted(BEYOND_THE_BORDERS.values())


def test_the_largest_numbers_are_kept_exactly(world: World) -> None:
    till, site = world.till(), world.site()
    maria = site.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    lines = [
        line(line_id="1", quantity="999999999.999999", unit_price_minor=LARGEST, total_minor=LARGEST),
        line(line_id="2", quantity="-999999999.999999", unit_price_minor=-LARGEST, total_minor=-LARGEST),
        line(line_id="3", quantity="0.000001", unit_price_minor=None, total_minor=LARGEST),
    ]
    assert warnings(till.sell(scan_id, lines=lines, total_minor=LARGEST)) == ["line_mismatch", "line_mismatch"]
    (sale,) = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales").json["items"]
    assert (sale["total_minor"], [item["total_minor"] for item in sale["lines"]]) == (
        LARGEST,
        [LARGEST, -LARGEST, LARGEST],
    )
    assert sale["lines"][0]["quantity"] == "999999999.999999"


def test_two_thousand_lines_are_one_sale(world: World) -> None:
    lines = [line(line_id=str(number)) for number in range(2_000)]
    till = world.till()
    assert warnings(till.sell(lines=lines, total_minor=2_000 * 2500)) == []
    answer = till.sell(lines=[*lines, line()], total_minor=0)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/lines")


WORDS = (
    "Camiseta 👕🏽 «niño» 100 % algodón",
    "قميص قطني \u202eabc\u202c",
    "\"quoted\" 'single' \\back\\ %s {0} $1 ; DROP TABLE sales; --",
    "e\u0301 \u200b \ufeff \u2028",
    "\U0010ffff",
    "",
    "x" * 2_000,
)


def test_any_words_of_any_script_come_back_as_they_were(world: World) -> None:
    till, site = world.till(), world.site()
    maria = site.shopper()
    scan_id = till.scan(maria.code()).json["scan_id"]
    lines = [line(line_id=f"«{number}» 🧵", description=words) for number, words in enumerate(WORDS)]
    till.sell(scan_id, receipt_number="Nº 7/🧾 \"A\" '%'", lines=lines)
    (sale,) = site.call("GET", f"/commerce/v1/customers/{maria.customer_id}/sales").json["items"]
    assert [item["description"] for item in sale["lines"]] == list(WORDS)
    assert sale["receipt_number"] == "Nº 7/🧾 \"A\" '%'"


BAD_FIELDS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"receipt_number": ""}, "/receipt_number"),
    ({"receipt_number": None}, "/receipt_number"),
    ({"receipt_number": 7}, "/receipt_number"),
    ({"receipt_number": "a\nb"}, "/receipt_number"),
    ({"scan_id": "1"}, "/scan_id"),
    ({"occurred_at": "2026-11-22T12:00:00"}, "/occurred_at"),
    ({"occurred_at": "2026-02-30T12:00:00Z"}, "/occurred_at"),
    ({"currency": "eur"}, "/currency"),
    ({"currency": "EURO"}, "/currency"),
    ({"total_minor": 25.5}, "/total_minor"),
    ({"total_minor": "2500"}, "/total_minor"),
    ({"total_minor": LARGEST + 1}, "/total_minor"),
    ({"total_minor": 10**400}, "/total_minor"),
    ({"total_minor": True}, "/total_minor"),
    ({"lines": None}, "/lines"),
    ({"lines": [{}]}, "/lines/0/line_id"),
    ({"lines": [line(kind="gift")]}, "/lines/0/kind"),
    ({"lines": [line(quantity=1)]}, "/lines/0/quantity"),
    ({"lines": [line(quantity="1,5")]}, "/lines/0/quantity"),
    ({"lines": [line(quantity="1e3")]}, "/lines/0/quantity"),
    ({"lines": [line(quantity="NaN")]}, "/lines/0/quantity"),
    ({"lines": [line(quantity="١")]}, "/lines/0/quantity"),
    ({"lines": [line(quantity="1\n")]}, "/lines/0/quantity"),
    ({"lines": [line(quantity="0.3333333333333333333")]}, "/lines/0/quantity"),
    ({"lines": [line(gtin="x" * 201)]}, "/lines/0/gtin"),
    ({"lines": [line(gtin="12\n")]}, "/lines/0/gtin"),
    ({"claim_hash": "12"}, "/claim_hash"),
    ({"lines": [line(description="x" * 2_001)]}, "/lines/0/description"),
    ({"lines": [line(description="a\u0000b")]}, "/lines/0/description"),
    ({"lines": [line(colour="red")]}, "/lines/0/colour"),
    ({"customer_id": str(uuid4())}, "/customer_id"),
    ({"a/b~c": 1}, "/a~1b~0c"),
)


def test_a_bad_field_is_named(world: World) -> None:
    till = world.till()
    for change, pointer in BAD_FIELDS:
        answer = put(till, till.sale(**change))
        assert (answer.status_code, answer.json.get("code")) == (422, "invalid_body"), (answer.data, change)
        assert pointer in [error["pointer"] for error in answer.json["errors"]], change
    assert put(till, till.sale()).status_code == 201, "nothing of it was stored"


def test_what_a_sale_needs_is_asked_for(world: World) -> None:
    till = world.till()
    for missing in till.sale().keys() - {"scan_id"}:
        answer = put(till, {name: value for name, value in till.sale().items() if name != missing})
        assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, [f"/{missing}"])
