"""Sort the rows of a batch: new people, changes of known ones, and what stays as it is."""

from collections.abc import Sequence

from service.crypto.vault import Vault
from service.importing.draft import Draft
from service.importing.known import Known
from service.importing.report import Report
from service.importing.update import Change, find_change, open_draft


def sort_out(vault: Vault, drafts: Sequence[Draft], known: Known, report: Report) -> tuple[list[Draft], list[Change]]:
    """Return the rows of new people and what changes on known ones; count them all in the report."""
    fresh: list[Draft] = []
    changes: list[Change] = []
    if not known.holders:
        for line, customer_id, *_ in drafts:
            report.place(line, customer_id)
        report.created += len(drafts)
        return list(drafts), changes
    for draft in drafts:
        opened = open_draft(vault, draft) if known.candidates(draft) else None
        node = opened and known.find_node(draft, opened.name)
        change = find_change(opened, node, site=known.site) if opened and node else None
        report.place(draft[0], node.id if node else draft[1])
        if node is None:
            fresh.append(draft)
        elif change is None:
            report.unchanged += 1
        elif change.fault is not None:
            report.fail([change.fault])
        else:
            changes.append(change)
    report.created += len(fresh)
    report.updated += len(changes)
    return fresh, changes
