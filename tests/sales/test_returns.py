"""Returns name a sale of the brand, a receipt, or neither; the answer reveals nothing about another till's sale."""

from typing import Any
from uuid import uuid4

from tests.world import Till, World, line

RETURN_ID = "0198c0de-0000-7000-8000-00000000000c"


def back(*lines: tuple[str, str]) -> list[dict[str, Any]]:
    """Lines of a return: pairs of a line_id and a quantity."""
    return [{"line_id": name, "quantity": quantity, "total_minor": -2500} for name, quantity in lines]


def warnings(answer: Any) -> list[str]:
    assert answer.status_code == 201, answer.json
    return [warning["code"] for warning in answer.json["warnings"]]


def put(till: Till, **given: Any) -> Any:
    return till.take_back(RETURN_ID, **given)


def test_a_return_is_stored_and_answered_and_repeated(world: World) -> None:
    till = world.till()
    sale_id = till.sell().json["sale_id"]
    given = {"sale_id": sale_id, "occurred_at": "2026-11-22T12:00:00Z"}
    first = put(till, **given)
    world.clock.forward(hours=1)
    again = put(till, **{**given, "occurred_at": "2026-11-22T13:00:00+01:00", "receipt": None})
    assert (first.status_code, again.status_code) == (201, 200)
    assert {**first.json, "server_time": None} == {**again.json, "server_time": None}
    assert {**first.json, "server_time": None} == {"return_id": RETURN_ID, "warnings": [], "server_time": None}


def test_another_return_under_the_same_id_is_a_conflict(world: World) -> None:
    till = world.till()
    put(till)
    for change in ({"reason": "void"}, {"sale_id": str(uuid4())}, {"lines": back(("1", "2"))}, {"currency": "USD"}):
        answer = put(till, **change)
        assert (answer.status_code, answer.json["code"]) == (409, "id_conflict"), change


def test_a_return_of_another_till_under_the_same_id_is_its_own(world: World) -> None:
    store = world.store()
    one, other = world.till(store), world.till(store)
    sale_id = one.sell().json["sale_id"]
    assert warnings(put(other, sale_id=sale_id)) == []
    assert warnings(put(one, sale_id=sale_id)) == ["over_return"], "both are counted"


def test_a_return_may_name_a_receipt_or_nothing(world: World) -> None:
    till = world.till()
    receipt = {"store_id": till.enrolled["store"]["store_id"], "receipt_number": "R-1", "date": "2026-11-22"}
    assert warnings(till.take_back(receipt=receipt)) == []
    assert warnings(till.take_back()) == []
    assert warnings(till.take_back(lines=[])) == []


def test_a_return_at_an_odd_time_is_kept_with_a_warning(world: World) -> None:
    till = world.till()
    for moment in (
        "2026-11-15T11:59:59Z",
        "2026-11-22T12:05:01Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59Z",
    ):
        assert warnings(till.take_back(occurred_at=moment)) == ["odd_time"], moment
    sale_id = till.sell().json["sale_id"]
    given = {"sale_id": sale_id, "occurred_at": "1970-01-01T00:30:00+01:00", "lines": back(("1", "2"))}
    first = put(till, **given)
    assert warnings(first) == ["over_return", "odd_time"]
    world.clock.forward(days=60)
    again = put(till, **given)
    assert (again.status_code, again.json["warnings"]) == (200, first.json["warnings"])


def test_an_empty_optional_field_is_as_good_as_left_out(world: World) -> None:
    till = world.till()
    sale_id = till.sell().json["sale_id"]
    empty = {"line_id": "", "sku": "TSHIRT-M", "quantity": "1.0", "total_minor": -2500}
    first = put(till, sale_id=sale_id, lines=[empty], cashier_ref="")
    assert warnings(first) == []
    left_out = {"sku": "TSHIRT-M", "quantity": "1", "total_minor": -2500}
    assert put(till, sale_id=sale_id, lines=[left_out]).status_code == 200
    assert warnings(till.take_back(lines=[{**empty, "sku": ""}])) == []
    assert warnings(till.take_back(sale_id=sale_id, lines=[left_out])) == ["over_return"]


def test_a_sale_of_1970_is_found_by_its_receipt(world: World) -> None:
    till = world.till()
    till.sell(None, receipt_number="R-6", occurred_at="0001-01-01T00:00:00Z")
    by_receipt = receipt_of(till, "R-6", "1970-01-01")
    assert warnings(till.take_back(receipt=by_receipt, lines=back(("1", "2")))) == ["over_return"]


def receipt_of(till: Till, number: str, day: str) -> dict[str, str]:
    return {"store_id": till.enrolled["store"]["store_id"], "receipt_number": number, "date": day}


def test_a_receipt_names_the_sale_of_its_day_by_the_stores_clock(world: World) -> None:
    till, neighbour = world.till(), world.till(world.store("Sol"))
    till.sell(None, receipt_number="R-7", occurred_at="2026-11-22T23:30:00Z")  # half past midnight in Madrid
    yesterday, today = receipt_of(till, "R-7", "2026-11-22"), receipt_of(till, "R-7", "2026-11-23")
    too_many = back(("1", "2"))
    assert warnings(till.take_back(receipt=yesterday, lines=too_many)) == []
    assert warnings(neighbour.take_back(receipt=today, lines=too_many)) == [], "another store is told nothing"
    assert warnings(till.take_back(receipt=today)) == ["over_return"], "what came back elsewhere counts"


def test_returns_by_receipt_and_by_sale_are_counted_together(world: World) -> None:
    till = world.till()
    sale_id = till.sell(None, receipt_number="R-8", occurred_at="2026-11-22T11:00:00Z").json["sale_id"]
    by_receipt = receipt_of(till, "R-8", "2026-11-22")
    first = till.take_back(RETURN_ID, receipt=by_receipt)
    assert warnings(first) == []
    assert warnings(till.take_back(sale_id=sale_id)) == ["over_return"]
    again = till.take_back(RETURN_ID, receipt=by_receipt)
    assert (again.status_code, again.json["warnings"]) == (200, [])


def test_a_receipt_number_that_was_used_twice_that_day_names_no_sale(world: World) -> None:
    till = world.till()
    for _ in range(2):
        till.sell(None, receipt_number="R-9", occurred_at="2026-11-22T11:00:00Z")
    by_receipt = receipt_of(till, "R-9", "2026-11-22")
    assert warnings(till.take_back(receipt=by_receipt, lines=back(("1", "9")))) == []


def test_a_receipt_of_an_unknown_store_or_of_the_last_day_of_all_is_kept(world: World) -> None:
    till = world.till()
    strange = {"store_id": str(uuid4()), "receipt_number": "R-1", "date": "2026-11-22"}
    assert warnings(till.take_back(receipt=strange)) == []
    for day in ("0001-01-01", "9999-12-31"):
        assert warnings(till.take_back(receipt=receipt_of(till, "R-1", day))) == []


def test_every_reason_is_taken_and_an_exchange_names_what_replaces_it(world: World) -> None:
    till = world.till()
    for reason in ("return", "void", "exchange"):
        assert till.take_back(reason=reason, replacement_sale_id=str(uuid4())).status_code == 201


def test_a_return_may_come_before_its_sale(world: World) -> None:
    till, sale_id = world.till(), str(uuid4())
    assert warnings(till.take_back(sale_id=sale_id)) == []
    assert till.sell(None, sale_id).json["warnings"] == []
    assert warnings(till.take_back(sale_id=sale_id)) == ["over_return"], "the early one counts"


def test_what_comes_back_more_often_than_it_was_sold_is_a_warning(world: World) -> None:
    till = world.till()
    lines = [line(quantity="3", total_minor=7500), line(line_id="2", quantity="0.75", unit_price_minor=None)]
    sale_id = till.sell(lines=lines, total_minor=10_000).json["sale_id"]
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("1", "2"), ("2", "0.5")))) == []
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("1", "1")))) == []
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("2", "0.250000000000000001")))) == ["over_return"]
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("1", "1"), ("2", "1")))) == ["over_return"] * 2


def test_one_return_may_itself_be_too_much(world: World) -> None:
    till = world.till()
    sale_id = till.sell().json["sale_id"]
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("1", "0.5"), ("1", "0.6")))) == ["over_return"]


def test_a_quantity_counts_whichever_sign_the_till_writes(world: World) -> None:
    till = world.till()
    sale_id = till.sell().json["sale_id"]
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("1", "-1")))) == []
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("1", "1")))) == ["over_return"]


def test_a_line_that_was_never_sold_is_an_over_return(world: World) -> None:
    till = world.till()
    sale_id = till.sell().json["sale_id"]
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("99", "0")))) == []
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("99", "1")))) == ["over_return"]


def test_articles_are_counted_over_all_lines_that_sold_them(world: World) -> None:
    till = world.till()
    lines = [line(), line(line_id="2"), line(line_id="3", sku=None)]
    sale_id = till.sell(lines=lines, total_minor=7500).json["sale_id"]

    def take_back(quantity: str) -> list[str]:
        given = [{"sku": "TSHIRT-M", "quantity": quantity, "total_minor": -1}]
        return warnings(till.take_back(sale_id=sale_id, lines=given))

    assert (take_back("2"), take_back("1")) == ([], ["over_return"])


def test_lines_and_articles_are_counted_together(world: World) -> None:
    till = world.till()
    by_line = {"line_id": "1", "quantity": "1", "total_minor": -2500}
    by_sku = {"sku": "TSHIRT-M", "quantity": "1", "total_minor": -2500}
    for first, second in ((by_line, by_sku), (by_sku, by_line)):
        sale_id = till.sell().json["sale_id"]
        assert warnings(till.take_back(sale_id=sale_id, lines=[first])) == []
        assert warnings(till.take_back(sale_id=sale_id, lines=[second])) == ["over_return"]
    sale_id = till.sell().json["sale_id"]
    assert warnings(till.take_back(sale_id=sale_id, lines=[by_line, by_sku])) == ["over_return"]


def test_a_line_that_names_nothing_is_not_counted(world: World) -> None:
    till = world.till()
    sale_id = till.sell().json["sale_id"]
    assert warnings(till.take_back(sale_id=sale_id, lines=[{"quantity": "9", "total_minor": -1}])) == []


def test_only_the_till_that_made_the_sale_is_told(world: World) -> None:
    store = world.store()
    seller, neighbour, stranger = world.till(store), world.till(store), world.till(world.store("Sol"))
    sale_id = seller.sell(None, receipt_number="R-1", occurred_at="2026-11-22T11:00:00Z").json["sale_id"]
    too_many, receipt = back(("1", "5")), receipt_of(seller, "R-1", "2026-11-22")
    for other in (neighbour, stranger):
        for named in ({"sale_id": sale_id}, {"sale_id": str(uuid4())}, {"receipt": receipt}):
            return_id = str(uuid4())
            answers = [other.take_back(return_id, lines=too_many, **named) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [201, 200]
            for answer in answers:
                assert answer.json.items() >= {"return_id": return_id, "warnings": []}.items()
                assert answer.json.keys() == {"return_id", "warnings", "server_time"}
    assert warnings(seller.take_back(sale_id=sale_id, lines=too_many)) == ["over_return"]


def test_what_came_back_of_another_tills_sale_of_the_same_id_is_not_counted(world: World) -> None:
    one, other = world.till(), world.till(world.store("Sol"))
    sale_id = one.sell().json["sale_id"]
    other.sell(sale_id=sale_id)
    assert warnings(one.take_back(sale_id=sale_id)) == []
    assert warnings(other.take_back(sale_id=sale_id)) == [], "its own piece came back once"
    assert warnings(other.take_back(sale_id=sale_id)) == ["over_return"]


def test_a_receipt_of_another_till_is_not_held_against_an_own_sale_of_the_same_id(world: World) -> None:
    one, other = world.till(), world.till(world.store("Sol"))
    sold = {"receipt_number": "R-11", "occurred_at": "2026-11-22T11:00:00Z"}
    sale_id = one.sell(None, **sold).json["sale_id"]
    other.sell(None, sale_id=sale_id, receipt_number="R-12")
    receipt = receipt_of(one, "R-11", "2026-11-22")
    assert warnings(other.take_back(receipt=receipt, lines=back(("1", "5")))) == []


def test_a_return_elsewhere_is_counted_at_home(world: World) -> None:
    seller, elsewhere = world.till(), world.till(world.store("Sol"))
    sale_id = seller.sell().json["sale_id"]
    elsewhere.take_back(sale_id=sale_id)
    assert warnings(seller.take_back(sale_id=sale_id)) == ["over_return"]


def test_the_own_sale_of_a_till_goes_before_another_tills_sale_of_the_same_id(world: World) -> None:
    store, sale_id = world.store(), str(uuid4())
    other, till = world.till(store), world.till(store)
    other.sell(None, sale_id)
    till.sell(None, sale_id, lines=[line(quantity="2", total_minor=5000)], total_minor=5000)
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("1", "2")))) == []


BAD_FIELDS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"reason": "theft"}, "/reason"),
    ({"sale_id": "1"}, "/sale_id"),
    ({"replacement_sale_id": 1}, "/replacement_sale_id"),
    ({"receipt": {}}, "/receipt/store_id"),
    ({"receipt": {"store_id": str(uuid4()), "receipt_number": "1", "date": "2026-02-30"}}, "/receipt/date"),
    ({"receipt": {"store_id": str(uuid4()), "receipt_number": "1", "date": "2026-11-22T12:00:00Z"}}, "/receipt/date"),
    ({"occurred_at": "2026-11-22"}, "/occurred_at"),
    ({"lines": [{"quantity": "1"}]}, "/lines/0/total_minor"),
    ({"lines": [{"quantity": 1, "total_minor": 1}]}, "/lines/0/quantity"),
    ({"lines": [{"quantity": "1", "total_minor": 1, "sku": "a\tb"}]}, "/lines/0/sku"),
    ({"lines": None}, "/lines"),
    ({"customer": "Maria"}, "/customer"),
)


def test_a_bad_field_is_named(world: World) -> None:
    till = world.till()
    for change, pointer in BAD_FIELDS:
        answer = put(till, **change)
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_body"), change
        assert pointer in [error["pointer"] for error in answer.json["errors"]], change
    assert put(till).status_code == 201, "nothing of it was stored"


def test_lines_that_share_an_id_count_together(world: World) -> None:
    till = world.till()
    sale_id = till.sell(lines=[line(), line()], total_minor=5_000).json["sale_id"]
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("1", "2")))) == []
    assert warnings(till.take_back(sale_id=sale_id, lines=back(("1", "1")))) == ["over_return"]
