"""What sites send and are answered."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from service.audit.models import Action, ActorKind
from service.consent.models import Purpose
from service.customers.models import IdentifierKind, Trust
from service.merging.put_account import Outcome as PutOutcome
from service.scans.models import Outcome
from service.web.openapi import ErrorOut
from service.web.operation import Answer, Body
from service.web.pages import PageQuery
from service.web.types import Place, Why, WhyQuery

MAX_ITEMS = 50


class IdentifierIn(Body):
    """An identifier, as the site has it. `verified`: its owner proved it to the site."""

    kind: Annotated[str, StringConstraints(max_length=50)] = Field(
        description="email, phone, crm, loyalty_card or anonymous"
    )
    value: Annotated[str, StringConstraints(max_length=2_000)]
    verified: bool = False


class AccountIn(Body):
    """What the site knows of an account, in whole or in part. A trait that is null is forgotten."""

    identifiers: Annotated[list[IdentifierIn], Field(default_factory=list, max_length=MAX_ITEMS)]
    traits: dict[str, Any] = Field(
        default_factory=dict,
        description="given_name, family_name, name, birth_date, gender, language, address {street, house_number, "
        "city, region, postcode, country}, and others of the site's own",
    )


class MadeProposalOut(BaseModel):
    """A question for a person: is this customer one with another?"""

    proposal_id: UUID
    reason: str | None


class TrustOut(BaseModel):
    """What a given identifier is worth."""

    kind: IdentifierKind
    trust: Trust


class AccountOut(Answer):
    """The customer behind an account. What was wrong with single items is in `problems`; the others count."""

    customer_id: UUID
    outcome: PutOutcome
    proposals: list[MadeProposalOut]
    identifiers: list[TrustOut]
    problems: list[ErrorOut]


class SessionIn(Body):
    """Nothing: the session is for the account in the address."""


class OpenedSessionOut(Answer):
    """A session for the site's logged-in user. `app_url` opens our web app instead, once, within 60 seconds."""

    session_token: str
    expires_at: datetime
    app_url: str


class LookUpIn(Body):
    """What the site knows of somebody. `why` is shown to the shopper."""

    kind: IdentifierKind
    value: Annotated[str, StringConstraints(max_length=2_000)]
    why: Why | None = None


class FoundOut(Answer):
    """The customer who was looked up."""

    customer_id: UUID


class HeldIdentifierOut(BaseModel):
    """An identifier that the site itself gave. `value` is null where only its keyed hash was kept."""

    identifier_id: UUID
    kind: IdentifierKind
    value: str | None
    trust: Trust
    since: datetime


class CustomerOut(Answer):
    """A customer. `absorbed`: the id that was asked for is part of `customer_id` now."""

    customer_id: UUID
    created_at: datetime
    requested_id: UUID
    absorbed: bool
    identifiers: list[HeldIdentifierOut]
    traits: dict[str, Any]
    consents: dict[Purpose, bool | None]


class ReadQuery(PageQuery, WhyQuery):
    """Which page, and why it is read. `why` is shown to the shopper."""


class SaleItem(Answer):
    """A sale in a store."""

    sale_id: UUID
    scan_id: UUID | None
    store: Place
    receipt_number: str
    occurred_at: datetime
    received_at: datetime
    currency: str
    total_minor: int
    returned_minor: int = Field(ge=0, description="what returns of this sale gave back, of `total_minor`")
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


class ByOut(BaseModel):
    """Who did it."""

    kind: ActorKind
    id: UUID | None


class HistoryItem(BaseModel):
    """One thing that was done to the customer's file. `evidence` holds ids, closed words and counts."""

    at: datetime
    what: Action
    by: ByOut
    evidence: dict[str, Any]


class SalesOut(Answer):
    """A page of sales."""

    items: list[SaleItem]
    next_cursor: str | None


class ScansOut(Answer):
    """A page of scans."""

    items: list[ScanItem]
    next_cursor: str | None


class HistoryOut(Answer):
    """A page of a customer's history, newest first."""

    items: list[HistoryItem]
    next_cursor: str | None
