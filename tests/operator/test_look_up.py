"""Operators find the people who write to the brand: by any value that a file holds or claims."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from service.audit.models import Action, AuditEntry
from service.customers.models import Trust
from tests.customers.given import EMAIL, card, crm, email, phone
from tests.customers.test_index_rotation import rotate
from tests.merging.people import EMAIL as EMAIL_KIND
from tests.merging.people import People
from tests.proof.people import Inbox, Maria
from tests.world import Caller, World

LOOK_UP = "/operator/v1/customers/lookup"


def look_up(caller: Caller, kind: str, value: str, **given: Any) -> TestResponse:
    return caller.call("POST", LOOK_UP, {"kind": kind, "value": value, "reason": "a letter", **given})


def found(caller: Caller, kind: str, value: str, **given: Any) -> list[str]:
    answer = look_up(caller, kind, value, **given)
    assert answer.status_code == 200, answer.json
    return [item["customer_id"] for item in answer.json["items"]]


def looks(world: World) -> list[tuple[str | None, str, str | None, Any]]:
    """Return whose files were looked up, by whom and why, and what the audit holds besides."""
    wanted = select(AuditEntry).where(AuditEntry.action == Action.LOOKED_UP).order_by(AuditEntry.customer_id)
    with world.service.db.read() as session:
        lines = session.scalars(wanted).all()
    return [(line.customer_id and str(line.customer_id), line.actor_kind, line.why, line.detail) for line in lines]


@pytest.mark.parametrize(
    ("kind", "value", "trust"),
    [
        ("email", " Maria@Example.com ", "claimed"),
        ("phone", "600 111 222", "claimed"),
        ("crm", "C-7", "vouched"),
        ("loyalty_card", "0042", "vouched"),
    ],
)
def test_a_person_is_found_by_what_any_site_gave(
    world: World, olga: Caller, kind: str, value: str, trust: str
) -> None:
    put = world.site().put("maria", email(), phone(), crm("C-7"), card("0042"))
    [item] = look_up(olga, kind, value).json["items"]
    since = world.clock().isoformat().replace("+00:00", "Z")
    told = {"trust": trust, "exclusive": False, "source": "site", "since": since}
    assert item == {"customer_id": put["customer_id"], **told}


def test_who_joined_in_a_store_and_has_no_account_is_found(world: World, olga: Caller, tmp_path: Path) -> None:
    nuria = Maria(world, Inbox(world, tmp_path / "outbox.jsonl")).sign_in("nuria@example.com")
    [item] = look_up(olga, "email", "Nuria@example.com").json["items"]
    assert (item["trust"], item["exclusive"], item["source"]) == ("verified", True, "shopper")
    assert item["customer_id"] == nuria.call("GET", "export").json["customer_id"]
    assert nuria.accounts() == []


@pytest.mark.parametrize("kind", ["account", "anonymous"])
def test_a_key_of_a_site_is_found_with_the_site(world: World, olga: Caller, kind: str) -> None:
    shop, other = world.site("Shop"), world.site("Other")
    customer_id = shop.put("a-1", {"kind": "anonymous", "value": "a-1"})["customer_id"]
    other.put("b-1")
    assert found(olga, kind, "a-1", site_id=shop.site_id) == [customer_id]
    assert found(olga, kind, "a-1", site_id=other.site_id) == []
    refused = look_up(olga, kind, "a-1")
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/site_id")
    assert look_up(olga, kind, "a-1", site_id=str(uuid4())).status_code == 404


def test_a_site_is_named_for_no_other_kind(world: World, olga: Caller) -> None:
    refused = look_up(olga, "email", EMAIL, site_id=world.site().site_id)
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/site_id")


def test_everyone_who_holds_or_claims_a_value_is_told_its_holder_first(world: World, olga: Caller) -> None:
    site = world.site(may_vouch=["email"])
    claims = world.site("Forum").put("m", email())["customer_id"]
    world.clock.forward(days=1)
    holds = site.put("maria", email(verified=True))["customer_id"]
    items = look_up(olga, "email", EMAIL).json["items"]
    assert [item["customer_id"] for item in items] == [holds, claims]
    assert [item["exclusive"] for item in items] == [True, False]
    assert items[0]["trust"] == "verified"


def test_nobody_found_is_an_empty_list(world: World, olga: Caller) -> None:
    assert (found(olga, "email", "nobody@example.com"), len(looks(world))) == ([], 1)
    assert looks(world) == [(None, "operator", "a letter", {"kind": "email", "found": False})]


def test_who_was_merged_is_found_once_under_the_id_that_answers(people: People, olga: Caller) -> None:
    ana, twin = people.node("Ana"), people.node("Anna")
    people.give(ana, EMAIL_KIND, "ana@example.com")
    people.give(twin, EMAIL_KIND, "ana@example.com", Trust.CLAIMED)
    olga.call("POST", f"/operator/v1/customers/{ana}/merge", {"other_id": str(twin), "reason": "one"})
    canonical = olga.call("GET", f"/operator/v1/customers/{twin}").json["customer_id"]
    [item] = look_up(olga, "email", "ana@example.com").json["items"]
    assert (item["customer_id"], item["trust"]) == (canonical, "verified"), (
        "as the file that is trusted most holds it"
    )


def test_who_was_erased_is_not_found(world: World, olga: Caller) -> None:
    customer_id = world.site().put("maria", email())["customer_id"]
    olga.call("POST", f"/operator/v1/customers/{customer_id}/erase", {"reason": "requested"})
    assert found(olga, "email", EMAIL) == []


def test_a_value_is_found_under_every_version_of_the_index_key(world: World, olga: Caller) -> None:
    old = world.site().put("maria", email())["customer_id"]
    rotate(world, at_once=True)
    world.clock.forward(seconds=1)
    new = world.site("Forum").put("m", email())["customer_id"]
    assert found(olga, "email", EMAIL) == [old, new]


def test_the_look_is_noted_under_each_who_was_found_and_nobody_else(world: World, olga: Caller) -> None:
    shop, forum = world.site("Shop"), world.site("Forum")
    both = {shop.put("maria", email())["customer_id"], forum.put("m", email())["customer_id"]}
    shop.put("eva", email("eva@example.com"))
    assert set(found(olga, "email", EMAIL, reason="ticket 42")) == both
    detail = {"kind": "email", "found": True}
    assert looks(world) == [(one, "operator", "ticket 42", detail) for one in sorted(both)]


def test_the_shopper_reads_that_staff_looked_them_up_and_why(world: World, olga: Caller) -> None:
    site = world.site()
    maria = site.shopper("maria")
    site.put("maria", email())
    world.clock.forward(seconds=1)
    look_up(olga, "email", EMAIL, reason="ticket 42")
    told = maria.call("GET", "/shopper/v1/audit").json["items"][0]
    assert (told["who"], told["what"], told["why"]) == ("the brand's staff", "looked you up", "ticket 42")


@pytest.mark.parametrize(("kind", "value"), [("email", "maria-at-home"), ("phone", "98"), ("crm", " ")])
def test_a_value_that_can_not_be_one_is_told_without_an_echo(olga: Caller, kind: str, value: str) -> None:
    refused = look_up(olga, kind, value)
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_identifier")
    assert [error["pointer"] for error in refused.json["errors"]] == ["/value"]
    assert value == " " or value not in refused.text


@pytest.mark.parametrize("change", [{"kind": "fax"}, {"value": None}, {"reason": ""}, {"reason": "x" * 201}])
def test_a_bad_field_is_named_without_an_echo(olga: Caller, change: dict[str, Any]) -> None:
    body = {"kind": "email", "value": EMAIL, "reason": "a letter"} | change
    refused = olga.call("POST", LOOK_UP, body)
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_body")
    assert [error["pointer"] for error in refused.json["errors"]] == [f"/{name}" for name in change]
    assert EMAIL not in refused.text


def test_a_reason_is_wanted(olga: Caller) -> None:
    refused = olga.call("POST", LOOK_UP, {"kind": "email", "value": EMAIL})
    assert [error["pointer"] for error in refused.json["errors"]] == ["/reason"]
