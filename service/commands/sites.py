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
    """Add, list and revoke web shops and their keys."""


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
    """Add a web shop, and print its keys. They are shown this once.

    The secret key (usk_…) opens the commerce door from the shop's server; the write key (usw_…) opens nothing yet.
    With --may-vouch email,phone, what the shop calls verified counts as proved by its owner, and may join two
    customers: allow it only to a shop that sends one-time codes itself.
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
    """List the web shops, revoked ones too."""
    with database() as session:
        found = [_describe(item) for item in list_sites(session)]
    show(found, "\n".join(_in_words(item) for item in found) or "No web shop yet.")


@site.command()
@click.argument("site_id", type=click.UUID)
@json_option
def revoke(site_id: UUID) -> None:
    """End a web shop's keys, from the next request on.

    Every session that they opened ends, too, with the cards in it. Its shoppers open their cards again from a site
    that you trust; what they bought stays theirs.
    """
    with database() as session:
        revoked = _describe(close_site(session, site_id, clock.now()))
    show(revoked, f"Revoked {revoked['name']} ({site_id}).")


def _in_words(item: dict[str, Any]) -> str:
    vouches = f", may vouch for {', '.join(item['may_vouch'])}" if item["may_vouch"] else ""
    return f"{item['site_id']}  {item['name']}{vouches}{', revoked' if item['revoked_at'] else ''}"


def _describe(item: Site) -> dict[str, Any]:
    return {
        "site_id": item.id,
        "name": item.name,
        "may_vouch": item.may_vouch,
        "created_at": item.created_at,
        "revoked_at": item.revoked_at,
    }
