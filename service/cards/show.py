"""Show a card's codes: recognise the shopper and the card they carry, in one statement, and make the codes."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import and_, select

from service.cards.models import Card
from service.codes import issued, typed
from service.codes.freshness import STEP_SECONDS, step_of
from service.crypto.keyfile import Keys
from service.crypto.tokens import Prefix, is_well_formed
from service.db import Database, Statement
from service.errors import Conflict
from service.sessions.models import SessionKind, ShopperSession
from service.sessions.recognise import SESSION_HOLDS, ShopperIdentity, no_session, session_params

_CARRIED = and_(Card.session_id == ShopperSession.id, Card.revoked_at.is_(None))
_RECOGNISE = Statement(
    lambda _: (
        select(
            ShopperSession.id,
            ShopperSession.customer_id,
            Card.id,
            Card.card_number,
            Card.frozen_at,
            Card.withheld_at,
        )
        .outerjoin(Card, _CARRIED)
        .where(*SESSION_HOLDS)
    )
)


@dataclass(frozen=True)
class CarriedCard:
    """The live card of a session."""

    id: int
    card_number: int
    frozen_at: datetime | None
    withheld_at: datetime | None


@dataclass(frozen=True)
class ShownCode:
    """What a card shows now: one code, as a QR's digits and as digits to type."""

    code: str
    typed_code: str
    issued_at: datetime
    refresh_at: datetime


def recognise_shopper(
    db: Database, token: str, *, kind: SessionKind, now: datetime
) -> tuple[ShopperIdentity, CarriedCard | None]:
    """Return the shopper behind a live session's token, and their card; `NotAuthorised` otherwise."""
    well_formed = is_well_formed(token, Prefix.SESSION)
    row = db.run(_RECOGNISE, session_params(token, kind=kind, now=now)) if well_formed else None
    if row is None:
        raise no_session()
    session_id, customer_id, *card = row
    return ShopperIdentity(session_id, customer_id), None if card[0] is None else CarriedCard(*card)


def show_code(card: CarriedCard | None, *, keys: Keys, now: datetime) -> ShownCode:
    """Return what a card shows at `now`. Nothing is written."""
    if card is None:
        raise Conflict("this session has no card yet: POST /shopper/v1/cards makes one", code="card_needed")
    if card.withheld_at is not None:
        raise consent_withdrawn()
    if card.frozen_at is not None:
        raise Conflict("the card is frozen: unfreeze it to show codes again", code="card_frozen")
    otp_key = keys.otp_key_of(card.card_number)
    return ShownCode(
        code=issued.issue(card.id, key=keys.ring.signer(now), now=now),
        typed_code=typed.write(card.card_number, otp_key=otp_key, now=now),
        issued_at=now.replace(microsecond=0),
        refresh_at=datetime.fromtimestamp((step_of(now) + 1) * STEP_SECONDS, UTC),
    )


def consent_withdrawn() -> Conflict:
    """Return what whoever has withdrawn identification is told; nothing is undone in passing."""
    return Conflict("you have withdrawn that tills may know you: allow it again first", code="consent_withdrawn")
