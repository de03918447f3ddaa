"""Maria with everything that can be known of her, and Juan, whom nothing of that concerns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from service.customers.models import Customer, Identifier, IdentifierKind, Trust
from service.customers.traits import write_traits
from service.db import Base
from service.linking.models import LinkRequest, LinkStatus
from service.merging.do_not_link import keep_apart
from service.merging.models import Rule
from service.merging.propose import propose
from service.proof.models import OneTimeCode
from service.proof.request import contact_context
from service.sales.models import Claim, Sale
from service.sessions.models import ShopperSession
from service.tables import ALL_TABLES
from tests.merging.people import OPERATOR, People
from tests.world import Caller, Shopper, Site, Till, World

EMAIL, PHONE = "maria.garcia@example.org", "+34600000001"
VALUES = (EMAIL, PHONE, "García", "CRM-4711", "maria-in-zapatos", "maria-in-libros")
ERASE = {"confirm": "erase"}


@dataclass
class Scene:
    """A brand's day with Maria in it."""

    world: World
    people: People = field(init=False)
    zapatos: Site = field(init=False)
    libros: Site = field(init=False)
    till: Till = field(init=False)
    maria: Shopper = field(init=False)
    second: Shopper = field(init=False)
    juan: Shopper = field(init=False)
    sales: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.people = People(self.world, self.world.service.rules)
        self.zapatos, self.libros = self.world.site("Zapatos"), self.world.site("Libros")
        self.till = self.world.till(self.world.store("Gran Vía"))
        self.maria = self.zapatos.shopper("maria-in-zapatos")
        self.second = self.libros.shopper("maria-in-libros")
        self.juan = self.zapatos.shopper("juan")

    @property
    def nodes(self) -> list[UUID]:
        return [UUID(self.maria.customer_id), UUID(self.second.customer_id)]

    def live(self) -> Scene:
        """Let everything happen to Maria that can."""
        self.identify()
        self.shop()
        self.be_linked()
        self.look()
        return self

    def identify(self) -> None:
        """Maria's two files get identifiers and traits, and become one; Juan was once taken for her."""
        ours, theirs = self.nodes
        juan = UUID(self.juan.customer_id)
        self.people.give(ours, IdentifierKind.EMAIL, EMAIL)
        self.people.give(theirs, IdentifierKind.PHONE, PHONE)
        self.people.give(theirs, IdentifierKind.CRM, "CRM-4711", Trust.VOUCHED)
        with self.people.write() as session:
            write_traits(self.people.keystore, session.get_one(Customer, ours), {"family_name": "García"})
        mistake = self.people.join(ours, juan)
        self.people.undo(mistake.merge_id)
        self.people.join(ours, theirs, Rule.OPERATOR, kind="email")

    def shop(self) -> None:
        """Maria buys: once with a split receipt, once claimed, once with a card that is frozen, and brings back."""
        for shopper in (self.maria, self.second):
            self.world.clock.forward(minutes=1)
            scan = self.till.scan(shopper.code()).json["scan_id"]
            self.sell(scan, "R-1")
            self.sell(scan, "R-2")
        self.till.take_back(sale_id=self.sales[0], replacement_sale_id=self.sales[1])
        self.claim(UUID(self.maria.customer_id))
        self.world.clock.forward(minutes=1)
        code = self.second.code()
        self.second.call("POST", f"/shopper/v1/cards/{self.second.card['card_id']}/freeze", {})
        refused = self.till.scan(code).json["scan_id"]
        self.sell(refused, "R-4")
        self.till.scan(f"73{self.maria.card['card_number']}000000")
        self.till.sell(self.till.scan(self.juan.code()).json["scan_id"], receipt_number="R-5")

    def sell(self, scan_id: str | None, receipt: str) -> None:
        self.sales.append(self.till.sell(scan_id, receipt_number=receipt).json["sale_id"])

    def claim(self, customer_id: UUID) -> None:
        """Ring up a sale that a customer claims by its receipt."""
        self.sell(None, "R-3")
        with self.world.service.db.write() as session:
            sale = session.scalars(select(Sale).where(Sale.id == UUID(self.sales[-1]))).one()
            sale.claim_hash = uuid4().bytes * 2
            now = self.world.clock()
            session.add(Claim(claim_hash=sale.claim_hash, customer_id=customer_id, claimed_at=now))

    def be_linked(self) -> None:
        """Sites ask to be linked, codes are on their way, and somebody seems to be Maria who is not."""
        ours, theirs = self.nodes
        juan, now = UUID(self.juan.customer_id), self.world.clock()
        with self.world.service.db.write() as session:
            asked = {"site_id": UUID(self.libros.site_id), "status": LinkStatus.PENDING.value, "created_at": now}
            for account, holder in ((theirs, ours), (juan, ours), (theirs, juan)):
                link = LinkRequest(id=uuid4(), account_customer_id=account, holder_id=holder, expires_at=now, **asked)
                session.add(link)
            self.send_code(session)
            keep_apart(session, theirs, juan, actor=OPERATOR, now=now)
        stranger = self.people.node()
        with self.people.write() as session:
            propose(session, ours, stranger, reasons=[{"code": "similar"}], now=now)

    def send_code(self, session: Session) -> None:
        contacts = select(Identifier.value_index).where(Identifier.kind == "email")
        mine = select(ShopperSession.id).where(ShopperSession.customer_id == self.nodes[0])
        now = self.world.clock()
        for index, of in ((session.scalars(contacts).one(), None), (b"other contact", session.scalars(mine).first())):
            ident = uuid4()
            session.add(
                OneTimeCode(
                    id=ident,
                    purpose="sign_in",
                    kind="email",
                    contact_index=index,
                    contact_sealed=self.people.keystore.vault.seal(EMAIL.encode(), context=contact_context(ident)),
                    code_hash=b"hash",
                    language="en",
                    session_id=of,
                    attempts=0,
                    created_at=now,
                    expires_at=now + timedelta(minutes=10),
                    message_sealed=b"message",
                    send_after=now,
                    send_tries=0,
                )
            )

    def look(self) -> None:
        """Maria says what she allows, and others look at her."""
        path = f"/commerce/v1/customers/{self.maria.customer_id}/consents"
        self.zapatos.call("PUT", path, {"purpose": "profiling", "granted": True, "text_version": "1"})
        self.zapatos.call("GET", f"{path}?why=ticket-4711")

    def erase(self) -> None:
        answer = self.maria.call("POST", "/shopper/v1/erase", ERASE)
        assert answer.status_code == 204, answer.json

    def operator(self) -> Caller:
        return operator(self.world)

    def ready(self) -> int:
        return self.world.client.get("/readyz").status_code

    def rows(self, table: type[Base]) -> list[dict[str, Any]]:
        with self.world.service.db.read() as session:
            return [dict(row) for row in session.execute(select(table.__table__)).mappings()]


def operator(world: World) -> Caller:
    """Hire an operator."""
    from service.staff.add import add_operator

    with world.service.db.write() as session:
        _, key = add_operator(session, name="Olga", now=world.clock())
    return Caller(world, key)


def dump(world: World) -> str:
    """Return every value of every row in the main database, bytes in hexadecimal."""
    with world.service.db.read() as session:
        rows = [row for table in ALL_TABLES for row in session.execute(select(table.__table__))]
    return "\n".join(_text(value) for row in rows for value in row)


def personal(world: World, nodes: list[UUID]) -> set[str]:
    """Return whatever in the main database leads to these nodes, except the customer ids themselves."""
    from service.cards.models import Card

    found: set[str] = set()
    with world.service.db.read() as session:
        for row in session.scalars(select(Identifier).where(Identifier.customer_id.in_(nodes))):
            found |= {_text(row.id), _text(row.value_index)} | (
                {_text(row.value_sealed)} if row.value_sealed else set()
            )
        for card in session.scalars(select(Card).where(Card.customer_id.in_(nodes))):
            found |= {str(card.id), str(card.card_number)}
        for opened in session.scalars(select(ShopperSession).where(ShopperSession.customer_id.in_(nodes))):
            found |= {_text(opened.id), _text(opened.token_hash)}
        for node in session.scalars(select(Customer).where(Customer.id.in_(nodes), Customer.traits.is_not(None))):
            found.add(_text(node.traits))
        for claim in session.scalars(select(Claim).where(Claim.customer_id.in_(nodes))):
            found.add(_text(claim.claim_hash))
    return found


def backup(world: World) -> Callable[[], None]:
    """Copy the whole main database; return what puts it back."""
    tables = Base.metadata.sorted_tables
    with world.service.db.read() as session:
        kept = {table: [dict(row) for row in session.execute(select(table)).mappings()] for table in tables}

    def restore() -> None:
        with world.service.db.write() as session:
            for table in reversed(tables):
                session.execute(delete(table))
            for table in tables:
                if kept[table]:
                    session.execute(insert(table), kept[table])

    return restore


def _text(value: Any) -> str:
    return bytes(value).hex() if isinstance(value, (bytes, memoryview)) else str(value)
