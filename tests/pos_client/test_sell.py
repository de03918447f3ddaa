from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from pos_client import (
    Line,
    LineKind,
    Link,
    NotAuthorised,
    PosClient,
    Receipt,
    Refused,
    Return,
    ReturnLine,
    ReturnReason,
)
from tests.pos_client.conftest import Clock, OpenTill, a_code, a_sale
from tests.pos_client.fake_service import TOKEN, FakeService, problem


def test_a_sale_lands_on_the_scanned_customer(till: PosClient, service: FakeService) -> None:
    scan = till.scan(a_code())
    result = till.sell(a_sale(scan_id=scan.scan_id))
    assert (result.link, result.queued, result.warnings) == (Link.LINKED, False, ())
    assert UUID(result.sale_id).version == 7
    assert till.last_scan_id is None


def test_a_sale_is_sent_in_the_words_of_the_service(till: PosClient, service: FakeService) -> None:
    shirt = Line(
        description="T-shirt",
        quantity=Decimal("2.50"),
        unit_price_minor=1250,
        total_minor=3125,
        sku="TS-1",
        gtin="4006381333931",
    )
    off = Line(description="Sale", kind=LineKind.DISCOUNT, total_minor=-625, line_id="d")
    till.sell(a_sale(lines=[shirt, off], cashier_ref="7", training=True))
    assert service.bodies("sale") == [
        {
            "receipt_number": "R-1",
            "scan_id": None,
            "occurred_at": "2026-11-22T10:00:00.000Z",
            "currency": "EUR",
            "total_minor": 2500,
            "lines": [
                {
                    "line_id": "1", "kind": "item", "sku": "TS-1", "gtin": "4006381333931", "description": "T-shirt",
                    "quantity": "2.50", "unit_price_minor": 1250, "total_minor": 3125,
                },
                {"line_id": "d", "kind": "discount", "description": "Sale", "quantity": "1", "total_minor": -625},
            ],
            "cashier_ref": "7",
            "training": True,
        }
    ]  # fmt: skip


def test_a_sale_happens_by_the_clock_of_the_service(till: PosClient, service: FakeService, clock: Clock) -> None:
    service.clock = lambda: clock() + timedelta(hours=2)
    till.heartbeat()
    till.sell(a_sale())
    assert service.bodies("sale")[0]["occurred_at"] == "2026-11-22T12:00:00.000Z"


def test_a_time_given_by_the_caller_is_kept(till: PosClient, service: FakeService) -> None:
    madrid = timezone(timedelta(hours=1))
    till.sell(a_sale(occurred_at=datetime(2026, 11, 22, 9, 30, tzinfo=madrid)))
    assert service.bodies("sale")[0]["occurred_at"] == "2026-11-22T08:30:00.000Z"


def test_a_time_without_a_zone_is_the_callers_mistake(till: PosClient) -> None:
    with pytest.raises(ValueError, match="time zone"):
        till.sell(a_sale(occurred_at=datetime(2026, 11, 22)))  # noqa: DTZ001
    with pytest.raises(ValueError, match="UUID"):
        till.sell(a_sale(scan_id="the last one"))
    assert not any(till.status().waiting.values())


def test_offline_a_sale_is_kept_and_never_said_to_be_linked(till: PosClient, service: FakeService) -> None:
    service.down = True
    assert till.sell(a_sale()).link is Link.UNIDENTIFIED
    result = till.sell(a_sale(scan_id=str(uuid4())))
    assert (result.link, result.queued) == (Link.PENDING, True)
    service.down = False
    till.sync()
    assert result.sale_id in service.ids("sale")


def test_warnings_are_passed_on(till: PosClient, service: FakeService) -> None:
    service.answer_more = {"warnings": [{"code": "total_mismatch", "detail": "The lines sum up to 24.00."}]}
    (warning,) = till.sell(a_sale()).warnings
    assert (warning.code, warning.detail) == ("total_mismatch", "The lines sum up to 24.00.")


def test_an_unknown_link_is_unidentified(till: PosClient, service: FakeService) -> None:
    service.answer_more = {"link": "brand_new"}
    assert till.sell(a_sale()).link is Link.UNIDENTIFIED


def test_a_refused_sale_is_kept_and_can_be_sent_again(till: PosClient, service: FakeService) -> None:
    service.replies = [problem(422, "invalid_body", "No such currency.")]
    with pytest.raises(Refused) as caught:
        till.sell(a_sale())
    assert till.sync().sent == 0
    assert till.revive() == 1
    assert till.sync().sent == 1
    assert service.ids("sale") == {caught.value.item_id}
    assert till.status().dead_letters == ()


def test_broken_text_never_costs_a_sale(till: PosClient, service: FakeService) -> None:
    line = Line(description="caf\udce9\tsolo", total_minor=2500)
    assert till.sell(a_sale(lines=[line])).link is Link.UNIDENTIFIED
    assert service.bodies("sale")[0]["lines"][0]["description"] == "caf? solo"


def sold_line(till: PosClient, service: FakeService, **fields: Any) -> Any:
    """Sell one line; return it in the words of the service."""
    till.sell(a_sale(lines=[Line(**{"description": "T-shirt", "total_minor": 2500, **fields})]))
    return service.bodies("sale")[-1]["lines"][0]


def test_an_empty_reference_is_left_out(till: PosClient, service: FakeService) -> None:
    till.sell(a_sale(cashier_ref=""))
    till.scan(a_code(), cashier_ref="")
    assert "cashier_ref" not in service.bodies("sale")[0]
    assert "cashier_ref" not in service.bodies("scan")[0]
    line = sold_line(till, service, sku="", gtin="", line_id="")
    assert line.keys() == {"line_id", "kind", "description", "quantity", "total_minor"}
    assert line["line_id"] == "1"


def test_control_characters_and_excess_in_references_never_cost_a_sale(till: PosClient, service: FakeService) -> None:
    till.sell(a_sale(receipt_number="R\t1\x7f", cashier_ref="7\n" + "x" * 300))
    (sale,) = service.bodies("sale")
    assert (sale["receipt_number"], sale["cashier_ref"]) == ("R 1 ", "7 " + "x" * 198)
    line = sold_line(till, service, sku="TS\t1", line_id="a\x00")
    assert (line["sku"], line["line_id"]) == ("TS 1", "a ")


def test_a_description_too_long_for_the_service_is_cut(till: PosClient, service: FakeService) -> None:
    assert sold_line(till, service, description="ñ" * 2_001)["description"] == "ñ" * 2_000


@pytest.mark.parametrize(
    ("quantity", "sent"),
    [
        ("0.1234567", "0.123457"), ("0.123456", "0.123456"), ("1E-7", "0.000000"), ("-1.0000000", "-1.000000"),
        ("1E+3", "1000"), ("123456789.9999999", "123456790.000000"), ("9" * 40 + ".1234567", "9" * 40 + ".123457"),
        ("NaN", "NaN"),
    ],
)  # fmt: skip
def test_a_quantity_has_at_most_six_decimals_and_the_money_stays(
    till: PosClient, service: FakeService, quantity: str, sent: str
) -> None:
    line = sold_line(till, service, quantity=Decimal(quantity))
    assert (line["quantity"], line["total_minor"]) == (sent, 2500)


@pytest.mark.parametrize(
    ("gtin", "sent"),
    [("4006381333931", "4006381333931"), (" 4006381333931\n", "4006381333931"), ("4006 3813", "4006 3813")],
)
def test_a_bar_code_is_sent_without_the_blanks_around_it_even_if_it_is_none(
    till: PosClient, service: FakeService, gtin: str, sent: str
) -> None:
    assert sold_line(till, service, gtin=gtin)["gtin"] == sent


def test_a_bar_code_of_blanks_is_left_out(till: PosClient, service: FakeService) -> None:
    assert "gtin" not in sold_line(till, service, gtin=" ")


def test_goods_that_come_back_are_named_as_they_were_sold(till: PosClient, service: FakeService) -> None:
    receipt = Receipt(store_id="s", receipt_number="R\t1", date=date(2026, 11, 1))
    line = ReturnLine(quantity=Decimal(1) / 3, total_minor=1, line_id="a\x00", sku="")
    till.return_(Return(receipt=receipt, lines=[line]))
    (body,) = service.bodies("return")
    assert body["receipt"]["receipt_number"] == "R 1"
    assert body["lines"] == [{"line_id": "a ", "quantity": "0.333333", "total_minor": 1}]


def test_a_sale_is_linked_afterwards(till: PosClient, service: FakeService) -> None:
    sale, scan = till.sell(a_sale()), till.scan(a_code())
    assert till.link(sale.sale_id, scan.scan_id).link is Link.LINKED
    assert service.links == {sale.sale_id: scan.scan_id}


def test_a_link_waits_for_its_sale(till: PosClient, service: FakeService) -> None:
    scan = till.scan(a_code())
    service.down = True
    sale = till.sell(a_sale())
    service.down = False
    assert till.link(sale.sale_id, scan.scan_id).queued
    assert service.links == {}
    assert till.sync().sent == 2
    assert service.links == {sale.sale_id: scan.scan_id}


def test_a_link_is_kept_offline(till: PosClient, service: FakeService) -> None:
    sale, scan = till.sell(a_sale()), till.scan(a_code())
    service.lost_answers = 1
    assert till.link(sale.sale_id, scan.scan_id).queued
    assert till.sync().sent == 1
    assert till.status().waiting["link"] == 0


def test_a_second_scan_for_a_sale_is_refused_for_good(till: PosClient) -> None:
    sale, scan = till.sell(a_sale()), till.scan(a_code())
    till.link(sale.sale_id, scan.scan_id)
    with pytest.raises(Refused):
        till.link(sale.sale_id, str(uuid4()))
    assert [letter.kind for letter in till.status().dead_letters] == ["link"]


def test_an_id_that_is_none_never_becomes_a_path(till: PosClient, service: FakeService) -> None:
    sent = len(service.calls)
    with pytest.raises(ValueError, match="UUID"):
        till.link("../../commerce", str(uuid4()))
    assert len(service.calls) == sent


def test_goods_come_back_with_their_receipt(till: PosClient, service: FakeService) -> None:
    goods = Return(
        reason=ReturnReason.EXCHANGE,
        receipt=Receipt(store_id="s", receipt_number="R-1", date=date(2026, 11, 1)),
        lines=[ReturnLine(quantity=Decimal(1), total_minor=2500, sku="TS-1")],
        replacement_sale_id=(new := str(uuid4())),
        occurred_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    result = till.return_(goods)
    assert not result.queued
    assert service.bodies("return") == [
        {
            "receipt": {"store_id": "s", "receipt_number": "R-1", "date": "2026-11-01"},
            "reason": "exchange",
            "replacement_sale_id": new,
            "currency": "EUR",
            "occurred_at": "2026-11-22T00:00:00.000Z",
            "lines": [{"sku": "TS-1", "quantity": "1", "total_minor": 2500}],
        }
    ]


def test_a_return_is_kept_offline(till: PosClient, service: FakeService) -> None:
    service.down = True
    goods = Return(sale_id=str(uuid4()), lines=[ReturnLine(quantity=Decimal(1), total_minor=2500)])
    result = till.return_(goods)
    assert result.queued
    service.down = False
    till.sync()
    assert service.ids("return") == {result.return_id}
    assert service.bodies("return")[-1]["sale_id"] == goods.sale_id


@pytest.mark.parametrize(
    "record",
    [
        lambda till: till.scan(a_code()),
        lambda till: till.sell(a_sale(currency="EUR")),
        lambda till: till.link(str(uuid4()), str(uuid4())),
        lambda till: till.return_(Return(lines=[], currency="EUR")),
    ],
    ids=["scan", "sale", "link", "return"],
)
def test_a_till_that_is_not_enrolled_keeps_nothing(
    open_till: OpenTill, service: FakeService, record: Callable[[PosClient], object]
) -> None:
    till = open_till()
    with pytest.raises(NotAuthorised, match="isn't enrolled"):
        record(till)
    assert sum(till.status().waiting.values()) == 0
    assert service.calls == []


def test_a_till_with_only_a_token_asks_for_its_currency(open_till: OpenTill, service: FakeService) -> None:
    assert open_till(token=TOKEN).sell(a_sale()).link is Link.UNIDENTIFIED
    assert service.bodies("sale")[0]["currency"] == "EUR"


def test_a_disk_that_is_full_once_the_service_has_the_sale_hides_no_answer(
    till: PosClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = service.answer

    def fill_the_disk(*request: Any) -> Any:
        till._queue._db.execute("PRAGMA query_only = ON")
        return answer(*request)

    monkeypatch.setattr(service, "answer", fill_the_disk)
    result = till.sell(a_sale())
    assert (result.link, result.queued) == (Link.UNIDENTIFIED, False)
    service.replies.append(problem(422, "invalid_request", "Fields are wrong."))
    till._queue._db.execute("PRAGMA query_only = OFF")
    with pytest.raises(Refused):
        till.sell(a_sale())
    till._queue._db.execute("PRAGMA query_only = OFF")
    monkeypatch.undo()
    till.sync()
    assert len(service.ids("sale")) == 2
    assert not any(till.status().waiting.values())
