import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pos_client import QueueFailed
from pos_client.ids import mint_id
from pos_client.queue import Kind, Queue, new_item

NOW = datetime(2026, 11, 22, tzinfo=UTC)
EACH = 40


OpenQueue = Callable[[], Queue]


@pytest.fixture
def open_queue(queue_path: Path) -> Iterator[OpenQueue]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Queue(queue_path)))


@pytest.fixture
def queue(open_queue: OpenQueue) -> Queue:
    return open_queue()


def put_many(path: Path, mark: int) -> None:
    queue = Queue(path)
    for number in range(EACH):
        queue.put(new_item(Kind.SALE, f"{mark}-{number}", {"number": number}, NOW))
    queue.close()


def settle_all(path: Path) -> None:
    queue = Queue(path)
    for item in queue.waiting():
        queue.settle([item])
    queue.close()


def test_items_come_back_in_the_order_they_went_in(queue_path: Path, queue: Queue) -> None:
    put_many(queue_path, 1)
    assert [item.body["number"] for item in queue.waiting()] == list(range(EACH))


def test_what_is_queued_during_a_walk_is_left_for_the_next(queue: Queue) -> None:
    queue.put(new_item(Kind.SCAN, "a", {}, NOW))
    walk = queue.waiting()
    assert next(walk).id == "a"
    queue.put(new_item(Kind.SCAN, "b", {}, NOW))
    assert list(walk) == []


def test_every_write_reaches_the_disk_before_it_returns(queue: Queue) -> None:
    assert queue._rows("PRAGMA journal_mode") == [("wal",)]
    assert queue._rows("PRAGMA synchronous") == [(2,)]


def test_four_processes_on_one_new_file_lose_nothing(queue_path: Path, open_queue: OpenQueue) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=put_many, args=(queue_path, mark)) for mark in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    queue = open_queue()
    assert queue.counts()[Kind.SALE] == 4 * EACH
    assert queue._rows("PRAGMA integrity_check") == [("ok",)]


def test_one_process_queues_while_another_settles(queue_path: Path, open_queue: OpenQueue) -> None:
    put_many(queue_path, 1)
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=put_many, args=(queue_path, 2)),
        context.Process(target=settle_all, args=(queue_path,)),
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    settle_all(queue_path)
    assert open_queue().counts()[Kind.SALE] == 0


def test_threads_share_a_queue(queue: Queue) -> None:

    def put_some(mark: int) -> None:
        for number in range(EACH):
            queue.put(new_item(Kind.SCAN, f"{mark}-{number}", {}, NOW))

    threads = [threading.Thread(target=put_some, args=(mark,)) for mark in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queue.counts()[Kind.SCAN] == 4 * EACH


def test_the_installation_is_made_once(open_queue: OpenQueue) -> None:
    first = open_queue().installation_id()
    assert open_queue().installation_id() == first


def test_a_damaged_file_is_told_in_plain_words(queue_path: Path) -> None:
    queue_path.parent.mkdir()
    queue_path.write_bytes(b"not a database" * 100)
    with pytest.raises(QueueFailed, match="queue file can't be used"):
        Queue(queue_path)
    assert queue_path.read_bytes().startswith(b"not a database")


def test_a_place_that_cannot_be_written_is_told_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(QueueFailed):
        Queue(tmp_path / "file" / "till.db")


def test_a_queue_that_another_program_holds_is_told_while_a_cashier_still_waits(
    queue: Queue, queue_path: Path
) -> None:
    with closing(sqlite3.connect(queue_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(QueueFailed, match="locked"):
            queue.put(new_item(Kind.SCAN, "a", {}, NOW))
        assert time.monotonic() - begun < 10
        other.rollback()
    queue.put(new_item(Kind.SCAN, "a", {}, NOW))


def test_a_failed_write_leaves_nothing_behind(queue: Queue) -> None:
    queue.put(new_item(Kind.SCAN, "a", {}, NOW), last_scan="a")
    with pytest.raises(QueueFailed):
        queue.put(new_item(Kind.SCAN, "a", {}, NOW), last_scan="b")
    assert queue.recall("last_scan") == "a"
    queue.put(new_item(Kind.SCAN, "b", {}, NOW))
    assert queue.counts()[Kind.SCAN] == 2


def test_another_program_may_read_the_file(queue_path: Path) -> None:
    put_many(queue_path, 1)
    other = sqlite3.connect(queue_path)
    assert other.execute("SELECT count(*) FROM item").fetchone() == (EACH,)
    other.close()


def test_ids_are_uuids_of_version_seven_in_order_of_time() -> None:
    early, late = mint_id(NOW), mint_id(NOW.replace(year=2027))
    assert early < late
    assert (early[14], early[19] in "89ab") == ("7", True)
    assert len({mint_id(NOW) for _ in range(1_000)}) == 1_000
