"""Add a store."""

from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.orm import Session

from service.errors import Conflict
from service.stores.models import Store

LANGUAGES = ("en", "es")


def add_store(session: Session, *, name: str, time_zone: str, currency: str, language: str, now: datetime) -> Store:
    """Add a store; `Conflict` says which of its time zone, currency (ISO 4217) or language can't be."""
    _check_time_zone(time_zone)
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise Conflict(f"currency must be three capital letters of ISO 4217, such as EUR; got {currency!r}")
    if language not in LANGUAGES:
        raise Conflict(f"language must be one of {', '.join(LANGUAGES)}; got {language!r}")
    store = Store(id=uuid4(), name=name, time_zone=time_zone, currency=currency, language=language, created_at=now)
    session.add(store)
    return store


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Conflict(f"time zone must be an IANA name, such as Europe/Madrid; got {name!r}") from None
