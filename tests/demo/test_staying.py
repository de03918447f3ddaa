import json
import os
import shlex
import signal
import subprocess

import httpx2
import psutil
import pytest

from tests.demo.conftest import LINK, Staying, left_behind

# They all want the usual port: one process runs them all.
pytestmark = pytest.mark.xdist_group("demo")


def typed_code(app_url: str) -> str:
    """Open the phone page's session as the browser does, and return the digits below the QR."""
    address, handoff = app_url.split("/app#handoff=")
    with httpx2.Client(base_url=address, timeout=10) as phone:
        pending = phone.post("/shopper/v1/handoff", json={"handoff": handoff}).json()
        opened = phone.post("/shopper/v1/session", json={}, headers={"X-CSRF-Token": pending["csrf_token"]}).json()
        phone.post("/shopper/v1/cards", json={}, headers={"X-CSRF-Token": opened["csrf_token"]})
        return str(phone.get("/shopper/v1/code").json()["typed_code"])


def scan_with_the_printed_command(staying: Staying, digits: str) -> list[dict[str, object]]:
    command = [*shlex.split(staying.find(r"Scan as Till 3 +(.+)")), "--json"]
    done = subprocess.run(
        command, input=f"{digits}\n", cwd=staying.folder, capture_output=True, text=True, check=True
    )
    answers: list[dict[str, object]] = json.loads(done.stdout)
    return answers


def test_a_fresh_link_at_enter_and_the_printed_command_work_together(shared: Staying) -> None:
    link = shared.press_enter()
    assert link != shared.find(LINK)
    (answer,) = scan_with_the_printed_command(shared, typed_code(link))
    assert answer["outcome"] == "identified"


def test_the_docs_are_where_the_demo_says(shared: Staying) -> None:
    assert httpx2.get(shared.find(r"API docs +(\S+)")).status_code == 200


def test_workers_leave_ctrl_c_to_their_master(shared: Staying) -> None:
    (master,) = psutil.Process(shared.process.pid).children()
    workers = master.children()
    for worker in workers:
        worker.send_signal(signal.SIGINT)
    gone, _ = psutil.wait_procs(workers, timeout=1)
    assert gone == []


def test_ctrl_c_ends_it_with_nothing_left(staying: Staying) -> None:
    assert staying.interrupt() == 0
    assert left_behind(staying.process.pid) == []


def test_being_terminated_ends_it_with_nothing_left(staying: Staying) -> None:
    os.kill(staying.process.pid, signal.SIGTERM)
    staying.process.communicate(timeout=30)
    assert staying.process.returncode == 143
    assert left_behind(staying.process.pid) == []
