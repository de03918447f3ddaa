"""Forget: take everything personal of some nodes out of the main database.

Sales and scans stay, each by itself: no column of what is left leads from one to another of the same person.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, delete, or_, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, aliased

from service.audit.models import LOOKS, Action, AuditEntry
from service.cards.models import Card
from service.consent.models import Consent
from service.crypto.vault import Vault
from service.customers.models import Customer, Identifier, Trust
from service.linking.models import LinkRequest
from service.lists import in_parts
from service.merging.models import DoNotLink, Merge, Proposal
from service.privacy.unname import unname
from service.proof.models import OneTimeCode
from service.proof.verify import ENDED, find_codes_to
from service.sales.link import is_claimed_by
from service.sales.models import Claim, Return, Sale
from service.scans.models import NO_DIGEST, OtpFailure, Scan
from service.sessions.models import Handoff, ShopperSession

_NO_CARD_NUMBER = 0
_LOCK_PATIENCE = "500ms"


def forget(session: Session, vault: Vault, nodes: Sequence[UUID], now: datetime) -> None:
    """Detach, delete and blur all that the nodes hold; leave them as tombstones. Safe to repeat."""
    unname(session, nodes)
    _detach_sales(session, nodes)
    detach_scans(session, nodes)
    _end_access(session, vault, nodes)
    _unlink(session, nodes)
    for table in (Identifier, Consent, Claim):
        session.execute(delete(table).where(table.customer_id.in_(nodes)))
    _blur_audit(session, nodes)
    _bury(session, nodes, now)


def detach_scans(session: Session, nodes: Sequence[UUID]) -> None:
    """Make each scan of the nodes nobody's, and no card's."""
    blank = {"customer_id": None, "card_id": None, "step": None, "body_digest": NO_DIGEST}
    session.execute(update(Scan).where(Scan.customer_id.in_(nodes)).values(**blank))


def sweep(session: Session, nodes: Sequence[UUID]) -> None:
    """Detach the scans, and blur the looks, that were under way when their customer was erased.

    A scan is one statement that locks nothing, so it may still see the card that is just going, and be stored after
    its fellows were detached. Once the erasure is committed no new one can: those under way are waited for. When
    that takes too long, the worker does it again. A look into the file may be written down as late.
    """
    if nodes and session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_PATIENCE}'"))
        with suppress(OperationalError), session.begin_nested():
            session.execute(text("LOCK TABLE scans IN SHARE MODE"))
    detach_scans(session, nodes)
    _blur_audit(session, nodes)


def _detach_sales(session: Session, nodes: Sequence[UUID]) -> None:
    """Take scan and claim off each sale of the nodes, and off its returns what names another sale.

    A sale that somebody else claimed after a refused scan of the nodes stays theirs.
    """
    claim = aliased(Claim)
    of_others = select(claim.claim_hash).where(is_claimed_by(claim), claim.customer_id.not_in(nodes))
    claims = select(Claim.claim_hash).where(Claim.customer_id.in_(nodes))
    keys = select(Sale.id, Sale.terminal_id, of_others.correlate(Sale).exists())
    scanned = session.execute(keys.where(_names_scan_of(nodes))).all()
    claimed = session.execute(keys.where(Sale.claim_hash.in_(claims))).all()
    _update_sales(session, scanned, scan_id=None)
    _update_sales(session, [row for row in (*scanned, *claimed) if not row[2]], claim_hash=None)
    ids = list({row.id for row in (*scanned, *claimed)})
    for some in in_parts(ids):
        taken_back = update(Return).where(Return.sale_id.in_(some))
        session.execute(taken_back.values(replacement_sale_id=None, body_digest=NO_DIGEST))


def _update_sales(session: Session, keys: Sequence[Row[UUID, UUID, bool]], **values: None) -> None:
    rows = [{"id": row.id, "terminal_id": row.terminal_id, "body_digest": NO_DIGEST, **values} for row in keys]
    if rows:
        session.execute(update(Sale), rows)


def _names_scan_of(nodes: Sequence[UUID]) -> ColumnElement[bool]:
    """Return whether the sale in scope names a scan of the nodes: its own till's scan comes before another's."""
    scan, own = aliased(Scan), aliased(Scan)
    named = select(scan.id).where(scan.customer_id.in_(nodes))
    of_own = select(own.id).where(own.id == Sale.scan_id, own.terminal_id == Sale.terminal_id)
    # Said twice that the sale is the one in scope: SQLAlchemy sees that by itself one level up and no further.
    is_meant = or_(scan.terminal_id == Sale.terminal_id, ~of_own.correlate(Sale).exists())
    of_store = named.where(scan.id == Sale.scan_id, scan.store_id == Sale.store_id, is_meant).correlate(Sale).exists()
    ids = select(Scan.id).where(Scan.customer_id.in_(nodes))
    return and_(Sale.scan_id.in_(ids), of_store)


def _end_access(session: Session, vault: Vault, nodes: Sequence[UUID]) -> None:
    """Delete sessions, cards, handoffs, and the one-time codes to contacts that are proved to be theirs.

    A code that the nodes' sessions asked for another contact ends, but counts for that contact's pace: whoever makes
    files only to erase them would else ask for as many codes as they like.
    """
    sessions: Select[UUID] = select(ShopperSession.id).where(ShopperSession.customer_id.in_(nodes))
    numbers = list(session.scalars(select(Card.card_number).where(Card.customer_id.in_(nodes))))
    failures = update(OtpFailure).where(OtpFailure.card_number.in_(numbers))
    session.execute(failures.values(card_number=_NO_CARD_NUMBER))
    proved = (Identifier.trust == Trust.VERIFIED) & Identifier.ended_at.is_(None)
    contacts = select(Identifier.value_index).where(Identifier.customer_id.in_(nodes), proved)
    session.execute(delete(OneTimeCode).where(OneTimeCode.id.in_(find_codes_to(session, vault, contacts))))
    session.execute(update(OneTimeCode).where(OneTimeCode.session_id.in_(sessions)).values(session_id=None, **ENDED))
    session.execute(delete(Card).where(or_(Card.customer_id.in_(nodes), Card.session_id.in_(sessions))))
    for table in (Handoff, ShopperSession):
        session.execute(delete(table).where(table.customer_id.in_(nodes)))


def _unlink(session: Session, nodes: Sequence[UUID]) -> None:
    """Delete what ties the nodes to each other and to other customers."""
    asked = or_(LinkRequest.holder_id.in_(nodes), LinkRequest.account_customer_id.in_(nodes))
    session.execute(delete(LinkRequest).where(asked))
    for table in (Merge, DoNotLink, Proposal):
        session.execute(delete(table).where(or_(table.a_id.in_(nodes), table.b_id.in_(nodes))))


def _blur_audit(session: Session, nodes: Sequence[UUID]) -> None:
    """Keep of the audit that somebody looked at some file, so that sites and staff answer for it; drop the rest.

    That they were erased stays, too: the line names an id that leads to nobody.
    """
    about = AuditEntry.customer_id.in_(nodes) & (AuditEntry.action != Action.ERASED)
    looked = AuditEntry.action.in_([action.value for action in LOOKS])
    session.execute(update(AuditEntry).where(about, looked).values(customer_id=None, why=None, detail={}))
    session.execute(delete(AuditEntry).where(about))


def _bury(session: Session, nodes: Sequence[UUID], now: datetime) -> None:
    rest = {"canonical_id": Customer.id, "verified_at": None, "traits": None}
    first = Customer.erased_at.is_(None)
    session.execute(update(Customer).where(Customer.id.in_(nodes), first).values(erased_at=now))
    session.execute(update(Customer).where(Customer.id.in_(nodes)).values(**rest))
