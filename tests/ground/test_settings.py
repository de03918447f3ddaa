import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from service.config import Settings, read_settings
from service.errors import BadSettings

ROOT = Path(__file__).parents[2]


def test_without_variables_everything_lies_in_the_instance_folder() -> None:
    settings = read_settings({})
    assert settings == Settings()
    assert settings.database_url == "sqlite:///instance/unspoken.db"
    assert settings.keys_file == Path("instance/keys.json")
    assert not settings.in_production
    assert not settings.secure


def test_an_empty_variable_is_as_good_as_none() -> None:
    names = ("DATABASE_URL", "KEYS_FILE", "PUBLIC_URL", "ENV", "PROXIES", "METRICS_TOKEN")
    assert read_settings({f"UNSPOKEN_{name}": "" for name in names}) == Settings()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_way_to_write_postgresql_is_one(scheme: str) -> None:
    settings = read_settings({"UNSPOKEN_DATABASE_URL": f"{scheme}://u:p@db.example.com:5433/shop"})
    assert settings.database_url == "postgresql+psycopg://u:p@db.example.com:5433/shop"
    assert not settings.on_sqlite


@pytest.mark.parametrize(
    ("environ", "in_production"),
    [
        ({}, False),
        ({"UNSPOKEN_ENV": "development"}, False),
        ({"UNSPOKEN_ENV": "production"}, True),
        ({"UNSPOKEN_DATABASE_URL": "postgresql:///shop"}, True),
        ({"UNSPOKEN_DATABASE_URL": "postgresql:///shop", "UNSPOKEN_ENV": "development"}, True),
    ],
)
def test_any_database_but_sqlite_is_production(environ: dict[str, str], in_production: bool) -> None:
    assert read_settings(environ).in_production is in_production


def test_an_address_over_tls_makes_cookies_secure() -> None:
    settings = read_settings({"UNSPOKEN_PUBLIC_URL": "https://id.example.com/"})
    assert settings.public_url == "https://id.example.com"
    assert settings.secure


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().env = "production"  # type: ignore[misc]


def test_a_bad_setting_never_repeats_its_value() -> None:
    with pytest.raises(BadSettings) as refused:
        read_settings({"UNSPOKEN_DATABASE_URL": "mysql://u:hunter2@host/x"})
    assert "hunter2" not in refused.value.detail


def test_the_readme_has_every_setting_in_one_table() -> None:
    table = set(re.findall(r"^\| `(UNSPOKEN_[A-Z_]+)`", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    assert table == {f"UNSPOKEN_{field.name.upper()}" for field in fields(Settings)}


@pytest.mark.parametrize(
    ("served_at", "shown"),
    [
        (("127.0.0.1", 8303), "http://127.0.0.1:8303"),
        (("0.0.0.0", 8303), "http://127.0.0.1:8303"),
        (("localhost", 8000), "http://localhost:8000"),
        (("::1", 8303), "http://[::1]:8303"),
        (("127.0.0.1", 0), "http://127.0.0.1:8000"),
    ],
)
def test_in_development_links_lead_to_where_it_serves(served_at: tuple[str, int], shown: str) -> None:
    assert read_settings({}, served_at=served_at).public_url == shown


@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({"UNSPOKEN_PUBLIC_URL": "https://id.example.com"}, "https://id.example.com"),
        ({"UNSPOKEN_ENV": "production"}, "http://127.0.0.1:8000"),
        ({"UNSPOKEN_DATABASE_URL": "postgresql://u@h/n"}, "http://127.0.0.1:8000"),
    ],
)
def test_elsewhere_links_lead_where_the_operator_says(environ: dict[str, str], shown: str) -> None:
    assert read_settings(environ, served_at=("127.0.0.1", 8303)).public_url == shown
