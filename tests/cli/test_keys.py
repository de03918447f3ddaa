import errno
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Shell


def keys_file(shell: Shell) -> Path:
    return Path(str(shell.environ["UNSPOKEN_KEYS_FILE"]))


def test_making_the_keys_makes_a_private_file_once(bare: Shell) -> None:
    made = bare.json("keys", "init")
    assert made == {"keys_file": str(keys_file(bare)), "kid": 1}
    assert keys_file(bare).stat().st_mode & 0o777 == 0o600
    before = keys_file(bare).read_bytes()
    assert "exists already" in bare.fails("keys", "init")
    assert keys_file(bare).read_bytes() == before


@pytest.mark.parametrize("command", ["init", "rotate"])
def test_a_full_disk_is_told_and_no_key_is_left_beside_the_file(
    bare: Shell, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command == "rotate":
        bare.json("keys", "init")
    before = set(keys_file(bare).parent.iterdir())

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    words = bare.fails("keys", command)
    assert "No space left on device" in words
    assert str(keys_file(bare)) in words
    assert set(keys_file(bare).parent.iterdir()) == before


def test_rotating_adds_a_key_that_signs_in_72_hours(bare: Shell) -> None:
    bare.json("keys", "init")
    added = bare.json("keys", "rotate")
    assert added["kid"] == 2
    lead = datetime.fromisoformat(added["signs_from"]) - datetime.now(UTC)
    assert timedelta(hours=71.9) < lead <= timedelta(hours=72)
    first, second = bare.json("keys", "list")
    assert (first["kid"], second["kid"], second["verifies_until"]) == (1, 2, None)
    assert first["verifies_until"] > second["signs_from"]
    assert keys_file(bare).stat().st_mode & 0o777 == 0o600


def test_rotating_now_signs_with_the_new_key_at_once(bare: Shell) -> None:
    bare.json("keys", "init")
    assert bare.json("keys", "rotate", "--now")["kid"] == 2
    told = bare.run("keys", "list").stdout.splitlines()
    assert ["signs since" in line for line in told] == [False, True]


def test_listing_shows_no_secret(bare: Shell) -> None:
    bare.json("keys", "init")
    kept = json.loads(keys_file(bare).read_text())
    told = bare.run("keys", "list").stdout + bare.run("keys", "list", "--json").stdout
    assert kept["codes"][0]["signing_key"] not in told
    assert "key" not in {name for item in bare.json("keys", "list") for name in item}


def test_keys_that_all_sign_later_can_be_listed(bare: Shell) -> None:
    bare.json("keys", "init")
    kept = json.loads(keys_file(bare).read_text())
    kept["codes"][0]["signs_from"] = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    keys_file(bare).write_text(json.dumps(kept))
    assert "will sign from" in bare.run("keys", "list").stdout


@pytest.mark.parametrize("command", [("keys", "list"), ("keys", "rotate"), ("serve", "--port", "0")], ids=" ".join)
def test_a_missing_key_file_is_told_with_the_command_that_makes_it(bare: Shell, command: tuple[str, ...]) -> None:
    assert "unspoken keys init" in bare.fails(*command, UNSPOKEN_ENV="production")


@pytest.mark.parametrize("command", [("keys", "list"), ("keys", "rotate"), ("serve", "--port", "0")], ids=" ".join)
def test_a_key_file_that_others_can_read_is_refused(bare: Shell, command: tuple[str, ...]) -> None:
    bare.json("keys", "init")
    for mode in (0o640, 0o604, 0o666):
        keys_file(bare).chmod(mode)
        assert "chmod 600" in bare.fails(*command, UNSPOKEN_ENV="production")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"version": 1}', '{"version": 2, "codes": []}', "\x00"])
@pytest.mark.parametrize("command", [("keys", "list"), ("keys", "rotate"), ("serve", "--port", "0")], ids=" ".join)
def test_a_broken_key_file_is_refused(bare: Shell, command: tuple[str, ...], content: str) -> None:
    keys_file(bare).write_text(content)
    keys_file(bare).chmod(0o600)
    assert "is not valid" in bare.fails(*command)


def test_postgresql_means_production(bare: Shell) -> None:
    address = {"UNSPOKEN_DATABASE_URL": "postgresql://u@127.0.0.1:1/none"}
    assert "unspoken keys init" in bare.fails("serve", "--port", "0", **address)
    assert not keys_file(bare).exists()


@pytest.mark.parametrize("place", ["/proc/keys.json", "/dev/null/keys.json"])
def test_a_key_file_that_can_not_be_written_is_told(bare: Shell, place: str) -> None:
    for command in (("keys", "init"), ("serve", "--port", "0")):
        assert place in bare.fails(*command, UNSPOKEN_KEYS_FILE=place)


def test_an_index_key_is_added_and_finds_at_once(bare: Shell) -> None:
    bare.json("migrate")
    bare.json("keys", "init")
    made = bare.json("keys", "rotate", "--kind", "index")
    assert set(made) == {"version", "writes_from", "identifiers"}
    first, second = bare.json("keys", "list", "--kind", "index")
    assert (first["version"], second["version"]) == (1, made["version"]) == (1, 2)
    assert first["writes_from"] is None
    assert "1970" not in bare.run("keys", "list", "--kind", "index").stdout
    wait = datetime.fromisoformat(second["writes_from"]) - datetime.now(UTC)
    assert timedelta(minutes=9) < wait <= timedelta(minutes=10)
    assert len(bare.json("keys", "list")) == 1, "the keys of the codes are others"


def test_an_index_key_that_waits_is_not_overtaken_but_after_a_compromise(bare: Shell) -> None:
    bare.json("migrate")
    bare.json("keys", "init")
    bare.json("keys", "rotate", "--kind", "index")
    assert "already waits" in bare.fails("keys", "rotate", "--kind", "index")
    assert bare.json("keys", "rotate", "--kind", "index", "--now")["version"] == 3


def test_an_index_key_is_not_rotated_blindly(bare: Shell) -> None:
    bare.json("keys", "init")
    assert "unspoken migrate" in bare.fails("keys", "rotate", "--kind", "index")
    assert len(json.loads(keys_file(bare).read_text())["vault"]["index_keys"]) == 1


def test_listing_index_keys_shows_no_secret(bare: Shell) -> None:
    bare.json("migrate")
    bare.json("keys", "init")
    secret = json.loads(keys_file(bare).read_text())["vault"]["index_keys"][0]["key"]
    told = bare.run("keys", "list", "--kind", "index").stdout
    assert "writes from" in told
    assert secret not in told


def test_identifiers_whose_key_is_not_in_the_file_are_told(bare: Shell, tmp_path: Path) -> None:
    bare.json("migrate")
    bare.json("keys", "init")
    bare.json("keys", "rotate", "--kind", "index", "--now")
    bare.json("site", "add", "Web shop")
    older = json.loads(keys_file(bare).read_text())
    table = tmp_path / "customers.csv"
    table.write_text("crm,email\n1,maria@example.org\n", "utf-8")
    site_id = bare.json("site", "list")[0]["site_id"]
    bare.json("import", "customers", str(table), "--site", site_id)
    del older["vault"]["index_keys"][1]
    keys_file(bare).write_text(json.dumps(older), "utf-8")
    assert (
        "2  is not in this key file: 2 identifiers can't be found"
        in bare.run("keys", "list", "--kind", "index").stdout
    )
