"""Read link requests back: for the site that asked, and for the shopper who decides."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.customers.component import canonical_of, nodes_of
from service.errors import NotFound
from service.linking.models import LinkRequest, LinkStatus
from service.sites.models import Site

SHOWN_FOR = timedelta(days=1)
MOST_SHOWN = 20


def status_of(asked: LinkRequest, now: datetime) -> LinkStatus:
    """Return where a request stands: an undecided one expires by itself."""
    status = LinkStatus(asked.status)
    return LinkStatus.EXPIRED if status is LinkStatus.PENDING and now >= asked.expires_at else status


def get_request(session: Session, *, site_id: UUID, link_request_id: UUID) -> tuple[LinkRequest, UUID | None]:
    """Return a request of this site; and, while an approval holds, the customer that both sides are now."""
    asked = session.get(LinkRequest, link_request_id)
    if asked is None or asked.site_id != site_id:
        raise NotFound("your site has made no such link request")
    if asked.status != LinkStatus.APPROVED:
        return asked, None
    account, holder = (canonical_of(session, node) for node in (asked.account_customer_id, asked.holder_id))
    return asked, account if account == holder else None


def list_requests(session: Session, customer_id: UUID, now: datetime) -> Sequence[tuple[LinkRequest, Site]]:
    """Return what sites asked of a customer within a day, newest first."""
    return session.execute(
        select(LinkRequest, Site)
        .join(Site, Site.id == LinkRequest.site_id)
        .where(LinkRequest.holder_id.in_(nodes_of(customer_id)), LinkRequest.created_at > now - SHOWN_FOR)
        .order_by(LinkRequest.created_at.desc(), LinkRequest.id.desc())
        .limit(MOST_SHOWN)
    ).all()
