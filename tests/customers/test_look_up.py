from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from service.audit.models import Action, AuditEntry
from tests.customers.given import EMAIL, crm, email, phone
from tests.world import Site, World


def look_up(site: Site, kind: str, value: str, **given: str) -> TestResponse:
    return site.call("POST", "/commerce/v1/customers/lookup", {"kind": kind, "value": value, **given})


def site_reads(site: Site, customer_id: str) -> Any:
    return site.call("GET", f"/commerce/v1/customers/{customer_id}").json["identifiers"]


def looks(world: World) -> list[tuple[str, str | None, str | None]]:
    """Return what the audit holds of looks into files: what, whose, why."""
    wanted = select(AuditEntry).where(AuditEntry.action.in_([Action.LOOKED_UP, Action.READ]))
    with world.service.db.read() as session:
        lines = session.scalars(wanted.order_by(AuditEntry.at, AuditEntry.id)).all()
    return [(line.action, line.customer_id and str(line.customer_id), line.why) for line in lines]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", " Maria@Example.com "),
        ("phone", "600 111 222"),
        ("crm", "C-7"),
        ("loyalty_card", "0042"),
        ("account", "maria"),
    ],
)
def test_a_site_finds_its_customer_by_what_it_gave(world: World, kind: str, value: str) -> None:
    site = world.site()
    given = (email(), phone(), crm("C-7"), {"kind": "loyalty_card", "value": "0042"})
    customer_id = site.put("maria", *given)["customer_id"]
    found = look_up(site, kind, value)
    assert (found.status_code, found.json) == (200, {"customer_id": customer_id})


@pytest.mark.parametrize("kind", ["crm", "loyalty_card", "anonymous"])
def test_an_accented_letter_may_be_written_as_one_character_or_two(world: World, kind: str) -> None:
    site = world.site()
    customer_id = site.put("maria", {"kind": kind, "value": "Nin\u0303o-7"})["customer_id"]
    for value in ("Ni\u00f1o-7", "Nin\u0303o-7"):
        assert look_up(site, kind, value).json == {"customer_id": customer_id}
    again = site.put("maria", {"kind": kind, "value": "Ni\u00f1o-7"})
    (held,) = (one for one in site_reads(site, customer_id) if one["kind"] == kind)
    assert (again["outcome"], held["value"]) == ("updated", "Ni\u00f1o-7")


@pytest.mark.parametrize("verified", [False, True])
def test_another_sites_customer_and_an_unknown_value_get_one_answer(world: World, verified: bool) -> None:
    shop, other = world.site("Shop", may_vouch=["email"]), world.site("Other", may_vouch=["email"])
    shop.put("maria", email(verified=verified))
    other.account("eva")
    foreign, unknown = look_up(other, "email", EMAIL), look_up(other, "email", "nobody@example.com")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json == unknown.json
    assert EMAIL not in foreign.text


def test_one_customer_of_two_sites_is_found_by_either_but_not_by_what_another_site_claims(world: World) -> None:
    shop, other = world.site("Shop", may_vouch=["email"]), world.site("Other", may_vouch=["email"])
    shop.put("maria", email(verified=True), phone())
    put = other.put("m-77", email(verified=True))
    assert put["outcome"] == "linked"
    assert look_up(shop, "phone", "+34600111222").status_code == 200
    assert look_up(other, "email", EMAIL).json == {"customer_id": put["customer_id"]}
    assert look_up(other, "phone", "+34600111222").status_code == 404


def test_of_two_who_claim_a_value_the_one_who_proved_it_answers(world: World) -> None:
    site = world.site(may_vouch=["email"])
    site.put("planted", email())
    world.clock.forward(days=1)
    maria = site.put("maria", email(verified=True))
    assert look_up(site, "email", EMAIL).json == {"customer_id": maria["customer_id"]}


def test_what_another_site_has_proved_of_a_customer_of_both_finds_them(world: World) -> None:
    shop, other = (world.site(name, may_vouch=["email", "phone"]) for name in ("Shop", "Other"))
    shop.put("maria", email(verified=True), phone(verified=True))
    customer_id = other.put("m-77", email(verified=True))["customer_id"]
    assert look_up(other, "phone", "+34600111222").json == {"customer_id": customer_id}


@pytest.mark.parametrize(("proved", "answers"), [((False, False), "old"), ((False, True), "young")])
def test_of_two_who_hold_a_value_alike_the_more_trusted_answers_and_then_the_older(
    world: World, proved: tuple[bool, bool], answers: str
) -> None:
    site, put = world.site(), {}
    for account_id, verified in zip(("old", "young"), proved, strict=True):
        put[account_id] = site.put(account_id, email(verified=verified))["customer_id"]
        world.clock.forward(days=1)
    assert look_up(site, "email", EMAIL).json == {"customer_id": put[answers]}


def test_who_holds_a_value_alone_keeps_it_and_answers_before_an_older_file_that_proves_it_later(world: World) -> None:
    site = world.site(may_vouch=["email"])
    site.put("planted", email())
    world.clock.forward(days=1)
    maria = site.put("maria", email(verified=True))
    site.put("maria", email())
    site.put("planted", email(verified=True))
    assert look_up(site, "email", EMAIL).json == {"customer_id": maria["customer_id"]}


@pytest.mark.parametrize(("kind", "value"), [("email", "maria"), ("phone", "123"), ("crm", "")])
def test_a_value_that_can_not_be_one_is_told_in_words(world: World, kind: str, value: str) -> None:
    answer = look_up(world.site(), kind, value)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_identifier")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/value"]


def test_every_look_up_and_read_is_recorded_with_its_why(world: World) -> None:
    site, other = world.site("Shop"), world.site("Other")
    customer_id = site.put("maria", email())["customer_id"]
    look_up(site, "email", EMAIL, why="order 12")
    world.clock.forward(seconds=1)
    look_up(other, "email", EMAIL)
    world.clock.forward(seconds=1)
    site.call("GET", f"/commerce/v1/customers/{customer_id}?why=complaint")
    assert looks(world) == [
        (Action.LOOKED_UP, customer_id, "order 12"),
        (Action.LOOKED_UP, None, None),
        (Action.READ, customer_id, "complaint"),
    ]


@pytest.mark.parametrize(
    ("suffix", "action"),
    [("/sales", Action.SALES_READ), ("/scans", Action.SCANS_READ), ("/history", Action.HISTORY_READ)],
)
def test_every_list_that_is_read_is_recorded(world: World, suffix: str, action: Action) -> None:
    site = world.site()
    customer_id = site.account()
    assert site.call("GET", f"/commerce/v1/customers/{customer_id}{suffix}?why=returns").status_code == 200
    with world.service.db.read() as session:
        line = session.scalars(select(AuditEntry).where(AuditEntry.action == action)).one()
    assert (str(line.customer_id), str(line.actor_id), line.why) == (customer_id, site.site_id, "returns")


def test_a_why_is_one_short_line(world: World) -> None:
    site = world.site()
    customer_id = site.account()
    for why in ("x" * 201, "a%0ab"):
        assert site.call("GET", f"/commerce/v1/customers/{customer_id}?why={why}").status_code == 422
    assert look_up(site, "email", EMAIL, why="x" * 201).status_code == 422


def test_a_site_without_an_account_reads_nobody(world: World) -> None:
    shop, other = world.site("Shop"), world.site("Other")
    customer_id = shop.put("maria", email())["customer_id"]
    foreign, unknown = (other.call("GET", f"/commerce/v1/customers/{one}") for one in (customer_id, uuid4()))
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json == unknown.json
