"""Matching finds what it must in public labelled data: one threshold, one rules file, no label seen."""

import pytest

from tests.matching.labelled import PRECISION, SCORED, LabelledSet, score


@pytest.mark.parametrize("labelled", SCORED, ids=lambda labelled: labelled.name)
def test_duplicates_in_labelled_data_are_found_and_little_else(labelled: LabelledSet) -> None:
    reached = score(labelled.read())
    assert reached.f1 >= labelled.f1, reached
    assert reached.precision >= PRECISION, reached
