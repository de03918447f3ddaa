"""`unspoken customer`: what a person may ask of the brand: their data, or to be forgotten."""

import json
import sys
from typing import Any
from uuid import UUID

import click

from service import clock
from service.audit.models import COMMAND, Action
from service.audit.record import record
from service.audit.words import LANGUAGES
from service.commands.base import ShownName, database, json_option, keystore, settings, show, to_json
from service.customers.find import fault_of_site, find_people
from service.customers.models import IdentifierKind
from service.customers.normalise import normalise
from service.privacy.erase import erase as erase_customer
from service.privacy.export import export as export_customer
from service.privacy.forget import sweep
from service.privacy.replay import replay


@click.group()
@json_option
def customer() -> None:
    """Find, export and erase people."""


class Why(ShownName):
    """What a look is for, as the shopper reads it."""

    called = "what a look is for"
    longest = 200


@customer.command()
@click.argument("kind", type=click.Choice([kind.value for kind in IdentifierKind]))
@click.argument("value")
@click.option("--site", "site_id", type=click.UUID, help="Of an account or an anonymous id: whose it is.")
@click.option("--why", type=Why(), required=True, help="What for. Whoever is found reads it.")
@json_option
def find(kind: str, value: str, site_id: UUID | None, why: str) -> None:
    """Find the customers who hold or claim a value.

    Several may; the most trusted comes first. Nobody is no failure. Each who is found sees in the app that staff
    looked them up, and why.

    What stands on a command line stays in the shell's history, and others on the machine see it meanwhile. A VALUE
    of - is read from standard input instead:

    \b
      unspoken customer find email - --why "her letter of 3 May"
      unspoken customer find account m-4711 --site SITE_ID --why "ticket 42"
    """
    of_kind = IdentifierKind(kind)
    if fault := fault_of_site(of_kind, site_id):
        raise click.UsageError(fault)
    given = sys.stdin.readline().rstrip("\r\n") if value == "-" else value
    with database() as session, keystore() as keys:
        sought = normalise(of_kind, given, region=settings().phone_region)
        found = find_people(
            session, keys.vault, of_kind, sought, site_id=site_id, actor=COMMAND, why=why, now=clock.now()
        )
    lines = [f"{one.customer_id}  {one.trust}, since {one.since:%Y-%m-%d}, from: {one.source}" for one in found]
    show([vars(one) for one in found], "\n".join(lines) or "Nobody.")


@customer.command()
@click.argument("customer_id", type=click.UUID)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="en",
    show_default=True,
    help="Of the sentences that say who looked.",
)
@json_option
def export(customer_id: UUID, language: str) -> None:
    """Print everything we hold on a person.

    It is JSON, to hand to them. That it was done is audited.
    """
    with database() as session, keystore() as keys:
        told = export_customer(session, keys, customer_id, language=language, now=clock.now())
        record(session, Action.EXPORTED, told["customer_id"], actor=COMMAND, now=clock.now())
    show(told, json.dumps(told, default=to_json, ensure_ascii=False, indent=2))


@customer.command()
@click.argument("customer_id", type=click.UUID)
@click.option("--yes", is_flag=True, help="Don't ask first. A script must say so.")
@json_option
def erase(customer_id: UUID, yes: bool) -> None:
    """Erase a person for good.

    Every file that counts as theirs goes, too. Nothing brings them back.
    """
    if not yes:
        _ask_first(customer_id)
    with keystore() as keys:
        with database() as session:
            erased = erase_customer(session, keys, customer_id, actor=COMMAND, now=clock.now())
        with database() as session:
            sweep(session, erased.nodes)
    told: dict[str, Any] = {
        "customer_id": erased.customer_id,
        "customer_ids": list(erased.nodes),
        "erased_at": erased.erased_at,
    }
    show(told, f"Erased {erased.customer_id} at {erased.erased_at.isoformat()}.")


@customer.command("replay-erasures")
@json_option
def replay_erasures() -> None:
    """Erase again whom the journal names.

    The journal is in the key store. This is for after a restore, or a crash, and safe to repeat. The service
    answers 503 at /readyz until it is done. The worker does it by itself, too.
    """
    with keystore() as keys:
        with database() as session:
            gone = replay(session, keys, clock.now())
        with database() as session:
            sweep(session, gone)
        destroyed = keys.destroyed
    words = [f"Erased {len(gone)} again." if gone else "Nobody to erase again."]
    if destroyed:
        words.append(f"Destroyed {destroyed} data key{'s' * (destroyed > 1)} that had come back.")
    show({"erased": gone, "keys_destroyed": destroyed}, " ".join(words))


def is_attended() -> bool:
    """Return whether somebody sits at the prompt who can be asked."""
    return sys.stdin.isatty()


def _ask_first(customer_id: UUID) -> None:
    if not is_attended():
        raise click.UsageError("Erasing can't be undone: say --yes where nobody can be asked.")
    click.confirm(f"Erase {customer_id} for good, with every file that counts as theirs?", abort=True, err=True)
