"""Open a shopper session: by a site, by a handoff that the shopper confirms in our web app, or by signing in."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from service.crypto.tokens import Prefix, hash_token, mint
from service.customers.lock import lock_customer
from service.errors import NotAuthorised
from service.sessions.models import Handoff, SessionKind, ShopperSession
from service.sites.add import unknown_site
from service.sites.models import Site

SESSION_LIVES = timedelta(days=30)
HANDOFF_LIVES = timedelta(seconds=60)
PENDING_LIVES = timedelta(minutes=10)


def open_session(
    session: Session, *, customer_id: UUID, site_id: UUID, now: datetime
) -> tuple[ShopperSession, str, str]:
    """Return a session for an app backend with its token, and a separate handoff into our web app.

    `NotAuthorised` when the site is revoked at this very moment: who revokes it waits, or made us wait.
    """
    site = session.get(Site, site_id, with_for_update={"read": True}, populate_existing=True)
    if site is None or site.revoked_at is not None:
        raise unknown_site()
    opened, token = _start(session, SessionKind.API, customer_id, site_id, now)
    handoff = mint(Prefix.HANDOFF)
    session.add(
        Handoff(
            token_hash=hash_token(handoff),
            customer_id=customer_id,
            site_id=site_id,
            expires_at=now + HANDOFF_LIVES,
        )
    )
    return opened, token, handoff


def exchange_handoff(session: Session, handoff: str, now: datetime) -> tuple[ShopperSession, str]:
    """Spend a handoff for a pending session, which does nothing until the shopper confirms it."""
    found = session.get(Handoff, hash_token(handoff), with_for_update=True)
    if found is None or found.used_at is not None or now >= found.expires_at:
        raise NotAuthorised("this link was used or has expired: open your card from the shop again")
    found.used_at = now
    return _start(session, SessionKind.PENDING, found.customer_id, found.site_id, now)


def confirm(session: Session, pending: ShopperSession, now: datetime) -> tuple[ShopperSession, str]:
    """Turn a pending session into a web session."""
    end(pending, now)
    return _start(session, SessionKind.WEB, pending.customer_id, pending.site_id, now)


def open_signed_in(session: Session, *, customer_id: UUID, now: datetime) -> tuple[ShopperSession, str]:
    """Return a session of the web app, with its token, for a shopper who proved a contact; it has no site."""
    return _start(session, SessionKind.WEB, customer_id, None, now)


def end(ended: ShopperSession, now: datetime) -> None:
    """End a session; a session with a card is ended by `service.cards.manage.put_away`."""
    ended.ended_at = ended.ended_at or now


def _start(
    session: Session, kind: SessionKind, customer_id: UUID, site_id: UUID | None, now: datetime
) -> tuple[ShopperSession, str]:
    lock_customer(session, customer_id)
    token = mint(Prefix.SESSION)
    lives = PENDING_LIVES if kind is SessionKind.PENDING else SESSION_LIVES
    started = ShopperSession(
        id=uuid4(),
        token_hash=hash_token(token),
        kind=kind,
        customer_id=customer_id,
        site_id=site_id,
        created_at=now,
        expires_at=now + lives,
    )
    session.add(started)
    session.flush()
    return started, token
