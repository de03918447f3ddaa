"""`unspoken keys`: make, rotate and list the keys of the codes, and of the index of identifiers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from service import clock
from service.codes.keys import CodeKey
from service.commands.base import database, json_option, settings, show, told_in_one_line
from service.crypto import keyfile
from service.crypto.vault import IndexKey
from service.customers.reindex import count_by_version
from service.errors import Conflict

_CODES, _INDEX = "codes", "index"
_kind_option = click.option(
    "--kind",
    type=click.Choice((_CODES, _INDEX)),
    default=_CODES,
    show_default=True,
    help="The keys that sign the codes, or those under which identifiers are found.",
)


@click.group()
@json_option
def keys() -> None:
    """Make, rotate and list the keys in the key file.

    They are the keys that sign the codes, and those under which identifiers are found (--kind index).
    """


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
@_kind_option
@click.option(
    "--now",
    "at_once",
    is_flag=True,
    help="Use the new key at once: after a compromise. With codes, each card's OTP key changes, too.",
)
@json_option
def rotate(kind: str, at_once: bool) -> None:
    """Add a key, of the codes or of the index.

    The index is what e-mail addresses and phone numbers are found under. Tills learn a key of the codes now; it
    signs in 72 hours, and the old one still verifies until its last code is old. An index key finds now and writes
    in 10 minutes; then the worker brings what stands under the old one under the new one. Older index keys stay in
    the file, for a database that is restored from a backup.

    Running services notice within seconds. On several machines, copy the file to each before the new key is used:
    within 72 hours, or 10 minutes for the index.
    """
    if kind == _INDEX:
        _rotate_index(at_once)
    else:
        _rotate_codes(at_once)


@keys.command("list")
@_kind_option
@json_option
def list_(kind: str) -> None:
    """List the keys, oldest first. No secret is shown."""
    with told_in_one_line():
        kept = keyfile.load(settings().keys_file)
    if kind == _INDEX:
        _show_index_keys(kept.vault.index_keys)
    else:
        _show_code_keys(kept.ring.keys)


def _rotate_codes(at_once: bool) -> None:
    with told_in_one_line():
        rotated = keyfile.change(
            settings().keys_file, lambda keys: keyfile.rotate(keys, clock.now(), at_once=at_once)
        )
    newest = rotated.ring.keys[-1]
    show(_describe(newest), f"Key {newest.kid} signs from {newest.signs_from.isoformat()}.")


def _rotate_index(at_once: bool) -> None:
    used = _count_identifiers()
    with told_in_one_line():
        rotated = keyfile.change(
            settings().keys_file, lambda keys: keyfile.rotate_index(keys, clock.now(), at_once=at_once)
        )
    newest = rotated.vault.index_keys[-1]
    words = f"Index key {newest.version} writes from {newest.writes_from.isoformat()}."
    show(_describe_index(newest, used), words)


def _show_code_keys(shown: Sequence[CodeKey]) -> None:
    started = [key for key in shown if key.signs_from <= clock.now()]
    lines = [f"{key.kid:>3}  {_state(key, started)}" for key in shown]
    show([_describe(key) for key in shown], "\n".join(lines))


def _show_index_keys(shown: Sequence[IndexKey]) -> None:
    used = _count_identifiers()
    told = [_describe_index(key, used) for key in shown]
    lines = [
        f"{item['version']:>3}  {_writes(item['writes_from'])}, {item['identifiers']} identifiers" for item in told
    ]
    lost = {version: count for version, count in used.items() if version not in {key.version for key in shown}}
    lines += [
        f"{version:>3}  is not in this key file: {count} identifiers can't be found. Restore the file that has it."
        for version, count in sorted(lost.items())
    ]
    show(told, "\n".join(lines))


def _count_identifiers() -> dict[int, int]:
    with database() as session:
        return count_by_version(session)


def _describe_index(key: IndexKey, used: Mapping[int, int]) -> dict[str, Any]:
    writes_from = None if key.writes_from == keyfile.EVER else key.writes_from
    return {"version": key.version, "writes_from": writes_from, "identifiers": used.get(key.version, 0)}


def _writes(since: datetime | None) -> str:
    return f"writes from {since.isoformat()}" if since else "writes from the beginning"


def _describe(key: CodeKey) -> dict[str, Any]:
    return {"kid": key.kid, "signs_from": key.signs_from, "verifies_until": key.verifies_until}


def _state(key: CodeKey, started: list[CodeKey]) -> str:
    if key not in started:
        return f"will sign from {key.signs_from.isoformat()}"
    if key is started[-1]:
        return f"signs since {key.signs_from.isoformat()}"
    return f"verifies until {key.verifies_until.isoformat()}" if key.verifies_until else "verifies"
