import json
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from pos_client.cli import main as till
from service import __version__
from service.cli import main
from service.importing.columns import Field


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every command and group."""
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


ALL = list(commands(main))


def command_at(path: tuple[str, ...], group: click.Group = main) -> click.Command:
    command: click.Command = group
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return command


def test_every_promised_command_is_there() -> None:
    promised = {
        *(("migrate",), ("serve",), ("demo",), ("worker",), ("purge",)),
        *(("keys", "init"), ("keys", "rotate"), ("keys", "list"), ("store", "add"), ("terminal", "invite")),
        *(("terminal", "list"), ("terminal", "revoke"), ("site", "add"), ("site", "list"), ("site", "revoke")),
    }
    assert promised <= set(ALL)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_the_help_of_every_command_teaches(path: tuple[str, ...], flag: str) -> None:
    done = CliRunner().invoke(main, [*path, flag])
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: {' '.join(['main', *path])}")
    help_text = command_at(path).help
    assert help_text
    assert help_text[0].isupper()
    assert len(help_text.split()) >= 4, "a sentence, not a word"


def test_every_option_and_group_member_says_what_it_is_for() -> None:
    for path in ALL:
        for option in command_at(path).params:
            if isinstance(option, click.Option):
                assert option.help or option.show_default, (path, option.name)


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["store", "nonsense"], ["serve", "--port", "x"], ["store", "add"]]
)
def test_a_wrong_use_ends_with_two(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Usage:" in done.stderr


def test_the_version_is_told_by_both_command_lines_in_the_same_form() -> None:
    for group, name in ((main, "unspoken"), (till, "unspoken-till")):
        assert CliRunner().invoke(group, ["--version"]).stdout == f"{name} {__version__}\n"


@pytest.mark.parametrize("options", [("--json", "--version"), ("--version", "--json")])
def test_the_version_is_one_json_value_for_a_program(options: tuple[str, ...]) -> None:
    for group in (main, till):
        assert json.loads(CliRunner().invoke(group, options).stdout) == {"version": __version__}


@pytest.mark.parametrize("group", [main, till], ids=["unspoken", "unspoken-till"])
def test_no_list_of_commands_is_cut_off(group: click.Group) -> None:
    for path in commands(group):
        told = CliRunner().invoke(group, [*path, "--help"]).stdout.splitlines()
        listed = told[told.index("Commands:") :] if "Commands:" in told else []
        assert [line for line in listed if line.endswith("...")] == []


def test_json_is_explained_in_the_same_words_everywhere() -> None:
    words = {
        option.help
        for group in (main, till)
        for path in commands(group)
        for option in command_at(path, group).params
        if isinstance(option, click.Option) and option.name == "json"
    }
    assert words == {"Print exactly one JSON value on standard output."}


def test_the_first_help_names_what_production_needs_and_the_exit_statuses() -> None:
    told = CliRunner().invoke(main, ["--help"]).stdout
    assert "unspoken keys init" in told
    assert "Exit status: 0 done, 1 failed, 2 usage." in told


def test_the_help_of_an_import_shows_an_example_and_every_field() -> None:
    told = CliRunner().invoke(main, ["import", "customers", "--help"]).stdout
    assert "unspoken import customers old-crm.csv --site" in told
    assert '--map "Web-ID=account_id"' in told
    assert set(Field) <= set(told.replace(",", " ").replace(".", " ").split())
