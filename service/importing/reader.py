"""Read, check and seal a file in a process of its own, a batch ahead of the one that writes."""

import gc
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from multiprocessing.connection import Connection
from queue import Queue
from threading import Thread

from service.crypto.vault import Vault
from service.errors import UnspokenError
from service.importing.columns import BadFile, Columns
from service.importing.draft import Draft, Drafter
from service.importing.parse import Fault, Parser
from service.importing.quick import Acceptance
from service.importing.source import Line, Source, reading
from service.merging.rules import Rules

ROWS_A_BATCH = 5000
_ROWS_A_PIECE, _PIECES_AHEAD = 500, 20


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
    rows: int = 0
    drafts: list[Draft] = field(default_factory=list)
    repeated: int = 0
    faults: list[Fault] = field(default_factory=list)
    failed: int = 0

    def add(self, more: "Batch") -> None:
        """Take the rows that follow."""
        self.at = more.at
        self.rows += more.rows
        self.drafts += more.drafts
        self.repeated += more.repeated
        self.faults += more.faults
        self.failed += more.failed

    def fail(self, faults: list[Fault]) -> None:
        """Note a row that can't be used."""
        self.failed += 1
        self.faults += faults


@contextmanager
def batches(job: Job) -> Iterator[Iterator[Batch]]:
    """Read a file in a process of its own, which ends with ours: it reads some way ahead, and waits."""
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
    """Read a file, piece by piece."""
    accept = Acceptance(job.rules, job.region).accept
    nothing = frozenset(job.rules.blocked.values)
    today = job.now.date()
    parser = Parser(job.columns, accept=accept, nothing=nothing, may_vouch=job.may_vouch, today=today)
    drafter = Drafter(job.vault)
    with reading(job.source) as rows:
        lines = iter(rows)
        while chunk := list(islice(lines, _ROWS_A_PIECE)):
            batch = _prepare(chunk, parser, drafter)
            batch.at = rows.at
            yield batch


def _prepare(lines: Sequence[Line], parser: Parser, drafter: Drafter) -> Batch:
    batch = Batch(rows=len(lines))
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
    ahead: Queue[Batch | UnspokenError | None] = Queue(_PIECES_AHEAD)
    sender = Thread(target=_send, args=(ahead, theirs), daemon=True)  # nothing unforeseen leaves our reader waiting
    sender.start()
    try:
        for piece in prepare(job):
            ahead.put(piece)
        ahead.put(None)
    except UnspokenError as error:
        ahead.put(error)
    sender.join()


def _send(ahead: "Queue[Batch | UnspokenError | None]", theirs: Connection) -> None:
    """Send what was read. In a thread, since a pipe holds a hundred rows and the writer takes thousands at once."""
    item: Batch | UnspokenError | None = Batch()
    while isinstance(item, Batch):
        item = ahead.get()
        try:
            theirs.send(item)
        except BrokenPipeError:
            os._exit(0)  # nobody wants the rest


def _receive(ours: Connection) -> Iterator[Batch]:
    batch = Batch()
    while (received := _take(ours)) is not None:
        batch.add(received)
        if batch.rows >= ROWS_A_BATCH:
            yield batch
            batch = Batch()
    if batch.rows:
        yield batch


def _take(ours: Connection) -> Batch | None:
    try:
        received = ours.recv()
    except EOFError:
        raise BadFile("the process that reads the file was killed: run the same again, what is done stays") from None
    if isinstance(received, UnspokenError):
        raise received
    return received  # type: ignore[no-any-return]
