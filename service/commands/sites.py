"""`unspoken site`."""

from typing import Any
from uuid import UUID

import click

from service import clock
from service.cards.manage import close_site
from service.commands.base import ShownName, database, json_option, show
from service.customers.models import IdentifierKind
from service.sites.add import add_site, list_sites
from service.sites.models import Site

_VOUCHED = (IdentifierKind.EMAIL, IdentifierKind.PHONE, IdentifierKind.CRM, IdentifierKind.LOYALTY_CARD)


@click.group()
@json_option
def site() -> None:
    """Add, list and revoke e-commerce sites."""


class Kinds(click.ParamType[tuple[str, ...]]):
    """Kinds of identifier, with commas between them."""

    name = "kinds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the kinds; anything else is a wrong use."""
        kinds = tuple(dict.fromkeys(kind.strip() for kind in str(value).split(",") if kind.strip()))
        if not set(kinds) <= set(_VOUCHED):
            self.fail(f"the kinds are {', '.join(_VOUCHED)}", param, ctx)
        return kinds


@site.command()
@click.argument("name", type=ShownName())
@click.option(
    "--may-vouch", type=Kinds(), default="", help="Take its word as proof for: email,phone,crm,loyalty_card."
)
@json_option
def add(name: str, may_vouch: tuple[str, ...]) -> None:
    """Add a site, and print its keys. They are shown this once.

    The secret key (usk_…) opens the commerce door from the site's server; the write key (usw_…) is for events.
    With --may-vouch email,phone, what the site calls verified counts as proved by its owner, and may join two
    customers: allow it only to a site that sends one-time codes itself.
    """
    with database() as session:
        added, secret_key, write_key = add_site(session, name=name, may_vouch=may_vouch, now=clock.now())
        site_id = added.id
    made = {"site_id": site_id, "secret_key": secret_key, "write_key": write_key}
    lines = [f"{name:<11} {value}" for name, value in made.items()]
    show(made, "\n".join([*lines, "Keep them: only hashes are stored."]))


@site.command("list")
@json_option
def list_() -> None:
    """List the sites, revoked ones too."""
    with database() as session:
        found = [_describe(item) for item in list_sites(session)]
    lines = [f"{item['site_id']}  {item['name']}{', revoked' if item['revoked_at'] else ''}" for item in found]
    show(found, "\n".join(lines) or "No site yet.")


@site.command()
@click.argument("site_id", type=click.UUID)
@json_option
def revoke(site_id: UUID) -> None:
    """End both keys of a site, every session that they opened, and the cards in them, from the next request on.

    Its shoppers open their cards again from a site that you trust; what they bought stays theirs.
    """
    with database() as session:
        revoked = _describe(close_site(session, site_id, clock.now()))
    show(revoked, f"Revoked {revoked['name']} ({site_id}).")


def _describe(item: Site) -> dict[str, Any]:
    return {
        "site_id": item.id,
        "name": item.name,
        "may_vouch": item.may_vouch,
        "created_at": item.created_at,
        "revoked_at": item.revoked_at,
    }
