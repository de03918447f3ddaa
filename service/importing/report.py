"""What became of a file: counts, what is wrong with it line by line, and the duplicates for a person to decide."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from service.importing.parse import Fault
from service.merging.join import Joined, Outcome

_MOST_PROPOSALS_TOLD = 1000


@dataclass
class Report:
    """What became of the rows. `merged` and `proposals` are what their identifiers caused.

    `open_before` counts what a person was to decide already when the import began, an earlier run of it included.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    merged: int = 0
    open_before: int = 0
    why: Counter[str] = field(default_factory=Counter)
    proposals: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    _line_of: dict[bytes, int] = field(default_factory=dict, repr=False)

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return self.created + self.updated + self.unchanged + self.failed

    def fail(self, faults: list[Fault], rows: int = 1) -> None:
        """Note rows that were left out."""
        self.failed += rows
        self.faults += faults

    def remark(self, fault: Fault) -> None:
        """Note what was wrong with a row that was stored all the same."""
        self.faults.append(fault)

    def place(self, line: int, customer_id: str) -> None:
        """Note on which line a customer stands; `customer_id` as 32 hexadecimal digits."""
        self._line_of[bytes.fromhex(customer_id)] = line

    def note(self, line: int, joined: Joined | None) -> None:
        """Note what an identifier of a row caused."""
        if joined is None:
            return
        self.merged += joined.outcome is Outcome.MERGED
        if joined.proposal_id is not None:
            self.note_proposal(line, joined.proposal_id, joined.why or "")

    def note_proposal(self, line: int, proposal_id: UUID, why: str) -> None:
        """Note a question for a person."""
        if proposal_id not in self.proposals:
            self.why[why] += 1
            self.proposals[proposal_id] = {"proposal_id": proposal_id, "line": line, "other_line": None, "why": why}

    def proposals_told(self) -> list[UUID]:
        """Return the proposals that are told one by one."""
        return list(self.proposals)[:_MOST_PROPOSALS_TOLD]

    def name_others(self, ends: Iterable[tuple[UUID, UUID, UUID]]) -> None:
        """Note the line of the other customer, where it is in the file too: of each proposal, by its two ends."""
        for proposal_id, *both in ends:
            item = self.proposals[proposal_id]
            lines = {self._line_of.get(end.bytes) for end in both} - {item["line"], None}
            item["other_line"] = lines.pop() if len(lines) == 1 else None

    def as_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        counts = ("rows", "created", "updated", "unchanged", "failed", "merged")
        return {
            **{name: getattr(self, name) for name in counts},
            "proposals": {
                "count": self.why.total(),
                "open_before": self.open_before,
                "why": dict(self.why),
                "items": [self.proposals[ident] for ident in self.proposals_told()],
            },
            "errors": [{"line": fault.line, "column": fault.column, "error": fault.words} for fault in self.faults],
        }
