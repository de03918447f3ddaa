import random
from contextlib import suppress
from decimal import Decimal

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_client import (
    Line,
    NotAuthorised,
    Outcome,
    PosClient,
    Refused,
    Return,
    ReturnLine,
    ScanResult,
    Unavailable,
)
from pos_client.queue import Item, Kind
from pos_client.replay import _ENVELOPE_BYTES, Parcel, split
from tests.pos_client.conftest import Clock, OpenTill, a_code, a_sale
from tests.pos_client.fake_service import FakeService, Reply, problem


def fill(till: PosClient, service: FakeService, scans: int = 1, sales: int = 1, returns: int = 1) -> set[str]:
    """Queue some of each while the network is gone; return their ids."""
    service.down = True
    ids = {till.scan(a_code(number)).scan_id for number in range(1, scans + 1)}
    ids |= {till.sell(a_sale(receipt_number=str(number))).sale_id for number in range(sales)}
    goods = Return(lines=[ReturnLine(quantity=Decimal(1), total_minor=1)])
    ids |= {till.return_(goods).return_id for _ in range(returns)}
    service.down = False
    return ids


def stored_ids(service: FakeService) -> set[str]:
    return {item_id for _, item_id in service.stored}


def test_everything_that_waits_is_sent_once(till: PosClient, service: FakeService) -> None:
    ids = fill(till, service, scans=3, sales=2, returns=1)
    report = till.sync()
    assert (report.sent, report.refused, report.waiting) == (6, 0, 0)
    assert stored_ids(service) == ids
    assert len(service.requests("/pos/v1/sync")) == 1


@pytest.mark.parametrize("trouble", [httpx2.WriteTimeout, httpx2.ReadTimeout, httpx2.RemoteProtocolError])
def test_a_line_too_slow_for_a_whole_batch_carries_smaller_ones(
    open_till: OpenTill, till: PosClient, service: FakeService, trouble: type[Exception]
) -> None:
    ids = fill(till, service, scans=3, sales=400, returns=1)
    whole, sizes = service.transport(), []

    def slow(request: httpx2.Request) -> httpx2.Response:
        sizes.append(len(request.content))
        if sizes[-1] > 20_000:
            raise trouble("it takes longer than anybody waits")
        return whole.handle_request(request)

    till.close()
    report = open_till(transport=httpx2.MockTransport(slow)).sync()
    assert (report.sent, report.waiting) == (404, 0)
    assert stored_ids(service) == ids
    assert sum(size > 20_000 for size in sizes) <= 3
    assert max(size for size in sizes if size <= 20_000) > 5_000


def test_an_empty_queue_asks_nothing(till: PosClient, service: FakeService) -> None:
    assert till.sync().sent == 0
    assert service.requests("/pos/v1/sync") == []


def test_syncing_again_sends_nothing_twice(till: PosClient, service: FakeService) -> None:
    fill(till, service)
    till.sync()
    assert till.sync().sent == 0
    assert len(service.requests("/pos/v1/sync")) == 1


def test_the_report_tells_what_became_of_pending_scans(till: PosClient, service: FakeService, clock: Clock) -> None:
    service.down = True
    till.scan(a_code())
    clock.advance(minutes=1)
    till.scan(a_code())
    service.down = False
    outcomes = [answer.outcome for answer in till.sync().answers if isinstance(answer, ScanResult)]
    assert outcomes == [Outcome.IDENTIFIED, Outcome.REFUSED]


def test_no_batch_has_more_items_than_allowed(till: PosClient, service: FakeService) -> None:
    service.policy["max_sync_items"] = 7
    till.heartbeat()
    ids = fill(till, service, scans=10, sales=10, returns=3)
    till.sync()
    sizes = [sum(map(len, call.body.values())) for call in service.requests("/pos/v1/sync")]
    assert max(sizes) <= 7
    assert stored_ids(service) == ids


def test_big_sales_are_split_by_bytes(till: PosClient, service: FakeService) -> None:
    service.policy["max_body_bytes"] = 50_000
    till.heartbeat()
    service.down = True
    lines = [Line(description="ñ" * 100, total_minor=1) for _ in range(50)]
    ids = {till.sell(a_sale(lines=lines)).sale_id for _ in range(12)}
    service.down = False
    till.sync()
    calls = service.requests("/pos/v1/sync")
    assert len(calls) > 3
    assert max(call.size for call in calls) <= 50_000
    assert stored_ids(service) == ids


def test_a_sale_too_large_for_any_batch_is_a_dead_letter_and_holds_up_no_other(
    till: PosClient, service: FakeService
) -> None:
    service.policy["max_body_bytes"] = 5_000
    till.heartbeat()
    service.down = True
    huge = till.sell(a_sale(lines=[Line(description="x" * 2_000, total_minor=1)] * 3)).sale_id
    small = till.sell(a_sale()).sale_id
    service.down = False
    report = till.sync()
    assert (report.sent, report.refused) == (1, 1)
    assert service.ids("sale") == {small}
    assert [(letter.id, letter.code) for letter in till.status().dead_letters] == [(huge, "body_too_large")]


def test_the_counted_bytes_are_the_sent_bytes(till: PosClient, service: FakeService) -> None:
    fill(till, service, scans=1, sales=0, returns=0)
    till.sync()
    (call,) = service.requests("/pos/v1/sync")
    (item,) = call.body["scans"]
    assert call.size - _ENVELOPE_BYTES > len(item["code"])


@given(
    st.lists(st.integers(1, 400), max_size=60),
    st.integers(1, 12),
    st.integers(_ENVELOPE_BYTES + 1, 1_000),
)
def test_splitting_keeps_every_parcel_and_both_limits(sizes: list[int], most: int, bytes_: int) -> None:
    parcels = [Parcel(Item(Kind.SCAN, str(place), {}, ""), "", size) for place, size in enumerate(sizes)]
    batches = list(split(parcels, most, bytes_))
    assert [parcel for batch in batches for parcel in batch] == parcels
    for batch in batches:
        assert 1 <= len(batch) <= most
        assert len(batch) == 1 or _ENVELOPE_BYTES + sum(parcel.size for parcel in batch) <= bytes_


@pytest.mark.parametrize("status", [413, 422, 400])
def test_a_batch_that_is_too_much_is_halved_down_to_the_culprit(
    till: PosClient, service: FakeService, status: int
) -> None:
    ids = fill(till, service, scans=0, sales=8, returns=0)
    culprit = sorted(ids)[5]
    answer = service._sync

    def refuse_with_culprit(body: dict[str, list[dict[str, str]]]) -> Reply:
        if any(sale["sale_id"] == culprit for sale in body["sales"]):
            return problem(status, "body_too_large")
        return answer(body)

    service._sync = refuse_with_culprit  # type: ignore[method-assign]
    report = till.sync()
    assert (report.sent, report.refused, report.waiting) == (7, 1, 0)
    assert [letter.id for letter in till.status().dead_letters] == [culprit]


def test_a_proxys_413_counts_although_it_is_no_problem(till: PosClient, service: FakeService) -> None:
    ids = fill(till, service, scans=0, sales=4, returns=0)
    service.replies = [Reply(413, b"<html>too large</html>")]
    assert till.sync().sent == 4
    assert stored_ids(service) == ids


def test_one_bad_item_goes_to_the_dead_letters_and_spoils_no_other(till: PosClient, service: FakeService) -> None:
    ids = fill(till, service, scans=2, sales=2, returns=1)
    bad = sorted(ids)[2]
    service.refused_ids[bad] = problem(422, "invalid_body", errors=[{"pointer": "/lines/0", "detail": "No."}])
    report = till.sync()
    assert (report.sent, report.refused) == (4, 1)
    (letter,) = till.status().dead_letters
    assert (letter.id, letter.code, letter.errors) == (
        bad,
        "invalid_body",
        ({"pointer": "/lines/0", "detail": "No."},),
    )
    till.sync()
    assert len(till.status().dead_letters) == 1


@pytest.mark.parametrize("status", [500, 503, 429, 408, 401, 403])
def test_an_item_that_is_put_off_is_tried_again(till: PosClient, service: FakeService, status: int) -> None:
    ids = fill(till, service, scans=2, sales=0, returns=0)
    service.item_replies = [problem(status, "later")]
    report = till.sync()
    assert (report.sent, report.waiting) == (2, 0)
    assert stored_ids(service) == ids


def test_an_item_that_is_put_off_for_ever_stays(till: PosClient, service: FakeService, naps: list[float]) -> None:
    (item_id,) = fill(till, service, scans=1, sales=0, returns=0)
    service.refused_ids[item_id] = problem(500, "internal_error")
    with pytest.raises(Unavailable):
        till.sync()
    assert naps == [0.5, 1.0, 2.0]
    assert till.status().waiting["scan"] == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {"results": "none"}), Reply(200, {"results": [{"kind": "scan"}]}), Reply(200, {}),
        Reply(200, {"results": []}), Reply(200, {"results": [{"kind": "scan", "id": "?", "status": 200}]}),
        Reply(200, b"<html>"), Reply(502, b""), Reply(302, b"", {"Location": "/"}), Reply(404, b"not found"),
    ],
)  # fmt: skip
def test_a_garbage_answer_settles_nothing(till: PosClient, service: FakeService, reply: Reply) -> None:
    ids = fill(till, service)
    service.replies = [reply]
    assert till.sync().sent == 3
    assert stored_ids(service) == ids
    assert till.status().dead_letters == ()


def test_a_result_without_a_proper_body_leaves_its_item_waiting(till: PosClient, service: FakeService) -> None:
    fill(till, service, scans=1, sales=1, returns=0)
    service.item_replies = [Reply(200, {"nonsense": True})]
    assert till.sync().sent == 2


ELSE = "00000000-0000-4000-8000-000000000000"


def test_an_answer_about_something_else_settles_nothing(till: PosClient, service: FakeService) -> None:
    service.replies = [
        Reply(201, {"sale_id": ELSE, "link": "linked"}),
        Reply(201, {"return_id": ELSE}),
        Reply(201, {"scan_id": ELSE, "outcome": "identified"}),
    ]
    assert till.sell(a_sale()).queued
    assert till.return_(Return(lines=[])).queued
    till.scan(a_code())
    service.item_replies = [Reply(200, {"scan_id": ELSE, "outcome": "identified"})]
    report = till.sync()
    assert report.sent == 3
    assert ELSE not in {answer.subject for answer in report.answers}
    assert (len(service.bodies("sale")), len(service.bodies("return")), len(service.bodies("scan"))) == (1, 1, 1)


def test_a_link_that_is_answered_about_another_sale_waits(till: PosClient, service: FakeService) -> None:
    sale, scan = till.sell(a_sale()), till.scan(a_code())
    service.replies = [Reply(200, {"sale_id": ELSE, "link": "linked"})]
    assert till.link(sale.sale_id, scan.scan_id).queued
    assert till.sync().sent == 1
    assert service.links == {sale.sale_id: scan.scan_id}


def test_an_item_that_the_service_stumbles_over_keeps_no_other_back(till: PosClient, service: FakeService) -> None:
    ids = fill(till, service, scans=4, sales=4, returns=4)
    poison = sorted(ids)[5]
    answer = service._sync

    def stumble(body: dict[str, list[dict[str, str]]]) -> Reply:
        found = [item for items in body.values() for item in items if poison in item.values()]
        return problem(500, "internal_error") if found else answer(body)

    service._sync = stumble  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        till.sync()
    assert stored_ids(service) == ids - {poison}
    assert sum(till.status().waiting.values()) == 1


def test_a_service_that_stumbles_over_everything_is_left_alone(till: PosClient, service: FakeService) -> None:
    fill(till, service, scans=100, sales=0, returns=0)
    service._sync = lambda _: problem(500, "internal_error")  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        till.sync()
    assert len(service.requests("/pos/v1/sync")) <= 4 * 11
    assert till.status().waiting["scan"] == 100


def test_a_till_that_is_not_authorised_keeps_the_whole_queue(till: PosClient, service: FakeService) -> None:
    fill(till, service, scans=2, sales=2, returns=1)
    service.token = "another"
    with pytest.raises(NotAuthorised):
        till.sync()
    assert sum(till.status().waiting.values()) == 5
    assert till.status().dead_letters == ()


def test_a_refusal_of_the_request_itself_blames_no_item(till: PosClient, service: FakeService) -> None:
    fill(till, service)
    service.replies = [problem(415, "unsupported_media_type")]
    with pytest.raises(Refused):
        till.sync()
    assert sum(till.status().waiting.values()) == 3
    assert till.status().dead_letters == ()


def test_retries_back_off_and_honour_retry_after(till: PosClient, service: FakeService, naps: list[float]) -> None:
    fill(till, service)
    service.replies = [Reply(503, b""), problem(429, "rate_limited"), problem(429, "rate_limited")]
    service.replies[1].headers["Retry-After"] = "7"
    service.replies[2].headers["Retry-After"] = "30"
    till.sync()
    assert naps == [0.5, 8.0, 32.0]


def test_a_long_retry_after_is_left_to_the_caller(till: PosClient, service: FakeService, naps: list[float]) -> None:
    fill(till, service)
    service.replies = [problem(429, "rate_limited")]
    service.replies[0].headers["Retry-After"] = "31"
    with pytest.raises(Unavailable) as caught:
        till.sync()
    assert (caught.value.retry_after, naps) == (31.0, [])


def test_retries_end(till: PosClient, service: FakeService, naps: list[float]) -> None:
    fill(till, service)
    service.down = True
    with pytest.raises(Unavailable):
        till.sync()
    assert naps == [0.5, 1.0, 2.0]
    assert sum(till.status().waiting.values()) == 3


def test_lost_answers_double_nothing(till: PosClient, service: FakeService) -> None:
    ids = fill(till, service, scans=5, sales=5, returns=5)
    service.lost_answers = 2
    report = till.sync()
    assert (report.sent, report.waiting) == (15, 0)
    assert stored_ids(service) == ids
    assert service.conflicts == 0


def test_five_hundred_queued_items_and_new_ones_in_between(till: PosClient, service: FakeService) -> None:
    ids = fill(till, service, scans=250, sales=250, returns=1)
    news: set[str] = set()

    def meanwhile() -> None:
        service.on_sync = lambda: None
        service.down = True
        service._lock.release()
        news.add(till.scan(a_code(9_000)).scan_id)
        news.add(till.sell(a_sale()).sale_id)
        service._lock.acquire()
        service.down = False

    service.on_sync = meanwhile
    report = till.sync()
    assert (report.sent, report.waiting) == (501, 2)
    assert stored_ids(service) == ids
    till.sync()
    assert stored_ids(service) == ids | news


@pytest.mark.parametrize("seed", range(5))
def test_any_mix_of_faults_loses_nothing_and_doubles_nothing(
    till: PosClient, service: FakeService, open_till: OpenTill, seed: int
) -> None:
    chance = random.Random(seed)
    service.policy["max_sync_items"] = 4
    till.heartbeat()
    said: set[str] = set()
    for number in range(1, 41):
        service.down = chance.random() < 0.3
        service.lost_answers = chance.random() < 0.3
        service.replies = [Reply(chance.choice([500, 429, 200]), b"")] * (chance.random() < 0.2)
        client = chance.choice([till, open_till()])
        if chance.random() < 0.5:
            said.add(client.scan(a_code(number)).scan_id)
        else:
            said.add(client.sell(a_sale(receipt_number=str(number))).sale_id)
        if chance.random() < 0.2:
            with suppress(Unavailable):
                client.sync()
    service.down, service.lost_answers, service.replies = False, 0, []
    till.sync()
    assert stored_ids(service) == said
    assert service.conflicts == 0
    assert not any(till.status().waiting.values())


def test_a_link_whose_sale_was_refused_is_refused_with_it(till: PosClient, service: FakeService) -> None:
    scan = till.scan(a_code())
    service.down = True
    sale = till.sell(a_sale())
    till.link(sale.sale_id, scan.scan_id)
    service.down = False
    service.refused_ids[sale.sale_id] = problem(422, "invalid_body")
    assert till.sync().refused == 2
    service.refused_ids = {}
    assert till.revive() == 2
    assert till.sync().sent == 2
    assert service.links == {sale.sale_id: scan.scan_id}
