"""The rules file: whole, readable, and refused in one line when it can't be used."""

from pathlib import Path

import pytest

from service.config import Settings, read_settings
from service.customers.models import IdentifierKind
from service.customers.normalise import InvalidIdentifier
from service.errors import BadSettings
from service.merging.judge import accept_value
from service.merging.rules import DEFAULT_FILE, load_rules
from tests.conftest import fresh_app
from tests.world import Clock, World

EMAIL, PHONE, CRM, CARD = IdentifierKind.EMAIL, IdentifierKind.PHONE, IdentifierKind.CRM, IdentifierKind.LOYALTY_CARD


def written(folder: Path, old: str, new: str) -> Path:
    text = DEFAULT_FILE.read_text("utf-8")
    assert old in text
    path = folder / "rules.toml"
    path.write_text(text.replace(old, new), "utf-8")
    return path


def test_the_shipped_rules_are_safe() -> None:
    rules = load_rules(None)
    assert rules.limits.model_dump() == {
        "account": 1,
        "crm": 1,
        "email": 5,
        "phone": 5,
        "loyalty_card": 5,
        "anonymous": 50,
    }
    assert {"null", "none", "nil", "nan", "n/a", "na", "undefined", "unknown", "empty"} <= set(rules.blocked.values)
    assert {"admin", "contact", "info", "noreply", "sales", "support"} <= set(rules.blocked.mailboxes)
    assert rules.hub.customers == 10
    assert rules.merging.by_itself == [EMAIL, PHONE, CRM, CARD]
    assert not rules.merging.phone_alone_merges_named


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[
            (CRM, value)
            for value in (
                "0",
                "0000",
                "\uff10\uff10\uff10",
                "\u0660\u0660",
                "\u0966",
                "\u3007\u3007",
                "0\u20130",
                "\u2212",
                "\uff2e\uff35\uff2c\uff2c",
                "null",
                "NULL",
                "None",
                "n/a",
                "-",
                "undefined",
                "0-0",
                "0.0",
            )
        ],
        *[
            (EMAIL, value)
            for value in (
                "info@shop.example",
                "noreply@shop.example",
                "\uff49\uff4e\uff46\uff4f@shop.example",
                "null@shop.example",
                "000@shop.example",
            )
        ],
        (CARD, "000 000"),
        (PHONE, "+000"),
    ],
)
def test_placeholders_and_roles_identify_nobody(kind: IdentifierKind, value: str) -> None:
    assert load_rules(None).blocks(kind, value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (CRM, "C-10"),
        (CRM, "info"),
        (CRM, "null@4711"),
        (CRM, "0@7"),
        (EMAIL, "maria@shop.example"),
        (PHONE, "+34600000000"),
    ],
)
def test_ordinary_values_pass(kind: IdentifierKind, value: str) -> None:
    assert not load_rules(None).blocks(kind, value)


def test_a_brand_names_its_own_domain_and_its_stores_phones(tmp_path: Path) -> None:
    rules = load_rules(written(tmp_path, "domains = []", 'domains = ["brand.example"]'))
    assert rules.blocks(EMAIL, "ana@brand.example")
    rules = load_rules(written(tmp_path, 'values = ["null"', 'values = ["ana@gmail.example", "null"'))
    assert rules.blocks(EMAIL, "Ana@gmail.example")
    assert not rules.blocks(EMAIL, "ana@brand.example")
    rules = load_rules(written(tmp_path, "phones = []", 'phones = ["+34910000000"]'))
    assert rules.blocks(PHONE, "+34910000000")
    assert not rules.blocks(CRM, "+34910000000")


def test_the_service_goes_by_the_file_that_its_settings_name(settings: Settings, tmp_path: Path) -> None:
    named = written(tmp_path, "domains = []", 'domains = ["brand.example"]')
    environ = {
        "UNSPOKEN_DATABASE_URL": settings.database_url,
        "UNSPOKEN_KEYS_FILE": str(settings.keys_file),
        "UNSPOKEN_IDENTITY_RULES": str(named),
    }
    given = {"identifiers": [{"kind": "email", "value": "ana@brand.example"}]}
    told = []
    for chosen in (settings, read_settings(environ)):
        clock = Clock()
        world = World(fresh_app(chosen, clock), clock, chosen)
        put = world.site().call("PUT", "/commerce/v1/accounts/ana", given)
        asked = world.client.post("/shopper/v1/sign-in", json=given["identifiers"][0])
        told.append(([problem["pointer"] for problem in dict(put.json or {})["problems"]], asked.status_code))
        world.service.db.close()
        world.service.keystore.close()
    assert told == [([], 202), (["/identifiers/0/value"], 422)]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("crm = 1", "crm = 0", "limits.crm"),
        ("crm = 1", "", "limits.crm"),
        ("account = 1", "account = 0", "limits.account"),
        ("email = 5", "email = 0", "limits.email"),
        ("phone = 5", "phone = 0", "limits.phone"),
        ("loyalty_card = 5", "loyalty_card = 0", "limits.loyalty_card"),
        ("anonymous = 50", "anonymous = 0", "limits.anonymous"),
        ("customers = 10", "customers = 1", "hub.customers"),
        ("threshold = 0.7", "threshold = 0.0", "matching.threshold"),
        ("threshold = 0.7", "threshold = 1.01", "matching.threshold"),
        ("largest_block = 20", "largest_block = 1\n", "matching.largest_block"),
        ("largest_block = 20", "largest_block = 1001", "matching.largest_block"),
        ("crm = 1", 'crm = "1"', "limits.crm"),
        ("phone_alone_merges_named = false", "phone_alone_merges_named = 0", "merging.phone_alone_merges_named"),
        ("crm = 1", "crm = 1\nshoes = 2", "limits.shoes"),
        ('"email", "phone"', '"email", "account"', "only email, phone, crm, loyalty_card may merge"),
        ('"email", "phone"', '"email", "anonymous"', "only email, phone, crm, loyalty_card may merge"),
        ("[hub]", "[hub", "not TOML"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(BadSettings) as refused:
        load_rules(written(tmp_path, old, new))
    assert words in refused.value.detail
    assert "\n" not in refused.value.detail


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("customers = 10", "customers = 2"),
        ("threshold = 0.7", "threshold = 1.0"),
        ("largest_block = 20", "largest_block = 2"),
        ("largest_block = 20", "largest_block = 1000"),
    ],
)
def test_what_just_makes_sense_is_taken(tmp_path: Path, old: str, new: str) -> None:
    load_rules(written(tmp_path, old, new))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"nowhere\.toml can't be read"):
        load_rules(tmp_path / "nowhere.toml")


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_bytes("# para España".encode("latin-1"))
    with pytest.raises(BadSettings, match=r"rules\.toml are not UTF-8"):
        load_rules(path)


@pytest.mark.parametrize("number", ["910 000 000", "+34 910-000-000", "0034910000000"])
def test_the_number_of_a_store_is_blocked_however_it_is_written(tmp_path: Path, number: str) -> None:
    rules = load_rules(written(tmp_path, "phones = []", 'phones = ["+34910000000"]'))
    with pytest.raises(InvalidIdentifier):
        accept_value(rules, PHONE, number, region="ES")
    assert accept_value(rules, PHONE, "910 000 001", region="ES") == "+34910000001"


def test_a_placeholder_is_called_one_before_anything_else_is_said_of_it() -> None:
    with pytest.raises(InvalidIdentifier, match="placeholder"):
        accept_value(load_rules(None), CRM, " N/A ", region="ES")
    with pytest.raises(InvalidIdentifier, match="placeholder"):
        accept_value(load_rules(None), PHONE, "null", region="ES")
