"""Bodies and answers of the shoppers' door."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from service.cards.models import CardStatus
from service.web.operation import Answer, Body


class Empty(Body):
    """Nothing."""


class HandoffIn(Body):
    """The one-time pass from the fragment of `app_url`."""

    handoff: Annotated[str, StringConstraints(max_length=200)]


class SiteName(Answer):
    """The site that opened a session."""

    name: str


class Replaced(Answer):
    """The session on this phone that confirming would end; without a site it was opened by signing in."""

    site: SiteName | None


class HandoffOut(Answer):
    """Who asks to open a card on this phone, and what that would replace."""

    site: SiteName
    replaces: Replaced | None
    csrf_token: str


class SessionOut(Answer):
    """The session of this phone. `site` is null when it was opened by signing in."""

    site: SiteName | None
    expires_at: datetime
    csrf_token: str


class OpenSessionOut(Answer):
    """Where the shopper's card is open: in an app backend's session (`api`), or in our web app (`web`).

    `site` is null when it was opened by signing in; `card_id` while it has no card.
    """

    session_id: UUID
    site: SiteName | None
    kind: Literal["api", "web"]
    created_at: datetime
    expires_at: datetime
    current: bool
    card_id: str | None


class OpenSessionsOut(Answer):
    """The shopper's live sessions."""

    items: list[OpenSessionOut]


class EndedOut(Answer):
    """How many sessions ended."""

    ended: int


class OtpOut(Answer):
    """How the OTPs of a typed code are made (RFC 6238)."""

    algorithm: Literal["SHA1"]
    digits: int
    period: int


class CardOut(Answer):
    """A card."""

    card_id: str
    card_number: str
    status: CardStatus
    withheld: bool = Field(
        description="frozen, and no unfreezing helps: the shopper lets no till know them (`identification`)"
    )
    created_at: datetime
    this_session: bool


class NewCardOut(CardOut):
    """A new card, with the key of its OTPs, which is shown this once."""

    otp_key: str
    otp: OtpOut


class CardsOut(Answer):
    """The shopper's cards."""

    items: list[CardOut]
    next_cursor: str | None


class CodeOut(Answer):
    """What to show now: `code` as a QR, `typed_code` as digits. Fetch the next one at `refresh_at`."""

    code: str
    typed_code: str
    issued_at: datetime
    refresh_at: datetime
    server_time: datetime


class ActivityItem(Answer):
    """A scan or a sale. `reason` is exact here; a till hears less. Sales add what was paid, and what came back."""

    kind: Literal["scan", "sale"]
    id: UUID
    store: str
    terminal: str
    at: datetime
    outcome: str | None
    reason: str | None
    flagged: bool
    currency: str | None = None
    total_minor: int | None = None
    returned_minor: int | None = Field(None, ge=0)
    receipt_number: str | None = None
    lines: int | None = None


class ActivityOut(Answer):
    """A page of activity, newest first."""

    items: list[ActivityItem]
    next_cursor: str | None
