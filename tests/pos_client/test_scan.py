from pathlib import Path
from uuid import UUID

import pytest

from pos_client import Action, NotACode, NotAuthorised, Outcome, PosClient, Reason, Refused
from tests.pos_client.conftest import Clock, OpenTill, a_code, a_sale
from tests.pos_client.fake_service import FakeService, Reply, problem

GARBAGE = [
    Reply(200, b"<html>Please sign in to the guest network</html>"),
    Reply(200, b""),
    Reply(200, b"[]"),
    Reply(200, b"[" * 200_000),
    Reply(200, b'{"a":' * 200_000),
    Reply(422, b"[" * 200_000),
    Reply(200, {"server_time": 7}),
    Reply(200, {"scan_id": 1, "outcome": "identified"}),
    Reply(200, {"scan_id": "x", "outcome": "identified", "attributes": 3}),
    Reply(201, {"scan_id": "00000000-0000-4000-8000-000000000000", "outcome": "identified"}),
    Reply(302, b"", {"Location": "https://elsewhere.example/"}),
    Reply(404, b"<html>nothing here</html>"),
    Reply(422, {"error": "another API"}),
    Reply(500, b""),
    Reply(503, {"code": "not_ready", "detail": "Starting."}),
    Reply(429, {"code": "rate_limited", "detail": "Slow down."}, {"Retry-After": "7"}),
    Reply(408, b""),
]


def test_a_shopper_is_identified(till: PosClient) -> None:
    result = till.scan(a_code())
    assert (result.outcome, result.reason, result.action) == (Outcome.IDENTIFIED, None, Action.NONE)
    assert result.attributes == {"tier": "gold"}
    assert till.status().waiting["scan"] == 0


def test_a_used_code_is_refused_with_its_reason(till: PosClient) -> None:
    till.scan(a_code())
    result = till.scan(a_code())
    assert (result.outcome, result.reason, result.action) == (Outcome.REFUSED, Reason.ALREADY_USED, Action.RESCAN)
    assert result.message == "Already used: ask for a fresh code"


def test_id_and_time_are_fixed_at_the_beep(till: PosClient, service: FakeService) -> None:
    result = till.scan(a_code(), cashier_ref="7", training=True)
    assert UUID(result.scan_id).version == 7
    assert service.bodies("scan") == [
        {
            "code": a_code(),
            "scanned_at": "2026-11-22T10:00:00.000Z",
            "clock_offset_ms": 0,
            "cashier_ref": "7",
            "training": True,
        }
    ]


def test_another_bar_code_reaches_neither_queue_nor_network(till: PosClient, service: FakeService) -> None:
    sent = len(service.calls)
    with pytest.raises(NotACode):
        till.scan("4006381333931")
    assert len(service.calls) == sent
    assert not any(till.status().waiting.values())


def test_offline_a_scan_is_pending_and_kept(till: PosClient, service: FakeService) -> None:
    service.down = True
    result = till.scan(a_code())
    assert (result.outcome, result.action) == (Outcome.PENDING, Action.CONTINUE)
    assert till.status().waiting["scan"] == 1


def test_the_scan_is_in_the_queue_before_the_network_is_tried(
    till: PosClient, service: FakeService, open_till: OpenTill
) -> None:
    seen = []
    other = open_till()
    answer = service._route

    def look_first(*request: object) -> Reply:
        seen.append(other.status().waiting["scan"])
        return answer(*request)  # type: ignore[arg-type]

    service._route = look_first  # type: ignore[method-assign]
    till.scan(a_code())
    assert seen == [1]


def test_a_lost_answer_is_fetched_again_under_the_same_id(till: PosClient, service: FakeService) -> None:
    service.lost_answers = 1
    result = till.scan(a_code())
    assert result.outcome is Outcome.PENDING
    report = till.sync()
    assert [(answer.scan_id, answer.outcome) for answer in report.answers] == [  # type: ignore[union-attr]
        (result.scan_id, Outcome.IDENTIFIED)
    ]
    assert service.ids("scan") == {result.scan_id}


@pytest.mark.parametrize("reply", GARBAGE, ids=lambda reply: f"{reply.status}-{reply.encoded()[:12]!r}")
def test_what_is_no_answer_never_identifies_and_loses_nothing(
    till: PosClient, service: FakeService, reply: Reply
) -> None:
    service.replies = [reply]
    assert till.scan(a_code()).outcome is Outcome.PENDING
    assert till.status().waiting["scan"] == 1
    assert till.status().dead_letters == ()


def test_a_refused_upload_goes_to_the_dead_letters(till: PosClient, service: FakeService) -> None:
    errors = [{"pointer": "/code", "detail": "Too short."}]
    service.replies = [problem(422, "invalid_body", "The body is wrong.", errors=errors)]
    service.replies[0].headers["X-Request-Id"] = "r-1"
    with pytest.raises(Refused) as caught:
        till.scan(a_code())
    (letter,) = till.status().dead_letters
    assert (letter.kind, letter.id) == ("scan", caught.value.item_id)
    assert (letter.code, letter.status, letter.detail) == ("invalid_body", 422, "The body is wrong.")
    assert (letter.errors, letter.request_id) == (tuple(errors), "r-1")
    assert till.status().waiting["scan"] == 0
    assert till.last_scan_id is None


@pytest.mark.parametrize("status", [401, 403])
def test_a_till_that_is_not_authorised_keeps_everything_queued(
    till: PosClient, service: FakeService, status: int
) -> None:
    service.replies = [problem(status, "unauthorized")]
    with pytest.raises(NotAuthorised) as caught:
        till.scan(a_code())
    assert caught.value.item_id
    assert till.status().waiting["scan"] == 1
    assert till.status().dead_letters == ()


def test_a_till_that_is_not_enrolled_says_so(open_till: OpenTill, service: FakeService) -> None:
    with pytest.raises(NotAuthorised, match="isn't enrolled"):
        open_till().scan(a_code())
    assert service.calls == []


@pytest.mark.parametrize("field", ["outcome", "action", "reason"])
def test_an_unknown_word_means_continue_without(till: PosClient, service: FakeService, field: str) -> None:
    service.answer_more = {"outcome": "refused", "reason": "too_old", "action": "rescan", field: "brand_new"}
    result = till.scan(a_code())
    assert (result.outcome, result.action) == (Outcome.REFUSED, Action.CONTINUE)
    assert field != "reason" or result.reason == "brand_new"


def test_the_last_scan_serves_one_sale_only_if_it_was_not_refused(till: PosClient, service: FakeService) -> None:
    first = till.scan(a_code())
    assert till.last_scan_id == first.scan_id
    till.sell(a_sale(scan_id=first.scan_id))
    assert till.last_scan_id is None
    assert till.scan(a_code()).outcome is Outcome.REFUSED
    assert till.last_scan_id is None


def test_a_code_that_beeps_twice_keeps_its_first_scan_for_the_sale(till: PosClient, clock: Clock) -> None:
    first = till.scan(a_code())
    assert till.scan(a_code()).reason == Reason.ALREADY_USED
    assert till.last_scan_id == first.scan_id
    clock.advance(seconds=60)
    assert till.scan(a_code()).reason == Reason.ALREADY_USED
    assert till.last_scan_id is None


def test_offline_a_code_that_beeps_twice_is_one_scan(till: PosClient, service: FakeService) -> None:
    service.down = True
    first = till.scan(a_code())
    assert till.scan(a_code()).scan_id == first.scan_id == till.last_scan_id
    assert till.scan(a_code(987654321)).scan_id != first.scan_id
    assert till.status().waiting["scan"] == 2
    assert till.scan(a_code(), training=True).scan_id != first.scan_id


def test_offline_a_code_that_beeps_in_two_processes_is_one_scan(
    till: PosClient, service: FakeService, open_till: OpenTill, clock: Clock
) -> None:
    service.down = True
    first = till.scan(a_code())
    clock.advance(seconds=40)
    assert open_till().scan(a_code()).scan_id == first.scan_id
    clock.advance(seconds=40)
    assert open_till().scan(a_code()).scan_id == first.scan_id == till.last_scan_id
    assert open_till().scan(a_code(), training=True).scan_id != first.scan_id
    assert open_till().scan(a_code(2)).scan_id != first.scan_id
    clock.advance(seconds=60)
    assert open_till().scan(a_code()).scan_id != first.scan_id
    assert till.status().waiting["scan"] == 4


def test_a_code_that_beeps_in_two_processes_keeps_its_first_scan_for_the_sale(
    till: PosClient, open_till: OpenTill, clock: Clock
) -> None:
    first = till.scan(a_code())
    assert open_till().scan(a_code()).reason == Reason.ALREADY_USED
    assert open_till().scan(a_code()).reason == Reason.ALREADY_USED
    assert open_till().last_scan_id == first.scan_id
    clock.advance(seconds=60)
    assert open_till().scan(a_code()).reason == Reason.ALREADY_USED
    assert till.last_scan_id is None


def test_a_used_code_of_another_shopper_keeps_nothing_for_the_sale(till: PosClient, open_till: OpenTill) -> None:
    till.scan(a_code(2))
    till.scan(a_code(1))
    assert open_till().scan(a_code(2)).reason == Reason.ALREADY_USED
    assert till.last_scan_id is None


def test_a_network_that_goes_between_two_beeps_leaves_the_sale_its_answered_scan(
    till: PosClient, service: FakeService, open_till: OpenTill
) -> None:
    first = till.scan(a_code())
    service.down = True
    assert open_till().scan(a_code()).outcome is Outcome.PENDING
    assert till.last_scan_id == first.scan_id


def test_a_code_that_was_pending_and_turns_out_used_serves_no_sale(
    till: PosClient, service: FakeService, open_till: OpenTill
) -> None:
    service.owner_of_code[a_code()] = "another till's"
    service.lost_answers = 1
    first = till.scan(a_code())
    again = open_till().scan(a_code())
    assert (again.scan_id, again.reason) == (first.scan_id, Reason.ALREADY_USED)
    assert till.last_scan_id is None


def test_after_a_sale_the_same_code_is_a_scan_of_its_own(
    till: PosClient, service: FakeService, open_till: OpenTill
) -> None:
    service.down = True
    first = till.scan(a_code())
    till.sell(a_sale(scan_id=first.scan_id))
    assert open_till().scan(a_code()).scan_id != first.scan_id


def test_a_sent_code_is_wiped_from_the_disk(till: PosClient, service: FakeService, queue_path: Path) -> None:
    secret = a_code(987654321)
    service.down = True
    till.scan(secret)
    assert secret.encode() in b"".join(path.read_bytes() for path in queue_path.parent.iterdir())
    service.down = False
    till.sync()
    till.close()
    assert secret.encode() not in b"".join(path.read_bytes() for path in queue_path.parent.iterdir())


def test_a_refused_code_is_wiped_too(till: PosClient, service: FakeService) -> None:
    service.replies = [problem(422, "invalid_body")]
    with pytest.raises(Refused):
        till.scan(a_code())
    (letter,) = till.status().dead_letters
    assert "code" not in letter.body


def test_the_clock_is_read_once_so_that_id_and_time_agree(till: PosClient, clock: Clock) -> None:
    result = till.scan(a_code())
    assert UUID(result.scan_id).int >> 80 == int(clock().timestamp() * 1000)
