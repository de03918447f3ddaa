"""Read sales back: for the till that rang them up, and for the customer they are linked to."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.errors import NotFound
from service.sales.link import is_linked_to, link_of
from service.sales.models import Link, Sale
from service.scans.models import Scan
from service.scans.read import Cursor, older_than
from service.stores.models import Store, Terminal


def get_sale(session: Session, *, terminal_id: UUID, sale_id: UUID) -> tuple[Sale, Link]:
    """Return a sale of this till, and its link as it stands now."""
    own = (Sale.id == sale_id) & (Sale.terminal_id == terminal_id)
    row = session.execute(select(Sale, link_of()).where(own)).one_or_none()
    if row is None:
        raise NotFound("this till has no such sale")
    return row[0], Link(row[1])


def list_sales(
    session: Session, customer_id: UUID, *, after: Cursor | None, limit: int
) -> Sequence[tuple[Sale, Store, Terminal]]:
    """Return the sales linked to a customer's scans, newest first, with where they were made."""
    rows = session.execute(
        select(Sale, Store, Terminal)
        .select_from(Sale)
        .join(Scan, is_linked_to(Scan))
        .join(Store, Store.id == Sale.store_id)
        .join(Terminal, Terminal.id == Sale.terminal_id)
        .where(Scan.customer_id == customer_id, ~Sale.training, *older_than(after, Sale.received_at, Sale.id))
        .order_by(Sale.received_at.desc(), Sale.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in rows]
