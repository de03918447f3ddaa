"""`unspoken operator`."""

from typing import Any
from uuid import UUID

import click

from service import clock
from service.commands.base import ShownName, database, json_option, show
from service.staff.add import add_operator, list_operators, revoke_operator
from service.staff.models import Operator


@click.group()
@json_option
def operator() -> None:
    """Add, list and revoke operators: the brand's own people."""


@operator.command()
@click.argument("name", type=ShownName())
@json_option
def add(name: str) -> None:
    """Add an operator, and print their key. It is shown this once.

    The key (uop_…) opens the operator door: it reads any customer, merges, parts and erases. Each look is audited
    under the operator's id, so give everyone a key of their own.
    """
    with database() as session:
        added, key = add_operator(session, name=name, now=clock.now())
        made = {"operator_id": added.id, "operator_key": key}
    lines = [f"{name:<12} {value}" for name, value in made.items()]
    show(made, "\n".join([*lines, "Keep it: only a hash is stored."]))


@operator.command("list")
@json_option
def list_() -> None:
    """List the operators, revoked ones too."""
    with database() as session:
        found = [_describe(item) for item in list_operators(session)]
    lines = [f"{item['operator_id']}  {item['name']}{', revoked' if item['revoked_at'] else ''}" for item in found]
    show(found, "\n".join(lines) or "No operator yet.")


@operator.command()
@click.argument("operator_id", type=click.UUID)
@json_option
def revoke(operator_id: UUID) -> None:
    """End an operator's key from the next request on. What they did stays in the audit under their id."""
    with database() as session:
        revoked = _describe(revoke_operator(session, operator_id, clock.now()))
    show(revoked, f"Revoked {revoked['name']} ({operator_id}).")


def _describe(item: Operator) -> dict[str, Any]:
    return {
        "operator_id": item.id,
        "name": item.name,
        "created_at": item.created_at,
        "revoked_at": item.revoked_at,
    }
