"""Export: everything we hold on a person, over all nodes of the customer, as one readable object.

No secret of a card or a session is in it: whoever reads the file must not be able to act as the person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from service.audit.read import list_audit
from service.audit.words import in_words
from service.cards.models import Card
from service.consent.models import Consent
from service.crypto.keystore import DataKey, KeyStore, open_or_none
from service.customers.component import nodes_of
from service.customers.identifiers import VALUE_CONTEXT
from service.customers.models import Customer, Identifier, IdentifierKind
from service.customers.traits import open_traits
from service.errors import NotFound
from service.linking.models import LinkRequest
from service.merging.models import Merge, Proposal
from service.merging.reasons import words_of
from service.privacy.receipts import claims_of, sales_of, scans_of
from service.sessions.models import ShopperSession
from service.sites.models import Site

Section = list[dict[str, Any]]
_REASON_CONTEXT = "merges.reason"


@dataclass(frozen=True)
class _File:
    """What every section is read from."""

    session: Session
    nodes: Select[UUID]
    keys: dict[UUID, DataKey]
    sites: dict[UUID, str]


def export(
    session: Session, keystore: KeyStore, customer_id: UUID, *, language: str, now: datetime
) -> dict[str, Any]:
    """Return the whole file of the customer behind a node; `NotFound` when there is none (any more)."""
    nodes = _nodes(session, customer_id)
    sites = {row.id: row.name for row in session.execute(select(Site.id, Site.name))}
    file = _File(session, nodes_of(customer_id), keystore.find_many(node.id for node in nodes), sites)
    return {
        "exported_at": now,
        "customer_id": nodes[0].canonical_id,
        "files": [_node(node, file.keys.get(node.id)) for node in nodes],
        "identifiers": [_identifier(row, file) for row in _identifiers(file) if row.kind != IdentifierKind.ACCOUNT],
        "accounts": [_account(row, file) for row in _identifiers(file) if row.kind == IdentifierKind.ACCOUNT],
        "cards": _cards(file),
        "sessions": _sessions(file),
        "scans": scans_of(session, file.nodes),
        "sales": sales_of(session, file.nodes),
        "claims": claims_of(session, file.nodes),
        "consents": _consents(file),
        "link_requests": _link_requests(file),
        "merges": _merges(file),
        "probable_duplicates": _proposals(file),
        "audit": [in_words(entry, language, sites) for entry in list_audit(session, file.nodes, limit=None)],
    }


def _nodes(session: Session, customer_id: UUID) -> Sequence[Customer]:
    own = select(Customer).where(Customer.id.in_(nodes_of(customer_id)), Customer.erased_at.is_(None))
    nodes = session.scalars(own.order_by(Customer.created_at, Customer.id)).all()
    if not nodes:
        raise NotFound("there is no such customer")
    return nodes


def _node(node: Customer, key: DataKey | None) -> dict[str, Any]:
    return {"customer_id": node.id, "created_at": node.created_at, "traits": open_traits(key, node)}


def _identifiers(file: _File) -> Sequence[Identifier]:
    own = select(Identifier).where(Identifier.customer_id.in_(file.nodes))
    return file.session.scalars(own.order_by(Identifier.created_at, Identifier.id)).all()


def _identifier(row: Identifier, file: _File) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "value": open_or_none(file.keys.get(row.customer_id), row.value_sealed, context=VALUE_CONTEXT),
        "trust": row.trust,
        "source": _source(row.source, row.source_id, file),
        "since": row.created_at,
        "proved_at": row.proved_at,
        "ended_at": row.ended_at,
    }


def _account(row: Identifier, file: _File) -> dict[str, Any]:
    return {
        "site": file.sites.get(row.issuer),
        "account_id": open_or_none(file.keys.get(row.customer_id), row.value_sealed, context=VALUE_CONTEXT),
        "since": row.created_at,
        "ended_at": row.ended_at,
    }


def _source(source: str, source_id: UUID | None, file: _File) -> str:
    """Return where something came from: a site by its name, anybody else by what they are."""
    return source if source_id is None else file.sites.get(source_id, source)


def _cards(file: _File) -> Section:
    own = select(Card).where(Card.customer_id.in_(file.nodes)).order_by(Card.created_at, Card.id)
    return [
        {
            "card_number": str(card.card_number),
            "status": card.status,
            "created_at": card.created_at,
            "frozen_at": card.frozen_at,
            "revoked_at": card.revoked_at,
        }
        for card in file.session.scalars(own)
    ]


def _sessions(file: _File) -> Section:
    own = select(ShopperSession).where(ShopperSession.customer_id.in_(file.nodes))
    return [
        {
            "kind": row.kind,
            "site": None if row.site is None else row.site.name,
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "ended_at": row.ended_at,
        }
        for row in file.session.scalars(own.order_by(ShopperSession.created_at, ShopperSession.id))
    ]


def _consents(file: _File) -> Section:
    own = select(Consent).where(Consent.customer_id.in_(file.nodes)).order_by(Consent.at, Consent.id)
    return [
        {
            "purpose": row.purpose,
            "granted": row.granted,
            "source": _source(row.source, row.source_id, file),
            "text_version": row.text_version,
            "at": row.at,
        }
        for row in file.session.scalars(own)
    ]


def _link_requests(file: _File) -> Section:
    concerns = or_(LinkRequest.holder_id.in_(file.nodes), LinkRequest.account_customer_id.in_(file.nodes))
    own = select(LinkRequest).where(concerns).order_by(LinkRequest.created_at, LinkRequest.id)
    return [
        {
            "site": file.sites.get(row.site_id),
            "asked_at": row.created_at,
            "expires_at": row.expires_at,
            "status": row.status,
            "decided_at": row.decided_at,
        }
        for row in file.session.scalars(own)
    ]


def _merges(file: _File) -> Section:
    concerns = or_(Merge.a_id.in_(file.nodes), Merge.b_id.in_(file.nodes))
    own = select(Merge).where(concerns).order_by(Merge.created_at, Merge.id)
    return [
        {
            "merged_at": row.created_at,
            "rule": row.rule,
            "by": row.actor_kind,
            "reason": open_or_none(file.keys.get(row.a_id), row.reason_sealed, context=_REASON_CONTEXT),
            "undone_at": row.undone_at,
            "undone_by": row.undone_by_kind,
            "undo_reason": open_or_none(file.keys.get(row.a_id), row.undo_reason_sealed, context=_REASON_CONTEXT),
        }
        for row in file.session.scalars(own)
    ]


def _proposals(file: _File) -> Section:
    concerns = or_(Proposal.a_id.in_(file.nodes), Proposal.b_id.in_(file.nodes))
    own = select(Proposal).where(concerns).order_by(Proposal.created_at, Proposal.id)
    return [
        {"noted_at": row.created_at, "why": words_of(row.reasons), "status": row.status, "decided_at": row.decided_at}
        for row in file.session.scalars(own)
    ]
