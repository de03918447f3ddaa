"""Record a sale in one statement, and link it to a scan afterwards."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, Executable, Uuid, bindparam, select, update
from sqlalchemy.orm import Session

from service.db import Database, Statement, insert_into
from service.errors import Conflict, IdConflict, NotFound
from service.sales.link import link_of, link_of_scan
from service.sales.models import Link, Sale
from service.sales.sums import Warnings
from service.scans.models import NO_DIGEST
from service.stores.models import Terminal
from service.stores.recognise import TERMINAL_HOLDS, TerminalIdentity, still_holds, unknown_terminal


@dataclass(frozen=True)
class RungUp:
    """A completed sale as a till sends it. Sums are in minor units of `currency`.

    `claim_hash` is what stands for the claim code on the receipt.
    """

    id: UUID
    scan_id: UUID | None
    receipt_number: str
    occurred_at: datetime
    received_at: datetime
    currency: str
    total_minor: int
    lines: list[dict[str, Any]]
    warnings: Warnings
    cashier_ref: str | None
    training: bool
    body_digest: bytes
    claim_hash: bytes | None


@dataclass(frozen=True)
class Recorded:
    """What a till is told of its sale. `repeated`: it was stored before."""

    link: Link
    warnings: Warnings
    repeated: bool


def record_sale(db: Database, terminal: TerminalIdentity, sale: RungUp) -> Recorded:
    """Store a sale, whatever its sums; `IdConflict` when its id was used for another one."""
    params = vars(terminal) | vars(sale)
    row = db.run(_INSERT if sale.claim_hash is None else _INSERT_CLAIMABLE, params)
    if row is not None:
        return Recorded(Link(str(row[0])), sale.warnings, repeated=False)
    stored = db.run(_FIND, params)
    if stored is None:
        raise unknown_terminal()
    link, warnings, digest = stored
    if digest not in (sale.body_digest, NO_DIGEST):
        raise IdConflict("this sale_id was used for another sale: mint a new id for each sale")
    return Recorded(Link(str(link)), list(warnings), repeated=True)


def link_sale(session: Session, terminal: TerminalIdentity, *, sale_id: UUID, scan_id: UUID) -> Recorded:
    """Name the scan of an unlinked sale, once; `Conflict` when another is linked or awaited, or the sale claimed."""
    still_holds(session, terminal)
    own = (Sale.id == sale_id) & (Sale.terminal_id == terminal.terminal_id)
    sale = session.scalars(select(Sale).where(own).with_for_update()).one_or_none()
    if sale is None:
        raise NotFound("this till has no such sale")
    link = session.scalar(select(link_of()).where(own))
    if sale.scan_id != scan_id:
        if link in (Link.LINKED, Link.PENDING):
            raise Conflict("the sale is linked already", code="already_linked")
        session.execute(update(Sale).where(own).values(scan_id=scan_id))
        link = session.scalar(select(link_of()).where(own))
    return Recorded(Link(str(link)), sale.warnings, repeated=True)


def _insert(dialect: Dialect, *, claimable: bool) -> Executable:
    names = {column.key: bindparam(column.key, type_=column.type) for column in Sale.__table__.columns}
    source = select(*names.values()).where(*TERMINAL_HOLDS)
    insert = insert_into(Sale, dialect).from_select(list(names), source)
    sale = SimpleNamespace(**names)
    link = link_of(sale) if claimable else link_of_scan(sale, claimable=False)
    return insert.on_conflict_do_nothing().returning(link.label("link"))


def _select_sale(_: Dialect) -> Executable:
    sale = select(link_of().label("link"), Sale.warnings, Sale.body_digest)
    own = sale.join(Terminal, Terminal.id == Sale.terminal_id)
    return own.where(Sale.id == bindparam("id", type_=Uuid()), *TERMINAL_HOLDS)


_INSERT = Statement(partial(_insert, claimable=False))
_INSERT_CLAIMABLE = Statement(partial(_insert, claimable=True))
_FIND = Statement(_select_sale)
