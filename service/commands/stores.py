"""`unspoken store` and `unspoken terminal`."""

from typing import Any
from uuid import UUID

import click

from service import clock
from service.commands.base import ShownName, database, json_option, show
from service.errors import Conflict
from service.stores.add import LANGUAGES, add_store
from service.stores.enrol import invite
from service.stores.models import Terminal
from service.stores.recognise import list_stores, list_terminals, revoke_terminal


@click.group()
@json_option
def store() -> None:
    """Add and list stores."""


@store.command()
@click.argument("name", type=ShownName())
@click.option("--time-zone", default="Europe/Madrid", show_default=True, help="IANA name.")
@click.option("--currency", default="EUR", show_default=True, help="ISO 4217 code.")
@click.option("--language", default="es", show_default=True, type=click.Choice(LANGUAGES), help="What cashiers read.")
@json_option
def add(name: str, time_zone: str, currency: str, language: str) -> None:
    """Add a store, and print its id.

    Example: unspoken store add "Gran Vía" --time-zone Europe/Madrid --currency EUR --language es
    """
    where = {"time_zone": time_zone, "currency": currency, "language": language}
    with database() as session:
        try:
            store_id = add_store(session, name=name, now=clock.now(), **where).id
        except Conflict as error:
            raise click.UsageError(error.detail) from None
    show({"store_id": store_id}, f"{store_id}\nNext: unspoken terminal invite {store_id} --label 'Till 1'")


@store.command("list")
@json_option
def list_stores_() -> None:
    """List the stores, oldest first."""
    with database() as session:
        stores = [
            {"store_id": item.id, "name": item.name, "time_zone": item.time_zone, "currency": item.currency}
            for item in list_stores(session)
        ]
    show(stores, "\n".join(f"{item['store_id']}  {item['name']}" for item in stores) or "No store yet.")


@click.group()
@json_option
def terminal() -> None:
    """Invite, list and revoke tills."""


@terminal.command("invite")
@click.argument("store_id", type=click.UUID)
@click.option(
    "--label", type=ShownName(), default="Till", show_default=True, help="What shoppers and cashiers call it."
)
@click.option("--training", is_flag=True, help="Same answers, but nothing it sends counts.")
@json_option
def invite_(store_id: UUID, label: str, training: bool) -> None:
    """Make a one-time enrolment code for a till of a store. It lives 15 minutes.

    On the till: unspoken-till enrol URL CODE
    """
    with database() as session:
        code, expires_at = invite(session, store_id=store_id, label=label, training=training, now=clock.now())
    words = f"{code}\nValid once, until {expires_at:%H:%M} UTC. On the till: unspoken-till enrol URL {code}"
    show({"enrolment_code": code, "expires_at": expires_at}, words)


@terminal.command("list")
@json_option
def list_() -> None:
    """List the tills, revoked ones too."""
    with database() as session:
        found = [_describe(item) for item in list_terminals(session)]
    show(found, "\n".join(map(_line, found)) or "No till yet.")


@terminal.command()
@click.argument("terminal_id", type=click.UUID)
@json_option
def revoke(terminal_id: UUID) -> None:
    """End a till's token: it holds from its next request on. What it sent stays."""
    with database() as session:
        revoked = _describe(revoke_terminal(session, terminal_id, clock.now()))
    show(revoked, f"Revoked {revoked['label']} ({terminal_id}).")


def _describe(item: Terminal) -> dict[str, Any]:
    return {
        "terminal_id": item.id,
        "label": item.label,
        "store_id": item.store_id,
        "store": item.store.name,
        "training": item.training,
        "enrolled_at": item.enrolled_at,
        "last_seen_at": item.last_seen_at,
        "revoked_at": item.revoked_at,
    }


def _line(item: dict[str, Any]) -> str:
    state = "revoked" if item["revoked_at"] else f"last seen {item['last_seen_at']:%Y-%m-%d %H:%M} UTC"
    return f"{item['terminal_id']}  {item['label']} in {item['store']}, {state}"
