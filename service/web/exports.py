"""The shape of an export, the same from every door."""

from datetime import datetime
from typing import Any
from uuid import UUID

from service.web.operation import Answer


class ExportOut(Answer):
    """Everything we hold. Each list is complete, oldest first; the audit is newest first."""

    exported_at: datetime
    customer_id: UUID
    files: list[dict[str, Any]]
    identifiers: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    cards: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    handoffs: list[dict[str, Any]]
    one_time_codes: list[dict[str, Any]]
    scans: list[dict[str, Any]]
    wrong_codes: list[dict[str, Any]]
    sales: list[dict[str, Any]]
    claims: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    link_requests: list[dict[str, Any]]
    merges: list[dict[str, Any]]
    probable_duplicates: list[dict[str, Any]]
    kept_apart: list[dict[str, Any]]
    audit: list[dict[str, Any]]
