"""What lets a person in, for the export: cards, sessions, handoffs, one-time codes. What is secret stays out."""

from sqlalchemy import or_, select

from service.cards.models import Card
from service.customers.models import Identifier, Trust
from service.privacy.file import File, Section
from service.proof.models import OneTimeCode
from service.proof.verify import find_codes_to, open_contact
from service.sessions.models import Handoff, ShopperSession


def cards_of(file: File) -> Section:
    """Return every card, revoked ones too, oldest first."""
    own = select(Card).where(Card.customer_id.in_(file.nodes)).order_by(Card.created_at, Card.id)
    return [
        {
            "card_id": card.public_id,
            "card_number": str(card.card_number),
            "customer_id": card.customer_id,
            "session_id": card.session_id,
            "status": card.status,
            "created_at": card.created_at,
            "frozen_at": card.frozen_at,
            "withheld_at": card.withheld_at,
            "revoked_at": card.revoked_at,
        }
        for card in file.session.scalars(own)
    ]


def sessions_of(file: File) -> Section:
    """Return every session, ended ones too, oldest first."""
    own = select(ShopperSession).where(ShopperSession.customer_id.in_(file.nodes))
    return [
        {
            "session_id": row.id,
            "customer_id": row.customer_id,
            "kind": row.kind,
            "site": None if row.site is None else row.site.name,
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "ended_at": row.ended_at,
        }
        for row in file.session.scalars(own.order_by(ShopperSession.created_at, ShopperSession.id))
    ]


def handoffs_of(file: File) -> Section:
    """Return every pass from a site's page into the app that was not yet purged, the first to end first."""
    own = select(Handoff).where(Handoff.customer_id.in_(file.nodes)).order_by(Handoff.expires_at, Handoff.token_hash)
    return [
        {
            "customer_id": row.customer_id,
            "site": file.sites.get(row.site_id),
            "expires_at": row.expires_at,
            "used_at": row.used_at,
        }
        for row in file.session.scalars(own)
    ]


def codes_of(file: File) -> Section:
    """Return every one-time code that the person asked for, signed in, or that went to a contact they have proved.

    A contact that their file merely claims may be somebody else's, whose codes are none of theirs.
    """
    sessions = set(file.session.scalars(select(ShopperSession.id).where(ShopperSession.customer_id.in_(file.nodes))))
    proved = select(Identifier.value_index).where(
        Identifier.customer_id.in_(file.nodes),
        Identifier.trust == Trust.VERIFIED,
        Identifier.ended_at.is_(None),
    )
    to_them = find_codes_to(file.session, file.vault, proved)
    own = select(OneTimeCode).where(or_(OneTimeCode.session_id.in_(sessions), OneTimeCode.id.in_(to_them)))
    return [
        {
            "purpose": row.purpose,
            "kind": row.kind,
            "contact": _contact(file, row),
            "language": row.language,
            "session_id": row.session_id if row.session_id in sessions else None,
            "tries": row.attempts,
            "asked_at": row.created_at,
            "expires_at": row.expires_at,
            "used_at": row.used_at,
            "to_send_at": row.send_after,
            "send_tries": row.send_tries,
        }
        for row in file.session.scalars(own.order_by(OneTimeCode.created_at, OneTimeCode.id))
    ]


def _contact(file: File, code: OneTimeCode) -> str | None:
    """Return where a code was sent; it is forgotten once the code was used."""
    return open_contact(file.vault, code.id, code.kind, code.contact_sealed).value if code.contact_sealed else None
