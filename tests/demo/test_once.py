from pathlib import Path
from uuid import UUID

import httpx2
import pytest
import zxingcpp
from PIL import Image

from tests.demo.conftest import Finished, Staying, left_behind, run_once

# They all want the usual port: one process runs them all.
pytestmark = pytest.mark.xdist_group("demo")

STEPS = 20
KEYS = {"ok", "steps", "customer_id", "sale_id", "first", "second", "qr_png"}


@pytest.fixture
def without_decoder(tmp_path: Path) -> dict[str, str]:
    """An environment whose QR decoder sees nothing."""
    (tmp_path / "blind").mkdir()
    (tmp_path / "blind" / "zxingcpp.py").write_text("def read_barcode(picture): return None\n")
    return {"PYTHONPATH": str(tmp_path / "blind")}


def test_every_step_holds_and_the_exit_status_says_so(finished: Finished) -> None:
    assert finished.status == 0, finished.stderr
    assert finished.report["ok"] is True
    assert len(finished.report["steps"]) == STEPS
    assert all(step["ok"] for step in finished.report["steps"])


def test_standard_output_is_exactly_one_json_object(finished: Finished) -> None:
    assert set(finished.report) == KEYS
    assert finished.stdout.count("\n") == 1


def test_the_first_scan_identifies_and_the_second_is_refused(finished: Finished) -> None:
    assert finished.report["first"] == {"outcome": "identified", "reason": None}
    assert finished.report["second"] == {"outcome": "refused", "reason": "already_used"}


def test_the_report_names_customer_and_sale(finished: Finished) -> None:
    assert UUID(finished.report["customer_id"])
    assert UUID(finished.report["sale_id"])


def test_the_picture_is_there_afterwards_and_holds_a_code(finished: Finished) -> None:
    with Image.open(finished.report["qr_png"]) as picture:
        found = zxingcpp.read_barcode(picture)
    assert found is not None
    assert found.text.startswith("71")


def test_each_step_is_told_in_words_on_standard_error(finished: Finished) -> None:
    lines = finished.stderr.splitlines()
    assert [line[0] for line in lines] == ["✔"] * STEPS
    assert "\x1b" not in finished.stderr  # no colours where there is no terminal
    assert finished.report["sale_id"] in finished.stderr


def test_no_process_is_left(finished: Finished) -> None:
    assert left_behind(finished.pid) == []


def test_a_broken_step_ends_the_demo_with_status_1_and_still_a_report(
    tmp_path: Path, without_decoder: dict[str, str]
) -> None:
    broken = run_once(tmp_path, **without_decoder)
    assert broken.status == 1
    assert broken.report["ok"] is False
    assert broken.report["steps"][-1] == {"name": "read the picture with a QR decoder", "ok": False}
    assert all(step["ok"] for step in broken.report["steps"][:-1])
    assert broken.report["first"] is None
    assert "✖ read the picture with a QR decoder: there is no code in it" in broken.stderr
    assert left_behind(broken.pid) == []


def test_a_folder_that_cannot_be_made_is_a_broken_step_too(tmp_path: Path) -> None:
    (tmp_path / "instance").write_text("in the way")
    broken = run_once(tmp_path)
    assert broken.status == 1
    assert broken.report["steps"] == [{"name": "start the service on a fresh SQLite", "ok": False}]


def test_what_an_earlier_demo_left_is_gone(finished: Finished) -> None:
    assert finished.status == 0
    database = Path(finished.report["qr_png"]).with_name("unspoken.db")
    assert not database.exists() or database.read_bytes().startswith(b"SQLite format 3")


def test_a_second_demo_does_not_disturb_one_that_runs(shared: Staying) -> None:
    second = run_once(shared.folder)
    assert second.status == 0, second.stderr
    assert Path(second.report["qr_png"]) == shared.folder / "instance" / "demo-2" / "maria.png"
    assert httpx2.get(shared.find(r"API docs +(\S+)")).status_code == 200
    assert (shared.folder / "instance" / "demo" / "unspoken.db").read_bytes().startswith(b"SQLite format 3")
