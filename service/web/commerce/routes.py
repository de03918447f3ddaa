"""Routes for e-commerce sites, and their models."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint, Response
from flask.blueprints import BlueprintSetupState
from pydantic import StringConstraints, TypeAdapter, ValidationError
from sqlalchemy.orm import Session
from werkzeug.routing import PathConverter

from service.customers.account import find_account, get_customer, put_account
from service.errors import NotFound
from service.sales.models import Sale
from service.sales.read import list_sales
from service.scans.models import Outcome, Scan
from service.scans.read import Cursor, list_scans
from service.sessions.open import open_session
from service.stores.models import Store
from service.web.context import now, service, site
from service.web.operation import Answer, Body, answer, operation
from service.web.pages import PageQuery, page
from service.web.problems import Problem
from service.web.types import Place, place

bp = Blueprint("commerce", __name__)


class AccountIdConverter(PathConverter):
    """A site's own key for an account: unlike a path, it may begin with a slash."""

    regex = "(?s:.+?)"
    part_isolating = False


@bp.record
def _know_account_ids(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["account"] = AccountIdConverter


# U+FFFD stands where the address held bytes that aren't UTF-8: two such accounts would become one.
_ACCOUNT_ID = TypeAdapter(
    Annotated[str, StringConstraints(min_length=1, max_length=255, pattern="^[^\x00-\x1f\x7f\ufffd]*$")]
)


class AccountIn(Body):
    """Nothing yet: the account is named by its address."""


class CustomerOut(Answer):
    """A customer."""

    customer_id: UUID
    created_at: datetime


class AccountOut(Answer):
    """The customer behind an account."""

    customer_id: UUID


class SessionIn(Body):
    """Nothing: the session is for the account in the address."""


class OpenedSessionOut(Answer):
    """A session for the site's logged-in user. `app_url` opens our web app instead, once, within 60 seconds."""

    session_token: str
    expires_at: datetime
    app_url: str


class SaleItem(Answer):
    """A sale in a store."""

    sale_id: UUID
    scan_id: UUID
    store: Place
    receipt_number: str
    occurred_at: datetime
    received_at: datetime
    currency: str
    total_minor: int
    lines: list[dict[str, Any]]


class ScanItem(Answer):
    """A scan in a store."""

    scan_id: UUID
    store: Place
    outcome: Outcome
    reason: str | None
    scanned_at: datetime
    received_at: datetime
    flagged: bool


class SalesOut(Answer):
    """A page of sales."""

    items: list[SaleItem]
    next_cursor: str | None


class ScansOut(Answer):
    """A page of scans."""

    items: list[ScanItem]
    next_cursor: str | None


@bp.put("/accounts/<account:account_id>")
@operation({200: AccountOut, 201: AccountOut}, body=AccountIn)
def put_account_(account_id: str, body: AccountIn) -> Response:  # noqa: ARG001 - parsed to be refused when it isn't {}
    """Find the customer behind one of the site's accounts, or create them at first sight.

    `account_id` is the site's own key for the account, up to 255 characters. Only a keyed hash of it is stored.
    """
    with service().db.write() as session:
        customer_id, created = put_account(
            session, site_id=site().id, account_id=_checked(account_id), vault=service().keys.vault, now=now()
        )
    return answer({"customer_id": customer_id}, 201 if created else 200)


@bp.post("/accounts/<account:account_id>/sessions")
@operation({201: OpenedSessionOut}, body=SessionIn, problems=(404,))
def post_session(account_id: str, body: SessionIn) -> Response:  # noqa: ARG001
    """Open a shopper session for the site's logged-in user.

    The token is for an app backend. `app_url` is a link into our web app, with a one-time pass in its fragment:
    send the shopper there at once.
    """
    with service().db.write() as session:
        customer_id = _customer_of(session, account_id)
        opened, token, handoff = open_session(session, customer_id=customer_id, site_id=site().id, now=now())
    app_url = f"{service().settings.public_url}/app#handoff={handoff}"
    return answer({"session_token": token, "expires_at": opened.expires_at, "app_url": app_url}, 201)


@bp.get("/customers/<uuid:customer_id>")
@operation({200: CustomerOut}, problems=(404,))
def get_customer_(customer_id: UUID) -> Response:
    """Read a customer who holds an account of this site."""
    with service().db.read() as session:
        customer = get_customer(session, site_id=site().id, customer_id=customer_id)
    return answer({"customer_id": customer.id, "created_at": customer.created_at})


@bp.get("/customers/<uuid:customer_id>/sales")
@operation({200: SalesOut}, query=PageQuery, problems=(404,))
def get_sales(customer_id: UUID, query: PageQuery) -> Response:
    """List what a customer bought in stores, newest first."""
    with service().db.read() as session:
        get_customer(session, site_id=site().id, customer_id=customer_id)
        rows = list_sales(session, customer_id, after=query.cursor, limit=query.limit + 1)
    cursors = [Cursor(sale.received_at, sale.id) for sale, _, _ in rows]
    return answer(page([_sale(sale, store) for sale, store, _ in rows], cursors, query.limit))


@bp.get("/customers/<uuid:customer_id>/scans")
@operation({200: ScansOut}, query=PageQuery, problems=(404,))
def get_scans(customer_id: UUID, query: PageQuery) -> Response:
    """List a customer's scans, refused ones too, newest first."""
    with service().db.read() as session:
        get_customer(session, site_id=site().id, customer_id=customer_id)
        rows = list_scans(session, customer_id, after=query.cursor, limit=query.limit + 1)
    cursors = [Cursor(scan.received_at, scan.id) for scan, _, _ in rows]
    return answer(page([_scan(scan, store) for scan, store, _ in rows], cursors, query.limit))


def _checked(account_id: str) -> str:
    try:
        return _ACCOUNT_ID.validate_python(account_id)
    except ValidationError:
        detail = "1 to 255 characters, percent-encoded UTF-8, no control characters"
        errors = [{"pointer": "/account_id", "detail": detail}]
        raise Problem(422, "invalid_parameter", "the account id can't be one", errors=errors) from None


def _customer_of(session: Session, account_id: str) -> UUID:
    found = find_account(session, site_id=site().id, account_id=_checked(account_id), vault=service().keys.vault)
    if found is None:
        raise NotFound("the site has no such account: PUT /commerce/v1/accounts/{account_id} creates it")
    return found


def _sale(sale: Sale, store: Store) -> dict[str, Any]:
    return {
        "sale_id": sale.id,
        "scan_id": sale.scan_id,
        "store": place(store),
        "receipt_number": sale.receipt_number,
        "occurred_at": sale.occurred_at,
        "received_at": sale.received_at,
        "currency": sale.currency,
        "total_minor": sale.total_minor,
        "lines": sale.lines,
    }


def _scan(scan: Scan, store: Store) -> dict[str, Any]:
    return {
        "scan_id": scan.id,
        "store": place(store),
        "outcome": scan.outcome,
        "reason": scan.reason,
        "scanned_at": scan.scanned_at,
        "received_at": scan.received_at,
        "flagged": scan.flagged_at is not None,
    }
