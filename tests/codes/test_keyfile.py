import json
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.crypto import keyfile
from service.crypto.keyfile import Keys
from service.errors import BadSettings

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    keyfile.save_new(path, keyfile.create(NOW))
    return path


def rotate(path: Path) -> Keys:
    rotated = keyfile.rotate(keyfile.load(path), NOW, at_once=True)
    keyfile.save(path, rotated)
    return rotated


def test_of_changes_at_once_none_is_lost(path: Path) -> None:
    def slowly(keys: Keys) -> Keys:
        time.sleep(0.02)
        return keyfile.rotate(keys, NOW, at_once=True)

    with ThreadPoolExecutor(4) as pool:
        made = [keys.ring.keys[-1] for keys in pool.map(lambda _: keyfile.change(path, slowly), range(4))]
    kept = {key.kid: key.signing_key for key in keyfile.load(path).ring.keys}
    assert sorted(key.kid for key in made) == [2, 3, 4, 5]
    assert {key.kid: key.signing_key for key in made}.items() <= kept.items()


def refusal(path: Path) -> str:
    with pytest.raises(BadSettings) as caught:
        keyfile.load(path)
    assert "\n" not in caught.value.detail
    return caught.value.detail.replace(str(path), "FILE")


def overwrite(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    keys = keyfile.create(NOW)
    keyfile.save_new(tmp_path / "new" / "keys.json", keys)
    loaded = keyfile.load(tmp_path / "new" / "keys.json")
    assert loaded.ring.keys == keys.ring.keys
    assert loaded.vault == keys.vault
    assert loaded.otp_root == keys.otp_root
    assert rotate(tmp_path / "new" / "keys.json").ring.keys == keyfile.load(tmp_path / "new" / "keys.json").ring.keys


def test_a_file_from_before_the_index_key_had_versions_is_read(path: Path) -> None:
    data, kept = json.loads(path.read_text("utf-8")), keyfile.load(path)
    [only] = data["vault"].pop("index_keys")
    data["vault"]["index_key"] = only["key"]
    overwrite(path, json.dumps(data))
    assert keyfile.load(path).vault == kept.vault


def test_a_file_from_before_otp_keys_followed_from_a_root_is_read_alike_each_time(path: Path) -> None:
    data = json.loads(path.read_text("utf-8"))
    del data["otp_root"]
    overwrite(path, json.dumps(data))
    read, again = keyfile.load(path), keyfile.load(path)
    assert read.otp_root == again.otp_root
    assert read.otp_key_of(887654321) != read.otp_key_of(887654322)
    keyfile.save(path, read)
    assert keyfile.load(path).otp_root == read.otp_root


def test_no_two_roots_of_otp_keys_are_alike_and_none_is_shown(path: Path) -> None:
    made = [keyfile.create(NOW) for _ in range(2)]
    turned = [keyfile.rotate(made[0], NOW, at_once=True) for _ in range(2)]
    data = json.loads(path.read_text("utf-8"))
    del data["otp_root"]
    overwrite(path, json.dumps(data))
    every = [*made, *turned, keyfile.load(path)]
    secrets = {keys.otp_root for keys in every} | {keys.vault.sealing_key for keys in made} | {bytes(32)}
    assert len(secrets) == len(every) + len(made) + 1
    assert not any(repr(keys.otp_root) in repr(keys) for keys in every)
    assert keyfile.rotate(made[0], NOW, at_once=False).otp_root == made[0].otp_root


def test_the_first_key_signs_on_a_machine_whose_clock_is_a_little_behind() -> None:
    assert keyfile.create(NOW).ring.signer(NOW - timedelta(minutes=5)).kid == 1


def test_the_file_is_private_from_the_first_byte_on(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rotate(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_can_open_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert refusal(path) == "the key file FILE can be read by other users: chmod 600 FILE"


def test_a_folder_in_its_place_is_called_what_it_is(path: Path) -> None:
    path.unlink()
    path.mkdir()
    assert refusal(path) == "the key file FILE can't be read: Is a directory"


def test_a_missing_file_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.json") == "the key file FILE does not exist: make it with `unspoken keys init`"


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    assert refusal(tmp_path / "folder") == "the key file FILE can't be read: Is a directory"


NO_KEY_FILES = ["", "{", "null", "[]", "7", '"text"', "{}", "\x00", "[" * 100_000, '{"codes": [], "vault": {}}']


@pytest.mark.parametrize("text", NO_KEY_FILES)
def test_a_file_that_is_no_key_file_is_refused_in_one_line(path: Path, text: str) -> None:
    overwrite(path, text)
    assert refusal(path) == "the key file FILE is not valid: restore it from a backup"


def test_a_file_that_is_no_text_is_refused(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    assert "not valid" in refusal(path)


CHANGES: dict[str, Change] = {
    "another version": lambda data: data.update(version=2),
    "no version": lambda data: data.pop("version"),
    "no codes": lambda data: data.update(codes=[]),
    "a kid twice": lambda data: data["codes"].append(data["codes"][0]),
    "a kid of two bytes": lambda data: data["codes"][0].update(kid=256),
    "a negative kid": lambda data: data["codes"][0].update(kid=-1),
    "a kid in words": lambda data: data["codes"][0].update(kid="1"),
    "a fraction of a kid": lambda data: data["codes"][0].update(kid=1.0),
    "a short signing key": lambda data: data["codes"][0].update(signing_key="AAAA"),
    "a key that isn't base64": lambda data: data["codes"][0].update(sealing_key="!" * 44),
    "a key that isn't text": lambda data: data["codes"][0].update(sealing_key=7),
    "a time without an offset": lambda data: data["codes"][0].update(signs_from="2026-11-22T12:00:00"),
    "a time before all times": lambda data: data["codes"][0].update(signs_from="0001-01-01T00:00:00+14:00"),
    "a time that is none": lambda data: data["codes"][0].update(verifies_until="soon"),
    "no end": lambda data: data["codes"][0].pop("verifies_until"),
    "a code key that is no object": lambda data: data.update(codes=["x"]),
    "no vault": lambda data: data.pop("vault"),
    "a vault version beyond a byte": lambda data: data["vault"].update(version=256),
    "a vault version without end": lambda data: data["vault"].update(version=float("inf")),
    "a vault without a key": lambda data: data["vault"].pop("index_keys"),
    "a vault without any key": lambda data: data["vault"].update(index_keys=[]),
    "an index key twice": lambda data: data["vault"].update(index_keys=data["vault"]["index_keys"] * 2),
    "a key with a sign too many": lambda data: data["codes"][0].update(
        sealing_key="!" + data["codes"][0]["sealing_key"]
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_key_file_with_anything_wrong_in_it_is_refused_and_no_secret_repeated(path: Path, change: Change) -> None:
    data = json.loads(path.read_text("utf-8"))
    change(data)
    overwrite(path, json.dumps(data))
    assert refusal(path) == "the key file FILE is not valid: restore it from a backup"


def test_of_many_that_make_the_file_at_once_one_wins_and_the_rest_are_told(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    made = [keyfile.create(NOW) for _ in range(16)]

    def save(keys: Keys) -> bool:
        try:
            keyfile.save_new(path, keys)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(save, made))
    assert won.count(True) == 1
    assert keyfile.load(path).vault == made[won.index(True)].vault
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_half_a_file(path: Path) -> None:
    first = keyfile.load(path)
    grown = first
    for _ in range(30):
        grown = keyfile.rotate(grown, NOW, at_once=True)

    def flip(number: int) -> None:
        keyfile.save(path, grown if number % 2 else first)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.map(flip, range(50))
        for _ in range(50):
            assert keyfile.load(path).vault == first.vault
        list(writing)
    assert list(path.parent.iterdir()) == [path]


def test_secrets_are_not_in_what_is_printed(path: Path) -> None:
    keys = keyfile.load(path)
    printed = repr(keys.ring.keys) + repr(keys.vault)
    assert "signing_key" not in printed
    assert "sealing_key" not in printed
    assert not any(repr(key.key) in printed for key in keys.vault.index_keys)
