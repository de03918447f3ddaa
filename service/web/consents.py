"""Consent as the doors speak of it: what they take and what they answer."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.models import ActorKind
from service.consent.models import Consent, Purpose
from service.privacy.consents import Said
from service.sites.models import Site
from service.web.operation import Answer, Body

# What each door calls the version of its own words.
TextVersion = Annotated[
    str, StringConstraints(min_length=1, max_length=50, pattern=r"^[!-~]+$"), Field(examples=["2026-11"])
]


class SaidIn(Body):
    """What the customer said, and to which words."""

    granted: Annotated[bool, Field(examples=[True])]
    text_version: TextVersion


class SaidOfIn(SaidIn):
    """What the customer said of a purpose, and to which words."""

    purpose: Purpose

    @property
    def said(self) -> Said:
        """The statement."""
        return Said(self.purpose, self.granted, self.text_version)


class ConsentOut(Answer):
    """What holds for one purpose; nulls while nobody asked. `source` is who told us: site, shopper or operator."""

    purpose: Purpose
    granted: bool | None
    text_version: str | None
    at: datetime | None
    source: ActorKind | None
    site: str | None


class ConsentsOut(Answer):
    """What holds, purpose by purpose."""

    items: list[ConsentOut]


def describe(purpose: Purpose, holds: Consent | None, sites: dict[UUID, str]) -> dict[str, Any]:
    """Return what holds for one purpose as answers say it; `sites` names the sites by id."""
    return {
        "purpose": purpose,
        "granted": None if holds is None else holds.granted,
        "text_version": None if holds is None else holds.text_version,
        "at": None if holds is None else holds.at,
        "source": None if holds is None else holds.source,
        "site": None if holds is None or holds.source_id is None else sites.get(holds.source_id),
    }


def site_names(session: Session) -> dict[UUID, str]:
    """Return the name of every site."""
    return {row.id: row.name for row in session.execute(select(Site.id, Site.name))}
