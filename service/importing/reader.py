"""Read, check and seal a file in a process of its own, a batch ahead of the one that writes."""

import gc
import multiprocessing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from multiprocessing.connection import Connection

from service.crypto.vault import Vault
from service.errors import UnspokenError
from service.importing.columns import Columns
from service.importing.draft import Draft, Drafter
from service.importing.parse import Fault, Parser
from service.importing.quick import Acceptance
from service.importing.source import Line, Source, reading
from service.merging.rules import Rules

ROWS_A_BATCH = 5000


@dataclass(frozen=True)
class Job:
    """Everything that reading a file takes. `may_vouch`: the kinds for which the site's word is proof."""

    source: Source
    columns: Columns
    rules: Rules
    region: str
    may_vouch: frozenset[str]
    vault: Vault = field(repr=False)
    now: datetime


@dataclass
class Batch:
    """Rows in a row: the drafts of the good ones, how many repeat an earlier row, and what is wrong with the others.

    `at` is how far the file has been read, in bytes.
    """

    at: int = 0
    drafts: list[Draft] = field(default_factory=list)
    repeated: int = 0
    faults: list[Fault] = field(default_factory=list)
    failed: int = 0

    def fail(self, faults: list[Fault]) -> None:
        """Note a row that can't be used."""
        self.failed += 1
        self.faults += faults


@contextmanager
def batches(job: Job) -> Iterator[Iterator[Batch]]:
    """Read a file in a process of its own, which ends with ours: it holds one batch ready, and waits."""
    # Forked, so that the keys need not travel, and before any database is open.
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(job, ours, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield _receive(ours)
    finally:
        ours.close()
        process.join()


def prepare(job: Job) -> Iterator[Batch]:
    """Read a file, batch by batch."""
    accept = Acceptance(job.rules, job.region).accept
    nothing = frozenset(job.rules.blocked.values)
    today = job.now.date()
    parser = Parser(job.columns, accept=accept, nothing=nothing, may_vouch=job.may_vouch, today=today)
    drafter = Drafter(job.vault)
    with reading(job.source) as rows:
        lines = iter(rows)
        while chunk := list(islice(lines, ROWS_A_BATCH)):
            batch = _prepare(chunk, parser, drafter)
            batch.at = rows.at
            yield batch


def _prepare(lines: Iterable[Line], parser: Parser, drafter: Drafter) -> Batch:
    batch = Batch()
    for line in lines:
        row = parser.parse(line)
        if isinstance(row, list):
            batch.fail(row)
            continue
        drafted = drafter.draft(row)
        if drafted is None:
            batch.repeated += 1
        elif isinstance(drafted, Fault):
            batch.fail([drafted])
        else:
            batch.drafts.append(drafted)
    return batch


def _run(job: Job, ours: Connection, theirs: Connection) -> None:
    ours.close()
    gc.disable()  # all that is made here is trees, and looking through them for cycles takes a third of the time
    try:
        for batch in prepare(job):
            theirs.send(batch)
        theirs.send(None)
    except UnspokenError as error:
        theirs.send(error)
    except BrokenPipeError:
        pass  # nobody wants the rest


def _receive(ours: Connection) -> Iterator[Batch]:
    while (received := ours.recv()) is not None:
        if isinstance(received, UnspokenError):
            raise received
        yield received
