"""Approve or refuse a link request: the one whose code was shown decides, once, within ten minutes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.crypto.keystore import KeyStore
from service.customers.component import canonical_of, nodes_of, proved_contacts_of
from service.customers.identifiers import open_values
from service.customers.models import Identifier, IdentifierKind
from service.errors import Conflict, NotFound
from service.linking.models import LinkRequest, LinkStatus
from service.linking.read import status_of
from service.merging.join import Cause, Joined, Outcome, join
from service.merging.lock import lock_identities
from service.merging.models import Rule
from service.merging.rules import Rules
from service.proof.evict import verified_contacts_of
from service.sessions.recognise import ShopperIdentity
from service.sites.models import Site


def approve(
    session: Session,
    keystore: KeyStore,
    link_request_id: UUID,
    *,
    shopper: ShopperIdentity,
    actor: Actor,
    rules: Rules,
    now: datetime,
) -> Joined:
    """Join the site's account with the shopper who approves, as far as the guard rails let them.

    `Conflict` when the account's owner has proved a contact that the shopper has not: the site's word that its user
    is the one with the code would then give away what somebody else proved to be theirs. Whoever proves that contact,
    too, is joined by that.
    """
    lock_identities(session)
    asked = _get_pending(session, link_request_id, shopper, now)
    account = asked.account_customer_id
    if session.get_one(Site, asked.site_id).revoked_at is not None:
        raise Conflict("the site has been closed since it asked", code="link_request_closed")
    if not session.scalar(select(_has_account(account, asked.site_id))):
        raise Conflict("the site has unlinked this account since it asked", code="link_request_closed")
    if _belongs_to_somebody_else(session, keystore, account, shopper.customer_id):
        detail = "the owner of this account has confirmed a contact: confirm it here, too, and the two become one"
        raise Conflict(detail, code="contact_not_proved")
    evidence = {"link_request_id": str(asked.id), "site_id": str(asked.site_id)}
    cause = Cause(Rule.APPROVED_LINK, actor, evidence)
    joined = join(session, keystore, account, shopper.customer_id, cause=cause, rules=rules, now=now)
    asked.status, asked.decided_at, asked.merge_id = LinkStatus.APPROVED, now, joined.merge_id
    linked = joined.outcome in (Outcome.MERGED, Outcome.SAME)
    _tell(session, Action.LINK_APPROVED, asked, actor, now, linked=linked)
    return joined


def refuse(session: Session, link_request_id: UUID, *, shopper: ShopperIdentity, actor: Actor, now: datetime) -> None:
    """Leave the site's account where it is, for good."""
    asked = _get_pending(session, link_request_id, shopper, now)
    asked.status, asked.decided_at = LinkStatus.REFUSED, now
    _tell(session, Action.LINK_REFUSED, asked, actor, now)


def _tell(session: Session, action: Action, asked: LinkRequest, actor: Actor, now: datetime, **detail: bool) -> None:
    told: dict[str, Any] = {"link_request_id": asked.id, "site_id": asked.site_id, **detail}
    record(session, action, asked.holder_id, actor=actor, now=now, **told)


def _has_account(node_id: UUID, site_id: UUID) -> ColumnElement[bool]:
    live = Identifier.ended_at.is_(None), Identifier.kind == IdentifierKind.ACCOUNT, Identifier.issuer == site_id
    return select(Identifier.id).where(Identifier.customer_id == node_id, *live).exists()


def _belongs_to_somebody_else(session: Session, keystore: KeyStore, account: UUID, shopper: UUID) -> bool:
    if canonical_of(session, account) == canonical_of(session, shopper):
        return False
    proved, own = proved_contacts_of(account), verified_contacts_of(shopper)
    found, theirs = (session.scalars(select(Identifier).where(*contacts)).all() for contacts in (proved, own))
    values = open_values(keystore, [*found, *theirs])  # their look-up digests differ while the index key is rotated
    return bool(found) and {values[row.id] for row in found}.isdisjoint(values[row.id] for row in theirs)


def _get_pending(session: Session, link_request_id: UUID, shopper: ShopperIdentity, now: datetime) -> LinkRequest:
    """Return the request, locked, if it is this shopper's to decide and still open."""
    theirs = LinkRequest.holder_id.in_(nodes_of(shopper.customer_id))
    wanted = select(LinkRequest).where(LinkRequest.id == link_request_id, theirs)
    asked = session.scalars(wanted.with_for_update()).one_or_none()
    if asked is None:
        raise NotFound("there is no such request for you to decide")
    status = status_of(asked, now)
    if status is not LinkStatus.PENDING:
        words = "has expired: ask the site to start again" if status is LinkStatus.EXPIRED else "was decided before"
        raise Conflict(f"the request {words}", code="link_request_closed")
    return asked
