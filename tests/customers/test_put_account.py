from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select

from service.audit.models import Action, AuditEntry
from service.customers.models import Customer, Identifier
from service.merging.models import Merge
from service.merging.put_account import MAX_IDENTIFIERS
from service.web.context import EXTENSION
from tests.customers.given import EMAIL, card, crm, device, email, phone
from tests.merging.people import People
from tests.world import World


def test_a_weaker_word_that_comes_later_lowers_no_trust(world: World) -> None:
    site = world.site(may_vouch=["email"])
    site.put("maria", email(verified=True), crm("C-7"))
    again = site.put("maria", email(), crm("C-7"))["identifiers"]
    assert again == [{"kind": "email", "trust": "verified"}, {"kind": "crm", "trust": "vouched"}]


def test_an_account_takes_what_the_site_knows(world: World) -> None:
    site = world.site()
    put = site.put("maria", email(), phone(), crm("C-7"), card("0042"), traits={"given_name": "Maria"})
    assert (put["status"], put["outcome"], put["problems"], put["proposals"]) == (201, "created", [], [])
    assert put["identifiers"] == [
        {"kind": "email", "trust": "claimed"},
        {"kind": "phone", "trust": "claimed"},
        {"kind": "crm", "trust": "vouched"},
        {"kind": "loyalty_card", "trust": "vouched"},
    ]
    read = site.call("GET", f"/commerce/v1/customers/{put['customer_id']}").json
    assert read["traits"] == {"given_name": "Maria"}
    told = {item["kind"]: item["value"] for item in read["identifiers"]}
    assert told == {
        "account": "maria",
        "email": EMAIL,
        "phone": "+34600111222",
        "crm": "C-7",
        "loyalty_card": "0042",
    }


def test_what_a_site_gave_is_told_oldest_first(world: World) -> None:
    site = world.site()
    for item in (crm("C-7"), email(), card("0042"), phone()):
        customer_id = site.put("maria", item)["customer_id"]
        world.clock.forward(seconds=1)
    read = site.call("GET", f"/commerce/v1/customers/{customer_id}").json
    kinds = [item["kind"] for item in read["identifiers"] if item["kind"] != "account"]
    assert kinds == ["crm", "email", "loyalty_card", "phone"]


def test_a_number_without_a_country_is_of_the_region_in_the_settings(world: World) -> None:
    service = world.service
    american = replace(service, settings=replace(service.settings, phone_region="US"))
    world.app.extensions[EXTENSION] = american
    site = world.site()
    customer_id = site.put("maria", phone("(212) 555-2368"))["customer_id"]
    read = site.call("GET", f"/commerce/v1/customers/{customer_id}").json
    assert [item["value"] for item in read["identifiers"] if item["kind"] == "phone"] == ["+12125552368"]


def test_putting_it_again_changes_nothing(world: World) -> None:
    site = world.site()
    first = site.put("maria", email(), phone())
    again = site.put("maria", email("  MARIA@example.com"), phone("600 111 222"))
    assert (again["status"], again["outcome"]) == (200, "updated")
    assert again["customer_id"] == first["customer_id"]
    assert len(site.call("GET", f"/commerce/v1/customers/{first['customer_id']}").json["identifiers"]) == 3


def test_each_bad_item_is_told_by_itself_and_spoils_no_other(world: World) -> None:
    put = world.site().put(
        "maria",
        {"kind": "fax", "value": "1"},
        email("maria"),
        {"kind": "account", "value": "other"},
        email(),
        phone("12345"),
        email("info@example.com"),
        crm(""),
        traits={"birth_date": "yesterday", "address": {"planet": "Mars"}, "city/home": [1], "given_name": "Maria"},
    )
    assert put["identifiers"] == [{"kind": "email", "trust": "claimed"}]
    assert [problem["pointer"] for problem in put["problems"]] == [
        "/identifiers/0/kind",
        "/identifiers/1/value",
        "/identifiers/2/kind",
        "/identifiers/4/value",
        "/identifiers/5/value",
        "/identifiers/6/value",
        "/traits/address",
        "/traits/birth_date",
        "/traits/city~1home",
    ]
    assert not any(word in str(put["problems"]) for word in ("12345", "info@", "yesterday", "Mars"))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"identifiers": {}}, "/identifiers"),
        ({"identifiers": ["maria@example.com"]}, "/identifiers/0"),
        ({"identifiers": [{"kind": "email"}]}, "/identifiers/0/value"),
        ({"identifiers": [{"kind": "phone", "value": 600111222}]}, "/identifiers/0/value"),
        ({"identifiers": [{"kind": "email", "value": "a@b.es", "verified": "yes"}]}, "/identifiers/0/verified"),
        ({"traits": []}, "/traits"),
    ],
)
def test_a_body_of_another_shape_is_refused_whole(world: World, body: Any, pointer: str) -> None:
    answer = world.site().call("PUT", "/commerce/v1/accounts/maria", body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_body")
    assert answer.json["errors"][0]["pointer"] == pointer


def test_a_sites_verified_counts_only_where_the_operator_allowed_it(world: World) -> None:
    trusted, other = world.site("Shop", may_vouch=["email"]), world.site("Forum")
    given = (email(verified=True), phone(verified=True))
    assert [item["trust"] for item in trusted.put("maria", *given)["identifiers"]] == ["verified", "vouched"]
    assert [item["trust"] for item in other.put("maria", *given)["identifiers"]] == ["vouched", "vouched"]
    assert [item["trust"] for item in trusted.put("eva", email("eva@example.com"))["identifiers"]] == ["claimed"]


def test_the_word_of_a_site_that_may_not_vouch_joins_nobody(world: World) -> None:
    trusted, forum = world.site("Shop", may_vouch=["email"]), world.site("Forum")
    maria = trusted.put("maria", email(verified=True))
    planted = forum.put("evil", email(verified=True))
    assert planted["outcome"] == "pending"
    assert planted["customer_id"] != maria["customer_id"]
    [proposal] = planted["proposals"]
    assert UUID(proposal["proposal_id"])
    assert "e-mail" in proposal["reason"]


@pytest.mark.parametrize("verified_first", [True, False])
def test_of_a_value_that_is_given_twice_the_stronger_word_counts(world: World, verified_first: bool) -> None:
    site = world.site(may_vouch=["email"])
    given = [email(verified=True), email()]
    put = site.put("maria", *(given if verified_first else given[::-1]))
    read = site.call("GET", f"/commerce/v1/customers/{put['customer_id']}").json["identifiers"]
    assert [item["trust"] for item in read if item["kind"] == "email"] == ["verified"]


def test_a_value_that_is_given_twice_is_told_once_however_it_is_written(world: World) -> None:
    put = world.site().put("maria", email(), email(" Maria@Example.COM"))
    assert (put["identifiers"], put["problems"]) == ([{"kind": "email", "trust": "claimed"}], [])


def test_two_sites_that_may_vouch_for_one_address_have_one_customer(world: World) -> None:
    shop, outlet = (world.site(name, may_vouch=["email"]) for name in ("Shop", "Outlet"))
    first = shop.put("maria", email(verified=True))
    world.clock.forward(days=1)
    second = outlet.put("m-77", email(verified=True))
    assert (second["status"], second["outcome"]) == (201, "linked")
    assert second["customer_id"] == first["customer_id"]


def test_a_claimed_address_asks_a_person_and_asks_once(world: World) -> None:
    shop, outlet = world.site("Shop"), world.site("Outlet")
    shop.put("maria", email())
    first, again = (outlet.put("m-77", email()) for _ in range(2))
    assert first["outcome"] == again["outcome"] == "pending"
    assert first["proposals"] == again["proposals"]
    assert len(first["proposals"]) == 1


def test_one_identifier_too_many_costs_the_weakest_its_trust_and_fails_nothing(world: World) -> None:
    site = world.site(may_vouch=["email"])
    put = site.put("maria", *(email(f"maria{number}@example.com", verified=True) for number in range(5)))
    assert put["outcome"] == "created"
    world.clock.forward(days=1)
    put = site.put("maria", email("newest@example.com", verified=True))
    assert (put["status"], put["outcome"]) == (200, "pending")
    assert put["identifiers"] == [{"kind": "email", "trust": "verified"}]
    assert [problem["pointer"] for problem in put["problems"]] == ["/identifiers/0"]
    read = site.call("GET", f"/commerce/v1/customers/{put['customer_id']}").json
    trusts = [item["trust"] for item in read["identifiers"] if item["kind"] == "email"]
    assert sorted(trusts) == ["claimed"] + ["verified"] * 5


def test_the_one_that_lost_its_trust_is_told_by_its_place(world: World) -> None:
    site = world.site(may_vouch=["email"])
    put = site.put("maria", *(email(f"maria{number}@example.com", verified=True) for number in range(6)))
    [lost] = [number for number, item in enumerate(put["identifiers"]) if item["trust"] == "claimed"]
    assert [problem["pointer"] for problem in put["problems"]] == [f"/identifiers/{lost}"]
    read = site.call("GET", f"/commerce/v1/customers/{put['customer_id']}").json
    assert [item["value"] for item in read["identifiers"] if item["trust"] == "claimed"] == [
        f"maria{lost}@example.com"
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_two_crm_ids_that_conflict_join_nobody_in_any_order_of_a_list(world: World, order: int) -> None:
    shop, outlet = (world.site(name, may_vouch=["email"]) for name in ("Shop", "Outlet"))
    first = shop.put("maria", crm("A"), email(verified=True))
    second = outlet.put("m-77", *[crm("B"), email(verified=True)][::order])
    assert second["outcome"] == "pending"
    assert second["customer_id"] != first["customer_id"]
    assert "CRM" in second["proposals"][0]["reason"]


def test_a_crm_id_that_comes_after_the_merge_is_a_claim_until_an_operator_decides(world: World) -> None:
    shop, outlet = (world.site(name, may_vouch=["email"]) for name in ("Shop", "Outlet"))
    maria = shop.put("maria", crm("A"), email(verified=True))["customer_id"]
    world.clock.forward(days=1)
    assert outlet.put("m-77", email(verified=True))["customer_id"] == maria
    for _ in range(2):
        late = outlet.put("m-77", crm("B"))
        assert (late["customer_id"], late["outcome"]) == (maria, "pending")
        assert late["identifiers"] == [{"kind": "crm", "trust": "claimed"}]
        assert "an operator decides" in late["problems"][0]["detail"]
    again = shop.put("maria", crm("A"))
    assert (again["identifiers"], again["problems"]) == ([{"kind": "crm", "trust": "vouched"}], [])
    same = outlet.put("m-77", crm("A"))
    assert (same["identifiers"], same["problems"]) == ([{"kind": "crm", "trust": "vouched"}], [])


def test_a_site_that_corrects_a_crm_id_is_taken_at_its_newest_word(world: World) -> None:
    site = world.site()
    site.put("maria", crm("A"))
    world.clock.forward(seconds=1)
    put = site.put("maria", crm("B"))
    assert put["identifiers"] == [{"kind": "crm", "trust": "vouched"}]
    assert "the weakest became a claim" in put["problems"][0]["detail"]


def test_two_crm_ids_that_an_operator_joined_stay(world: World) -> None:
    shop, outlet = world.site("Shop"), world.site("Outlet")
    first, second = shop.put("maria", crm("A")), outlet.put("m-77", crm("B"))
    body = {"other_id": second["customer_id"], "reason": "she came by"}
    merge = f"/operator/v1/customers/{first['customer_id']}/merge"
    assert world.operator().call("POST", merge, body).status_code == 201
    for site, account, number in ((shop, "maria", "A"), (outlet, "m-77", "B")):
        again = site.put(account, crm(number))
        assert (again["identifiers"], again["problems"]) == ([{"kind": "crm", "trust": "vouched"}], [])


def test_an_account_can_not_be_filled_without_end(world: World) -> None:
    site = world.site()
    for start in range(0, MAX_IDENTIFIERS, 50):
        put = site.put("maria", *(email(f"m{number}@example.com") for number in range(start, start + 50)))
    assert [problem["pointer"] for problem in put["problems"]] == ["/identifiers/49"], "the account is one itself"
    again = site.put("maria", email("m7@example.com"))
    assert again["problems"] == [], "what is held already takes no room"
    given = site.call("GET", f"/commerce/v1/customers/{again['customer_id']}").json["identifiers"]
    held = next(item["identifier_id"] for item in given if item["kind"] == "email")
    site.call("DELETE", f"/commerce/v1/accounts/maria/identifiers/{held}")
    assert site.put("maria", email("m99@example.com"))["problems"] == [], "nor does what was unlinked"


def test_traits_are_laid_over_the_known_ones_and_null_forgets(world: World) -> None:
    site = world.site()
    site.put("maria", traits={"given_name": "Maria", "city": "Lugo", "pet": True})
    put = site.put("maria", traits={"given_name": "María", "city": None, "children": 2})
    read = site.call("GET", f"/commerce/v1/customers/{put['customer_id']}").json
    assert read["traits"] == {"given_name": "María", "pet": True, "children": 2}


def test_traits_are_bounded(world: World) -> None:
    site = world.site()
    put = site.put("maria", traits={f"t{number}": number for number in range(60)})
    assert len(put["problems"]) == 10
    put = site.put("eva", traits={f"t{number}": "é" * 500 for number in range(40)})
    assert 0 < len(put["problems"]) < 40
    put = site.put("ana", traits={"age": 10**400, "x": "y" * 501, "": 1, "nested": {"a": 1}})
    assert len(put["problems"]) == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n" * 101, 1),
        ("a\tb", 1),
        ("given_name", 7),
        ("address", {"street": 5}),
        ("address", 5),
        ("address", "Calle Mayor 5"),
        ("note", "\0"),
        ("points", 2**53),
        ("birth_date", "19840531"),
    ],
)
def test_a_trait_that_can_not_be_one_is_told_and_not_kept(world: World, name: str, value: Any) -> None:
    site = world.site()
    put = site.put("maria", traits={name: value})
    assert [problem["pointer"] for problem in put["problems"]] == [f"/traits/{name}"]
    assert site.call("GET", f"/commerce/v1/customers/{put['customer_id']}").json["traits"] == {}


def test_a_trait_that_just_fits_is_kept(world: World) -> None:
    site = world.site()
    traits = {"n" * 100: 2**53 - 1, "note": "x" * 500, "address": {"street": None, "city": "Lugo"}}
    put = site.put("maria", traits=traits)
    assert put["problems"] == []
    assert site.call("GET", f"/commerce/v1/customers/{put['customer_id']}").json["traits"] == traits


def test_what_a_device_did_before_sign_up_becomes_the_accounts(world: World) -> None:
    site = world.site()
    put = site.put("maria", {"kind": "anonymous", "value": "device-1"})
    assert (put["outcome"], put["identifiers"]) == ("created", [{"kind": "anonymous", "trust": "vouched"}])
    found = site.call("POST", "/commerce/v1/customers/lookup", {"kind": "anonymous", "value": "device-1"})
    assert found.json["customer_id"] == put["customer_id"]


def test_everything_that_is_linked_leaves_a_line_without_its_value(world: World) -> None:
    site = world.site(may_vouch=["email"])
    put = site.put("maria-lopez", email(verified=True))
    with world.service.db.read() as session:
        lines = session.scalars(select(AuditEntry).order_by(AuditEntry.at)).all()
        kept = session.scalars(select(Identifier).where(Identifier.kind == "email")).one()
    told = [(line.action, line.detail.get("kind")) for line in lines]
    assert sorted(told, key=str) == sorted(
        [
            (Action.CUSTOMER_CREATED, None),
            (Action.IDENTIFIER_LINKED, "account"),
            (Action.IDENTIFIER_LINKED, "email"),
            (Action.IDENTIFIER_VERIFIED, "email"),
        ],
        key=str,
    )
    assert {str(line.customer_id) for line in lines} == {put["customer_id"]}
    assert {(line.actor_kind, str(line.actor_id)) for line in lines} == {("site", site.site_id)}
    assert str(kept.id) in str([line.detail for line in lines])
    assert "maria" not in str([line.detail for line in lines])


def test_a_proof_that_is_repeated_is_no_news(world: World) -> None:
    site, first = world.site(may_vouch=["email"]), world.clock()
    for _ in range(2):
        site.put("maria", email(verified=True))
        world.clock.forward(days=1)
    with world.service.db.read() as session:
        proofs = select(AuditEntry.at).where(AuditEntry.action == Action.IDENTIFIER_VERIFIED)
        assert session.scalars(proofs).all() == session.scalars(select(Customer.verified_at)).all() == [first]


def test_a_customer_is_not_made_of_devices_without_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.merging.put_account.MAX_DEVICES", 3)
    site = world.site()
    site.put("maria", *(device(f"device-{n}") for n in range(3)))
    again = site.put("maria", *(device(f"device-{n}") for n in range(2, 4)))
    assert [item["pointer"] for item in again["problems"]] == ["/identifiers/1"]
    assert again["problems"][0]["detail"].startswith("a customer has at most 3 devices")
    read = site.call("GET", f"/commerce/v1/customers/{again['customer_id']}").json
    held = next(item for item in read["identifiers"] if item["kind"] == "anonymous")
    site.call("DELETE", f"/commerce/v1/accounts/maria/identifiers/{held['identifier_id']}")
    assert site.put("maria", device("device-9"))["problems"] != []


def test_a_customer_has_two_hundred_devices_and_no_more(world: World) -> None:
    site = world.site()
    site.put("maria", device("first"))
    with world.service.db.write() as session:
        first = session.scalars(select(Identifier).where(Identifier.kind == "anonymous")).one()
        held = {column.key: getattr(first, column.key) for column in Identifier.__table__.columns}
        others = [{"id": uuid4(), "value_index": number.to_bytes(32, "big")} for number in range(198)]
        session.execute(insert(Identifier), [held | other for other in others])
    assert site.put("maria", device("the 200th"))["problems"] == []
    assert len(site.put("maria", device("the 201st"))["problems"]) == 1


def test_a_device_that_finds_no_room_is_not_its_last_users_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.merging.put_account.MAX_DEVICES", 1)
    site = world.site()
    site.put("dave", device("phone"))
    tablet = device("tablet")
    site.put("eve", tablet)
    assert site.call("POST", "/commerce/v1/customers/lookup", tablet).status_code == 200
    assert site.put("dave", tablet)["problems"] != []
    assert site.call("POST", "/commerce/v1/customers/lookup", tablet).status_code == 404


def test_a_device_that_is_nobodys_is_another_after_somebody_found_no_room_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, people = world.site(), People(world, world.service.rules)
    tablet = device("tablet")
    site.put("eve", tablet)
    with world.service.db.read() as session:
        node = session.scalars(select(Identifier).where(Identifier.kind == "anonymous")).one().customer_id
        people_joined = session.scalars(select(Merge.id)).one()
    people.undo(people_joined)
    monkeypatch.setattr("service.merging.put_account.MAX_DEVICES", 0)
    site.put("dave", tablet)
    with world.service.db.read() as session:
        held = session.scalars(select(Identifier).where(Identifier.customer_id == node)).all()
    assert [one.ended_at is None for one in held] == [False]


def test_which_of_two_is_joined_is_no_matter_of_the_order_in_a_list(world: World) -> None:
    """Each of the two has a CRM id, so only the first can be joined: the index decides which that is."""
    told, expected, indexes = [], [], world.service.keys.vault.indexes
    for number in range(8):
        ana, bea, both = (world.site(f"{name} {number}", may_vouch=["email"]) for name in ("Ana", "Bea", "Both"))
        values = {"ana": f"ana{number}@example.com", "bea": f"bea{number}@example.com"}
        held = {
            "ana": (ana, ana.put("1", crm(f"A-{number}"), email(values["ana"], verified=True))["customer_id"]),
            "bea": (bea, bea.put("1", crm(f"B-{number}"), email(values["bea"], verified=True))["customer_id"]),
        }
        joined = both.put("1", *(email(value, verified=True) for value in values.values()))["customer_id"]
        told.append(
            [
                name
                for name, (site, ident) in held.items()
                if site.call("GET", f"/commerce/v1/customers/{ident}").json["customer_id"] == joined
            ]
        )
        expected.append([min(values, key=lambda name: bytes(indexes("email", values[name])[0]))])
    assert told == expected
