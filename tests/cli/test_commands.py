import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.cli.conftest import Shell
from tests.world import World


def test_a_store_a_till_and_a_site_from_nothing(shell: Shell) -> None:
    store = shell.json("store", "add", "Gran Vía", "--time-zone", "Europe/Madrid", "--currency", "EUR")
    assert set(store) == {"store_id"}
    invited = shell.json("terminal", "invite", store["store_id"], "--label", "Till 3")
    assert set(invited) == {"enrolment_code", "expires_at"}
    expires_in = datetime.fromisoformat(invited["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < expires_in <= timedelta(minutes=15)
    site = shell.json("site", "add", "Web shop")
    assert set(site) == {"site_id", "secret_key", "write_key"}
    assert [UUID(item["store_id"]) for item in shell.json("store", "list")] == [UUID(store["store_id"])]


def test_json_is_asked_for_anywhere_on_the_line(shell: Shell) -> None:
    for arguments in (("--json", "site", "list"), ("site", "--json", "list"), ("site", "list", "--json")):
        done = shell.run(*arguments)
        assert (done.exit_code, done.stdout) == (0, "[]\n")


def test_without_json_people_read_what_comes_next(shell: Shell) -> None:
    added = shell.run("store", "add", "Gran Vía")
    store_id = added.stdout.splitlines()[0]
    assert f"unspoken terminal invite {store_id}" in added.stdout
    assert "unspoken-till enrol" in shell.run("terminal", "invite", store_id).stdout
    assert "usk_" in shell.run("site", "add", "Web shop").stdout
    assert "No till yet" in shell.run("terminal", "list").stdout


def test_a_training_till_is_invited_as_one(shell: Shell, world: World) -> None:
    store_id = shell.json("store", "add", "Gran Vía")["store_id"]
    code = shell.json("terminal", "invite", store_id, "--training")["enrolment_code"]
    enrolled = world.client.post("/pos/v1/enrol", json={"enrolment_code": code.upper()})
    assert (enrolled.status_code, enrolled.json["training"]) == (201, True)


def test_a_till_was_last_seen_at_most_a_minute_before_its_last_request(shell: Shell, world: World) -> None:
    till, enrolled = world.till(), world.clock()

    def seen_after(**span: float) -> timedelta:
        world.clock.forward(**span)
        assert till.call("GET", "/pos/v1/terminal").status_code == 200
        [listed] = shell.json("terminal", "list")
        return datetime.fromisoformat(listed["last_seen_at"]) - enrolled

    assert seen_after(seconds=59) == timedelta(0), "a row that all its requests would wait for is written seldom"
    assert seen_after(seconds=1) == timedelta(minutes=1)
    assert seen_after(hours=1) == timedelta(hours=1, minutes=1)


def test_tills_are_listed_and_revoked(shell: Shell, world: World) -> None:
    till = world.till(label="Till 9")
    [listed] = shell.json("terminal", "list")
    assert (listed["label"], listed["store"], listed["revoked_at"]) == ("Till 9", "Gran Vía", None)
    assert "Till 9 in Gran Vía, last seen" in shell.run("terminal", "list").stdout
    revoked = shell.json("terminal", "revoke", listed["terminal_id"])
    assert revoked["revoked_at"] is not None
    assert till.scan("7").status_code == 401
    assert shell.json("terminal", "revoke", listed["terminal_id"]) == revoked, "once is enough, twice is no fault"
    assert "revoked" in shell.run("terminal", "list").stdout


def test_sites_are_listed_and_revoked(shell: Shell, world: World) -> None:
    site = world.site("Zapatos")
    [listed] = shell.json("site", "list")
    assert (listed["site_id"], listed["name"], listed["revoked_at"]) == (site.site_id, "Zapatos", None)
    assert "Zapatos" in shell.run("site", "revoke", site.site_id).stdout
    assert site.call("PUT", "/commerce/v1/accounts/maria", {}).status_code == 401
    assert "revoked" in shell.run("site", "list").stdout


def test_no_list_shows_a_secret(shell: Shell, world: World) -> None:
    till, site = world.till(), world.site()
    told = "".join(shell.run(noun, "list", "--json").stdout for noun in ("store", "terminal", "site", "keys"))
    for secret in (till.token, site.secret_key, site.write_key, "signing", "sealing"):
        assert secret not in told


def test_migrating_twice_runs_nothing_twice(shell: Shell, bare: Shell) -> None:
    assert shell.json("migrate") == {"migrations": []}
    first = bare.json("migrate")["migrations"]
    assert first[0].startswith("0001")
    assert bare.json("migrate") == {"migrations": []}
    assert bare.run("migrate").stdout == "Already up to date.\n"


def test_purging_tells_what_went(shell: Shell, world: World) -> None:
    world.invitation()
    site = world.site()
    site.account()
    site.call("POST", "/commerce/v1/accounts/maria/sessions", {})
    world.clock.forward(days=30)
    gone = shell.json("purge")
    assert (gone["enrolment_codes"], gone["handoffs"]) == (1, 1)
    assert set(shell.json("purge").values()) == {0}
    told = shell.run("purge").stdout
    assert "enrolment codes" in told
    assert "one-time codes" in told
    assert "wrong typed codes" in told
    assert len(told.splitlines()) == len(gone)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("terminal", "invite", "{id}"), "there is no store {id}"),
        (("terminal", "revoke", "{id}"), "there is no terminal {id}"),
        (("site", "revoke", "{id}"), "there is no site {id}"),
        (("keys", "init"), "exists already"),
    ],
)
def test_what_can_not_be_done_is_told_in_one_line(shell: Shell, arguments: tuple[str, ...], words: str) -> None:
    ident = str(uuid4())
    given = [argument.format(id=ident) for argument in arguments]
    assert words.format(id=ident) in shell.fails(*given)
    told = json.loads(shell.run(*given, "--json").stdout)
    assert words.format(id=ident) in told["error"]["detail"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "line\nbreak", "bell\a", "\udcff"])
@pytest.mark.parametrize(
    "command", [("store", "add"), ("site", "add"), ("terminal", "invite", str(uuid4()), "--label")]
)
def test_a_name_that_can_not_be_shown_is_a_wrong_use(shell: Shell, command: tuple[str, ...], name: str) -> None:
    done = shell.run(*command, name)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "1 to 100 printable characters" in done.stderr


@pytest.mark.parametrize(
    "command", [("terminal", "invite", "1"), ("site", "revoke", "x"), ("terminal", "revoke", "")]
)
def test_an_id_that_is_no_uuid_is_a_wrong_use(shell: Shell, command: tuple[str, ...]) -> None:
    assert shell.run(*command).exit_code == 2


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--time-zone", "Mars/Base", "time zone must be an IANA name"),
        ("--time-zone", "../../etc/passwd", "time zone must be an IANA name"),
        ("--currency", "euro", "currency must be three capital letters"),
        ("--language", "fr", "'fr' is not one of"),
    ],
)
def test_a_store_that_can_not_be_is_a_wrong_use(shell: Shell, option: str, value: str, words: str) -> None:
    done = shell.run("store", "add", "X", option, value)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


def test_the_files_of_sqlite_are_for_their_owner_alone(bare: Shell) -> None:
    bare.json("migrate")
    bare.json("keys", "init")
    bare.json("site", "add", "Web shop")
    made = list(Path(str(bare.environ["UNSPOKEN_KEYS_FILE"])).parent.rglob("*.db*"))
    assert made != []
    assert {path.stat().st_mode & 0o077 for path in made if not path.name.endswith("-turn")} == {0}
