"""`unspoken demo`."""

import dataclasses
import json
import shlex
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from service.commands.base import json_option, wants_json

if TYPE_CHECKING:
    from service.demo.story import Demo

_USUAL_PORT, _ANY_PORT = 8000, 0
_TERMINATED = 128 + signal.SIGTERM


@click.command()
@click.option("--once", is_flag=True, help="End after the last step, and print one JSON object.")
@click.option("--port", type=click.IntRange(0, 65535), help="Where to serve.  [default: 8000, else any that is free]")
@json_option
def demo(once: bool, port: int | None) -> None:
    """Watch the main job from end to end.

    A code is shown, scanned once, and the sale lands on the customer. In a second act the old CRM has her mistyped, a
    sale without a scan is claimed at home, and her files become one customer, with the merge undone and redone.

    Service, till client and QR decoder are the real ones. All of it lies in instance/demo, which is emptied first;
    your own database is not touched. The demo then stays up for you to play with, until Ctrl-C.

    Exit status of --once: 0 if every step held, else 1.
    """
    try:
        from service.demo.story import Demo
    except ModuleNotFoundError as error:
        raise click.ClickException(f"the demo needs {error.name}: pip install 'unspoken[demo]'") from None
    _heed_signals()
    # Whoever looks around wants the usual address; whoever only checks must not be in the way.
    preferred = port if port is not None else _ANY_PORT if once else _USUAL_PORT
    with Demo(tell=_tell, port=preferred) as playing:
        report = playing.play()
        if once or wants_json():
            click.echo(json.dumps(dataclasses.asdict(report)))
        if not report.ok:
            click.get_current_context().exit(1)
        if not once:
            _stay(playing)


def _heed_signals() -> None:
    """However the demo is told to end, it must take the service with it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # in the background there is no Enter to wait for


def _leave(*_: object) -> NoReturn:
    sys.exit(_TERMINATED)


def _tell(ok: bool, words: str) -> None:
    mark = click.style("✔", fg="green") if ok else click.style("✖", fg="red")
    click.echo(f"{mark} {words}", err=True)


def _stay(playing: "Demo") -> None:
    """Show the ways in, and a fresh link at each Enter, until Ctrl-C."""
    try:
        _say(f"\nAPI docs        {playing.url}/docs")
        _say_link(playing)
        _say("                This link opens once, within 60 seconds. Press Enter for a fresh one.")
        _say(f"Scan as Till 3  {_till_command(playing.folder)}")
        _say("                Run it in a second shell, and type the digits below the QR.\n\nCtrl-C ends the demo.\n")
        with suppress(OSError):
            for _ in sys.stdin:
                _say_link(playing)
        playing.wait()
    except KeyboardInterrupt:
        _say("\nBye.")
    else:
        raise click.ClickException(f"the service has ended, see {playing.folder / 'service.log'}")


def _say_link(playing: "Demo") -> None:
    _say(f"Maria's phone   {playing.open_phone_page()}")


def _say(words: str) -> None:
    click.echo(words, err=wants_json())


def _till_command(folder: Path) -> str:
    program = Path(sys.executable).with_name("unspoken-till")
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    return shlex.join([str(program), "--state", str(folder / "till"), "scan"])
