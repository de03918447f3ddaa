"""Read sales back: for the till that rang them up, and for the customer they are linked to."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Select, Uuid, and_, bindparam, select
from sqlalchemy.orm import Session

from service.customers.component import nodes_of
from service.db import UtcDateTime
from service.errors import NotFound
from service.lists import Cursor, older_than
from service.sales.link import link_of, linked_keys
from service.sales.models import Link, Sale
from service.sales.returned import returned_minor
from service.stores.models import Store, Terminal


def get_sale(session: Session, *, terminal_id: UUID, sale_id: UUID) -> tuple[Sale, Link]:
    """Return a sale of this till, and its link as it stands now."""
    row = session.execute(_own_sale(), {"id": sale_id, "terminal_id": terminal_id}).one_or_none()
    if row is None:
        raise NotFound("this till has no such sale")
    return row[0], Link(row[1])


def list_sales(
    session: Session, customer_id: UUID, *, after: Cursor | None, limit: int
) -> Sequence[tuple[Sale, Store, Terminal, int]]:
    """Return the sales linked to a customer's scans and claims, newest first: where made, and what came back."""
    params: dict[str, Any] = {"customer_id": customer_id, "limit": limit}
    if after is not None:
        params |= {"at": after.at, "id": after.id}
    return session.execute(_sales_of(is_paged=after is not None), params).all()


# How a sale is linked is long to say: building the statements costs forty times what running them does.
@cache
def _own_sale() -> Select[Sale, str]:
    own = (Sale.id == bindparam("id", type_=Uuid())) & (Sale.terminal_id == bindparam("terminal_id", type_=Uuid()))
    return select(Sale, link_of()).where(own)


@cache
def _sales_of(*, is_paged: bool) -> Select[Sale, Store, Terminal, int]:
    theirs = linked_keys(nodes_of(bindparam("customer_id", type_=Uuid())))
    after: Any = Cursor(bindparam("at", type_=UtcDateTime()), bindparam("id", type_=Uuid())) if is_paged else None  # type: ignore[arg-type]
    return (
        select(Sale, Store, Terminal, returned_minor())
        .join(theirs, and_(theirs.c.id == Sale.id, theirs.c.terminal_id == Sale.terminal_id))
        .join(Store, Store.id == Sale.store_id)
        .join(Terminal, Terminal.id == Sale.terminal_id)
        .where(~Sale.training, *older_than(after, Sale.received_at, Sale.id))
        .order_by(Sale.received_at.desc(), Sale.id.desc())
        .limit(bindparam("limit", type_=Integer()))
    )
