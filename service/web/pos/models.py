"""Bodies and answers of the tills' door."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from service.codes.refusals import Refusal
from service.sales.models import Link
from service.scans.models import Outcome
from service.web.operation import Answer, Body
from service.web.pos.messages import Action
from service.web.types import Currency, Minor, Moment, Name, Quantity, Ref, Words

MAX_SYNC_ITEMS = 500
_MAX_LINES = 2_000
_MAX_OFFSET_MS = 10**12


class EnrolIn(Body):
    """A till's first request. With an `installation_id` the trade may be repeated if its answer is lost."""

    enrolment_code: Annotated[str, StringConstraints(max_length=200)]
    installation_id: Ref | None = None
    hardware: Name | None = None
    software: Name | None = None


class StoreOut(Answer):
    """The till's store."""

    store_id: UUID
    name: str
    time_zone: str
    currency: str
    language: str


class KeyOut(Answer):
    """A public key of issued codes: a JWK (RFC 8037), and from when it signs and until when it verifies."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    alg: Literal["EdDSA"]
    use: Literal["sig"]
    kid: str = Field(description="base64url of the COSE kid, one byte")
    x: str = Field(description="base64url of the public key")
    signs_from: datetime
    verifies_until: datetime | None


class KeysOut(Answer):
    """The keys a till should hold, oldest first."""

    keys: list[KeyOut]


class PolicyOut(Answer):
    """How codes are judged, and how a till should behave."""

    accept_before_seconds: int
    accept_after_seconds: int
    grace_seconds: int
    heartbeat_seconds: int
    max_sync_items: int
    max_body_bytes: int


class TerminalOut(Answer):
    """Who this till is."""

    terminal_id: UUID
    label: str
    training: bool
    store: StoreOut
    keys: list[KeyOut]
    policy: PolicyOut
    server_time: datetime


class EnrolOut(TerminalOut):
    """Who this till is, and its token, which is shown this once."""

    terminal_token: str


class TokenOut(Answer):
    """A new token. The old one lives until this one is first used."""

    terminal_token: str


class ScanIn(Body):
    """One reading. `scanned_at + clock_offset_ms` is when, by the service's clock; both may be left out."""

    code: Annotated[str, StringConstraints(max_length=1_000)]
    scanned_at: Moment | None = None
    clock_offset_ms: Annotated[int, Field(ge=-_MAX_OFFSET_MS, le=_MAX_OFFSET_MS)] = 0
    cashier_ref: Ref | None = None
    training: bool = False


class ScanOut(Answer):
    """What to tell the cashier."""

    scan_id: UUID
    outcome: Outcome
    reason: Refusal | None
    message: str
    action: Action
    attributes: dict[str, str]
    late: bool
    server_time: datetime


class LineKind(StrEnum):
    """What a line of a sale is."""

    ITEM = "item"
    DISCOUNT = "discount"
    TAX = "tax"
    DEPOSIT = "deposit"
    TIP = "tip"
    ROUNDING = "rounding"
    GIFT_CARD = "gift_card"


class LineIn(Body):
    """One line of a sale."""

    line_id: Ref
    kind: LineKind
    sku: Ref | None = None
    gtin: Annotated[str, StringConstraints(pattern=r"^[0-9]{8,14}$")] | None = None
    description: Words
    quantity: Quantity
    unit_price_minor: Minor | None = None
    total_minor: Minor


class SaleIn(Body):
    """A completed sale. It is stored whatever its sums; what doesn't add up comes back as a warning."""

    receipt_number: Ref
    scan_id: UUID | None
    occurred_at: Moment
    currency: Currency
    total_minor: Minor
    lines: Annotated[list[LineIn], Field(max_length=_MAX_LINES)]
    cashier_ref: Ref | None = None
    training: bool = False


class WarningOut(Answer):
    """Something that doesn't add up."""

    code: str
    detail: str


class SaleOut(Answer):
    """How the sale is linked now."""

    sale_id: UUID
    link: Link
    warnings: list[WarningOut]
    server_time: datetime


class LinkIn(Body):
    """The scan that an unlinked sale belongs to."""

    scan_id: UUID


class ReceiptIn(Body):
    """A receipt, where the sale's id isn't known."""

    store_id: UUID
    receipt_number: Ref
    date: date


class ReturnReason(StrEnum):
    """Why goods came back."""

    RETURN = "return"
    VOID = "void"
    EXCHANGE = "exchange"


class ReturnLineIn(Body):
    """One line of a return; it names a line of the sale, or an article, or neither."""

    line_id: Ref | None = None
    sku: Ref | None = None
    quantity: Quantity
    total_minor: Minor


class ReturnIn(Body):
    """Goods that came back. It may name any sale of the brand, or a receipt, or neither."""

    sale_id: UUID | None = None
    receipt: ReceiptIn | None = None
    reason: ReturnReason
    replacement_sale_id: UUID | None = None
    currency: Currency
    occurred_at: Moment
    lines: Annotated[list[ReturnLineIn], Field(max_length=_MAX_LINES)]
    cashier_ref: Ref | None = None


class ReturnOut(Answer):
    """A return was stored."""

    return_id: UUID
    warnings: list[WarningOut]
    server_time: datetime


class SyncIn(Body):
    """What a till kept while it was offline: PUT bodies, each with its id. Each is judged by itself."""

    scans: list[dict[str, Any]] = Field(default_factory=list)
    sales: list[dict[str, Any]] = Field(default_factory=list)
    returns: list[dict[str, Any]] = Field(default_factory=list)


class SyncResult(Answer):
    """What the PUT of this item would have answered."""

    kind: Literal["scan", "sale", "return"]
    id: str | None
    status: int
    body: dict[str, Any]


class SyncOut(Answer):
    """One result an item: the scans, then the sales, then the returns, each in the order sent."""

    results: list[SyncResult]
    server_time: datetime
