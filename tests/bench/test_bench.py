"""The benchmark itself: it measures, and it refuses to measure the wrong thing."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from tests.bench import load, quality, run
from tests.bench.cases import ISSUED, Kind, Limit, Ratio
from tests.bench.load import Generator, Outcome, Target, measure
from tests.bench.problems import MeasurementFailed
from tests.bench.requests import posts
from tests.bench.rows import make_row, rate_ratio
from tests.bench.servers import Server, running_bare
from tests.matching.labelled import DEVELOPED_ON, SCORED

GENERATORS = [generator for generator in Generator if generator is Generator.BUNDLED or shutil.which(generator)]


def bench(*arguments: str) -> Any:
    command = [sys.executable, "-m", "tests.bench", *arguments]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def outcome(**given: Any) -> Outcome:
    values = {"answered": 100, "wrong": 0, "seconds": 1.0, "p50_ms": 1.0, "p99_ms": 2.0, "exhausted": False}
    return Outcome(**(values | given))


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(load, "_WARM_UP_SECONDS", 0.5)  # it is no measurement
    with running_bare("nothing", tmp_path, workers=2) as server:
        yield server


@pytest.mark.timeout(300)
def test_a_tiny_round_measures_scans_on_both_databases() -> None:
    report = bench("--quick", "--only", ISSUED.name, "--workers", "1", "--generator", Generator.BUNDLED)
    assert Generator.BUNDLED in report["generator"]
    assert report["postgresql"]["fsync"] == "on"
    assert [row["database"] for row in report["rows"]] == list(Kind)
    for row in report["rows"]:
        assert row["case"] == ISSUED.name
        assert all(row[who]["per_second"] > 0 for who in ("ours", "a", "b"))
        assert row["ratios"].keys() == {"to_a", "to_b"}
        assert row["must"].keys() == row["aim"].keys()
        assert isinstance(row["holds_must"], bool)
        assert isinstance(row["holds_aim"], bool)


def test_rows_without_load_need_no_server() -> None:
    report = bench("--only", "code as SVG")
    assert [row["case"] for row in report["rows"]] == ["draw a code as SVG"]
    assert report["rows"][0]["ratios"].keys() == {"svg_ms", "svg_bytes"}


def test_the_quality_of_matching_is_reported() -> None:
    """On a tenth of the records; tests/matching/test_quality.py holds the sets themselves to what they must."""
    assert [f"duplicates in {labelled.name}" for labelled in SCORED] == list(quality.ROWS)
    assert quality.ROWS.items() <= run._INPROCESS.items()
    row = quality._measure(replace(SCORED[1], read=DEVELOPED_ON[0].read))
    assert row["case"] == "duplicates in FEBRL 3"
    assert row["must"] == {"f1": ">= 0.99", "precision": ">= 0.98"}
    assert row["holds_must"] is True


@pytest.mark.parametrize("generator", GENERATORS)
def test_answers_other_than_expected_fail_the_measurement(
    generator: Generator, nothing: Server, tmp_path: Path
) -> None:
    target = Target("A", nothing.port, posts, 200, '"ok"')
    assert measure(target, seconds=1, generator=generator, folder=tmp_path).wrong == 0
    target.make = bad_posts_after(posts)
    with pytest.raises(MeasurementFailed, match="were not right"):
        measure(target, seconds=1, generator=generator, folder=tmp_path)


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_run_that_used_up_its_requests_is_taken_again_with_more(
    generator: Generator, nothing: Server, tmp_path: Path
) -> None:
    target = Target("A", nothing.port, posts, 200, '"ok"', per_second=400)
    taken = measure(target, seconds=1, generator=generator, folder=tmp_path)
    assert not taken.exhausted
    assert target.per_second == taken.per_second


def test_ratios_are_taken_within_a_round() -> None:
    ours = [outcome(answered=50), outcome(answered=5), outcome(answered=60)]
    theirs = [outcome(), outcome(answered=10), outcome()]
    assert rate_ratio(ours, theirs) == 0.5


def test_a_limit_that_is_missed_does_not_hold() -> None:
    floor = Limit(Ratio.TO_A, must=0.25, aim=0.33)
    ceiling = Limit(Ratio.P99_TO_P50, must=4, aim=2.5, at_most=True)
    row = make_row("scan", None, (floor, ceiling), {Ratio.TO_A: 0.3, Ratio.P99_TO_P50: 2})
    assert (row["holds_must"], row["holds_aim"]) == (True, False)
    row = make_row("scan", None, (floor, ceiling), {Ratio.TO_A: 0.4, Ratio.P99_TO_P50: 5})
    assert (row["holds_must"], row["holds_aim"]) == (False, False)


def bad_posts_after(warm_up: Callable[[int], list[bytes]]) -> Callable[[int], list[bytes]]:
    turns = chain([warm_up], repeat(bad_posts))

    def make(count: int) -> list[bytes]:
        return next(turns)(count)

    return make


def bad_posts(count: int) -> list[bytes]:
    return [request.replace(b"{", b"[") for request in posts(count)]
