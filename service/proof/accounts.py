"""Accounts of a signed-in shopper: those linked, those that wait for her word, and how she gives it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.crypto.keystore import KeyStore
from service.customers.component import live_of, nodes_of
from service.customers.models import Identifier, IdentifierKind
from service.errors import Conflict, NotFound
from service.merging.decide import accept, reject
from service.merging.join import Cause, Outcome
from service.merging.lock import lock_identities
from service.merging.models import Decider, Merge, Proposal, ProposalStatus, Rule
from service.merging.rules import Rules
from service.merging.unlink import unlink
from service.proof.contacts import ask_for_sign_in
from service.proof.evict import may_be_confirmed
from service.proof.hold import Prover
from service.sessions.models import ShopperSession
from service.sites.models import Site


@dataclass(frozen=True)
class ShownAccount:
    """An account of a site; with the proposal that asks the shopper whether it is hers, if one does."""

    identifier: Identifier
    site: Site
    proposal_id: UUID | None


def list_accounts(session: Session, customer_id: UUID) -> list[ShownAccount]:
    """Return a customer's live accounts, then those that wait for the customer's word."""
    found = _accounts(session, customer_id, None)
    for proposal in _open_proposals(session, customer_id):
        if _is_for_the_owner(session, proposal):
            found += _accounts(session, proposal.b_id, proposal.id)
    return found


def confirm(
    session: Session, keystore: KeyStore, proposal_id: UUID, *, prover: Prover, rules: Rules, now: datetime
) -> str:
    """Join the claimant's accounts with the shopper, whose they are; return `linked`, or `pending`.

    It is for an operator when the rules say so, or when the claimant has a contact of their own, or has got another
    account, since: she was never asked about that one.
    """
    lock_identities(session)
    proposal = _get(session, proposal_id, prover)
    if not _is_for_the_owner(session, proposal):
        proposal.decider = Decider.OPERATOR.value
        return "pending"
    cause = Cause(Rule.OWNER_CONFIRMED, prover.actor)
    joined = accept(session, keystore, proposal.id, cause=cause, rules=rules, now=now)
    return "pending" if joined.outcome is Outcome.PROPOSED else "linked"


def refuse(session: Session, proposal_id: UUID, *, prover: Prover, now: datetime) -> str:
    """Say that the claimant's accounts aren't the shopper's: nothing but a person joins the two any more."""
    lock_identities(session)
    reject(session, _get(session, proposal_id, prover).id, actor=prover.actor, now=now)
    return "refused"


def _get(session: Session, proposal_id: UUID, prover: Prover) -> Proposal:
    """Return a proposal that waits for this shopper's word."""
    proposal = session.get(Proposal, proposal_id, populate_existing=True)
    own = set(session.scalars(nodes_of(prover.customer_id)))
    if proposal is None or proposal.a_id not in own or proposal.decider != Decider.OWNER:
        raise NotFound("there is no such account that waits for your word")
    if proposal.status != ProposalStatus.OPEN:
        raise Conflict("this account waits no more: it was decided already", code="already_decided")
    return proposal


def _is_for_the_owner(session: Session, proposal: Proposal) -> bool:
    """Return whether the claimant's accounts are still those that the shopper was asked about."""
    since, theirs = proposal.created_at, nodes_of(proposal.b_id)
    given = select(Identifier.id).where(
        *live_of(proposal.b_id, IdentifierKind.ACCOUNT), Identifier.created_at > since
    )
    ends = or_(Merge.a_id.in_(theirs), Merge.b_id.in_(theirs))
    joined = select(Merge.id).where(ends, Merge.undone_at.is_(None), Merge.created_at > since)
    has_grown = session.scalar(select(or_(given.exists(), joined.exists())))
    return may_be_confirmed(session, proposal.b_id) and not has_grown


def _open_proposals(session: Session, customer_id: UUID) -> list[Proposal]:
    """Return what waits for the word of a customer, who proved the contact: `a_id`, never the claimant's side."""
    own = Proposal.a_id.in_(nodes_of(customer_id))
    waits = (Proposal.status == ProposalStatus.OPEN, Proposal.decider == Decider.OWNER, own)
    return list(session.scalars(select(Proposal).where(*waits).order_by(Proposal.created_at, Proposal.id)))


def _accounts(session: Session, customer_id: UUID, proposal_id: UUID | None) -> list[ShownAccount]:
    live = live_of(customer_id, IdentifierKind.ACCOUNT)
    rows = select(Identifier, Site).join(Site, Site.id == Identifier.issuer).where(*live)
    ordered = rows.order_by(Identifier.created_at, Identifier.id)
    return [ShownAccount(row, site, proposal_id) for row, site in session.execute(ordered)]


def unlink_account(session: Session, identifier_id: UUID, *, prover: Prover, now: datetime) -> None:
    """Take an account off the shopper's file, and end the sessions and cards that its site opened for it."""
    lock_identities(session)
    row = session.get(Identifier, identifier_id, populate_existing=True)
    nodes = set(session.scalars(nodes_of(prover.customer_id)))
    if row is None or row.kind != IdentifierKind.ACCOUNT or row.ended_at is not None or row.customer_id not in nodes:
        raise NotFound("there is no such account of yours")
    held = session.get(ShopperSession, prover.session_id)
    if held is None or held.site_id != row.issuer:
        ask_for_sign_in(session, prover)  # another shop's: its sessions, which end, are not this one's to end
    unlink(session, row, actor=prover.actor, now=now)
