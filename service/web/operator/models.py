"""What the operator door takes and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

from service.audit.models import ActorKind
from service.customers.find import fault_of_site
from service.customers.models import IdentifierKind, Trust
from service.lists import Cursor
from service.merging.models import Decider, ProposalStatus, Rule
from service.sales.claim import ClaimStatus
from service.web.operation import Answer, Body
from service.web.pages import DEFAULT_LIMIT, Limit, PageQuery, read_cursor
from service.web.types import Id, Place, Why, WhyQuery

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1_000, pattern=_PRINTABLE),
    Field(description="in your own words; sealed, told in the customer's export, and forgotten with them"),
]


class HistoryQuery(PageQuery, WhyQuery):
    """Which page, and what the look is for."""


class ProposalsQuery(PageQuery, WhyQuery):
    """Which proposals, which page of them, and what the look is for."""

    status: Literal["open", "accepted", "rejected", "stale"] = "open"


class ClaimsQuery(PageQuery, WhyQuery):
    """Whose claims, and which page of them."""

    customer_id: UUID | None = None


class EventsQuery(BaseModel):
    """Where to go on: `cursor` is that of the last event you have."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, Field(max_length=100)] | None = None
    limit: Limit = DEFAULT_LIMIT

    @property
    def after(self) -> Cursor | None:
        """Where to go on; a 422 problem when the cursor isn't one of ours."""
        return read_cursor(self.cursor, pointer="/cursor") if self.cursor else None


class MergeIn(Body):
    """With whom, and why."""

    other_id: Id
    reason: Reason


class UndoIn(Body):
    """Why."""

    reason: Reason


class DecideIn(Body):
    """Why, if you like."""

    reason: Reason | None = None


class SoughtIn(Body):
    """What is known of somebody, and what the look is for: `reason` is shown to whoever is found."""

    kind: IdentifierKind
    value: Annotated[str, StringConstraints(max_length=2_000)]
    site_id: Annotated[
        Id | None, Field(validate_default=True, description="of an account or an anonymous id: whose it is")
    ] = None
    reason: Annotated[Why, StringConstraints(min_length=1)]

    @field_validator("site_id")
    @classmethod
    def _belongs(cls, site_id: UUID | None, read: ValidationInfo) -> UUID | None:
        """Check that keys of a site come with their site, and nothing else does."""
        fault = fault_of_site(read.data["kind"], site_id) if "kind" in read.data else None
        if fault is not None:
            raise ValueError(fault)
        return site_id


class FoundItem(BaseModel):
    """A customer who holds or claims the value. `exclusive`: its one holder; `source`: who told us."""

    customer_id: UUID
    trust: Trust
    exclusive: bool
    source: ActorKind
    since: datetime


class FoundPeopleOut(Answer):
    """Everyone who holds or claims the value, the most trusted first; empty when nobody does."""

    items: list[FoundItem]


class NodeOut(BaseModel):
    """One customer row: what was captured under it stays there. `traits` are what it alone knows."""

    customer_id: UUID
    created_at: datetime
    verified_at: datetime | None
    erased_at: datetime | None
    traits: dict[str, Any]


class HeldOut(BaseModel):
    """An identifier. `exclusive`: it leads to the value's one holder; `demoted_by`: the merge that took its trust."""

    identifier_id: UUID
    customer_id: UUID
    kind: IdentifierKind
    issuer: UUID | None
    value: str | None
    trust: Trust
    exclusive: bool
    source: str
    source_id: UUID | None
    since: datetime
    proved_at: datetime | None
    ended_at: datetime | None
    demoted_by: UUID | None


class EdgeOut(BaseModel):
    """A merge, active or undone, and on what evidence."""

    merge_id: UUID
    customer_ids: list[UUID]
    rule: Rule
    evidence: dict[str, Any]
    by: str
    by_id: UUID | None
    reason: str | None
    at: datetime
    undone_at: datetime | None
    undone_by: str | None
    undone_by_id: UUID | None
    undo_reason: str | None


class ApartOut(BaseModel):
    """Two nodes whom only a person may join again."""

    customer_ids: list[UUID]
    by: str
    by_id: UUID | None
    at: datetime


class FileOut(Answer):
    """A customer: `customer_id` answers for all `nodes`; `absorbed` when you asked for another of them."""

    customer_id: UUID
    requested_id: UUID
    absorbed: bool
    created_at: datetime
    erased_at: datetime | None
    traits: dict[str, Any]
    nodes: list[NodeOut]
    identifiers: list[HeldOut]
    merges: list[EdgeOut]
    do_not_links: list[ApartOut]


class ChangeOut(BaseModel):
    """One change of a file: what, by whom, and on what evidence, in ids and closed words."""

    at: datetime
    what: str
    customer_id: UUID
    by: str
    by_id: UUID | None
    evidence: dict[str, Any]


class FileHistoryOut(Answer):
    """A page of changes, newest first."""

    items: list[ChangeOut]
    next_cursor: str | None


class MergedOut(Answer):
    """The two are one: who answers for them, and the edge between them."""

    merge_id: UUID | None
    customer_id: UUID


class UndoneOut(Answer):
    """Who answers for each of the two now; `still_connected` when other merges still join them."""

    merge_id: UUID
    customer_ids: list[UUID]
    still_connected: bool


class ProposalOut(BaseModel):
    """Two customers who are probably one; `why` in words, `note` what the person said who decided it."""

    proposal_id: UUID
    customer_ids: list[UUID]
    why: str
    reasons: list[dict[str, Any]]
    score: float | None
    decider: Decider
    status: ProposalStatus
    created_at: datetime
    decided_at: datetime | None
    decided_by: UUID | None
    merge_id: UUID | None
    note: str | None


class ProposalsOut(Answer):
    """A page of proposals, newest first."""

    items: list[ProposalOut]
    next_cursor: str | None


class AcceptedOut(Answer):
    """The two are one."""

    proposal_id: UUID
    status: ProposalStatus
    merge_id: UUID | None
    customer_id: UUID


class RejectedOut(Answer):
    """The two are not one, and nothing but a person will join them."""

    proposal_id: UUID
    status: ProposalStatus


class EventOut(BaseModel):
    """One change, as a webhook would tell it. `cursor` goes on after it; `data` is ids and closed words."""

    id: UUID
    type: str
    at: datetime
    customer_id: UUID | None
    actor: dict[str, str | None]
    data: dict[str, Any]
    cursor: str


class EventsOut(Answer):
    """Events, oldest first; `next_cursor` when there are more already."""

    items: list[EventOut]
    next_cursor: str | None


class ClaimedSaleOut(BaseModel):
    """The sale behind a claim."""

    sale_id: UUID
    store: Place
    receipt_number: str
    occurred_at: datetime
    currency: str
    total_minor: int


class ClaimItem(BaseModel):
    """Who claimed a sale. `waiting`: its till hasn't sent it yet; `void`: it came too late or was another's."""

    customer_id: UUID
    claimed_at: datetime
    status: ClaimStatus
    sale: ClaimedSaleOut | None


class ClaimsOut(Answer):
    """A page of claims, newest first."""

    items: list[ClaimItem]
    next_cursor: str | None
