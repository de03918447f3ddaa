"""The ground of the command line: where the till keeps its file, JSON or speech, and exit statuses."""

import errno
import os
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from pos_client import speech
from pos_client.client import PosClient
from pos_client.errors import NotAuthorised, PosError
from pos_client.queue import Queue
from pos_client.status import Status, read_status

STATE_VARIABLE = "UNSPOKEN_TILL_STATE"
QUEUE_FILE = "till.db"
FAILED = 1
"""Exit status; 0 is done, 2 is wrong usage."""

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Till:
    """What the options say."""

    state: str | None = None
    as_json: bool = False

    @property
    def path(self) -> Path:
        """The queue file."""
        directory = self.state or os.environ.get(STATE_VARIABLE) or click.get_app_dir("unspoken-till")
        return Path(directory) / QUEUE_FILE

    def read_status(self) -> Status:
        """Return how this till stands, enrolled or not."""
        with closing(Queue(self.path)) as queue:
            return read_status(queue)

    def open(self) -> PosClient:
        """Return the client of the service that this till is enrolled with."""
        url = self.read_status().url
        if url is None:
            raise NotAuthorised(
                "This till is not enrolled yet. Run: unspoken-till enrol URL CODE", code="not_enrolled"
            )
        # Whoever enrolled has already decided about http.
        return PosClient(url, queue=self.path, insecure=True)

    def answer(self, value: object, speak: Callable[[], None]) -> None:
        """Print an answer, as JSON or as a till speaks."""
        if self.as_json:
            speech.print_json(value)
        else:
            speak()


class TillGroup(click.Group):
    """Turns what goes wrong into one line and an exit status."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note --json before anything can go wrong, so that a failure is JSON, too."""
        ctx.obj = Till(as_json="--json" in args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            if ctx.obj.as_json:
                speech.print_json({"error": {"code": "aborted", "detail": "stopped; what was queued is kept"}})
            raise
        except click.ClickException as error:
            if ctx.obj.as_json:
                speech.print_json({"error": {"code": "usage", "detail": error.format_message()}})
            raise
        except PosError as error:
            if ctx.obj.as_json:
                speech.print_json({"error": speech.describe_error(error)})
            speech.say(speech.BAD, speech.advise(error), err=True)
            ctx.exit(FAILED)
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read the output is gone: click ends quietly
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left has nowhere to go
            what = error.filename or "the output"
            speech.say(speech.BAD, f"{what} can't be written: {error.strerror}", err=True)
            ctx.exit(FAILED)


def everywhere(command: Command) -> Command:
    """Give a command the options that may stand before or after its name."""
    state = click.option(
        "--state",
        metavar="DIR",
        expose_value=False,
        callback=_note_state,
        help=f"Directory of this till's file.  [env: {STATE_VARIABLE}; default: one of this user's]",
    )
    as_json = click.option(
        "--json", is_flag=True, expose_value=False, help="Print exactly one JSON value on standard output."
    )
    return state(as_json(command))


def _note_state(ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value:
        ctx.obj.state = value
