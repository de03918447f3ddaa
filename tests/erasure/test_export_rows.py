"""An export tells what is hers and nobody else's where ids, codes and receipts meet, and in order of time."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from pos_client import mint_claim
from service.customers.models import IdentifierKind
from service.merging.propose import propose
from tests.claims.receipts import claim, receipt
from tests.erasure.scene import EMAIL, Scene
from tests.world import Shopper

# By what the rows of each section are told one after the other.
TIMES = {
    "files": "created_at",
    "identifiers": "since",
    "cards": "created_at",
    "sessions": "created_at",
    "handoffs": "expires_at",
    "one_time_codes": "asked_at",
    "scans": "received_at",
    "wrong_codes": "failed_at",
    "sales": "received_at",
    "claims": "claimed_at",
    "consents": "at",
    "link_requests": "asked_at",
    "merges": "merged_at",
    "probable_duplicates": "noted_at",
    "kept_apart": "at",
}


def told_to(shopper: Shopper) -> dict[str, Any]:
    answer = shopper.call("GET", "/shopper/v1/export")
    assert answer.status_code == 200, answer.json
    told: dict[str, Any] = answer.json
    return told


def live_on(scene: Scene) -> None:
    """A day later everything happens once more."""
    clock, people, ours = scene.world.clock, scene.people, scene.nodes[0]
    clock.forward(days=1)
    again = scene.zapatos.shopper("maria-in-zapatos")
    code = again.code()
    scene.sell(scene.till.scan(code).json["scan_id"], "R-6")
    scene.till.scan(f"73{again.card['card_number']}000000")
    scene.till.take_back(sale_id=scene.sales[0])
    scene.claim(ours)
    scene.libros.account("luz")
    clock.forward(minutes=1)
    asked = scene.libros.call("POST", "/commerce/v1/accounts/luz/link-requests", {"code": again.code()})
    assert asked.status_code == 201, asked.json
    scene.look()
    assert scene.world.client.post("/shopper/v1/sign-in", json={"kind": "email", "value": EMAIL}).status_code == 202
    stranger = people.node()
    with people.write() as session:
        propose(session, ours, stranger, reasons=[{"code": "similar"}], now=clock())
    people.undo(people.join(ours, people.node()).merge_id)
    people.join(ours, people.node())


def test_what_came_first_is_told_first_and_of_the_audit_last(scene: Scene) -> None:
    live_on(scene.live())
    told = told_to(scene.maria)
    [returns] = [sale["returns"] for sale in told["sales"] if sale["sale_id"] == scene.sales[0]]
    listed = {name: [item[time] for item in told[name]] for name, time in TIMES.items()}
    listed["returns"] = [item["received_at"] for item in returns]
    listed["audit"] = [item["at"] for item in reversed(told["audit"])]
    for name, times in listed.items():
        told_at = [datetime.fromisoformat(time) for time in times]
        assert len(set(told_at)) > 1, name
        assert told_at == sorted(told_at), name


def test_an_export_says_when_it_was_made_and_who_answers_for_all_files(scene: Scene) -> None:
    people = scene.people
    oldest, proved, newest = scene.nodes[0], people.node(verified=True), people.node()
    people.join(oldest, proved)
    people.join(proved, newest)
    told = told_to(scene.maria)
    assert datetime.fromisoformat(told["exported_at"]) == scene.world.clock()
    assert told["customer_id"] == str(proved)
    assert [file["customer_id"] for file in told["files"]] == [str(node) for node in (oldest, proved, newest)]


def test_a_sale_with_the_id_of_hers_at_another_till_is_not_hers(scene: Scene) -> None:
    scene.world.clock.forward(minutes=1)
    other = scene.world.till(scene.till.enrolled["store"]["store_id"])
    sold = scene.till.sell(scene.till.scan(scene.maria.code()).json["scan_id"], receipt_number="R-1").json
    juans = other.scan(scene.juan.code()).json["scan_id"]
    assert other.sell(juans, sale_id=sold["sale_id"], receipt_number="R-2").json["link"] == "linked"
    assert [sale["receipt_number"] for sale in told_to(scene.maria)["sales"]] == ["R-1"]
    assert [sale["receipt_number"] for sale in told_to(scene.juan)["sales"]] == ["R-2"]


def test_a_sale_that_she_claimed_after_somebody_was_refused_names_no_scan_of_theirs(scene: Scene) -> None:
    scene.juan.call("POST", f"/shopper/v1/cards/{scene.juan.card['card_id']}/freeze", {})
    refused = scene.till.scan(f"73{scene.juan.card['card_number']}000000").json
    assert refused["outcome"] == "refused"
    code, sale_id = receipt(scene.till, refused["scan_id"])
    assert claim(scene.maria, code).json["status"] == "claimed"
    [sale] = told_to(scene.maria)["sales"]
    assert (sale["sale_id"], sale["scan_id"]) == (sale_id, None)


def test_a_return_is_told_with_the_sale_that_it_counts_against(scene: Scene) -> None:
    """Ids are unique within a till only: what is brought back where nobody sold it counts against the older sale."""
    scene.world.clock.forward(minutes=1)
    sol, norte = (scene.world.till(scene.world.store(name)) for name in ("Sol", "Norte"))
    sale_id = str(uuid4())
    for till, shopper in ((scene.till, scene.maria), (sol, scene.juan)):
        scan = till.scan(shopper.code()).json["scan_id"]
        assert till.sell(scan, sale_id=sale_id).json["link"] == "linked"
        scene.world.clock.forward(seconds=30)
    for till in (scene.till, sol, norte):
        till.take_back(sale_id=sale_id)
    for shopper, stores in ((scene.maria, ["Gran Vía", "Norte"]), (scene.juan, ["Sol"])):
        [sale] = told_to(shopper)["sales"]
        assert sorted(back["store"] for back in sale["returns"]) == stores


def test_a_wrong_code_that_a_site_was_shown_is_told_with_the_site(scene: Scene) -> None:
    scene.libros.account("luz")
    asked = {"code": f"73{scene.maria.card['card_number']}000000"}
    assert scene.libros.call("POST", "/commerce/v1/accounts/luz/link-requests", asked).status_code == 422
    [wrong] = told_to(scene.maria)["wrong_codes"]
    assert (wrong["site"], wrong["store"], wrong["terminal"], wrong["terminal_id"]) == ("Libros", None, None, None)


def test_a_claim_that_waits_for_its_sale_is_told_without_one(scene: Scene) -> None:
    code, sale_id = receipt(scene.till)
    assert claim(scene.maria, code).json["status"] == "claimed"
    assert claim(scene.maria, mint_claim()).json["status"] == "waiting"
    assert {item["sale_id"] for item in told_to(scene.maria)["claims"]} == {sale_id, None}


def test_a_code_that_somebody_else_asked_for_her_address_names_no_session_of_theirs(scene: Scene) -> None:
    scene.people.give(scene.nodes[0], IdentifierKind.EMAIL, EMAIL)
    asked = {"kind": "email", "value": EMAIL}
    assert scene.juan.call("POST", "/shopper/v1/contacts", asked).status_code == 202
    [hers] = told_to(scene.maria)["one_time_codes"]
    [his] = told_to(scene.juan)["one_time_codes"]
    assert (hers["contact"], hers["session_id"]) == (EMAIL, None)
    assert his["session_id"] == told_to(scene.juan)["sessions"][0]["session_id"]


def test_what_is_over_is_told_too(scene: Scene) -> None:
    """A card that was revoked, a session that ended, a contact that was given up."""
    left = scene.zapatos.shopper("maria-in-zapatos")
    scene.people.give(scene.nodes[0], IdentifierKind.EMAIL, EMAIL)
    scene.people.end(scene.nodes[0])
    sessions = scene.maria.call("GET", "/shopper/v1/sessions").json["items"]
    [its_id] = [item["session_id"] for item in sessions if not item["current"]]
    assert scene.maria.call("DELETE", f"/shopper/v1/sessions/{its_id}").status_code == 204
    told = told_to(scene.maria)
    assert {card["card_id"]: card["status"] for card in told["cards"]} == {
        scene.maria.card["card_id"]: "active",
        left.card["card_id"]: "revoked",
    }
    assert {item["session_id"]: item["ended_at"] is None for item in told["sessions"]}[its_id] is False
    assert [(item["value"], item["ended_at"] is None) for item in told["identifiers"]] == [(EMAIL, False)]


def test_a_scan_names_the_card_by_the_id_of_the_card(scene: Scene) -> None:
    scene.till.scan(scene.maria.code())
    told = told_to(scene.maria)
    assert [scan["card_id"] for scan in told["scans"]] == [card["card_id"] for card in told["cards"]]
