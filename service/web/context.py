"""What a request finds: the composed service, and who is calling."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import current_app, g

from service import clock
from service.audit.models import SYSTEM, Actor, ActorKind
from service.cards.show import CarriedCard
from service.config import Settings
from service.crypto.keyfile import Keys
from service.crypto.keystore import KeyStore
from service.crypto.live import LiveKeys
from service.db import Database
from service.merging.rules import Rules
from service.privacy.replay import Journal
from service.proof.hold import Prover
from service.sessions.recognise import ShopperIdentity
from service.sites.models import Site
from service.staff.models import Operator
from service.stores.recognise import TerminalIdentity
from service.web.buckets import Buckets
from service.web.identities import Identities
from service.web.metrics import Metrics

EXTENSION = "unspoken"


@dataclass(frozen=True)
class Service:
    """Everything the doors need, composed once by `service.app`."""

    settings: Settings
    db: Database
    live_keys: LiveKeys
    buckets: Buckets
    metrics: Metrics
    identities: Identities
    keystore: KeyStore
    rules: Rules
    now: Callable[[], datetime] = clock.now
    journal: Journal = field(default_factory=Journal)

    @property
    def keys(self) -> Keys:
        """The keys in force."""
        return self.live_keys.current()


def here() -> Any:
    """Return `g` itself: the proxy would look it up at each attribute, which each request would feel."""
    return g._get_current_object()


def service() -> Service:
    """Return the service behind the current request."""
    found: Service = current_app._get_current_object().extensions[EXTENSION]  # type: ignore[attr-defined]
    return found


def now() -> datetime:
    """Return the request's one reading of the clock."""
    moment: datetime = here().now
    return moment


def terminal() -> TerminalIdentity:
    """Return the calling till."""
    caller: TerminalIdentity = here().terminal
    return caller


def site() -> Site:
    """Return the calling site."""
    caller: Site = here().site
    return caller


def operator() -> Operator:
    """Return the calling operator."""
    caller: Operator = here().operator
    return caller


def actor() -> Actor:
    """Return the caller as the audit names them."""
    if "operator" in g:
        return Actor(ActorKind.OPERATOR, operator().id)
    if "site" in g:
        return Actor(ActorKind.SITE, site().id)
    if "shopper" in g:
        return Actor(ActorKind.SHOPPER, shopper().session_id)
    return SYSTEM


def carried_card() -> CarriedCard | None:
    """Return the live card of the calling shopper's session."""
    carried: CarriedCard | None = here().card
    return carried


def shopper() -> ShopperIdentity:
    """Return the calling shopper."""
    caller: ShopperIdentity = here().shopper
    return caller


def prover() -> Prover:
    """Return the calling shopper as whoever changes what their file is entered by."""
    return Prover(shopper().customer_id, shopper().session_id)
