import pytest

from tests.bench.cases import Kind
from tests.bench.importing import NAME
from tests.bench.test_bench import bench


@pytest.mark.timeout(300)
def test_a_tiny_round_measures_an_import_on_both_databases() -> None:
    report = bench("--quick", "--only", NAME)
    assert [(row["case"], row["database"]) for row in report["rows"]] == [(NAME, kind) for kind in Kind]
    for row in report["rows"]:
        assert row["ratios"].keys() == row["must"].keys() == {"to_b"}
        assert all(row[who]["per_second"] > 0 for who in ("ours", "b"))
