"""Read sales back: for the till that rang them up, and for the customer they are linked to."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, select, union
from sqlalchemy.orm import Session

from service.customers.component import nodes_of
from service.errors import NotFound
from service.sales.link import is_claimed_by, is_linked_to, link_of
from service.sales.models import Claim, Link, Sale
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
    """Return the sales linked to a customer's scans and claims, newest first, with where they were made."""
    key = select(Sale.id, Sale.terminal_id)
    scanned = key.join(Scan, is_linked_to(Scan)).where(Scan.customer_id.in_(nodes_of(customer_id)))
    claimed = key.join(Claim, is_claimed_by(Claim)).where(Claim.customer_id.in_(nodes_of(customer_id)))
    theirs = union(scanned, claimed).subquery()
    rows = session.execute(
        select(Sale, Store, Terminal)
        .join(theirs, and_(theirs.c.id == Sale.id, theirs.c.terminal_id == Sale.terminal_id))
        .join(Store, Store.id == Sale.store_id)
        .join(Terminal, Terminal.id == Sale.terminal_id)
        .where(~Sale.training, *older_than(after, Sale.received_at, Sale.id))
        .order_by(Sale.received_at.desc(), Sale.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in rows]
