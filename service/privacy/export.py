"""Export: everything we hold on a person, over all nodes of the customer, as one readable object.

No secret of a card or a session is in it: whoever reads the file must not be able to act as the person. Nobody else
is named in it: neither another customer nor a member of staff. A test goes through every column of every table.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.read import list_audit
from service.consent.models import Consent
from service.crypto.keystore import KeyStore, open_or_none
from service.customers.identifiers import VALUE_CONTEXT
from service.customers.models import NO_ISSUER, Customer, Identifier, IdentifierKind
from service.customers.traits import open_traits
from service.privacy.access import cards_of, codes_of, handoffs_of, sessions_of
from service.privacy.audit import tell_audit
from service.privacy.file import File, Section, open_file
from service.privacy.links import apart_of, link_requests_of, merges_of, proposals_of
from service.privacy.receipts import claims_of, sales_of, scans_of, wrong_codes_of


def export(
    session: Session, keystore: KeyStore, customer_id: UUID, *, language: str, now: datetime
) -> dict[str, Any]:
    """Return the whole file of the customer behind a node; `NotFound` when there is none (any more)."""
    file = open_file(session, keystore, customer_id)
    held = _identifiers(file)
    return {
        "exported_at": now,
        "customer_id": file.customers[0].canonical_id,
        "files": [_node(node, file) for node in file.customers],
        "identifiers": [item for kind, item in held if kind != IdentifierKind.ACCOUNT],
        "accounts": [_account(item) for kind, item in held if kind == IdentifierKind.ACCOUNT],
        "cards": cards_of(file),
        "sessions": sessions_of(file),
        "handoffs": handoffs_of(file),
        "one_time_codes": codes_of(file),
        "scans": scans_of(file),
        "wrong_codes": wrong_codes_of(file),
        "sales": sales_of(file),
        "claims": claims_of(file),
        "consents": _consents(file),
        "link_requests": link_requests_of(file),
        "merges": merges_of(file),
        "probable_duplicates": proposals_of(file),
        "kept_apart": apart_of(file),
        "audit": _audit(file, language),
    }


def _node(node: Customer, file: File) -> dict[str, Any]:
    return {
        "customer_id": node.id,
        "created_at": node.created_at,
        "verified_at": node.verified_at,
        "traits": open_traits(file.keys.get(node.id), node),
    }


def _identifiers(file: File) -> list[tuple[str, dict[str, Any]]]:
    own = select(Identifier).where(Identifier.customer_id.in_(file.nodes))
    rows = file.session.scalars(own.order_by(Identifier.created_at, Identifier.id))
    return [(row.kind, _identifier(row, file)) for row in rows]


def _identifier(row: Identifier, file: File) -> dict[str, Any]:
    return {
        "identifier_id": row.id,
        "customer_id": row.customer_id,
        "kind": row.kind,
        "site": None if row.issuer == NO_ISSUER else file.sites.get(row.issuer),
        "value": open_or_none(file.keys.get(row.customer_id), row.value_sealed, context=VALUE_CONTEXT),
        "trust": row.trust,
        "exclusive": row.exclusive,
        "source": file.source(row.source, row.source_id),
        "since": row.created_at,
        "proved_at": row.proved_at,
        "owner_proved_at": row.owner_proved_at,
        "ended_at": row.ended_at,
        "demoted_by": row.demoted_by,
    }


def _account(item: dict[str, Any]) -> dict[str, Any]:
    return {("account_id" if name == "value" else name): value for name, value in item.items()}


def _consents(file: File) -> Section:
    own = select(Consent).where(Consent.customer_id.in_(file.nodes)).order_by(Consent.at, Consent.id)
    return [
        {
            "customer_id": row.customer_id,
            "purpose": row.purpose,
            "granted": row.granted,
            "source": file.source(row.source, row.source_id),
            "text_version": row.text_version,
            "at": row.at,
        }
        for row in file.session.scalars(own)
    ]


def _audit(file: File, language: str) -> Section:
    """Return each line in words, and with what else it holds."""
    lines = list_audit(file.session, file.nodes, limit=None)
    words = tell_audit(file.session, file.nodes, lines, language=language, sites=file.sites)
    details = file.without_others([line.detail for line in lines])
    return [
        told | {"customer_id": line.customer_id, "action": line.action, "detail": detail}
        for told, line, detail in zip(words, lines, details, strict=True)
    ]
