"""What a request finds: the composed service, and who is calling."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import current_app, g

from service import clock
from service.cards.show import CarriedCard
from service.config import Settings
from service.crypto.keyfile import Keys
from service.crypto.live import LiveKeys
from service.db import Database
from service.sessions.recognise import ShopperIdentity
from service.sites.models import Site
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
    now: Callable[[], datetime] = clock.now

    @property
    def keys(self) -> Keys:
        """The keys in force."""
        return self.live_keys.current()


def service() -> Service:
    """Return the service behind the current request."""
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, Service)
    return found


def now() -> datetime:
    """Return the request's one reading of the clock."""
    moment = g.now
    assert isinstance(moment, datetime)
    return moment


def terminal() -> TerminalIdentity:
    """Return the calling till."""
    caller = g.terminal
    assert isinstance(caller, TerminalIdentity)
    return caller


def site() -> Site:
    """Return the calling site."""
    caller = g.site
    assert isinstance(caller, Site)
    return caller


def carried_card() -> CarriedCard | None:
    """Return the live card of the calling shopper's session."""
    carried = g.card
    assert carried is None or isinstance(carried, CarriedCard)
    return carried


def shopper() -> ShopperIdentity:
    """Return the calling shopper."""
    caller = g.shopper
    assert isinstance(caller, ShopperIdentity)
    return caller
