import json

import pytest

from tests.cli.conftest import Shell

NEEDS_DATABASE = [("store", "list"), ("site", "add", "Web shop"), ("terminal", "list"), ("purge",)]


@pytest.mark.parametrize("command", NEEDS_DATABASE, ids=" ".join)
def test_missing_tables_are_told_with_the_command_that_makes_them(bare: Shell, command: tuple[str, ...]) -> None:
    assert "unspoken migrate" in bare.fails(*command)


@pytest.mark.parametrize("command", [*NEEDS_DATABASE, ("migrate",)], ids=" ".join)
def test_a_postgresql_that_does_not_answer_is_told_without_its_password(
    bare: Shell, command: tuple[str, ...]
) -> None:
    words = bare.fails(*command, UNSPOKEN_DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/none")
    assert "the database can't be used" in words
    assert "hunter2" not in words


def test_a_key_store_that_does_not_answer_is_told_without_its_password(bare: Shell) -> None:
    bare.json("migrate")
    bare.json("keys", "init")
    gone = "postgresql://u:hunter2@127.0.0.1:1/none"
    assert bare.fails("customer", "replay-erasures", UNSPOKEN_KEYSTORE_URL=gone) == (
        "the key store does not answer: try again"
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("UNSPOKEN_DATABASE_URL", "mysql://localhost/x"),
        ("UNSPOKEN_DATABASE_URL", "sqlite://"),
        ("UNSPOKEN_DATABASE_URL", "sqlite:///"),
        ("UNSPOKEN_DATABASE_URL", "postgresql://u:hunter2@host:port/x"),
        ("UNSPOKEN_DATABASE_URL", "postgresql://u:hunter2@[::1/x"),
        ("UNSPOKEN_DATABASE_URL", "nonsense"),
        ("UNSPOKEN_PUBLIC_URL", "id.example.com"),
        ("UNSPOKEN_PUBLIC_URL", "https://"),
        ("UNSPOKEN_PUBLIC_URL", "ftp://id.example.com"),
        ("UNSPOKEN_PUBLIC_URL", "https://id.example.com/?a=b"),
        ("UNSPOKEN_PUBLIC_URL", "https://[id.example.com"),
        ("UNSPOKEN_ENV", "prod"),
        ("UNSPOKEN_PROXIES", "-1"),
        ("UNSPOKEN_PROXIES", "many"),
        ("UNSPOKEN_PROXIES", "99"),
        ("UNSPOKEN_PROXIES", "²"),
    ],
)
@pytest.mark.parametrize("command", [("store", "list"), ("migrate",), ("serve", "--port", "0")], ids=" ".join)
def test_a_bad_setting_is_told_by_its_name(bare: Shell, command: tuple[str, ...], variable: str, value: str) -> None:
    words = bare.fails(*command, **{variable: value})
    assert variable in words
    assert "hunter2" not in words


def test_a_database_that_can_not_be_a_file_is_told(bare: Shell) -> None:
    for address in ("sqlite:////proc/nowhere/x.db", "sqlite:////dev/null/x.db", "sqlite:////tmp"):
        assert bare.fails("store", "list", UNSPOKEN_DATABASE_URL=address)
        assert bare.fails("migrate", UNSPOKEN_DATABASE_URL=address)


def test_a_file_that_is_no_database_is_told(bare: Shell, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("other") / "letter.txt"
    path.write_text("Dear database, " * 100)
    for command in (("store", "list"), ("migrate",)):
        assert "the database can't be used" in bare.fails(*command, UNSPOKEN_DATABASE_URL=f"sqlite:///{path}")


def test_a_database_of_a_later_version_is_told(bare: Shell) -> None:
    import sqlite3
    from contextlib import closing

    bare.json("migrate")
    path = str(bare.environ["UNSPOKEN_DATABASE_URL"]).removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "9999" in bare.fails("migrate")


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        (("terminal", "list", "--json"), 1, "failed"),
        (("--json", "terminal", "list"), 1, "failed"),
        (("store", "add", "A", "--currency", "eur", "--json"), 2, "usage"),
        (("terminal", "invite", "nope", "--json"), 2, "usage"),
        (("nope", "--json"), 2, "usage"),
        (("--bogus", "--json"), 2, "usage"),
        (("--json",), 2, "usage"),
        (("keys", "--json"), 2, "usage"),
    ],
)
def test_a_failure_is_one_json_value_too(bare: Shell, command: tuple[str, ...], status: int, code: str) -> None:
    done = bare.run(*command)
    assert done.exit_code == status
    told = json.loads(done.stdout)
    assert (set(told), set(told["error"]), told["error"]["code"]) == ({"error"}, {"code", "detail"}, code)
    assert done.stderr != ""
    without = bare.run(*[part for part in command if part != "--json"])
    assert "{" not in without.stdout
