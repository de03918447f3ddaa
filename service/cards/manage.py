"""Make, list, freeze and revoke cards."""

import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from service.cards.models import Card, CardNumber, CardStatus
from service.crypto.keyfile import Keys
from service.crypto.vault import Vault
from service.customers.component import nodes_of
from service.customers.lock import lock_customer
from service.db import insert_if_absent
from service.errors import Conflict, NotFound
from service.sessions.hold import hold_sessions
from service.sessions.models import Handoff, ShopperSession
from service.sessions.open import end
from service.sessions.recognise import ShopperIdentity, no_session
from service.sites.add import revoke_site
from service.sites.models import Site

# What a card number begins with. A typed code is `73` and the number; with the 3 before them these are GS1 prefixes
# that are assigned to nobody, so no SSCC looks like a typed code. No payment card of 16 digits is known to begin
# with the first, so a till can tell the end of a typed code from one, too; the others replace numbers that are
# taken.
_PREFIXES = (88,)
_MORE_PREFIXES = (81, 82, 84, 86, 91, 92, 93, 94, 95, 96, 97, 98, 99)


def make_card(session: Session, shopper: ShopperIdentity, *, keys: Keys, now: datetime) -> tuple[Card, bytes | None]:
    """Return the session's card, with its OTP key when it was made just now. A session has at most one."""
    held = session.get(ShopperSession, shopper.session_id, with_for_update={"of": ShopperSession})
    if held is None or held.ended_at is not None:
        raise no_session()
    card = _card_of(session, shopper.session_id)
    if card is not None:
        return card, None
    lock_customer(session, shopper.customer_id)
    row = {
        "id": secrets.randbits(63),
        "customer_id": shopper.customer_id,
        "session_id": shopper.session_id,
        "created_at": now,
    }
    number = _draw_number(_PREFIXES)
    while not (
        _take_number(session, number, keys.vault) and insert_if_absent(session, Card, card_number=number, **row)
    ):
        number = _draw_number(_MORE_PREFIXES)
    return session.get_one(Card, row["id"]), keys.otp_key_of(number)


def _take_number(session: Session, number: int, vault: Vault) -> bool:
    """Take a number for good; return False when a card has it, or had it before it was erased."""
    digest = vault.digest(str(number).encode(), context="card_numbers.digest")
    return insert_if_absent(session, CardNumber, digest=digest)


def _draw_number(prefixes: tuple[int, ...]) -> int:
    return secrets.choice(prefixes) * 10_000_000 + secrets.randbelow(10_000_000)


def list_cards(session: Session, shopper: ShopperIdentity) -> list[Card]:
    """Return every card of the customer, newest first."""
    own = select(Card).where(Card.customer_id.in_(nodes_of(shopper.customer_id)))
    return list(session.scalars(own.order_by(Card.created_at.desc(), Card.id)))


def get_card(session: Session, shopper: ShopperIdentity, public_id: str) -> Card:
    """Return one card of the customer, locked; `NotFound` when it isn't theirs."""
    own = Card.id == _card_id(public_id), Card.customer_id.in_(nodes_of(shopper.customer_id))
    card = session.scalars(select(Card).where(*own).with_for_update(of=Card)).one_or_none()
    if card is None:
        raise NotFound("there is no such card of yours")
    return card


def freeze(card: Card, now: datetime) -> None:
    """Refuse the card's codes until its owner unfreezes it."""
    _check_live(card)
    card.frozen_at = card.frozen_at or now


def unfreeze(card: Card) -> None:
    """Accept the card's codes again; a revoked card stays revoked."""
    _check_live(card)
    card.frozen_at = None


def revoke(card: Card, now: datetime) -> None:
    """End the card for good."""
    card.revoked_at = card.revoked_at or now


def put_away(session: Session, ended: ShopperSession, now: datetime) -> None:
    """End a session for good, and its card with it."""
    end(ended, now)
    live = Card.revoked_at.is_(None)
    session.execute(update(Card).where(Card.session_id == ended.id, live).values(revoked_at=now))


def close_site(session: Session, site_id: UUID, now: datetime) -> Site:
    """Revoke a site, and put away every session that its key opened: nobody can tell the thief's from the others."""
    revoked = revoke_site(session, site_id, now)
    session.flush()
    hold_sessions(session, lambda table: table.site_id == site_id)
    opened = select(ShopperSession.id).where(ShopperSession.site_id == site_id)
    live = Card.revoked_at.is_(None)
    session.execute(update(Card).where(Card.session_id.in_(opened), live).values(revoked_at=now))
    still_open = (ShopperSession.site_id == site_id) & ShopperSession.ended_at.is_(None)
    session.execute(update(ShopperSession).where(still_open).values(ended_at=now))
    session.execute(delete(Handoff).where(Handoff.site_id == site_id))
    return revoked


def _check_live(card: Card) -> None:
    if card.status is CardStatus.REVOKED:
        raise Conflict("the card was revoked and can't come back: make a new one", code="card_revoked")


def _card_of(session: Session, session_id: UUID) -> Card | None:
    live = Card.revoked_at.is_(None)
    return session.scalars(select(Card).where(Card.session_id == session_id, live)).one_or_none()


def _card_id(public_id: str) -> int:
    if len(public_id) != 16 or not set(public_id) <= set("0123456789abcdef") or public_id[0] > "7":
        raise NotFound("there is no such card of yours")
    return int(public_id, 16)
