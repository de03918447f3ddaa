"""Every table, so that migrations and tests see the whole schema."""

from service.audit.models import AuditEntry
from service.cards.models import Card, CardNumber
from service.consent.models import Consent
from service.customers.models import Customer, Identifier
from service.db import Base
from service.linking.models import LinkRequest
from service.merging.models import DoNotLink, Merge, Proposal
from service.proof.models import OneTimeCode
from service.sales.models import Claim, Return, Sale
from service.scans.models import OtpFailure, Scan
from service.sessions.models import Handoff, ShopperSession
from service.sites.models import Site
from service.staff.models import Operator
from service.stores.models import EnrolmentCode, Store, Terminal

ALL_TABLES: tuple[type[Base], ...] = (
    Store,
    Terminal,
    EnrolmentCode,
    Site,
    Operator,
    Customer,
    Identifier,
    Merge,
    DoNotLink,
    Proposal,
    Consent,
    ShopperSession,
    Handoff,
    Card,
    CardNumber,
    OneTimeCode,
    LinkRequest,
    Scan,
    OtpFailure,
    Sale,
    Claim,
    Return,
    AuditEntry,
)
