"""The audit as the person concerned reads it: what they did themselves is told apart from what another person did."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from service.audit.models import AuditEntry
from service.audit.words import in_words
from service.sessions.models import ShopperSession


def tell_audit(
    session: Session,
    nodes: Select[UUID],
    lines: Sequence[AuditEntry],
    *,
    language: str,
    sites: Mapping[UUID, str],
) -> list[dict[str, Any]]:
    """Return lines of the customer with these nodes, in words."""
    own = set(session.scalars(select(ShopperSession.id).where(ShopperSession.customer_id.in_(nodes))))
    return [in_words(line, language, sites=sites, own_sessions=own) for line in lines]
