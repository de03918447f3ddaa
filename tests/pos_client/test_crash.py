"""Real processes, really killed (SIGKILL), in the middle of their work."""

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pos_client import PosClient
from tests.pos_client.conftest import a_code, a_sale
from tests.pos_client.crashing_till import MANY
from tests.pos_client.fake_service import TOKEN, FakeService, serve

ROOT = Path(__file__).parents[2]


@contextmanager
def a_till_process(url: str, queue: Path, task: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.pos_client.crashing_till", url, str(queue), task]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def kill_after(lines: int, url: str, queue: Path, task: str) -> list[str]:
    """Return what the till said before it was killed, whatever it was doing then."""
    with a_till_process(url, queue, task) as process:
        assert process.stdout
        said = list(itertools.islice(process.stdout, lines))
        process.kill()
        said += process.stdout.readlines()
    assert process.returncode == -9
    return [line.strip() for line in said if line.endswith("\n")]


@pytest.fixture
def service() -> FakeService:
    return FakeService()


def sync(url: str, queue: Path) -> None:
    with PosClient(url, TOKEN, queue=queue) as till:
        till.sync()
        assert not any(till.status().waiting.values())
        assert till.status().dead_letters == ()


@pytest.mark.parametrize("lost_answers", [0, 25])
def test_a_till_killed_at_work_loses_and_doubles_nothing(
    service: FakeService, queue_path: Path, lost_answers: int
) -> None:
    said: list[str] = []
    service.lost_answers = lost_answers
    with serve(service) as url:
        for life, lines in enumerate([1, 2, 5, 8, 13]):
            said += kill_after(lines, url, queue_path, str(1 + life * MANY))
        service.lost_answers = 0
        sync(url, queue_path)
    assert len(said) == len(set(said)) >= 29
    assert set(said) <= service.ids("scan") | service.ids("sale")
    assert service.conflicts == 0
    codes = [body["code"] for body in service.bodies("scan")]
    receipts = [body["receipt_number"] for body in service.bodies("sale")]
    assert (len(codes), len(receipts)) == (len(set(codes)), len(set(receipts)))


@pytest.mark.parametrize("moment", ["on_sync", "after_sync"])
def test_a_till_killed_while_it_syncs_loses_and_doubles_nothing(
    service: FakeService, queue_path: Path, moment: str
) -> None:
    service.policy["max_sync_items"] = 7
    with serve(service) as url:
        with PosClient(url, TOKEN, queue=queue_path) as till:
            till.heartbeat()
            service.down = True
            ids = {till.scan(a_code(number)).scan_id for number in range(1, 21)}
            ids |= {till.sell(a_sale(receipt_number=str(number))).sale_id for number in range(20)}
            service.down = False
        for batches in range(3):
            kill_in_batch(service, url, queue_path, moment, batches)
        sync(url, queue_path)
    assert service.ids("scan") | service.ids("sale") == ids
    assert service.conflicts == 0


def kill_in_batch(service: FakeService, url: str, queue: Path, moment: str, batches: int) -> None:
    """Kill a syncing till exactly when the service has, or has not yet, stored its next batch but some."""
    with a_till_process(url, queue, "sync") as process:
        left = itertools.count(batches, -1)
        setattr(service, moment, lambda: process.kill() if next(left) == 0 else None)
        assert process.wait() == -9
    setattr(service, moment, lambda: None)


def test_two_tills_on_one_file_sync_at_once_and_double_nothing(service: FakeService, queue_path: Path) -> None:
    service.policy["max_sync_items"] = 5
    with serve(service) as url:
        with PosClient(url, TOKEN, queue=queue_path) as till:
            till.heartbeat()
            service.down = True
            ids = {till.scan(a_code(number)).scan_id for number in range(1, 61)}
            service.down = False
        with a_till_process(url, queue_path, "sync") as one, a_till_process(url, queue_path, "sync") as other:
            assert (one.wait(), other.wait()) == (0, 0)
    assert service.ids("scan") == ids
    assert service.conflicts == 0
    with PosClient("http://localhost", TOKEN, queue=queue_path) as till:
        assert not any(till.status().waiting.values())
