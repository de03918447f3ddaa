"""What a till rings up: sales and returns, in the words of the service."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from pos_client.claims import hash_claim

Body = dict[str, Any]

# A stray tab from an article file must not cost a sale, nor what else the service is strict about.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_REF = 200
_LONGEST_DESCRIPTION = 2_000
_MOST_DECIMALS = 6
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class LineKind(StrEnum):
    """What a line of a sale is."""

    ITEM = "item"
    DISCOUNT = "discount"
    TAX = "tax"
    DEPOSIT = "deposit"
    TIP = "tip"
    ROUNDING = "rounding"
    GIFT_CARD = "gift_card"


class ReturnReason(StrEnum):
    """Why goods come back."""

    RETURN = "return"
    VOID = "void"
    EXCHANGE = "exchange"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a sale; money in minor units; without a line_id it gets its place in the sale."""

    description: str
    total_minor: int
    quantity: Decimal = Decimal(1)
    kind: LineKind = LineKind.ITEM
    unit_price_minor: int | None = None
    sku: str | None = None
    gtin: str | None = None
    line_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Sale:
    """A completed sale; currency defaults to the store's, occurred_at to now."""

    receipt_number: str
    total_minor: int
    lines: Sequence[Line]
    scan_id: str | None = None
    currency: str | None = None
    occurred_at: datetime | None = None
    cashier_ref: str | None = None
    training: bool = False


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """How a return names a sale whose id isn't known."""

    store_id: str
    receipt_number: str
    date: date


@dataclass(frozen=True, kw_only=True)
class ReturnLine:
    """One line of goods that come back; total_minor is what the shopper gets for it."""

    quantity: Decimal
    total_minor: int
    line_id: str | None = None
    sku: str | None = None


@dataclass(frozen=True, kw_only=True)
class Return:
    """Goods that come back; names the sale, or its receipt, or neither."""

    lines: Sequence[ReturnLine]
    reason: ReturnReason = ReturnReason.RETURN
    sale_id: str | None = None
    receipt: Receipt | None = None
    replacement_sale_id: str | None = None
    currency: str | None = None
    occurred_at: datetime | None = None


def format_time(moment: datetime) -> str:
    """Return an aware moment as RFC 3339 in UTC with milliseconds; raise ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("Give the time with its time zone.")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_plausible(moment: datetime) -> bool:
    """Return whether an aware moment is one that the service takes."""
    return _EARLIEST <= moment < _LATEST


def drop_absent(fields: Mapping[str, object]) -> Body:
    """Return the fields that have a value: an absent field and null are not the same to the service."""
    return {name: value for name, value in fields.items() if value is not None}


def mend_ref(ref: str | None) -> str | None:
    """Return a number or a reference as the service takes it, or None when nothing is left of it."""
    return None if ref is None else _printable(ref, _LONGEST_REF) or None


def sale_body(sale: Sale, *, currency: str, occurred_at: datetime, claim: str | None = None) -> Body:
    """Return the body of PUT /pos/v1/sales/{sale_id}; raise ValueError for a scan_id that is no UUID.

    Of a claim code only the hash goes in.
    """
    return {
        "receipt_number": mend_ref(sale.receipt_number) or "",
        "scan_id": str(UUID(sale.scan_id)) if sale.scan_id else None,
        "occurred_at": format_time(occurred_at),
        "currency": currency,
        "total_minor": sale.total_minor,
        "lines": [_sale_line(line, place) for place, line in enumerate(sale.lines, start=1)],
        **drop_absent(
            {
                "cashier_ref": mend_ref(sale.cashier_ref),
                "training": sale.training or None,
                "claim_hash": hash_claim(claim) if claim else None,
            }
        ),
    }


def return_body(goods: Return, *, currency: str, occurred_at: datetime) -> Body:
    """Return the body of PUT /pos/v1/returns/{return_id}."""
    fields = {
        "sale_id": goods.sale_id,
        "receipt": _receipt(goods.receipt) if goods.receipt else None,
        "reason": goods.reason.value,
        "replacement_sale_id": goods.replacement_sale_id,
        "currency": currency,
        "occurred_at": format_time(occurred_at),
        "lines": [_return_line(line) for line in goods.lines],
    }
    return drop_absent(fields)


def _sale_line(line: Line, place: int) -> Body:
    fields = {
        "line_id": mend_ref(line.line_id) or str(place),
        "kind": line.kind.value,
        "sku": mend_ref(line.sku),
        "gtin": mend_ref(str(line.gtin or "").strip()),
        "description": _printable(line.description, _LONGEST_DESCRIPTION),
        "quantity": _quantity(line.quantity),
        "unit_price_minor": line.unit_price_minor,
        "total_minor": line.total_minor,
    }
    return drop_absent(fields)


def _return_line(line: ReturnLine) -> Body:
    fields = {
        "line_id": mend_ref(line.line_id),
        "sku": mend_ref(line.sku),
        "quantity": _quantity(line.quantity),
        "total_minor": line.total_minor,
    }
    return drop_absent(fields)


def _receipt(receipt: Receipt) -> Body:
    return {
        "store_id": receipt.store_id,
        "receipt_number": mend_ref(receipt.receipt_number) or "",
        "date": receipt.date.isoformat(),
    }


def _printable(text: str, longest: int) -> str:
    return _CONTROLS.sub(" ", str(text))[:longest]


def _quantity(quantity: Decimal) -> str:
    text = format(quantity, "f")
    _, _, decimals = text.partition(".")
    return format(quantity, f".{_MOST_DECIMALS}f") if len(decimals) > _MOST_DECIMALS else text
