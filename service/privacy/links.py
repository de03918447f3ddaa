"""What ties a person's files to each other, for the export: merges, proposals, do-not-links, requests of sites.

Where the other one is, or is again, another customer, it says so without naming them.
"""

from sqlalchemy import or_, select

from service.linking.models import LinkRequest
from service.merging.decide import open_note
from service.merging.join import open_reason
from service.merging.models import DoNotLink, Merge, Proposal
from service.merging.reasons import words_of
from service.privacy.file import File, Section


def merges_of(file: File) -> Section:
    """Return every merge, undone ones too, oldest first."""
    concerns = or_(Merge.a_id.in_(file.nodes), Merge.b_id.in_(file.nodes))
    rows = file.session.scalars(select(Merge).where(concerns).order_by(Merge.created_at, Merge.id)).all()
    evidence = file.without_others([row.evidence for row in rows])
    return [
        {
            "merge_id": row.id,
            "customer_ids": file.own(row.a_id, row.b_id),
            "merged_at": row.created_at,
            "rule": row.rule,
            "evidence": known,
            "by": file.source(row.actor_kind, row.actor_id),
            "reason": open_reason(file.keys, (row.a_id, row.b_id), row.reason_sealed),
            "undone_at": row.undone_at,
            "undone_by": file.source(row.undone_by_kind, row.undone_by_id),
            "undo_reason": open_reason(file.keys, (row.a_id, row.b_id), row.undo_reason_sealed),
        }
        for row, known in zip(rows, evidence, strict=True)
    ]


def proposals_of(file: File) -> Section:
    """Return every question whether somebody is this person, with what was said to its answer, oldest first."""
    concerns = or_(Proposal.a_id.in_(file.nodes), Proposal.b_id.in_(file.nodes))
    own = select(Proposal).where(concerns).order_by(Proposal.created_at, Proposal.id)
    return [
        {
            "proposal_id": row.id,
            "customer_ids": file.own(row.a_id, row.b_id),
            "noted_at": row.created_at,
            "why": words_of(row.reasons),
            "note": open_note(file.keys, row),
            "likelihood": row.score,
            "decider": row.decider,
            "status": row.status,
            "decided_at": row.decided_at,
            "merge_id": row.merge_id,
        }
        for row in file.session.scalars(own)
    ]


def apart_of(file: File) -> Section:
    """Return every time that somebody decided that another file is not this person's, oldest first."""
    concerns = or_(DoNotLink.a_id.in_(file.nodes), DoNotLink.b_id.in_(file.nodes))
    own = select(DoNotLink).where(concerns).order_by(DoNotLink.created_at, DoNotLink.a_id, DoNotLink.b_id)
    return [
        {
            "customer_ids": file.own(row.a_id, row.b_id),
            "by": file.source(row.actor_kind, row.actor_id),
            "at": row.created_at,
        }
        for row in file.session.scalars(own)
    ]


def link_requests_of(file: File) -> Section:
    """Return every request of a site to link an account, oldest first."""
    concerns = or_(LinkRequest.holder_id.in_(file.nodes), LinkRequest.account_customer_id.in_(file.nodes))
    own = select(LinkRequest).where(concerns).order_by(LinkRequest.created_at, LinkRequest.id)
    return [
        {
            "link_request_id": row.id,
            "site": file.sites.get(row.site_id),
            "customer_ids": file.own(row.holder_id, row.account_customer_id),
            "asked_at": row.created_at,
            "expires_at": row.expires_at,
            "status": row.status,
            "decided_at": row.decided_at,
            "merge_id": row.merge_id,
        }
        for row in file.session.scalars(own)
    ]
