import threading

import pytest

from service.worker import Job, work


def test_a_job_that_fails_is_told_and_tried_again(capfd: pytest.CaptureFixture[str]) -> None:
    stop, tries = threading.Event(), []

    def fail() -> None:
        tries.append(1)
        if len(tries) == 3:
            stop.set()
        raise OSError("maria@example.com")

    work([Job("fails", 0.001, fail)], stop, errors=(OSError,))
    logged = capfd.readouterr().err
    assert logged.count('"job":"fails"') == 3
    assert "maria" not in logged


def test_a_long_job_keeps_no_other_waiting() -> None:
    stop, sent = threading.Event(), []

    def send() -> None:
        sent.append(1)
        if len(sent) == 5:
            stop.set()

    work([Job("long", 3600, lambda: stop.wait(60)), Job("send", 0.001, send)], stop, errors=(OSError,))
    assert len(sent) == 5


def test_a_fault_of_ours_ends_the_worker_for_somebody_to_see() -> None:
    stop = threading.Event()

    def fault() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        work([Job("other", 3600, lambda: None), Job("faulty", 1, fault)], stop, errors=(OSError,))
