"""What of every table an export tells, and what it leaves out, and why.

A new column belongs into one of the two: `test_export` fails until somebody has decided.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Told:
    """Where a table stands in the export: `same` fields hold what the column holds, `otherwise` its meaning."""

    sections: tuple[str, ...]
    same: dict[str, str]
    otherwise: dict[str, str] = field(default_factory=dict)


def as_they_are(*columns: str, **renamed: str) -> dict[str, str]:
    return dict(zip(columns, columns, strict=True)) | renamed


TOLD = {
    "customers": Told(
        ("files",),
        as_they_are("created_at", "verified_at", id="customer_id"),
        {"traits": "traits"},
    ),
    "identifiers": Told(
        ("identifiers", "accounts"),
        as_they_are(
            "customer_id",
            "kind",
            "trust",
            "exclusive",
            "proved_at",
            "owner_proved_at",
            "ended_at",
            "demoted_by",
            id="identifier_id",
            created_at="since",
        ),
        {"issuer": "site", "value_sealed": "value", "source": "source", "source_id": "source"},
    ),
    "cards": Told(
        ("cards",),
        as_they_are(
            "card_number", "customer_id", "session_id", "created_at", "frozen_at", "withheld_at", "revoked_at"
        ),
        {"id": "card_id"},
    ),
    "sessions": Told(
        ("sessions",),
        as_they_are("customer_id", "kind", "created_at", "expires_at", "ended_at", id="session_id"),
        {"site_id": "site"},
    ),
    "handoffs": Told(("handoffs",), as_they_are("customer_id", "expires_at", "used_at"), {"site_id": "site"}),
    "one_time_codes": Told(
        ("one_time_codes",),
        as_they_are(
            "purpose",
            "kind",
            "language",
            "session_id",
            "expires_at",
            "used_at",
            "send_tries",
            attempts="tries",
            created_at="asked_at",
            send_after="to_send_at",
        ),
        {"contact_sealed": "contact"},
    ),
    "scans": Told(
        ("scans",),
        as_they_are(
            "customer_id",
            "kind",
            "step",
            "scanned_at",
            "received_at",
            "outcome",
            "reason",
            "flagged_at",
            "training",
            id="scan_id",
        ),
        {"card_id": "card_id", "terminal_id": "terminal", "store_id": "store"},
    ),
    "otp_failures": Told(("wrong_codes",), as_they_are("card_number", "failed_at"), {"terminal_id": "terminal"}),
    "sales": Told(
        ("sales",),
        as_they_are(
            "terminal_id",
            "scan_id",
            "receipt_number",
            "occurred_at",
            "received_at",
            "currency",
            "total_minor",
            "lines",
            "warnings",
            "training",
            id="sale_id",
        ),
        {"store_id": "store"},
    ),
    "returns": Told(
        ("returns",),
        as_they_are(
            "terminal_id",
            "sale_id",
            "receipt",
            "reason",
            "replacement_sale_id",
            "occurred_at",
            "received_at",
            "currency",
            "lines",
            "warnings",
            "training",
            id="return_id",
        ),
        {"store_id": "store"},
    ),
    "claims": Told(("claims",), as_they_are("customer_id", "claimed_at")),
    "consents": Told(
        ("consents",),
        as_they_are("customer_id", "purpose", "granted", "text_version", "at"),
        {"source": "source", "source_id": "source"},
    ),
    "link_requests": Told(
        ("link_requests",),
        as_they_are("expires_at", "status", "decided_at", "merge_id", id="link_request_id", created_at="asked_at"),
        {"site_id": "site", "account_customer_id": "customer_ids", "holder_id": "customer_ids"},
    ),
    "merges": Told(
        ("merges",),
        as_they_are("rule", "undone_at", id="merge_id", created_at="merged_at"),
        {
            "a_id": "customer_ids",
            "b_id": "customer_ids",
            "evidence": "evidence",
            "actor_kind": "by",
            "actor_id": "by",
            "reason_sealed": "reason",
            "undone_by_kind": "undone_by",
            "undone_by_id": "undone_by",
            "undo_reason_sealed": "undo_reason",
        },
    ),
    "proposals": Told(
        ("probable_duplicates",),
        as_they_are(
            "decider",
            "status",
            "decided_at",
            "merge_id",
            id="proposal_id",
            created_at="noted_at",
            score="likelihood",
        ),
        {"a_id": "customer_ids", "b_id": "customer_ids", "reasons": "note"},
    ),
    "do_not_links": Told(
        ("kept_apart",),
        as_they_are(created_at="at"),
        {"a_id": "customer_ids", "b_id": "customer_ids", "actor_kind": "by", "actor_id": "by"},
    ),
    "audit": Told(
        ("audit",),
        as_they_are("at", "customer_id", "action", "why"),
        {"actor_kind": "who", "actor_id": "who", "detail": "detail"},
    ),
}

_SECRET = "whoever knows it can act as the person"
_CASHIER = "the till's word for its cashier: it is about them"
_DIGEST = "tells a repeated request of a till from another one: its content is told"
_ROW = "a random name of the row, which nothing that is told refers to"
_NOBODY = "of the brand and its shops, not of a shopper; told by its name where it concerns one"

LEFT_OUT = {
    "customers.canonical_id": "told once, as the export's own `customer_id`",
    "customers.erased_at": "whoever was erased gets no export",
    "identifiers.value_index": "the value is told; this finds it, under a key of the service",
    "identifiers.index_version": "which key of the service the index was made with",
    "sessions.token_hash": _SECRET,
    "handoffs.token_hash": _SECRET,
    "one_time_codes.id": "with the code it signs in",
    "one_time_codes.contact_index": "the contact is told; this finds it, under a key of the service",
    "one_time_codes.code_hash": _SECRET,
    "one_time_codes.message_sealed": _SECRET,
    "one_time_codes.first_proof_id": "the id of another code, left out like that one's",
    "scans.cashier_ref": _CASHIER,
    "scans.body_digest": _DIGEST,
    "otp_failures.nth": "a till counts with it, over everybody's cards",
    "otp_failures.retry_at": "follows from how many there were, and when: both are told",
    "sales.cashier_ref": _CASHIER,
    "sales.body_digest": _DIGEST,
    "sales.claim_hash": "a hash of the code on the receipt: `claims` tells which sale it brought",
    "returns.cashier_ref": _CASHIER,
    "returns.body_digest": _DIGEST,
    "claims.claim_hash": "a hash of the code on the receipt: `claims` tells which sale it brought",
    "consents.id": _ROW,
    "proposals.decided_by": "a member of staff, or the person's own session: `decider` tells which",
    "audit.id": _ROW,
    "stores": _NOBODY,
    "terminals": _NOBODY,
    "enrolment_codes": _NOBODY,
    "card_numbers": "digests of card numbers, under a key of the service: a person's own stand under `cards`",
    "sites": _NOBODY,
    "operators": "members of staff, who are told as that",
    "data_keys": "the key that opens the person's values: they are told opened",
    "erasures": "whoever was erased gets no export",
}
