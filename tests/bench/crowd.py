"""A crowd put straight into the database: tills, customers with cards and sessions, and scans of long ago."""

import random
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert
from sqlalchemy.orm import Session

from service import clock
from service.cards.models import Card
from service.codes.freshness import step_of
from service.codes.typed import KIND
from service.crypto.keyfile import Keys
from service.crypto.tokens import Prefix, hash_token, mint
from service.customers.models import Customer
from service.db import Database
from service.scans.models import Outcome, Scan
from service.sessions.models import SessionKind, ShopperSession
from service.sites.add import add_site
from service.stores.add import add_store
from service.stores.models import Terminal

CUSTOMERS = 1_000
SCANS = 1_000
# A till may send 50 requests a second and a session 10, so the load is spread over many of them.
TERMINALS = 64
SESSIONS = 2_000
_AGO = timedelta(hours=1)

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class CardFacts:
    """What it takes to show a card's codes."""

    id: int
    number: int
    otp_key: bytes


@dataclass
class Crowd:
    """Who is there. Cards are taken in turn, so that none shows two codes in the same 30 seconds."""

    keys: Keys
    store_id: UUID
    site_id: UUID
    terminal_ids: list[UUID]
    terminal_tokens: list[str]
    session_tokens: list[str]
    cards: list[CardFacts]
    scan_ids: list[UUID]
    _next: int = field(default=0, repr=False)

    def take_cards(self, count: int) -> list[CardFacts]:
        """Return the next cards."""
        places = range(self._next, self._next + count)
        self._next += count
        return [self.cards[place % len(self.cards)] for place in places]


def gather(db: Database, keys: Keys, *, cards: int) -> Crowd:
    """Fill an empty, migrated database with 1,000 customers, so many cards and 1,000 scans."""
    now = clock.now()
    with db.write() as session:
        given = {"time_zone": "Europe/Madrid", "currency": "EUR", "language": "en"}
        store = add_store(session, name="Gran Vía", now=now, **given)
        site = add_site(session, name="Web shop", now=now)[0]
        session.flush()
        crowd = Crowd(keys, store.id, site.id, [], [], [], [], [])
        _add_terminals(session, crowd, now)
        ids = [uuid4() for _ in range(CUSTOMERS)]
        customers: Rows = [{"id": id_, "created_at": now, "canonical_id": id_} for id_ in ids]
        session.execute(insert(Customer), customers)
        owners = _add_cards(session, crowd, customers, cards, now)
        _add_scans(session, crowd, owners, now)
    return crowd


def _add_terminals(session: Session, crowd: Crowd, now: datetime) -> None:
    crowd.terminal_tokens = [mint(Prefix.TERMINAL) for _ in range(TERMINALS)]
    crowd.terminal_ids = [uuid4() for _ in range(TERMINALS)]
    common = {"store_id": crowd.store_id, "training": False, "enrolled_at": now, "last_seen_at": now}
    tills = zip(crowd.terminal_ids, crowd.terminal_tokens, strict=True)
    rows = [{"id": id_, "token_hash": hash_token(token), "label": "Till", **common} for id_, token in tills]
    session.execute(insert(Terminal), rows)


def _add_cards(session: Session, crowd: Crowd, customers: Rows, count: int, now: datetime) -> Rows:
    """Add sessions and their cards, dealt out among the customers; return the rows of the cards."""
    owners = [customers[number % CUSTOMERS]["id"] for number in range(count)]
    session_ids = [uuid4() for _ in range(count)]
    crowd.session_tokens = [mint(Prefix.SESSION) for _ in range(min(count, SESSIONS))]
    hashes = [hash_token(token) for token in crowd.session_tokens]
    hashes += [secrets.token_bytes(32) for _ in range(count - len(hashes))]
    opened = {"kind": SessionKind.API, "site_id": crowd.site_id, "created_at": now}
    opened["expires_at"] = now + timedelta(days=1)
    rows = zip(session_ids, hashes, owners, strict=True)
    session.execute(
        insert(ShopperSession),
        [{"id": id_, "token_hash": digest, "customer_id": owner, **opened} for id_, digest, owner in rows],
    )
    numbers = random.sample(range(500_000_000, 1_000_000_000), count)
    crowd.cards = [CardFacts(secrets.randbits(63), number, crowd.keys.otp_key_of(number)) for number in numbers]
    cards = zip(crowd.cards, session_ids, owners, strict=True)
    made = [_card(card, session_id, owner, now) for card, session_id, owner in cards]
    session.execute(insert(Card), made)
    return made


def _card(card: CardFacts, session_id: UUID, customer_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "id": card.id,
        "card_number": card.number,
        "customer_id": customer_id,
        "session_id": session_id,
        "created_at": now,
    }


def _add_scans(session: Session, crowd: Crowd, cards: Rows, now: datetime) -> None:
    at = now - _AGO
    common = {
        "store_id": crowd.store_id,
        "kind": KIND,
        "step": step_of(at),
        "outcome": Outcome.IDENTIFIED,
        "scanned_at": at,
        "received_at": at,
        "training": False,
        "body_digest": bytes(16),
    }
    rows: Rows = [
        {
            "id": uuid4(),
            "terminal_id": crowd.terminal_ids[number % TERMINALS],
            "card_id": card["id"],
            "customer_id": card["customer_id"],
            **common,
        }
        for number, card in enumerate(cards[:SCANS])
    ]
    session.execute(insert(Scan), rows)
    crowd.scan_ids = [row["id"] for row in rows]
