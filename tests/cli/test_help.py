from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from service import __version__
from service.cli import main


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every command and group."""
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


ALL = list(commands(main))


def command_at(path: tuple[str, ...]) -> click.Command:
    command: click.Command = main
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


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout.strip().endswith(__version__)
