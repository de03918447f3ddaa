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
from tests.merging.people import CARD, CRM, EMAIL, PHONE, SHOPPER, People

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


def run(people: People, rules: Path, *arguments: str, **more: str) -> str:
    settings = people.world.settings
    environ = more | {
        "UNSPOKEN_DATABASE_URL": settings.database_url,
        "UNSPOKEN_KEYSTORE_URL": settings.keystore_url,
        "UNSPOKEN_KEYS_FILE": str(settings.keys_file),
    }
    done = CliRunner().invoke(
        main, ["identity", "simulate", str(rules), *arguments], env=environ, catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def simulate(people: People, rules: Path, **environ: str) -> dict[str, Any]:
    before = people.state(), people.rows()
    told: dict[str, Any] = json.loads(run(people, rules, "--json", **environ))
    assert (people.state(), people.rows()) == before, "nothing is written"
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
    assert simulate(people, rules) == {"merges": [], "splits": []}


def test_a_do_not_link_stands_under_any_rules(people: People, rules: Path) -> None:
    ana, luis = people.node("Ana"), people.node("Luis")
    people.undo(people.join(ana, luis).merge_id)
    people.give(ana, PHONE, "+34600123456")
    people.give(luis, PHONE, "+34600123456")
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    assert simulate(people, rules)["merges"] == []


def test_what_a_person_parted_again_counts_for_nobody(people: People, rules: Path) -> None:
    ana, luis, eva = (people.node() for _ in range(3))
    people.undo(people.join(ana, luis).merge_id)
    people.give(luis, EMAIL, "luis@example.com", actor=SHOPPER)
    for node in (ana, eva):
        people.give(node, EMAIL, "ana@example.com")
    assert people.are_one(ana, eva)
    change(rules, "email = 5", "email = 1")
    assert simulate(people, rules) == {"merges": [], "splits": []}


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


def test_a_hub_is_more_than_so_many_customers_however_many_nodes_they_are(people: People, rules: Path) -> None:
    ana, twin, luis = people.node("Ana"), people.node(), people.node("Luis")
    people.join(ana, twin)
    for node in (ana, twin, luis):
        people.give(node, PHONE, "+34600123456")
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    change(rules, "customers = 10", "customers = 2")
    [merge] = simulate(people, rules)["merges"]
    assert ends(merge) == {people.canonical(ana), luis}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("domains = []", 'domains = ["blk.example"]'),
        ('values = ["null"', 'values = ["z@blk.example", "null"'),
        ('"webmaster",', '"webmaster", "z",'),
    ],
)
def test_a_value_that_the_rules_block_would_have_joined_nobody(
    people: People, rules: Path, old: str, new: str
) -> None:
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "z@blk.example")
    joined = people.give(b, EMAIL, "z@blk.example")
    people.give(b, PHONE, "+34600123456")
    people.give(people.node(), PHONE, "+34600123456")
    change(rules, old, new)
    [split] = simulate(people, rules)["splits"]
    assert joined is not None
    assert (UUID(split["merge_id"]), ends(split)) == (joined.merge_id, {a, b})
    assert split["why"] == "the rules block this value"


def test_a_blocked_value_is_known_though_nobody_holds_it_any_more(people: People, rules: Path) -> None:
    a, b = people.node(), people.node()
    people.give(a, PHONE, "+34910000000")
    people.give(b, PHONE, "+34910000000")
    for node in (a, b):
        people.end(node)
    change(rules, "phones = []", 'phones = ["+34910000000"]')
    [split] = simulate(people, rules)["splits"]
    assert (ends(split), split["why"]) == ({a, b}, "the rules block this value")


def test_a_blocked_value_joins_nobody_under_looser_rules(people: People, rules: Path) -> None:
    ana, luis = people.node("Ana"), people.node("Luis")
    people.give(ana, PHONE, "+34910000000")
    people.give(luis, PHONE, "+34910000000")
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    assert len(simulate(people, rules)["merges"]) == 1
    change(rules, "phones = []", 'phones = ["+34910000000"]')
    assert simulate(people, rules)["merges"] == []


def test_a_merge_whose_identifier_is_gone_is_judged_by_the_rest(people: People, rules: Path) -> None:
    a, b = people.node(), people.node()
    people.join(a, b, Rule.VERIFIED_IDENTIFIER, kind="email", identifier_id=UUID(int=5))
    change(rules, "email = 5", "email = 1")
    assert simulate(people, rules)["splits"] == []
    change(rules, 'by_itself = ["email",', "by_itself = [")
    assert len(simulate(people, rules)["splits"]) == 1


def test_what_can_no_longer_be_read_blocks_nothing(people: People, rules: Path) -> None:
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "z@blk.example")
    people.give(b, EMAIL, "z@blk.example")
    people.keystore.destroy([a, b], people.now())
    change(rules, "domains = []", 'domains = ["blk.example"]')
    assert simulate(people, rules)["splits"] == []


@pytest.mark.parametrize(
    ("kind", "value", "limit"), [(EMAIL, "mail{}@example.com", 5), (PHONE, "+3460012345{}", 5), (CARD, "90{}", 5)]
)
def test_a_lower_limit_shows_the_merges_that_the_demoted_would_not_have_made(
    people: People, rules: Path, kind: IdentifierKind, value: str, limit: int
) -> None:
    a, b, c = (people.node() for _ in range(3))
    for number in range(3):
        people.give(a, kind, value.format(number))
    people.give(b, kind, value.format(0))
    people.give(c, kind, value.format(2))
    assert people.are_one(a, b, c)
    change(rules, f"{kind.value} = {limit}", f"{kind.value} = 2")
    [split] = simulate(people, rules)["splits"]
    assert ends(split) == {a, b}
    assert split["why"].startswith("one of them would have had too many")
    people.change("limits", **{kind.value: 2})
    assert what_would_be(people, kind, value) == [False, True]


def test_of_what_was_said_at_once_it_counts_what_the_rules_then_count(people: People, rules: Path) -> None:
    site, expected = people.world.site(may_vouch=["email"]), []

    def put(account_id: str, *emails: str) -> UUID:
        given = [{"kind": "email", "value": email, "verified": True} for email in emails]
        return UUID(
            site.call("PUT", f"/commerce/v1/accounts/{account_id}", {"identifiers": given}).json["customer_id"]
        )

    for number in range(8):
        one, two = f"one{number}@example.com", f"two{number}@example.com"
        both, *either = put(f"both{number}", one, two), put(f"one{number}", one), put(f"two{number}", two)
        indexes = [people.world.service.keys.vault.indexes("email", email) for email in (one, two)]
        expected.append({both, either[indexes.index(max(indexes))]})
    change(rules, "account = 1", "account = 9")
    change(rules, "email = 5", "email = 1")
    assert sorted(map(sorted, map(ends, simulate(people, rules)["merges"]))) == sorted(map(sorted, expected))


def what_would_be(people: People, kind: IdentifierKind, value: str) -> list[bool]:
    """Do the same again with other values, under the rules as they are now; tell who is one with the first."""
    a, b, c = (people.node() for _ in range(3))
    for number in range(3, 6):
        people.give(a, kind, value.format(number))
    people.give(b, kind, value.format(3))
    people.give(c, kind, value.format(5))
    return [people.are_one(a, b), people.are_one(a, c)]


def test_what_came_after_a_merge_would_not_have_kept_it_from_being_made(people: People, rules: Path) -> None:
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "first@example.com")
    people.give(b, EMAIL, "first@example.com")
    for number in range(4):
        people.give(a, EMAIL, f"later{number}@example.com")
    change(rules, "email = 5", "email = 1")
    assert simulate(people, rules)["splits"] == []


def test_what_was_proved_anew_after_a_merge_was_weaker_then(people: People, rules: Path) -> None:
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "old@example.com")
    people.give(a, EMAIL, "shared@example.com")
    people.give(b, EMAIL, "shared@example.com")
    people.give(a, EMAIL, "old@example.com", actor=SHOPPER)
    change(rules, "email = 5", "email = 1")
    assert simulate(people, rules)["splits"] == []


def test_what_its_owner_proved_counts_before_whatever_sites_vouch_for(people: People, rules: Path) -> None:
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "own@example.com", actor=SHOPPER)
    for number in range(3):
        people.give(a, EMAIL, f"mail{number}@example.com")
    people.give(b, EMAIL, "own@example.com")
    assert people.are_one(a, b)
    change(rules, "email = 5", "email = 2")
    assert simulate(people, rules)["splits"] == []


def test_a_limit_counts_values_of_its_own_kind(people: People, rules: Path) -> None:
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "ana@example.com")
    for number in range(3):
        people.give(a, PHONE, f"+3460012345{number}")
    people.give(b, EMAIL, "ana@example.com")
    change(rules, "email = 5", "email = 1")
    assert simulate(people, rules) == {"merges": [], "splits": []}


def test_a_limit_counts_over_all_nodes_of_a_customer(people: People, rules: Path) -> None:
    a, twin, b = (people.node() for _ in range(3))
    people.give(a, EMAIL, "mail0@example.com")
    for number in range(1, 3):
        people.give(twin, EMAIL, f"mail{number}@example.com")
    people.join(a, twin)
    people.give(b, EMAIL, "mail0@example.com")
    assert people.are_one(a, b)
    change(rules, "email = 5", "email = 2")
    [split] = simulate(people, rules)["splits"]
    assert ends(split) == {a, b}


def test_of_a_value_on_two_nodes_the_stronger_word_is_weighed(people: People, rules: Path) -> None:
    a, twin = people.node(), people.node()
    people.join(a, twin)
    for owns, other, kind, value in ((a, twin, EMAIL, "mail{}@example.com"), (twin, a, PHONE, "+3460012345{}")):
        people.give(owns, kind, value.format(0), actor=SHOPPER)
        people.give(other, kind, value.format(0))
        for number in range(1, 3):
            people.give(a, kind, value.format(number))
        people.give(people.node(), kind, value.format(0))
    change(rules, "email = 5", "email = 2")
    change(rules, "phone = 5", "phone = 2")
    assert simulate(people, rules) == {"merges": [], "splits": []}


@pytest.mark.parametrize("demoted_first", [True, False])
def test_a_higher_limit_shows_the_merges_of_what_was_demoted(
    people: People, rules: Path, demoted_first: bool
) -> None:
    people.change("limits", email=2)
    present = rules.with_name("present.toml")
    present.write_text(rules.read_text("utf-8").replace("email = 5", "email = 2"), "utf-8")
    a, b = people.node(), people.node()
    if not demoted_first:
        people.give(b, EMAIL, "mail0@example.com", Trust.CLAIMED)
    for number in range(3):
        people.give(a, EMAIL, f"mail{number}@example.com")
    people.give(b, EMAIL, "mail0@example.com")
    assert not people.are_one(a, b)
    assert simulate(people, present, UNSPOKEN_IDENTITY_RULES=str(present)) == {"merges": [], "splits": []}
    [merge] = simulate(people, rules, UNSPOKEN_IDENTITY_RULES=str(present))["merges"]
    assert (ends(merge), merge["kind"]) == ({a, b}, "email")


def test_crm_ids_are_counted_by_node_since_a_person_joins_several(people: People, rules: Path) -> None:
    a, b, c = (people.node() for _ in range(3))
    people.give(a, CRM, "C-1")
    people.give(b, CRM, "C-2")
    people.join(a, b)
    people.give(c, CRM, "C-1")
    stricter = rules.with_name("stricter.toml")
    stricter.write_text(rules.read_text("utf-8"), "utf-8")
    change(rules, "crm = 1", "crm = 2")
    assert simulate(people, rules) == {"merges": [], "splits": []}
    assert simulate(people, stricter, UNSPOKEN_IDENTITY_RULES=str(rules)) == {"merges": [], "splits": []}


def test_a_number_that_may_have_changed_hands_is_left_to_a_person_by_any_rules(people: People, rules: Path) -> None:
    ana, luis = people.node("Ana"), people.node("Luis")
    people.give(ana, PHONE, "+34600123456")
    people.world.clock.forward(days=180)
    people.give(luis, PHONE, "+34600123456")
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    assert simulate(people, rules)["merges"] == []


def test_it_knows_one_value_under_two_index_keys(people: People, rules: Path) -> None:
    ana, luis = people.node("Ana"), people.node("Luis")
    people.give(ana, PHONE, "+34600123456")
    people.rotate_index_key()
    people.give(luis, PHONE, "+34600123456")
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    assert [ends(found) for found in simulate(people, rules)["merges"]] == [{ana, luis}]


def test_it_judges_while_the_index_key_is_rotated_though_one_of_two_holds_the_value_no_more(
    people: People, rules: Path
) -> None:
    a, b, claimant = (people.node() for _ in range(3))
    people.give(a, EMAIL, "ana@example.com")
    people.give(b, EMAIL, "ana@example.com")
    people.give(claimant, EMAIL, "ana@example.com", Trust.CLAIMED)
    people.end(a)
    people.rotate_index_key()
    people.give(a, EMAIL, "new@example.com")
    assert simulate(people, rules) == {"merges": [], "splits": []}
    change(rules, 'by_itself = ["email",', "by_itself = [")
    [split] = simulate(people, rules)["splits"]
    assert ends(split) == {a, b}


def test_edges_are_judged_in_the_order_in_which_they_were_made(people: People, rules: Path) -> None:
    a, b, c = (people.node() for _ in range(3))
    account(people, a, "a-1")
    account(people, c, "a-2")
    for node in (a, b):
        people.give(node, EMAIL, "ana@example.com")
    people.join(b, c)
    present = rules.with_name("present.toml")
    present.write_text(rules.read_text("utf-8").replace("account = 1", "account = 2"), "utf-8")
    assert simulate(people, rules, UNSPOKEN_IDENTITY_RULES=str(present)) == {"merges": [], "splits": []}


def test_of_two_who_may_not_be_one_customer_the_older_holder_is_joined(people: People, rules: Path) -> None:
    ana, luis, eva = (people.node(name) for name in ("Ana", "Luis", "Eva"))
    account(people, ana, "a-1")
    account(people, luis, "a-2")
    for node in (ana, luis, eva):
        people.give(node, PHONE, "+34600123456")
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    assert [ends(merge) for merge in simulate(people, rules)["merges"]] == [{ana, eva}]


def test_what_was_ended_is_shared_by_nobody(people: People, rules: Path) -> None:
    ana, luis, eva = (people.node(name) for name in ("Ana", "Luis", "Eva"))
    for node in (ana, luis, eva):
        people.give(node, PHONE, "+34600123456")
    change(rules, "phone_alone_merges_named = false", "phone_alone_merges_named = true")
    people.end(luis)
    assert [ends(merge) for merge in simulate(people, rules)["merges"]] == [{ana, eva}]
    people.end(eva)
    assert simulate(people, rules)["merges"] == []


def test_what_was_ended_counts_for_no_limit(people: People, rules: Path) -> None:
    a, twin, b = (people.node() for _ in range(3))
    people.join(a, twin)
    for node, number in ((a, 0), (twin, 1), (twin, 2), (b, 0)):
        people.give(node, EMAIL, f"mail{number}@example.com")
    assert people.are_one(a, b)
    people.end(twin)
    change(rules, "email = 5", "email = 2")
    assert simulate(people, rules) == {"merges": [], "splits": []}


def test_a_crm_id_that_a_limit_took_stands_between_nobody(people: People, rules: Path) -> None:
    a, b = people.node(), people.node()
    for node, number in ((a, 1), (a, 2), (b, 3)):
        people.give(node, CRM, f"C-{number}")
        people.give(node, EMAIL, "ana@example.com")
    assert not people.are_one(a, b)
    change(rules, "crm = 1", "crm = 2")
    assert [ends(merge) for merge in simulate(people, rules)["merges"]] == [{a, b}]


@pytest.mark.parametrize("unreadable", [0, 1])
def test_a_value_is_known_by_whichever_of_its_holders_can_be_read(
    people: People, rules: Path, unreadable: int
) -> None:
    both = people.node(), people.node()
    for node in both:
        people.give(node, EMAIL, "z@blk.example")
    people.keystore.destroy([both[unreadable]], people.now())
    change(rules, "domains = []", 'domains = ["blk.example"]')
    assert [ends(split) for split in simulate(people, rules)["splits"]] == [set(both)]


def test_two_values_that_nobody_can_read_are_not_one_while_the_index_key_is_rotated(
    people: People, rules: Path
) -> None:
    a, b = people.node(), people.node()
    people.give(a, EMAIL, "ana@example.com")
    people.give(b, EMAIL, "luis@example.com")
    people.keystore.destroy([a, b], people.now())
    people.rotate_index_key()
    people.give(people.node(), EMAIL, "eva@example.com")
    present = rules.with_name("present.toml")
    present.write_text(rules.read_text("utf-8").replace('by_itself = ["email",', "by_itself = ["), "utf-8")
    assert simulate(people, rules, UNSPOKEN_IDENTITY_RULES=str(present)) == {"merges": [], "splits": []}


def test_a_limit_counts_a_value_once_while_the_index_key_is_rotated(people: People, rules: Path) -> None:
    a, twin, b = (people.node() for _ in range(3))
    people.join(a, twin)
    people.give(a, EMAIL, "shared@example.com")
    people.give(a, EMAIL, "other@example.com")
    people.rotate_index_key()
    people.give(twin, EMAIL, "other@example.com")
    people.give(b, EMAIL, "shared@example.com")
    change(rules, "email = 5", "email = 2")
    assert simulate(people, rules)["splits"] == []
    change(rules, "email = 2", "email = 1")
    assert [ends(split) for split in simulate(people, rules)["splits"]] == [{a, b}]


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


def test_what_todays_rules_would_part_as_well_is_no_change(people: People, rules: Path) -> None:
    ana, luis = people.node("Ana"), people.node("Luis")
    people.change("merging", phone_alone_merges_named=True)
    for node in (ana, luis):
        people.give(node, PHONE, "+34600123456")
    assert people.are_one(ana, luis)
    assert simulate(people, rules) == {"merges": [], "splits": []}
