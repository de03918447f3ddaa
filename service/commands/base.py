"""What all commands share: settings, the database, and how results and errors are shown."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import click
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from service.config import Settings, read_settings
from service.crypto.keystore import KeyStore
from service.crypto.live import open_keys
from service.db import Database
from service.errors import UnspokenError

Command = TypeVar("Command", bound=Callable[..., Any])
_JSON = "unspoken.json"
_JSON_HELP = "Print exactly one JSON value on standard output."


def settings(*, served_at: tuple[str, int] | None = None) -> Settings:
    """Return the settings of the environment; a bad one ends the command in one line."""
    with told_in_one_line():
        return read_settings(served_at=served_at)


class ShownName(click.ParamType[str]):
    """A name that shoppers and cashiers read: one line, stripped, of at most 100 characters."""

    name = "text"
    called = "a name"
    longest = 100

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name; anything that can't be shown is a wrong use."""
        text = str(value).strip()
        if not 1 <= len(text) <= self.longest or not text.isprintable():
            self.fail(f"{self.called} has 1 to {self.longest} printable characters", param, ctx)
        return text


@contextmanager
def database() -> Iterator[Session]:
    """One transaction on the configured database, for a command; what it can't do is told in one line."""
    with told_in_one_line():
        db = Database(settings().database_url)
        try:
            with db.write() as session:
                yield session
        finally:
            db.close()


@contextmanager
def keystore() -> Iterator[KeyStore]:
    """The configured key store, with the keys of the configured key file; what it can't do is told in one line."""
    with told_in_one_line():
        chosen = settings()
        keys = open_keys(chosen)
        store = KeyStore(chosen.keystore_url, lambda: keys.current().vault)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turn expected errors into one line on standard error and exit status 1."""
    try:
        yield
    except UnspokenError as error:
        raise click.ClickException(error.detail) from None
    except DBAPIError as error:
        raise click.ClickException(_database_words(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'a file'} can't be used: {error.strerror}") from None


class Commands(click.Group):
    """A group of commands: `--json` counts wherever it stands, and failures, too, are one JSON value then."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the command line."""
        with _failing_as_json(_asks_for_json(args)):
            return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note --json before any option answers by itself."""
        ctx.meta[_JSON] = _asks_for_json(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _failing_as_json(ctx.meta[_JSON]):
            return super().invoke(ctx)


def _asks_for_json(args: list[str]) -> bool:
    return "--json" in (args[: args.index("--")] if "--" in args else args)


@contextmanager
def _failing_as_json(as_json: bool) -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        code = "usage" if isinstance(error, click.UsageError) else "failed"
        _show_failure(as_json, code, error.format_message())
        raise
    except click.Abort:
        _show_failure(as_json, "aborted", "nothing was done")
        raise


def _show_failure(as_json: bool, code: str, detail: str) -> None:
    if as_json:
        click.echo(json.dumps({"error": {"code": code, "detail": detail}}))


def json_option(command: Command) -> Command:
    """Add `--json`: standard output is exactly one JSON value."""
    return click.option("--json", is_flag=True, expose_value=False, help=_JSON_HELP)(command)


def wants_json() -> bool:
    """Return whether `--json` was given, anywhere on the command line."""
    return bool(click.get_current_context().meta[_JSON])


def show(value: Any, words: str) -> None:
    """Print a result: the JSON value with `--json`, else the words."""
    click.echo(json.dumps(value, default=to_json) if wants_json() else words)


def to_json(value: Any) -> str:
    """Return what JSON has no form for as text: for `json.dumps`."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (UUID, Path)):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _database_words(error: DBAPIError) -> str:
    text = str(error.orig).strip().partition("\n")[0]
    if "no such table" in text or ("relation" in text and "does not exist" in text):
        return "the database has no tables yet: run `unspoken migrate` first"
    return f"the database can't be used: {text}"
