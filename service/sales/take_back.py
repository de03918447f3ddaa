"""Record a return. It names a sale of the brand, a receipt, or neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from service.db import insert_if_absent
from service.errors import IdConflict
from service.sales.models import Return, Sale
from service.sales.returned import is_of_sale
from service.sales.sums import Warnings, check_return
from service.scans.models import NO_DIGEST
from service.stores.models import Store
from service.stores.recognise import TerminalIdentity, still_holds


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
    """Store a return; give its warnings and whether it is a repeat. `IdConflict` when the id was another's.

    `over_return` is told only to the till that made the sale: any other would learn that there is such a sale, be it
    by how long the counting takes.
    """
    still_holds(session, terminal)
    sale_id, is_own = _named_sale(session, terminal, taken)
    sale = _lock(session, terminal, sale_id) if is_own else None
    over = check_return(taken.lines, earlier=_returned(session, sale), sold=sale.lines) if sale else []
    warnings = over + taken.warnings
    here = {"terminal_id": terminal.terminal_id, "store_id": terminal.store_id}
    row = vars(taken) | here | {"sale_id": sale_id, "warnings": warnings}
    if insert_if_absent(session, Return, **row):
        return warnings, False
    stored = session.get_one(Return, (taken.id, terminal.terminal_id))
    if stored.body_digest not in (taken.body_digest, NO_DIGEST):
        raise IdConflict("this return_id was used for another return: mint a new id for each return")
    return stored.warnings, True


def _named_sale(session: Session, terminal: TerminalIdentity, taken: TakenBack) -> tuple[UUID | None, bool]:
    """Return the id of the sale that a return names, and whether it may be one of its till's own."""
    if taken.sale_id:
        return taken.sale_id, True
    found = _sale_of_receipt(session, taken)
    return (None, False) if found is None else (found.id, found.terminal_id == terminal.terminal_id)


def _sale_of_receipt(session: Session, taken: TakenBack) -> Row[UUID, UUID] | None:
    """Return id and terminal of the one sale with the receipt's number that its store made on its day, by its clock.

    None when there is no such sale (yet), or when there are several: then the receipt doesn't say which.
    """
    store = session.get(Store, UUID(taken.receipt["store_id"])) if taken.receipt else None
    if taken.receipt is None or store is None:
        return None
    day, zone = date.fromisoformat(taken.receipt["date"]), ZoneInfo(store.time_zone)
    first, last = datetime.combine(day, time.min, zone), datetime.combine(day, time.max, zone)
    numbered = (Sale.store_id == store.id) & (Sale.receipt_number == taken.receipt["receipt_number"])
    that_day = Sale.occurred_at.between(first, last) & (Sale.training == taken.training)
    found = session.execute(select(Sale.id, Sale.terminal_id).where(numbered, that_day).limit(2)).all()
    return found[0] if len(found) == 1 else None


def _lock(session: Session, terminal: TerminalIdentity, sale_id: UUID | None) -> Sale | None:
    """Return a sale of the till's own, locked, so that returns of one sale are counted one after another."""
    return session.get(Sale, (sale_id, terminal.terminal_id), with_for_update=True) if sale_id else None


def _returned(session: Session, sale: Sale) -> Sequence[dict[str, Any]]:
    this = (Sale.id == sale.id, Sale.terminal_id == sale.terminal_id)
    of_sale = select(Return.lines).select_from(Sale).join(Return, Return.sale_id == Sale.id)
    counted = of_sale.where(*this, is_of_sale(), Return.training == Sale.training)
    return [line for lines in session.scalars(counted) for line in lines]
