"""How well probable duplicates are found in public labelled data: by the shipped rules, at the one threshold."""

import time
from collections.abc import Callable
from functools import partial

from tests.bench.cases import Limit, Ratio
from tests.bench.rows import Row, make_row
from tests.matching.labelled import PRECISION, SCORED, LabelledSet, score

# What Splink 5 reaches untuned; on RLdata10000, what a little more than "at most one edit in all" (0.962) does.
_AIMS = {"FEBRL 4": 0.997, "FEBRL 3": 0.995, "RLdata10000": 0.97}
_AIMED_PRECISION = 0.99


def _measure(labelled: LabelledSet) -> Row:
    records = labelled.read()
    start = time.process_time()
    reached = score(records)
    ours = {
        "records": len(records),
        "true_pairs": reached.true,
        "found_pairs": reached.found,
        "right_pairs": reached.right,
        "recall": round(reached.recall, 4),
        "cpu_seconds": round(time.process_time() - start, 1),
    }
    limits = (Limit(Ratio.F1, labelled.f1, _AIMS[labelled.name]), Limit(Ratio.PRECISION, PRECISION, _AIMED_PRECISION))
    ratios = {Ratio.F1: reached.f1, Ratio.PRECISION: reached.precision}
    return make_row(f"duplicates in {labelled.name}", None, limits, ratios, ours=ours)


ROWS: dict[str, Callable[[], Row]] = {
    f"duplicates in {labelled.name}": partial(_measure, labelled) for labelled in SCORED
}
