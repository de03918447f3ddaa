"""Add, recognise, list and revoke sites."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.crypto.tokens import Prefix, hash_token, is_well_formed, mint
from service.errors import NotAuthorised, NotFound
from service.sites.models import Site


def add_site(session: Session, *, name: str, now: datetime, may_vouch: Iterable[str] = ()) -> tuple[Site, str, str]:
    """Add a site; return it with its secret key and its write key, which are shown this once."""
    secret_key, write_key = mint(Prefix.SITE_SECRET), mint(Prefix.SITE_WRITE)
    site = Site(
        id=uuid4(),
        name=name,
        secret_key_hash=hash_token(secret_key),
        write_key_hash=hash_token(write_key),
        may_vouch=sorted(may_vouch),
        created_at=now,
    )
    session.add(site)
    return site, secret_key, write_key


def recognise_site(session: Session, secret_key: str) -> Site:
    """Return the site behind a secret key; `NotAuthorised` otherwise."""
    if is_well_formed(secret_key, Prefix.SITE_SECRET):
        holds = Site.secret_key_hash == hash_token(secret_key)
        site = session.scalars(select(Site).where(holds, Site.revoked_at.is_(None))).one_or_none()
        if site is not None:
            return site
    raise unknown_site()


def unknown_site() -> NotAuthorised:
    """Return the one answer for a site key that is unknown or revoked."""
    return NotAuthorised("the site key is unknown or revoked: this door wants the site's secret key (usk_…)")


def list_sites(session: Session) -> list[Site]:
    """Return every site, revoked ones too, oldest first."""
    return list(session.scalars(select(Site).order_by(Site.created_at, Site.id)))


def revoke_site(session: Session, site_id: UUID, now: datetime) -> Site:
    """End both keys of a site."""
    site = session.get(Site, site_id)
    if site is None:
        raise NotFound(f"there is no site {site_id}")
    site.revoked_at = site.revoked_at or now
    return site
