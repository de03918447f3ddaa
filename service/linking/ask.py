"""Ask for a link: a site spends the code it was shown, and waits for the shopper's word."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from service.audit.models import Action, Actor
from service.audit.record import record
from service.cards.models import Card, CardStatus
from service.codes.refusals import CodeRefused, Refusal
from service.customers.lock import lock_customer
from service.customers.models import NO_ISSUER
from service.db import insert_if_absent
from service.linking.models import LinkRequest, LinkStatus
from service.linking.prove import Proof
from service.scans.models import NO_DIGEST, Outcome, Scan

REQUEST_LIVES = timedelta(minutes=10)


def ask(
    session: Session, proof: Proof, *, site_id: UUID, account_customer_id: UUID, actor: Actor, now: datetime
) -> LinkRequest:
    """Spend the code and store the request; `CodeRefused` when its card is unusable, or the code is spent already."""
    card = session.get(Card, proof.card_id)
    if card is None or card.status is not CardStatus.ACTIVE:
        raise CodeRefused(Refusal.CARD_UNUSABLE)
    for customer_id in sorted({card.customer_id, account_customer_id}):  # in the order in which an erasure locks
        lock_customer(session, customer_id)
    _spend(session, proof, card, site_id=site_id, now=now)
    asked = LinkRequest(
        id=uuid4(),
        site_id=site_id,
        account_customer_id=account_customer_id,
        holder_id=card.customer_id,
        status=LinkStatus.PENDING,
        created_at=now,
        expires_at=now + REQUEST_LIVES,
    )
    session.add(asked)
    record(session, Action.LINK_REQUESTED, asked.holder_id, actor=actor, now=now, link_request_id=asked.id)
    return asked


def _spend(session: Session, proof: Proof, card: Card, *, site_id: UUID, now: datetime) -> None:
    """Write the code into the single-use ledger, as a scan of no store: of a till and a site that race, one can."""
    spent = insert_if_absent(
        session,
        Scan,
        id=uuid4(),
        terminal_id=site_id,
        store_id=NO_ISSUER,
        kind=proof.kind,
        card_id=card.id,
        customer_id=card.customer_id,
        step=proof.step,
        outcome=Outcome.IDENTIFIED,
        scanned_at=now,
        received_at=now,
        training=False,
        body_digest=NO_DIGEST,
    )
    if not spent:
        raise CodeRefused(Refusal.ALREADY_USED)
