"""Whoever writes to the brand is found at the prompt."""

from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from service.audit.models import Action, AuditEntry
from service.cli import main
from tests.cli.conftest import Shell
from tests.customers.given import EMAIL, email
from tests.world import World

LETTER = ("--why", "her letter")


def test_people_are_found_by_a_value_the_most_trusted_first(shell: Shell, world: World) -> None:
    claims = world.site("Forum").put("m", email())["customer_id"]
    world.clock.forward(days=1)
    holds = world.site(may_vouch=["email"]).put("maria", email(verified=True))["customer_id"]
    first, second = shell.json("customer", "find", "email", f" {EMAIL.upper()} ", *LETTER)
    assert first == {
        "customer_id": holds,
        "trust": "verified",
        "exclusive": True,
        "source": "site",
        "since": "2026-11-23T12:00:00Z",
    }
    assert (second["customer_id"], second["trust"], second["exclusive"]) == (claims, "claimed", False)
    told = shell.run("customer", "find", "email", EMAIL, *LETTER).stdout.splitlines()
    assert [line.split()[0] for line in told] == [holds, claims]
    assert EMAIL not in "".join(told)


def test_the_look_is_noted_as_the_command_lines(shell: Shell, world: World) -> None:
    customer_id = world.site().put("maria", email())["customer_id"]
    shell.json("customer", "find", "email", EMAIL, *LETTER)
    with world.service.db.read() as session:
        [line] = session.scalars(select(AuditEntry).where(AuditEntry.action == Action.LOOKED_UP))
    assert (str(line.customer_id), line.actor_kind, line.why) == (customer_id, "command", "her letter")


def test_nobody_is_no_failure(shell: Shell) -> None:
    assert shell.json("customer", "find", "email", "nobody@example.com", *LETTER) == []
    assert shell.run("customer", "find", "email", "nobody@example.com", *LETTER).stdout == "Nobody.\n"


def test_an_account_is_found_with_its_site(shell: Shell, world: World) -> None:
    site = world.site()
    customer_id = site.account("m-4711")
    account = ("customer", "find", "account", "m-4711", *LETTER)
    assert [one["customer_id"] for one in shell.json(*account, "--site", site.site_id)] == [customer_id]
    assert shell.fails(*account, "--site", str(uuid4())) == "there is no such site"
    assert shell.run(*account).exit_code == 2
    assert shell.run("customer", "find", "email", EMAIL, *LETTER, "--site", site.site_id).exit_code == 2


def test_a_value_may_come_from_standard_input(shell: Shell, world: World) -> None:
    customer_id = world.site().put("maria", email())["customer_id"]
    arguments = ["customer", "find", "email", "-", *LETTER]
    done = CliRunner().invoke(main, arguments, env=shell.environ, input=f"{EMAIL}\n", catch_exceptions=False)
    assert (done.exit_code, done.stdout.split()[0]) == (0, customer_id)


def test_a_value_that_can_not_be_one_is_told_without_an_echo(shell: Shell) -> None:
    words = shell.fails("customer", "find", "email", "maria-at-home", *LETTER)
    assert "e-mail address" in words
    assert "maria-at-home" not in words


@pytest.mark.parametrize("why", [(), ("--why", " "), ("--why", "x" * 201), ("--why", "a\nb")])
def test_a_look_wants_a_reason_that_can_be_shown(shell: Shell, why: tuple[str, ...]) -> None:
    assert shell.run("customer", "find", "email", EMAIL, *why).exit_code == 2


def test_the_help_says_how_to_keep_a_value_out_of_the_history() -> None:
    told = " ".join(CliRunner().invoke(main, ["customer", "find", "--help"]).stdout.split())
    assert "A VALUE of - is read from standard input" in told
