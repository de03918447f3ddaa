"""Bodies and answers of the tills' door."""

import json
import re
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationError, WithJsonSchema

from service.codes.refusals import Refusal
from service.sales.models import Link
from service.scans.models import Outcome
from service.web.operation import Answer, Body
from service.web.pos.messages import Action
from service.web.types import (
    Currency,
    Day,
    Id,
    MaybeHash,
    MaybeName,
    MaybeRef,
    Minor,
    Moment,
    OddMoment,
    Quantity,
    Ref,
    Whole,
    Words,
)

MAX_SYNC_ITEMS = 500
_MAX_LINES = 2_000
_MOST_DIGITS = 400
_MAX_OFFSET_MS = 10**13  # 317 years: a till whose battery died believes in 1970
_MOST_DEPTH = 50
_STRINGS_AND_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_CASHIER = "the till's own word for who rang it up; no name"
_TRAINING = "same answers, but the row counts for nothing"


class EnrolIn(Body):
    """A till's first request. With an `installation_id` the trade may be repeated if its answer is lost."""

    enrolment_code: Annotated[
        str, StringConstraints(max_length=200), Field(description="as `unspoken terminal invite` printed it")
    ]
    installation_id: MaybeRef = Field(None, description="the till's own name for this installation")
    hardware: MaybeName = Field(None, description="for the operator's list of tills")
    software: MaybeName = Field(None, description="name and version of the till's program")


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
    claim_url: str = Field(description="with `#claim=` and a claim code behind it: the address for a receipt's QR")


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

    code: Annotated[
        str, StringConstraints(max_length=1_000), Field(description="the digits, as scanned or typed: docs/codes.md")
    ]
    scanned_at: Moment | None = Field(None, description="the beep, by the till's clock; RFC 3339, with an offset")
    clock_offset_ms: Annotated[
        Whole, Field(ge=-_MAX_OFFSET_MS, le=_MAX_OFFSET_MS, description="the service's clock minus the till's")
    ] = 0
    cashier_ref: MaybeRef = Field(None, description=_CASHIER)
    training: bool = Field(False, description=_TRAINING)


class ScanOut(Answer):
    """What to tell the cashier."""

    scan_id: UUID
    outcome: Outcome
    reason: Refusal | None = Field(description="why it was refused")
    message: str = Field(description="for the cashier: at most 60 characters, in the store's language")
    action: Action
    attributes: dict[str, str] = Field(description="what the brand lets a till know, such as a tier")
    late: bool = Field(description="accepted only because of an outage")
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

    line_id: Ref = Field(description="unique within the sale; returns name it")
    kind: LineKind
    sku: MaybeRef = Field(None, description="the brand's own article number")
    gtin: MaybeRef = Field(None, description="the bar code's 8 to 14 digits; what is no GTIN is kept with a warning")
    description: Words
    quantity: Quantity
    unit_price_minor: Minor | None = None
    total_minor: Minor


class SaleIn(Body):
    """A completed sale. It is stored whatever its sums and its time; what is odd comes back as a warning."""

    receipt_number: Ref = Field(description="as printed; it need not be unique")
    scan_id: Id | None = Field(None, description="the scan of this basket's shopper, which may arrive later")
    occurred_at: OddMoment
    currency: Currency
    total_minor: Minor
    lines: Annotated[list[LineIn], Field(max_length=_MAX_LINES)]
    cashier_ref: MaybeRef = Field(None, description=_CASHIER)
    training: bool = Field(False, description=_TRAINING)
    claim_hash: MaybeHash = Field(
        None, description="SHA-256, in hexadecimal, of the claim code on the receipt: docs/codes.md"
    )


class WarningOut(Answer):
    """Something odd. Codes may be added."""

    code: str = Field(
        description="total_mismatch, line_mismatch, duplicate_line, odd_gtin, odd_time, "
        "or of a return of this terminal's own sale over_return"
    )
    detail: str


class SaleOut(Answer):
    """How the sale is linked now."""

    sale_id: UUID
    link: Link
    warnings: list[WarningOut] = Field(description="what is odd; the sale is stored all the same")
    server_time: datetime


class LinkIn(Body):
    """The scan that an unlinked sale belongs to."""

    scan_id: Id


class ReceiptIn(Body):
    """A receipt, where the sale's id isn't known. It names a sale when its number was used once that day."""

    store_id: Id = Field(description="the store that printed it")
    receipt_number: Ref
    date: Day = Field(description="the day of the sale, by the store's clock")


class ReturnReason(StrEnum):
    """Why goods came back."""

    RETURN = "return"
    VOID = "void"
    EXCHANGE = "exchange"


class ReturnLineIn(Body):
    """One line of a return; it names a line of the sale, or an article, or neither."""

    line_id: MaybeRef = Field(None, description="the line of the sale")
    sku: MaybeRef = Field(None, description="the article, when the line isn't known")
    quantity: Quantity
    total_minor: Minor


class ReturnIn(Body):
    """Goods that came back. It may name any sale of the brand, or a receipt, or neither."""

    sale_id: Id | None = Field(None, description="the sale, when its id is known")
    receipt: ReceiptIn | None = Field(None, description="its receipt, when only that is known")
    reason: ReturnReason
    replacement_sale_id: Id | None = Field(None, description="the sale of an exchange")
    currency: Currency
    occurred_at: OddMoment
    lines: Annotated[list[ReturnLineIn], Field(max_length=_MAX_LINES)]
    cashier_ref: MaybeRef = Field(None, description=_CASHIER)


class ReturnOut(Answer):
    """A return was stored."""

    return_id: UUID
    warnings: list[WarningOut]
    server_time: datetime


# What an item is worth is judged item by item, be it an object or not.
Items = Annotated[list[Any], WithJsonSchema({"type": "array", "items": {"type": "object"}})]


def _read_int(digits: str) -> int | float:
    """Read an integer; one with more digits than Python would read is as good as infinite."""
    return int(digits) if len(digits) <= _MOST_DIGITS else inf


def _shallow(data: bytes) -> bytes:
    """Replace what is nested deeper than anything real by a string; its item is refused for that."""
    kept, start, depth = [], 0, 0
    for token in _STRINGS_AND_BRACKETS.finditer(data):
        if token[0] in b"[{":
            depth += 1
            if depth == _MOST_DEPTH:
                kept.append(data[start : token.start()])
        elif token[0] in b"]}":
            if depth == _MOST_DEPTH:
                kept.append(b'"nested too deeply"')
                start = token.end()
            depth -= 1
    return b"".join(kept) + data[start:]


class SyncIn(Body):
    """What a till kept while it was offline: PUT bodies, each with its id. Each is judged by itself."""

    scans: Items = Field(default_factory=list, description="each the body of its PUT, and `scan_id`")
    sales: Items = Field(default_factory=list, description="each the body of its PUT, and `sale_id`")
    returns: Items = Field(default_factory=list, description="each the body of its PUT, and `return_id`")

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read a sync. A lone surrogate, NaN, a huge number or an abyss in one item must not spoil the others."""
        try:
            return super().read(data)
        except ValidationError as error:
            if error.errors()[0]["type"] != "json_invalid":
                raise
            try:
                return cls.model_validate(json.loads(_shallow(data).decode(), parse_int=_read_int))
            except (ValueError, RecursionError):
                raise error from None


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
