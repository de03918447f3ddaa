"""`identity duplicates`: over the whole database, by the command line, on both databases."""

import json
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from service.audit.models import Action, AuditEntry
from service.cli import main
from service.customers.models import Customer, Identifier, IdentifierKind, Trust
from service.customers.traits import write_traits
from service.matching.person import Person, read_person
from service.merging.decide import reject
from service.merging.duplicates import read_people
from service.merging.join import Cause, join
from service.merging.models import Merge, Proposal, ProposalStatus, Rule
from service.merging.rules import DEFAULT_FILE
from tests.customers.test_dump import dump
from tests.matching.records import maria, moved, strangers
from tests.merging.people import CARD, CRM, EMAIL, OPERATOR, PHONE, People
from tests.world import World

PERSONAL = ("quintan", "qiuntan", "1984-05", "calle mayor", "madrid", "maria@example.com", "600111222")


@pytest.fixture
def people(world: World) -> People:
    made = People(world, world.service.rules)
    for traits in strangers(30):
        add(made, traits)
    return made


def add(people: People, traits: dict[str, Any]) -> UUID:
    node = people.node()
    with people.write() as session:
        write_traits(people.keystore, session.get_one(Customer, node), traits)
    return node


def run(people: People, *arguments: str) -> Result:
    settings = people.world.settings
    environ = {
        "UNSPOKEN_DATABASE_URL": settings.database_url,
        "UNSPOKEN_KEYSTORE_URL": settings.keystore_url,
        "UNSPOKEN_KEYS_FILE": str(settings.keys_file),
    }
    done = CliRunner().invoke(main, ["identity", "duplicates", *arguments], env=environ, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def find(people: People) -> list[dict[str, Any]]:
    told = json.loads(run(people, "--json").stdout)
    assert told["new"] == sum(one["new"] for one in told["proposals"])
    proposals: list[dict[str, Any]] = told["proposals"]
    return proposals


def pair(proposal: dict[str, Any]) -> set[UUID]:
    return {UUID(ident) for ident in proposal["customer_ids"]}


def test_a_customer_typed_wrongly_is_proposed_and_nothing_is_merged(people: People) -> None:
    shop, crm = add(people, maria()), add(people, maria(family_name="Qiuntana", birth_date="1984-05-13"))
    (proposal,) = find(people)
    assert pair(proposal) == {shop, crm}
    assert proposal["likelihood"] >= people.rules.matching.threshold
    assert proposal["likelihood"] == round(proposal["likelihood"], 2), "more would claim to know more than it does"
    with people.world.service.db.read() as session:
        stored = session.get_one(Proposal, UUID(proposal["proposal_id"]))
        assert (stored.status, stored.score) == (ProposalStatus.OPEN, proposal["likelihood"])
        assert session.scalars(select(Merge)).all() == []


def test_the_operator_reads_why_in_words(people: People) -> None:
    add(people, maria())
    add(people, maria(family_name="Qiuntana", birth_date="1984-05-13"))
    find(people)
    (told,) = people.world.operator().call("GET", "/operator/v1/proposals").json["items"]
    assert told["why"] == (
        "they have the same first name, street, house number, town and postcode, surname one letter apart, "
        "birth date one digit apart"
    )


def test_each_who_is_named_sees_each_time_that_staff_looked(people: People) -> None:
    named = {add(people, maria()), add(people, maria(family_name="Qiuntana", birth_date="1984-05-13"))}
    for _ in range(2):
        find(people)
    with people.world.service.db.read() as session:
        looks = session.scalars(select(AuditEntry).where(AuditEntry.action == Action.PROPOSALS_READ)).all()
    assert Counter(look.customer_id for look in looks) == dict.fromkeys(named, 2)
    assert {(look.actor_kind, look.why) for look in looks} == {("command", "looking for probable duplicates")}


def test_contacts_count_too(people: People) -> None:
    name = {"given_name": "María", "family_name": "Quintana"}
    first, second, third = add(people, name), add(people, name), add(people, {"given_name": "Carlos"})
    for node in (first, second, third):
        people.give(node, IdentifierKind.PHONE, "+34600111222", Trust.CLAIMED)
    assert [pair(proposal) for proposal in find(people)] == [{first, second}]


def test_addresses_and_phones_are_each_compared_with_their_own_and_no_other_kind_is(people: People) -> None:
    node = people.node()
    for kind, value in ((EMAIL, "ana@example.com"), (PHONE, "+34600111222"), (CRM, "C-1"), (CARD, "900")):
        people.give(node, kind, value, Trust.CLAIMED)
    with people.world.service.db.read() as session:
        read = read_people(session, people.keystore, step=lambda _: None)
    assert read[node] == read_person({}, emails=["ana@example.com"], phones=["+34600111222"])


def test_a_contact_that_cannot_be_read_is_left_out(people: People) -> None:
    node = people.node()
    people.give(node, IdentifierKind.EMAIL, "ana@example.com", Trust.CLAIMED)
    with people.write() as session:
        [row] = session.scalars(select(Identifier).where(Identifier.customer_id == node))
        row.value_sealed = None
        session.flush()
        assert node in (read := read_people(session, people.keystore, step=lambda _: None))
        assert read[node] == Person()


def test_the_same_question_is_asked_once(people: People) -> None:
    add(people, maria())
    add(people, maria(family_name="Quintanna"))
    (first,) = find(people)
    people.world.clock.forward(seconds=1)
    (again,) = find(people)
    assert (first["new"], again["new"]) == (True, False)
    assert first["proposal_id"] == again["proposal_id"]


def test_a_rejected_pair_is_not_proposed_again(people: People) -> None:
    add(people, maria())
    add(people, maria(family_name="Quintanna"))
    (proposal,) = find(people)
    with people.write() as session:
        reject(session, UUID(proposal["proposal_id"]), actor=OPERATOR, now=people.now())
    assert find(people) == []


def test_nodes_of_one_customer_are_one_record(people: People) -> None:
    known = {"given_name": "María", "family_name": "Quintana", "birth_date": "1984-05-31"}
    name, place = add(people, known), add(people, {"address": moved()})
    with people.write() as session:
        cause = Cause(Rule.OPERATOR, OPERATOR, {}, "the same")
        joined = join(session, people.keystore, name, place, cause=cause, rules=people.rules, now=people.now())
    other = add(people, maria(family_name="Quintanna"))
    (proposal,) = find(people)
    assert pair(proposal) == {joined.customer_id, other}
    assert "same first name, birth date, street" in proposal["why"]


@pytest.mark.parametrize("answering", [1, 2])
def test_where_nodes_of_one_customer_differ_the_one_that_answers_counts(people: People, answering: int) -> None:
    idents, names = [UUID(int=number) for number in (answering, 3 - answering)], ("María", "Luz")
    for ident, name in zip(idents, names, strict=True):
        people.node(name, ident=ident)
    assert people.join(*idents).customer_id == idents[0]
    with people.world.service.db.write() as session:
        read = read_people(session, people.keystore, step=lambda _: None)
    assert (read[idents[0]].given, idents[1] in read) == ("maria", False)


def test_the_erased_are_left_out(people: People) -> None:
    add(people, maria())
    gone = add(people, maria(family_name="Quintanna"))
    with people.write() as session:
        session.get_one(Customer, gone).erased_at = people.now()
        session.flush()
        assert gone not in read_people(session, people.keystore, step=lambda _: None)
    assert find(people) == []


def test_a_contact_that_was_ended_speaks_for_nobody(people: People) -> None:
    node = people.node()
    people.give(node, IdentifierKind.EMAIL, "ana@example.com", Trust.CLAIMED)
    people.end(node)
    with people.write() as session:
        assert read_people(session, people.keystore, step=lambda _: None)[node] == Person()


def test_nothing_that_was_compared_is_stored(people: People) -> None:
    for family_name in ("Quintana", "Qiuntana"):
        node = add(people, maria(family_name=family_name))
        people.give(node, IdentifierKind.EMAIL, "maria@example.com", Trust.CLAIMED)
    assert find(people)
    stolen = (dump(people.world.service.db) + dump(people.keystore.db)).lower()
    assert not [value for value in PERSONAL if value.encode() in stolen]


def test_the_report_tells_a_person_what_to_do(people: People) -> None:
    first, second = add(people, maria()), add(people, maria(family_name="Qiuntana"))
    told = run(people)
    assert "32 customers; 1 probable duplicate, 1 of them new:" in told.stdout
    assert str(first) in told.stdout
    assert str(second) in told.stdout
    assert "surname one letter apart" in told.stdout
    assert "/operator/v1/proposals/" in told.stdout
    assert not [value for value in PERSONAL if value in told.output.lower()]


def test_the_threshold_is_the_rules(people: People, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    add(people, maria())
    add(people, maria(family_name="Quintanna"))
    assert len(find(people)) == 1
    strict = tmp_path / f"{uuid4()}.toml"
    strict.write_text(DEFAULT_FILE.read_text("utf-8").replace("threshold = 0.7", "threshold = 1.0"), "utf-8")
    monkeypatch.setenv("UNSPOKEN_IDENTITY_RULES", str(strict))
    assert find(people) == []


def test_how_many_are_compared_each_with_each_is_the_rules(
    people: People, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        node = add(people, {"given_name": "María", "family_name": "Quintana"})
        people.give(node, EMAIL, "maria@example.com", Trust.CLAIMED)
    assert len(find(people)) == 3
    fewer = tmp_path / f"{uuid4()}.toml"
    fewer.write_text(DEFAULT_FILE.read_text("utf-8").replace("largest_block = 20", "largest_block = 2"), "utf-8")
    monkeypatch.setenv("UNSPOKEN_IDENTITY_RULES", str(fewer))
    assert find(people) == []
