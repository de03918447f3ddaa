"""The key file: one private JSON file with every secret that outlives a process."""

import base64
import fcntl
import hashlib
import hmac
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from service.codes.freshness import ACCEPT_AFTER, GRACE
from service.codes.keys import CodeKey, KeyRing
from service.codes.typed import OTP_KEY_BYTES
from service.crypto.vault import IndexKey, Vault
from service.errors import BadSettings

PUBLISH_BEFORE_SIGNING = timedelta(hours=72)
PUBLISH_BEFORE_INDEXING = timedelta(minutes=10)
# Processes notice a new key file within seconds; codes that they sign meanwhile must still verify.
_PICK_UP_MARGIN = timedelta(minutes=1)
_MAX_KID = 255
_KEY_BYTES = 32
_VERSION = 1
EVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When the first index key began to write."""


class ExposedKeys(BadSettings):
    """Other users of the machine can read the key file."""


@dataclass(frozen=True)
class Keys:
    """What the key file holds: the ring of the codes, the root of cards' OTP keys, and the keys of values at rest."""

    ring: KeyRing
    vault: Vault
    otp_root: bytes = field(repr=False)

    def otp_key_of(self, card_number: int) -> bytes:
        """Return the key of a card's OTPs, 20 bytes, by HKDF-Expand (RFC 5869 section 2.3) from the root.

        It isn't stored with the card, so typed digits can be judged before anything is looked up.
        """
        info = b"cards.otp_key:%d" % card_number
        return hmac.digest(self.otp_root, info + b"\x01", hashlib.sha256)[:OTP_KEY_BYTES]


def create(now: datetime) -> Keys:
    """Return fresh keys that sign at once."""
    # Backdated, so that a machine whose clock is a little behind can sign too.
    first = _new_code_key(1, now.replace(microsecond=0) - timedelta(minutes=5))
    index_key = IndexKey(1, os.urandom(_KEY_BYTES), EVER)
    vault = Vault(1, os.urandom(_KEY_BYTES), (index_key,))
    return Keys(KeyRing([first]), vault, os.urandom(_KEY_BYTES))


def rotate(keys: Keys, now: datetime, *, at_once: bool) -> Keys:
    """Return the ring with one key more. It signs 72 h after it is published, or at once after a compromise.

    The key before it verifies until its last code is too old. At once, every card gets another OTP key, too.
    """
    newest = keys.ring.keys[-1]
    if newest.kid >= _MAX_KID:
        raise BadSettings("all 255 key ids are used, and a key id is never used again")
    if newest.signs_from > now and not at_once:
        raise BadSettings(f"key {newest.kid} already waits to sign from {newest.signs_from.isoformat()}")
    signs_from = now.replace(microsecond=0) + (timedelta(0) if at_once else PUBLISH_BEFORE_SIGNING)
    retired = [_retire(key, signs_from) for key in keys.ring.keys]
    otp_root = os.urandom(_KEY_BYTES) if at_once else keys.otp_root
    ring = KeyRing([*retired, _new_code_key(newest.kid + 1, signs_from)])
    return replace(keys, ring=ring, otp_root=otp_root)


def rotate_index(keys: Keys, now: datetime, *, at_once: bool) -> Keys:
    """Return the keys with one version more of the index key.

    Every process must find with a key before any process writes with it, so it writes from ten minutes later on.
    Older versions stay: a database that is restored from a backup may still have rows under them.
    """
    newest = keys.vault.index_keys[-1]
    if newest.writes_from > now and not at_once:
        raise BadSettings(f"index key {newest.version} already waits to write from {newest.writes_from.isoformat()}")
    writes_from = now.replace(microsecond=0) + (timedelta(0) if at_once else PUBLISH_BEFORE_INDEXING)
    fresh = IndexKey(newest.version + 1, os.urandom(_KEY_BYTES), writes_from)
    return replace(keys, vault=replace(keys.vault, index_keys=(*keys.vault.index_keys, fresh)))


def _retire(key: CodeKey, signs_from: datetime) -> CodeKey:
    """Return a key that stops signing at `signs_from`: it verifies until its last code is too old."""
    until = signs_from + ACCEPT_AFTER + GRACE + _PICK_UP_MARGIN
    return replace(
        key, signs_from=min(key.signs_from, signs_from), verifies_until=min(key.verifies_until or until, until)
    )


def load(path: Path) -> Keys:
    """Return the keys in the file; raise `BadSettings`, in one line, when it is missing, open to others or wrong."""
    try:
        _check_private(path)
        return _parse(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise BadSettings(f"the key file {path} does not exist: make it with `unspoken keys init`") from None
    except OSError as error:
        raise BadSettings(f"the key file {path} can't be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise BadSettings(f"the key file {path} is not valid: restore it from a backup") from None


def save_new(path: Path, keys: Keys) -> None:
    """Write the file for the first time; FileExistsError when it is there, even when raced."""
    with _written_beside(path, keys) as temporary:
        os.link(temporary, path)
    _sync_folder(path)


def save(path: Path, keys: Keys) -> None:
    """Replace the file in one step."""
    with _written_beside(path, keys) as temporary:
        temporary.replace(path)
    _sync_folder(path)


def change(path: Path, make: Callable[[Keys], Keys]) -> Keys:
    """Replace the file by what is made of its keys, and return that; of changes at once each waits for its turn."""
    load(path)  # or say why it can't be
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        keys = make(load(path))
        save(path, keys)
    finally:
        os.close(folder)
    return keys


@contextmanager
def _written_beside(path: Path, keys: Keys) -> Iterator[Path]:
    """Write a file of another name, which is gone afterwards, whatever happens: it holds every secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    temporary = Path(name)
    try:
        _write(descriptor, keys, path)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _write(descriptor: int, keys: Keys, path: Path) -> None:
    """Write the keys to a file that is open; a failure names the file that it is to become."""
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(_dump(keys), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _sync_folder(path: Path) -> None:
    """Make the file's name outlive a power cut: without these keys what the database holds can't be opened."""
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_private(path: Path) -> None:
    if os.name == "posix" and path.is_file() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ExposedKeys(f"the key file {path} can be read by other users: chmod 600 {path}")


def _new_code_key(kid: int, signs_from: datetime) -> CodeKey:
    return CodeKey(kid, os.urandom(_KEY_BYTES), os.urandom(_KEY_BYTES), signs_from)


def _dump(keys: Keys) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "codes": [_dump_code_key(key) for key in keys.ring.keys],
        "otp_root": _to_text(keys.otp_root),
        "vault": {
            "version": keys.vault.version,
            "sealing_key": _to_text(keys.vault.sealing_key),
            "index_keys": [_dump_index_key(key) for key in keys.vault.index_keys],
        },
    }


def _dump_index_key(key: IndexKey) -> dict[str, Any]:
    return {"version": key.version, "key": _to_text(key.key), "writes_from": key.writes_from.isoformat()}


def _dump_code_key(key: CodeKey) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "signing_key": _to_text(key.signing_key),
        "sealing_key": _to_text(key.sealing_key),
        "signs_from": key.signs_from.isoformat(),
        "verifies_until": key.verifies_until and key.verifies_until.isoformat(),
    }


def _parse(data: dict[str, Any]) -> Keys:
    ring = KeyRing([_parse_code_key(item) for item in data["codes"]])
    vault = data["vault"]
    index_keys = _parse_index_keys(vault)
    kids = [key.kid for key in ring.keys]
    if data["version"] != _VERSION or not kids or len(set(kids)) != len(kids):
        raise ValueError("not a key file of this version")
    sealing_key = _to_key(vault["sealing_key"])
    # In a file from before there was a root the sealing key stands in: every process has the same.
    otp_root = _to_key(data["otp_root"]) if "otp_root" in data else sealing_key
    return Keys(ring, Vault(_to_byte(vault["version"]), sealing_key, index_keys), otp_root)


def _parse_index_keys(vault: dict[str, Any]) -> tuple[IndexKey, ...]:
    if "index_key" in vault:  # a file from before the index key had versions
        return (IndexKey(1, _to_key(vault["index_key"]), EVER),)
    keys = tuple(
        IndexKey(int(item["version"]), _to_key(item["key"]), _to_time(item["writes_from"]))
        for item in vault["index_keys"]
    )
    versions = [key.version for key in keys]
    if not versions or sorted(set(versions)) != versions:
        raise ValueError("the versions of the index key must grow")
    return keys


def _parse_code_key(item: dict[str, Any]) -> CodeKey:
    until = item["verifies_until"]
    return CodeKey(
        _to_byte(item["kid"]),
        _to_key(item["signing_key"]),
        _to_key(item["sealing_key"]),
        _to_time(item["signs_from"]),
        _to_time(until) if until is not None else None,
    )


def _to_text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode("ascii")


def _to_byte(number: int) -> int:
    return bytes((number,))[0]  # raises unless it is an integer from 0 to 255


def _to_key(text: str) -> bytes:
    key = base64.b64decode(text, altchars=b"-_", validate=True)
    if len(key) != _KEY_BYTES:
        raise ValueError("a key is 32 bytes")
    return key


def _to_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset")
    return moment.astimezone(UTC)
