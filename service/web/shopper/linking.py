"""Routes of link requests, and of claims."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Blueprint, Response
from pydantic import Field, StringConstraints

from service.codes import claim
from service.codes.refusals import CodeRefused
from service.linking.decide import approve, refuse
from service.linking.models import LinkRequest, LinkStatus
from service.linking.read import list_requests, status_of
from service.merging.join import Outcome
from service.sales.claim import Claimed, ClaimedTooMany, ClaimStatus, claim_sale
from service.sites.models import Site
from service.web.context import actor, now, service, shopper
from service.web.operation import Answer, Body, answer, operation
from service.web.problems import Problem
from service.web.shopper.models import ActivityItem, Empty, SiteName
from service.web.shopper.routes import sale_item

bp = Blueprint("shopper_linking", __name__)


class LinkRequestItem(Answer):
    """A site asks to join its account with the shopper who showed it a code."""

    link_request_id: UUID
    site: SiteName
    asked_at: datetime
    expires_at: datetime
    status: LinkStatus


class LinkRequestsOut(Answer):
    """What sites asked within a day, newest first."""

    items: list[LinkRequestItem]


class RefusedOut(Answer):
    """The request was refused; nothing was joined."""

    status: Literal[LinkStatus.REFUSED]


class ApprovedOut(Answer):
    """The request was approved."""

    status: Literal[LinkStatus.APPROVED]
    linked: bool = Field(
        description="whether both are one customer now; if not, a rule of the brand stands against it"
    )


class ClaimIn(Body):
    """The digits from a receipt's QR: what follows `#claim=`."""

    claim_code: Annotated[str, StringConstraints(max_length=200)]


class ClaimOut(Answer):
    """Where the claim stands. A `waiting` one takes hold when the till has sent its sale, within 72 hours."""

    status: Literal[ClaimStatus.CLAIMED, ClaimStatus.WAITING]
    sale: ActivityItem | None


@bp.get("/link-requests")
@operation({200: LinkRequestsOut})
def get_link_requests() -> Response:
    """List which sites ask to be linked with the shopper, by a code that they were shown, and when."""
    with service().db.read() as session:
        rows = list_requests(session, shopper().customer_id, now())
    return answer({"items": [_item(asked, site) for asked, site in rows]})


@bp.post("/link-requests/<uuid:link_request_id>/approve")
@operation({200: ApprovedOut}, body=Empty, problems=(403, 404, 409))
def post_approve(link_request_id: UUID, body: Empty) -> Response:  # noqa: ARG001
    """Join the site's account with the shopper: what they did there, and here, is one customer's from now on.

    Where a rule of the brand stands against it, `linked` is false, and only the brand's own people can join them.
    """
    with service().db.write() as session:
        joined = approve(
            session,
            service().keystore,
            link_request_id,
            shopper=shopper(),
            actor=actor(),
            rules=service().rules,
            now=now(),
        )
    linked = joined.outcome in (Outcome.MERGED, Outcome.SAME)
    return answer({"status": LinkStatus.APPROVED, "linked": linked})


@bp.post("/link-requests/<uuid:link_request_id>/refuse")
@operation({200: RefusedOut}, body=Empty, problems=(403, 404, 409))
def post_refuse(link_request_id: UUID, body: Empty) -> Response:  # noqa: ARG001
    """Refuse a site's request: nothing is joined, and the request can't be approved any more."""
    with service().db.write() as session:
        refuse(session, link_request_id, shopper=shopper(), actor=actor(), now=now())
    return answer({"status": LinkStatus.REFUSED})


@bp.post("/claims")
@operation({200: ClaimOut, 201: ClaimOut}, body=ClaimIn, problems=(403, 409, 429))
def post_claim(body: ClaimIn) -> Response:
    """Take a sale home with the code on its receipt, within 30 days, once, and five a day at most.

    A receipt may be claimed before its till has sent the sale. Of a sale that names a scan, the scan decides.
    """
    try:
        claim.read(body.claim_code)
        with service().db.write() as session:
            customer_id = shopper().customer_id
            hashed = claim.hash_of(body.claim_code)
            claimed = claim_sale(session, hashed, customer_id=customer_id, actor=actor(), now=now())
    except CodeRefused:
        errors = [{"pointer": "/claim_code", "detail": "not a claim code: 74 and 39 digits, as the receipt has them"}]
        raise Problem(422, "invalid_body", "the claim code is not one: see errors", errors=errors) from None
    except ClaimedTooMany as error:
        raise Problem(429, error.code, error.detail, retry_after=error.wait.total_seconds()) from None
    return answer(_claim(claimed), 200 if claimed.repeated else 201)


def _item(asked: LinkRequest, site: Site) -> dict[str, Any]:
    return {
        "link_request_id": asked.id,
        "site": {"name": site.name},
        "asked_at": asked.created_at,
        "expires_at": asked.expires_at,
        "status": status_of(asked, now()),
    }


def _claim(claimed: Claimed) -> dict[str, Any]:
    return {"status": claimed.status, "sale": None if claimed.where is None else sale_item(*claimed.where)}
