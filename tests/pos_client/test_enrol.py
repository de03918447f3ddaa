from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pos_client import NotAuthorised, PosClient, Unavailable
from tests.pos_client.conftest import ADDRESS, Clock, OpenTill, a_code, a_sale
from tests.pos_client.fake_service import ENROLMENT_CODE, STORE, TOKEN, FakeService, Reply


def test_enrolment_tells_where_the_till_stands(open_till: OpenTill) -> None:
    terminal = open_till().enrol(f" {ENROLMENT_CODE}\n")
    assert (terminal.label, terminal.training) == ("Till 3", False)
    assert vars(terminal.store) == STORE
    assert terminal.policy.max_sync_items == 500
    assert terminal.keys == ({"kty": "OKP", "kid": "AQ"},)


def test_the_token_outlives_the_process(till: PosClient, open_till: OpenTill) -> None:
    till.close()
    assert open_till().heartbeat().label == "Till 3"


@pytest.mark.parametrize(
    "wrong",
    [
        {"terminal_id": 7}, {"label": 3}, {"keys": [1]}, {"policy": [1]}, {"policy": {"claim_url": 1}},
        {"policy": {"max_sync_items": -1}}, {"policy": {"grace_seconds": "600"}},
        {"policy": {"heartbeat_seconds": 1.5}}, {"store": STORE | {"currency": None}}, {"store": {}},
    ],
)  # fmt: skip
def test_an_answer_of_other_types_is_none(till: PosClient, service: FakeService, wrong: dict[str, object]) -> None:
    before = till.heartbeat()
    told = {"terminal_id": "t", "store": STORE} | wrong
    service.replies = [Reply(200, told) for _ in range(9)]
    with pytest.raises(Unavailable) as caught:
        till.heartbeat()
    assert caught.value.code == "garbage_answer"
    service.replies = []
    assert till.heartbeat() == before


def test_a_lost_answer_is_repeated_by_the_same_installation(open_till: OpenTill, service: FakeService) -> None:
    service.lost_answers = 2
    assert open_till().enrol(ENROLMENT_CODE).label == "Till 3"
    assert len(service.installations) == 1
    assert len(service.requests("/pos/v1/enrol")) == 3


def test_the_installation_is_stored_before_the_request(open_till: OpenTill, service: FakeService) -> None:
    service.lost_answers = 99
    with pytest.raises(Unavailable):
        open_till().enrol(ENROLMENT_CODE)
    service.lost_answers = 0
    open_till().enrol(ENROLMENT_CODE)
    assert len(service.installations) == 1


def test_a_bad_enrolment_code_is_not_authorised(open_till: OpenTill) -> None:
    with pytest.raises(NotAuthorised, match="enrolment code is not valid"):
        open_till().enrol("use_wrong")


def test_an_answer_without_a_token_is_no_enrolment(open_till: OpenTill, service: FakeService) -> None:
    client = open_till()
    service.replies = [Reply(201, {"terminal_id": "x", "terminal_token": "two words"})] * 4
    with pytest.raises(Unavailable):
        client.enrol(ENROLMENT_CODE)
    assert client.status().terminal is None


def test_a_token_goes_to_its_own_service_only(till: PosClient, open_till: OpenTill, service: FakeService) -> None:
    sent = len(service.calls)
    with pytest.raises(NotAuthorised):
        open_till(base_url="https://elsewhere.example").heartbeat()
    assert len(service.calls) == sent


def test_a_redirect_is_not_followed_with_the_token(till: PosClient, service: FakeService) -> None:
    sent = len(service.calls)
    service.replies = [Reply(307, b"", {"Location": "https://elsewhere.example/steal"})]
    with pytest.raises(Unavailable):
        till.heartbeat()
    assert len(service.calls) == sent + 1


def test_the_token_shows_in_no_error_and_no_repr(till: PosClient, service: FakeService, open_till: OpenTill) -> None:
    service.down = True
    with pytest.raises(Unavailable) as caught:
        till.heartbeat()
    assert TOKEN not in f"{caught.value!r} {caught.value.__cause__!r} {till!r} {vars(caught.value)} {till.status()}"
    with pytest.raises(ValueError, match="characters that no token has") as damaged:
        open_till(token=TOKEN + "\n")
    assert TOKEN not in str(damaged.value)


def test_the_file_with_the_token_is_private(till: PosClient, queue_path: Path) -> None:
    assert queue_path.stat().st_mode & 0o077 == 0
    assert queue_path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "address",
    [
        "http://unspoken.example", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://10.0.0.7",
        "ftp://unspoken.example", "unspoken.example", "", "https://", "https://user:pw@unspoken.example",
        "https://unspoken.example/?a=1", "https://unspoken.example/#a", "http://0.0.0.0:80",
    ],
)  # fmt: skip
def test_an_address_that_would_leak_the_token_is_refused(open_till: OpenTill, address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        open_till(base_url=address)


@pytest.mark.parametrize(
    "address",
    [
        "https://unspoken.example/",
        "http://127.0.0.1:8000",
        "http://127.3.2.1",
        "http://[::1]:8000",
        "http://localhost:1",
    ],
)
def test_https_and_this_machine_will_do(open_till: OpenTill, address: str) -> None:
    assert open_till(base_url=address).enrol(ENROLMENT_CODE).label == "Till 3"


def test_http_elsewhere_needs_a_decision(open_till: OpenTill) -> None:
    assert open_till(base_url="http://10.0.0.7", insecure=True).enrol(ENROLMENT_CODE).label == "Till 3"


def test_a_path_in_the_address_is_kept(open_till: OpenTill, service: FakeService) -> None:
    client = open_till(base_url=f"{ADDRESS}/brand/", token=TOKEN)
    service.replies = [Reply(503, b"")]
    with pytest.raises(Unavailable):
        client.heartbeat()
    assert service.calls[-1].path == "/brand/pos/v1/terminal"


def test_the_clock_offset_is_measured_with_the_round_trip_halved(
    till: PosClient, service: FakeService, clock: Clock
) -> None:
    def slow_service_clock() -> datetime:
        clock.advance(seconds=1)
        moment = clock.now
        clock.advance(seconds=1)
        return moment.replace(hour=moment.hour + 1)

    service.clock = slow_service_clock
    till.heartbeat()
    assert till.status().clock_offset_ms == 3_600_000
    assert till.status().last_online_at == datetime(2026, 11, 22, 10, 0, 2, tzinfo=UTC)


def test_a_till_with_a_wrong_clock_tells_by_how_much(till: PosClient, service: FakeService, clock: Clock) -> None:
    clock.advance(minutes=-10)
    service.clock = lambda: datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    till.heartbeat()
    service.down = True
    till.scan(a_code())
    service.down = False
    clock.advance(hours=1)
    till.sync()
    (body,) = service.bodies("scan")
    assert (body["scanned_at"], body["clock_offset_ms"]) == ("2026-11-22T09:50:00.000Z", 600_000)


def test_an_answer_without_a_proper_time_leaves_the_offset(till: PosClient, service: FakeService) -> None:
    for time in (None, "yesterday", "2026-11-22T10:00:00", 7):
        service.answer_more = {"server_time": time}
        till.scan(a_code())
    assert till.status().clock_offset_ms == 0


@pytest.mark.parametrize("depth", range(800, 1_000, 25))
def test_a_till_described_too_deeply_is_not_understood(till: PosClient, service: FakeService, depth: int) -> None:
    service.replies = [Reply(200, service._terminal() | {"keys": [{"x": 0}]})]
    abyss = b"[" * depth + b"]" * depth
    service.replies[0].body = service.replies[0].encoded().replace(b'"x": 0', b'"x": ' + abyss)
    with suppress(Unavailable):
        till.heartbeat()
    assert till.status().terminal
    assert till.sell(a_sale()).sale_id in service.ids("sale")
