"""Say what importing a batch would do, and write nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from service.crypto.keystore import KeyStore
from service.customers.models import IdentifierKind, Trust
from service.importing.draft import Draft, Held
from service.importing.known import Known, look_up
from service.importing.parse import Fault
from service.importing.report import Report
from service.importing.sort import sort_out
from service.importing.update import wants_second_crm
from service.merging.rails import SECOND_CRM
from service.merging.reasons import SAME, words_of
from service.merging.rules import Rules


@dataclass
class Rehearsal:
    """One file's rehearsal. It remembers what earlier rows brought, since nothing is stored."""

    site_id: UUID
    rules: Rules
    _brought: dict[bytes, list[bool]] = field(default_factory=dict)

    def rehearse(self, session: Session, keystore: KeyStore, drafts: Sequence[Draft], report: Report) -> None:
        """Count what a batch would do. Merges and proposals are what shared values suggest before the guard rails."""
        known = look_up(session, keystore, drafts, site_id=self.site_id)
        fresh, changes = sort_out(keystore.vault, drafts, known, report)
        for _, customer_id, _, _, held in fresh:
            self._bring(held, known, customer_id, report)
        for change in changes:
            for one in change.added:
                if wants_second_crm(session, keystore, change, one, rules=self.rules):
                    report.remark(Fault(change.opened.line, one[0], SECOND_CRM))
            self._bring(change.added, known, change.node.id, report)

    def _bring(self, brought: Iterable[Held], known: Known, node_id: str, report: Report) -> None:
        for word, trust, digests, _ in brought:
            kind, is_verified = IdentifierKind(word), trust == Trust.VERIFIED
            if kind not in SAME:
                continue
            holders = known.of(kind, digests)
            others = [row.trust == Trust.VERIFIED for row in holders if row.customer_id != node_id]
            others += self._brought.get(digests[0], ())
            self._brought.setdefault(digests[0], []).append(is_verified)
            if is_verified and any(others):
                report.merged += 1
            elif others:
                report.why[words_of([{"code": SAME[kind], "trust": Trust.CLAIMED}])] += 1
