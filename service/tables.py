"""Every table, so that migrations and tests see the whole schema."""

from service.cards.models import Card
from service.customers.models import Customer, Identifier
from service.db import Base
from service.sales.models import Return, Sale
from service.scans.models import OtpFailure, Scan
from service.sessions.models import Handoff, ShopperSession
from service.sites.models import Site
from service.stores.models import EnrolmentCode, Store, Terminal

ALL_TABLES: tuple[type[Base], ...] = (
    Store,
    Terminal,
    EnrolmentCode,
    Site,
    Customer,
    Identifier,
    ShopperSession,
    Handoff,
    Card,
    Scan,
    OtpFailure,
    Sale,
    Return,
)
