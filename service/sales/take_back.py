"""Record a return. It names a sale of the brand, a receipt, or neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from service.db import insert_if_absent
from service.errors import IdConflict
from service.sales.models import Return, Sale
from service.sales.sums import Warnings, check_return
from service.scans.models import NO_DIGEST
from service.stores.models import Store
from service.stores.recognise import TerminalIdentity, still_holds

# Marks, in what is stored, a warning that its till was not told.
_UNTOLD = {"told": "no"}


@dataclass(frozen=True)
class TakenBack:
    """A return as a till sends it."""

    id: UUID
    sale_id: UUID | None
    receipt: dict[str, Any] | None
    reason: str
    replacement_sale_id: UUID | None
    occurred_at: datetime
    received_at: datetime
    currency: str
    lines: list[dict[str, Any]]
    warnings: Warnings
    cashier_ref: str | None
    training: bool
    body_digest: bytes


def record_return(session: Session, terminal: TerminalIdentity, taken: TakenBack) -> tuple[Warnings, bool]:
    """Store a return; give what its till is told and whether it is a repeat. `IdConflict` when the id was another's.

    An over-return is always stored with its warning, and told only to the till that made the sale: to any other it
    would reveal that there is such a sale.
    """
    still_holds(session, terminal)
    sale_id = taken.sale_id or _sale_of_receipt(session, taken)
    sale = _find_sale(session, terminal, sale_id)
    over = check_return(taken.lines, earlier=_returned(session, sale), sold=sale.lines) if sale else []
    if sale and sale.terminal_id != terminal.terminal_id:
        over = [warning | _UNTOLD for warning in over]
    warnings = over + taken.warnings
    here = {"terminal_id": terminal.terminal_id, "store_id": terminal.store_id}
    row = vars(taken) | here | {"sale_id": sale_id, "warnings": warnings}
    if insert_if_absent(session, Return, **row):
        return _told(warnings), False
    stored = session.get_one(Return, (taken.id, terminal.terminal_id))
    if stored.body_digest not in (taken.body_digest, NO_DIGEST):
        raise IdConflict("this return_id was used for another return: mint a new id for each return")
    return _told(stored.warnings), True


def _told(warnings: Warnings) -> Warnings:
    return [warning for warning in warnings if not warning.items() >= _UNTOLD.items()]


def _sale_of_receipt(session: Session, taken: TakenBack) -> UUID | None:
    """Return the one sale with the receipt's number that its store made on its day, by the store's clock.

    None when there is no such sale (yet), or when there are several: then the receipt doesn't say which.
    """
    store = session.get(Store, UUID(taken.receipt["store_id"])) if taken.receipt else None
    if taken.receipt is None or store is None:
        return None
    day, zone = date.fromisoformat(taken.receipt["date"]), ZoneInfo(store.time_zone)
    first, last = datetime.combine(day, time.min, zone), datetime.combine(day, time.max, zone)
    numbered = (Sale.store_id == store.id) & (Sale.receipt_number == taken.receipt["receipt_number"])
    that_day = Sale.occurred_at.between(first, last) & (Sale.training == taken.training)
    found = session.scalars(select(Sale.id).where(numbered, that_day).limit(2)).all()
    return found[0] if len(found) == 1 else None


def _find_sale(session: Session, terminal: TerminalIdentity, sale_id: UUID | None) -> Sale | None:
    """Return the sale, locked, so that returns of one sale are counted one after another."""
    # Ids are unique within a terminal only: the till's own sale comes first, then one of its store.
    place = case((Sale.terminal_id == terminal.terminal_id, 0), (Sale.store_id == terminal.store_id, 1), else_=2)
    nearest = select(Sale).where(Sale.id == sale_id).order_by(place, Sale.received_at).limit(1)
    return session.scalars(nearest.with_for_update()).one_or_none()


def _returned(session: Session, sale: Sale) -> Sequence[dict[str, Any]]:
    of_sale = select(Return.lines).where(Return.sale_id == sale.id, Return.training == sale.training)
    return [line for lines in session.scalars(of_sale) for line in lines]
