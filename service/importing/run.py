"""Import a file, batch by batch: each is one transaction, so what is done stays done whenever it ends."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID, uuid4

from sqlalchemy import func, select

from service import clock
from service.crypto.keystore import KeyStore
from service.db import Database, enlarge_cache
from service.errors import Conflict
from service.importing.reader import Batch, Job
from service.importing.rehearse import Rehearsal
from service.importing.report import Report
from service.importing.target import Target
from service.importing.write import write
from service.merging.models import Proposal, ProposalStatus

_OBJECTS_BETWEEN_COLLECTIONS = 200_000
Progress = Callable[[int], None]


def run(
    db: Database, keystore: KeyStore, batches: Iterator[Batch], *, job: Job, site_id: UUID, progress: Progress
) -> Report:
    """Store every batch; `progress` is told how many bytes of the file are done."""
    report, target = Report(), Target(site_id, uuid4(), job.rules, job.now)
    with _rare_collections():
        for batch in _counted(batches, keystore, job, report, progress):
            with db.write() as session:
                enlarge_cache(session)
                # Each batch has its own time: who follows the events must not find them behind what was read before.
                target = replace(target, now=clock.now())
                write(session, keystore, batch.drafts, target=target, report=report)
    with db.read() as session:
        before = Proposal.status == ProposalStatus.OPEN, Proposal.created_at < job.now
        report.open_before = session.scalar(select(func.count()).where(*before)) or 0
        ends = select(Proposal.id, Proposal.a_id, Proposal.b_id).where(Proposal.id.in_(report.proposals_told()))
        report.name_others(session.execute(ends))
    return report


def rehearse(
    db: Database, keystore: KeyStore, batches: Iterator[Batch], *, job: Job, site_id: UUID, progress: Progress
) -> Report:
    """Say what storing every batch would do."""
    report, rehearsal = Report(), Rehearsal(site_id, job.rules)
    for batch in _counted(batches, keystore, job, report, progress):
        with db.read() as session:
            rehearsal.rehearse(session, keystore, batch.drafts, report)
    return report


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for cycles seldom: among the tens of thousands of tuples of a batch it takes a fifth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _counted(
    batches: Iterator[Batch], keystore: KeyStore, job: Job, report: Report, progress: Progress
) -> Iterator[Batch]:
    """Yield batches, and count in the report what reading them has decided already."""
    for batch in batches:
        if keystore.vault.index_keys != job.vault.index_keys:
            raise Conflict("the index key was rotated meanwhile: run the same again, it goes on where it stopped")
        yield batch
        report.unchanged += batch.repeated
        report.fail(batch.faults, batch.failed)
        progress(batch.at)
