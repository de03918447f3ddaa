"""`identity simulate`: on a world with known merges and splits, told before they are made, and nothing written."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner

from service.cli import main
from service.customers.models import IdentifierKind, Trust
from service.merging.models import Rule
from service.merging.rules import DEFAULT_FILE
from tests.merging.people import CARD, CRM, EMAIL, PHONE, People

SHOP = UUID(int=77)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "others.toml"
    path.write_text(DEFAULT_FILE.read_text("utf-8"), "utf-8")
    return path


def change(rules: Path, old: str, new: str) -> None:
    text = rules.read_text("utf-8")
    assert old in text
    rules.write_text(text.replace(old, new), "utf-8")


def run(people: People, rules: Path, *arguments: str) -> str:
    settings = people.world.settings
    environ = {
        "UNSPOKEN_DATABASE_URL": settings.database_url,
        "UNSPOKEN_KEYSTORE_URL": settings.keystore_url,
        "UNSPOKEN_KEYS_FILE": str(settings.keys_file),
    }
    done = CliRunner().invoke(
        main, ["identity", "simulate", str(rules), *arguments], env=environ, catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def simulate(people: People, rules: Path) -> dict[str, Any]:
    before = people.state()
    told: dict[str, Any] = json.loads(run(people, rules, "--json"))
    assert people.state() == before, "nothing is written"
    return told


def ends(change: dict[str, Any]) -> set[UUID]:
    return {UUID(ident) for ident in change["customer_ids"]}


def account(people: People, node: UUID, value: str) -> None:
    people.give(node, IdentifierKind.ACCOUNT, value, Trust.VOUCHED, issuer=SHOP)


def test_the_same_rules_change_nothing(people: People, rules: Path) -> None:
    ana, luis, other = people.node("Ana"), people.node("Luis"), people.node()
    for node in (ana, luis, other):
        people.give(node, PHONE, "+34600123456")
    assert simulate(people, rules) == {"merges": [], "splits": []}


def test_a_looser_rule_shows_the_merges_it_would_add(people: People, rules: Path) -> None:
    ana, luis = people.node("Ana"), people.node("Luis")
    people.give(ana, PHONE, "+34600123456")
    people.give(luis, PHONE, "+34600123456")
    first, second, third = (people.node() for _ in range(3))
    account(people, first, "a-1")
    account(people, second, "a-2")
    for node in (first, second, third):
        people.give(node, EMAIL, "shared@example.com")
    people.give(people.node(), EMAIL, "shared@example.com", Trust.CLAIMED)
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    [by_phone] = simulate(people, rules)["merges"]
    assert (ends(by_phone), by_phone["kind"]) == ({ana, luis}, "phone")
    change(rules, "account = 1", "account = 2")
    told = simulate(people, rules)
    assert {change["kind"] for change in told["merges"]} == {"phone", "email"}
    assert told["splits"] == []


def test_what_it_shows_is_what_the_rules_then_do(people: People, rules: Path) -> None:
    ana, luis = people.node("Ana"), people.node("Luis")
    people.give(ana, PHONE, "+34600123456")
    people.give(luis, PHONE, "+34600123456")
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    assert len(simulate(people, rules)["merges"]) == 1
    people.change("merging", phone_alone_merges_named=True)
    people.give(luis, PHONE, "+34600123456")
    assert people.are_one(ana, luis)
    assert simulate(people, rules)["merges"] == []


def test_a_stricter_rule_shows_the_merges_it_would_not_have_made(people: People, rules: Path) -> None:
    a, b, c, d = (people.node() for _ in range(4))
    people.give(a, CARD, "900")
    by_card = people.give(b, CARD, "900")
    people.give(b, EMAIL, "ana@example.com")
    people.give(c, EMAIL, "ana@example.com")
    people.join(c, d)
    change(rules, '"crm", "loyalty_card"', '"crm"')
    told = simulate(people, rules)
    assert by_card is not None
    [split] = told["splits"]
    assert (UUID(split["merge_id"]), ends(split)) == (by_card.merge_id, {a, b})
    assert split["why"] == "the rules leave this kind to a person"
    assert told["merges"] == []


def test_what_a_person_joined_no_rule_splits(people: People, rules: Path) -> None:
    a, b = people.node(), people.node()
    people.give(a, CRM, "C-1", Trust.VOUCHED)
    people.give(b, CRM, "C-2", Trust.VOUCHED)
    people.join(a, b)
    change(rules, 'by_itself = ["email", "phone", "crm", "loyalty_card"]', "by_itself = []")
    assert simulate(people, rules) == {"merges": [], "splits": []}


def test_two_whom_other_evidence_still_joins_are_no_split(people: People, rules: Path) -> None:
    a, b = people.node(), people.node()
    people.give(a, CARD, "900")
    people.give(b, CARD, "900")
    people.give(a, EMAIL, "ana@example.com")
    people.give(b, EMAIL, "ana@example.com")
    change(rules, '"crm", "loyalty_card"', '"crm"')
    assert simulate(people, rules)["splits"] == []


def test_a_do_not_link_stands_under_any_rules(people: People, rules: Path) -> None:
    ana, luis = people.node("Ana"), people.node("Luis")
    people.undo(people.join(ana, luis).merge_id)
    people.give(ana, PHONE, "+34600123456")
    people.give(luis, PHONE, "+34600123456")
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    assert simulate(people, rules)["merges"] == []


def test_a_lower_hub_splits_and_a_higher_one_merges(people: People, rules: Path) -> None:
    people.change("hub", customers=3)
    members = [people.node() for _ in range(2)]
    claimants = [people.node() for _ in range(2)]
    for node in claimants:
        people.give(node, EMAIL, "shared@example.com", Trust.CLAIMED)
    for node in members:
        people.give(node, EMAIL, "shared@example.com")
    assert not people.are_one(*members)
    change(rules, "customers = 10", "customers = 3")
    assert simulate(people, rules)["splits"] == []
    people.join(*members, Rule.VERIFIED_IDENTIFIER, kind="email", identifier_id=next(iter(people.held(members[0]))))
    [split] = simulate(people, rules)["splits"]
    assert (ends(split), split["why"]) == (set(members), "too many customers claim this value")


def test_it_knows_one_value_under_two_index_keys(people: People, rules: Path) -> None:
    ana, luis = people.node("Ana"), people.node("Luis")
    people.give(ana, PHONE, "+34600123456")
    people.rotate_index_key()
    people.give(luis, PHONE, "+34600123456")
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    assert [ends(found) for found in simulate(people, rules)["merges"]] == [{ana, luis}]


def test_people_read_counts_and_ids_and_nothing_personal(people: People, rules: Path) -> None:
    ana, luis = people.node("Ana"), people.node("Luis")
    people.give(ana, PHONE, "+34600123456")
    people.give(luis, PHONE, "+34600123456")
    assert run(people, rules).splitlines() == [
        "0 merges more.",
        "0 merges that would not have been made.",
    ]
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    told = run(people, rules)
    assert told.startswith("1 merges more:")
    assert "both proved the same phone number" in told
    assert str(ana) in told
    assert "600123456" not in told
    assert "Ana" not in told


def test_rules_that_cannot_be_used_are_named_in_one_line(people: People, rules: Path) -> None:
    change(rules, "crm = 1", "crm = 0")
    done = CliRunner().invoke(main, ["identity", "simulate", str(rules)])
    assert done.exit_code == 1
    assert "limits.crm" in done.stderr
