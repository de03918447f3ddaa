"""`unspoken keys`: make, rotate and list the keys of the codes."""

from typing import Any

import click

from service import clock
from service.codes.keys import CodeKey
from service.commands.base import json_option, settings, show, told_in_one_line
from service.crypto import keyfile
from service.errors import Conflict


@click.group()
@json_option
def keys() -> None:
    """Make, rotate and list the keys that sign the codes."""


@keys.command()
@json_option
def init() -> None:
    """Make the key file. It must not exist yet.

    Everything a code's authenticity rests on is in this one file: back it up, apart from the database.
    """
    path = settings().keys_file
    made = keyfile.create(clock.now())
    with told_in_one_line():
        try:
            keyfile.save_new(path, made)
        except FileExistsError:
            raise Conflict(f"{path} exists already; `unspoken keys rotate` adds a key to it") from None
        except OSError as error:
            raise Conflict(f"{path} can't be written: {error.strerror}") from None
    show({"keys_file": path, "kid": made.ring.keys[0].kid}, f"Made {path}. Back it up, apart from the database.")


@keys.command()
@click.option("--now", "at_once", is_flag=True, help="Sign with the new key at once: after a compromise.")
@json_option
def rotate(at_once: bool) -> None:
    """Add a key. Tills learn it now; it signs in 72 hours, and the old one still verifies until its last code is old.

    Running services notice within seconds; on several machines, copy the file to each.
    """
    path = settings().keys_file
    with told_in_one_line():
        rotated = keyfile.rotate(keyfile.load(path), clock.now(), at_once=at_once)
        keyfile.save(path, rotated)
    newest = rotated.ring.keys[-1]
    show(_describe(newest), f"Key {newest.kid} signs from {newest.signs_from.isoformat()}.")


@keys.command("list")
@json_option
def list_() -> None:
    """List the keys, oldest first. No secret is shown."""
    with told_in_one_line():
        ring = keyfile.load(settings().keys_file).ring
    started = [key for key in ring.keys if key.signs_from <= clock.now()]
    lines = [f"{key.kid:>3}  {_state(key, started)}" for key in ring.keys]
    show([_describe(key) for key in ring.keys], "\n".join(lines))


def _describe(key: CodeKey) -> dict[str, Any]:
    return {"kid": key.kid, "signs_from": key.signs_from, "verifies_until": key.verifies_until}


def _state(key: CodeKey, started: list[CodeKey]) -> str:
    if key not in started:
        return f"will sign from {key.signs_from.isoformat()}"
    if key is started[-1]:
        return f"signs since {key.signs_from.isoformat()}"
    return f"verifies until {key.verifies_until.isoformat()}" if key.verifies_until else "verifies"
