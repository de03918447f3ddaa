"""Routes of consent for sites: what a customer said, to this site or anywhere."""

from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.models import Action
from service.audit.record import record
from service.customers.component import find_for_site, live_of
from service.customers.models import Identifier, IdentifierKind
from service.errors import NotFound
from service.merging.consents import read_consents
from service.privacy.consents import state_consent
from service.web.consents import ConsentOut, ConsentsOut, SaidOfIn, describe, site_names
from service.web.context import actor, now, service, site
from service.web.operation import answer, operation
from service.web.types import WhyQuery

bp = Blueprint("commerce_consents", __name__)


@bp.get("/customers/<uuid:customer_id>/consents")
@operation({200: ConsentsOut}, query=WhyQuery, problems=(404,))
def get_consents(customer_id: UUID, query: WhyQuery) -> Response:
    """Read what a customer allows, purpose by purpose. `why` is shown to the shopper."""
    with service().db.write() as session:
        found = find_for_site(session, site_id=site().id, customer_id=customer_id)
        record(session, Action.READ, found.id, actor=actor(), now=now(), why=query.why, what="consents")
        held = read_consents(session, found.id)
        sites = site_names(session)
    return answer({"items": [describe(purpose, holds, sites) for purpose, holds in held.items()]})


@bp.put("/customers/<uuid:customer_id>/consents")
@operation({200: ConsentOut}, body=SaidOfIn, problems=(404,))
def put_consent(customer_id: UUID, body: SaidOfIn) -> Response:
    """Pass on what a customer said to this site, in words of its own: `text_version` names them."""
    with service().db.write() as session:
        find_for_site(session, site_id=site().id, customer_id=customer_id)
        stated = state_consent(
            session,
            _node_of_site(session, customer_id),
            body.said,
            actor=actor(),
            now=now(),
        )
        sites = site_names(session)
    return answer(describe(body.purpose, stated, sites))


def _node_of_site(session: Session, customer_id: UUID) -> UUID:
    """Return the node that holds the site's account: what was said to the site follows it when a merge is undone."""
    accounts = live_of(customer_id, IdentifierKind.ACCOUNT)
    held = select(Identifier.customer_id).where(*accounts, Identifier.issuer == site().id)
    asked_first = (Identifier.customer_id != customer_id, Identifier.created_at, Identifier.id)
    found = session.scalars(held.order_by(*asked_first).limit(1)).first()
    if found is None:  # unlinked at this very moment
        raise NotFound("there is no such customer with an account of your site")
    return found
