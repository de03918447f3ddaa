"""An export is everything: each row of the person's, and each column that isn't left out for a reason."""

import base64
from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.crypto.keystore import _metadata
from service.customers.models import Customer, IdentifierKind, Trust
from service.db import Base
from service.merging.models import Proposal
from service.merging.propose import propose
from service.privacy.export import export
from service.proof.models import ProofPurpose
from service.proof.request import Contact, Wanted, request_code
from service.staff.models import Operator
from tests.erasure.exported import LEFT_OUT, TOLD
from tests.erasure.scene import EMAIL, Scene, dump
from tests.world import Caller

OPERATOR = "/operator/v1"
NOTE, REASON, UNDO = "she has a sister Ana", "same signature as Ana's", "Ana called: it is not hers"


def read(scene: Scene, customer_id: str | UUID | None = None, language: str = "en") -> dict[str, Any]:
    """Return an export as it is made, before it is written as JSON."""
    asked = UUID(str(customer_id or scene.maria.customer_id))
    with scene.world.service.db.read() as session:
        return export(session, scene.people.keystore, asked, language=language, now=scene.world.clock())


def items(told: dict[str, Any], *sections: str) -> list[dict[str, Any]]:
    """Return what stands in some sections. Returns stand with their sales; an account's value is its account_id."""
    if sections == ("returns",):
        return [item for sale in told["sales"] for item in sale["returns"]]
    found = [item for section in sections for item in told[section]]
    return [item | ({"value": item["account_id"]} if "account_id" in item else {}) for item in found]


def decided(scene: Scene, olga: Caller) -> None:
    """Operators decide on Maria and others, and say why."""
    [open_one] = [row for row in scene.rows(Proposal) if row["status"] == "open"]
    olga.call("POST", f"{OPERATOR}/proposals/{open_one['id']}/reject", {"reason": NOTE})
    part(scene, olga, scene.people.node())


def part(scene: Scene, olga: Caller, other: UUID, of: str | UUID | None = None) -> str:
    """Join Maria with somebody, and part them again, each with a reason; return the merge."""
    merge = {"other_id": str(other), "reason": REASON}
    joined = olga.call("POST", f"{OPERATOR}/customers/{of or scene.maria.customer_id}/merge", merge)
    scene.world.clock.forward(seconds=1)
    merge_id: str = joined.json["merge_id"]
    undone = olga.call("POST", f"{OPERATOR}/merges/{merge_id}/undo", {"reason": UNDO})
    assert undone.status_code == 200, undone.json
    return merge_id


def shop_on(scene: Scene) -> None:
    """A till tells all that it can, a site spends a code, and Maria says that a scan was not hers."""
    scene.world.clock.forward(minutes=1)
    scan = scene.till.scan(scene.maria.code(), cashier_ref="cashier 7").json["scan_id"]
    sold = scene.till.sell(scan, receipt_number="R-8", total_minor=9900, cashier_ref="cashier 7").json
    assert sold["warnings"]
    elsewhere = scene.world.till(scene.world.store("Sol"), label="Till 9")
    elsewhere.take_back(sale_id=sold["sale_id"], cashier_ref="cashier 8")
    taken = scene.till.take_back(sale_id=sold["sale_id"], lines=[{"line_id": "9", "quantity": "1", "total_minor": 1}])
    assert taken.json["warnings"]
    scene.world.clock.forward(minutes=1)
    asked = {"code": scene.maria.code()}
    assert scene.libros.call("POST", "/commerce/v1/accounts/luz/link-requests", asked).status_code == 404
    scene.libros.account("luz")
    assert scene.libros.call("POST", "/commerce/v1/accounts/luz/link-requests", asked).status_code == 201
    scene.maria.call("POST", f"/shopper/v1/scans/{scan}/not-me", {})


@pytest.fixture
def told(scene: Scene) -> dict[str, Any]:
    """The export after everything that can be held of a person is held of Maria."""
    scene.live()
    decided(scene, scene.operator())
    shop_on(scene)
    return read(scene)


def is_hers(row: dict[str, Any], scene: Scene) -> bool:
    """Return whether any of the columns that can lead to Maria does."""
    leads = ("customer_id", "holder_id", "account_customer_id", "a_id", "b_id")
    return any(row.get(column) in scene.nodes for column in leads)


def rows_of(table: str, scene: Scene) -> list[dict[str, Any]]:
    """Return the rows that are Maria's. She is the only one whose codes are sent, mistyped, or brought back."""
    with scene.world.service.db.read() as session:
        rows = [dict(row) for row in session.execute(Base.metadata.tables[table].select()).mappings()]
    if table == "customers":
        return [row for row in rows if row["id"] in scene.nodes]
    if table == "sales":
        return [row for row in rows if row["receipt_number"] in ("R-1", "R-2", "R-3", "R-8")]
    if table in ("one_time_codes", "otp_failures", "returns"):
        return rows
    return [row for row in rows if is_hers(row, scene)]


def test_every_column_is_told_or_left_out_for_a_reason() -> None:
    tables = [*Base.metadata.sorted_tables, *_metadata.sorted_tables]
    columns = {f"{column.table.name}.{column.name}" for table in tables for column in table.columns}
    told = {f"{name}.{column}" for name, table in TOLD.items() for column in (*table.same, *table.otherwise)}
    left = {name for name in columns if name in LEFT_OUT or name.partition(".")[0] in LEFT_OUT}
    assert sorted(columns - told - left) == [], "decide whether an export tells it: tests/erasure/exported.py"
    assert sorted(told - columns) == sorted(told & left) == []
    assert all(LEFT_OUT.values())
    assert set(LEFT_OUT) <= columns | {table.name for table in tables}


def test_every_row_of_hers_is_told_column_by_column(scene: Scene, told: dict[str, Any]) -> None:
    for table, told_of in TOLD.items():
        rows, listed = rows_of(table, scene), items(told, *told_of.sections)
        assert listed, table
        for column, name in told_of.same.items():
            held, said = (Counter(str(row[key]) for row in some) for some, key in ((rows, column), (listed, name)))
            assert said == held, f"{table}.{column}"
        for column, name in told_of.otherwise.items():
            assert any(item[name] for item in listed), f"{table}.{column}"


def test_no_secret_and_no_look_up_index_that_is_left_out_stands_in_an_export(
    scene: Scene, told: dict[str, Any]
) -> None:
    """Whatever is kept as bytes, in whatever writing; and the ids of codes, with which these sign in."""
    left: dict[str, set[str]] = defaultdict(set)
    for name in LEFT_OUT:
        table, _, column = name.partition(".")
        held = [row[column] for row in rows_of(table, scene)] if column else []
        for value in filter(None, held):
            if isinstance(value, bytes) or name == "one_time_codes.id":
                left[name] |= written(value) if isinstance(value, bytes) else {str(value)}
    assert {"identifiers.value_index", "sessions.token_hash", "one_time_codes.id"} <= left.keys()
    text = str(told)
    assert {name for name, values in left.items() if any(value in text for value in values)} == set()


def written(secret: bytes) -> set[str]:
    """Return the ways in which bytes may be written out."""
    return {secret.hex(), base64.b64encode(secret).decode(), base64.urlsafe_b64encode(secret).decode(), str(secret)}


def test_an_export_says_where_a_code_was_shown_and_names_no_cashier(told: dict[str, Any]) -> None:
    places = {(scan["store"], scan["terminal"], scan["site"]) for scan in told["scans"]}
    assert places == {("Gran Vía", "Till 3", None), (None, None, "Libros")}
    [wrong] = told["wrong_codes"]
    assert (wrong["store"], wrong["terminal"], wrong["site"]) == ("Gran Vía", "Till 3", None)
    [sale] = [sale for sale in told["sales"] if sale["receipt_number"] == "R-8"]
    brought_back = {(back["store"], back["terminal"]) for back in sale["returns"]}
    assert brought_back == {("Sol", "Till 9"), ("Gran Vía", "Till 3")}
    assert "cashier" not in str(told)


def test_an_export_names_no_other_customer_and_no_member_of_staff(scene: Scene, told: dict[str, Any]) -> None:
    customers = {row["id"] for row in scene.rows(Customer)} - set(scene.nodes)
    staff = {row["id"] for row in scene.rows(Operator)}
    assert len(customers) > 3
    assert [ident for ident in customers | staff if str(ident) in str(told)] == []


def test_what_an_operator_said_of_two_customers_is_in_both_exports(scene: Scene) -> None:
    olga, juan = scene.operator(), UUID(scene.juan.customer_id)
    part(scene, olga, juan)
    luz = scene.people.node()
    with scene.people.write() as session:
        proposal_id = propose(session, juan, luz, reasons=[{"code": "similar"}], now=scene.world.clock())
    olga.call("POST", f"{OPERATOR}/proposals/{proposal_id}/reject", {"reason": NOTE})
    for ident in (scene.maria.customer_id, juan):
        [merge] = read(scene, ident)["merges"]
        assert (merge["reason"], merge["undo_reason"], merge["customer_ids"]) == (REASON, UNDO, [UUID(str(ident))])
    for ident in (juan, luz):
        [question] = read(scene, ident)["probable_duplicates"]
        assert (question["note"], question["customer_ids"]) == (NOTE, [ident])
    for words in (NOTE, REASON, UNDO):
        assert words not in dump(scene.world)


def test_what_was_said_of_two_stays_readable_when_the_key_of_either_is_lost(scene: Scene) -> None:
    juan = UUID(scene.juan.customer_id)
    part(scene, scene.operator(), juan)
    scene.people.keystore.destroy([scene.nodes[0]], scene.world.clock())
    assert read(scene, juan)["merges"][0]["reason"] == REASON
    assert read(scene)["merges"][0]["reason"] is None


def test_an_erasure_takes_what_was_said_of_both_and_leaves_what_was_said_of_the_other_alone(scene: Scene) -> None:
    olga, juan, luz = scene.operator(), UUID(scene.juan.customer_id), scene.people.node()
    part(scene, olga, juan)
    with_luz = part(scene, olga, luz, of=juan)
    scene.erase()
    told = read(scene, juan)
    assert [(merge["merge_id"], merge["reason"]) for merge in told["merges"]] == [(UUID(with_luz), REASON)]
    assert scene.maria.customer_id not in str(told)
    words = [line["action"] for line in told["audit"]]
    assert words.count("customers.merged") == words.count("customers.unmerged") == 2, (
        "that it happened is his history"
    )


def test_an_export_tells_by_what_she_was_looked_up(scene: Scene) -> None:
    scene.identify()
    asked = {"kind": "email", "value": EMAIL, "why": "order-7"}
    assert scene.zapatos.call("POST", "/commerce/v1/customers/lookup", asked).status_code == 200
    [line] = [line for line in read(scene)["audit"] if line["action"] == "customer.looked_up"]
    assert (line["detail"], line["why"]) == ({"kind": "email", "found": True}, "order-7")


def test_a_code_to_an_address_that_a_file_merely_claims_is_none_of_its_business(scene: Scene) -> None:
    scene.people.give(UUID(scene.juan.customer_id), IdentifierKind.EMAIL, EMAIL, Trust.CLAIMED)
    scene.people.give(scene.nodes[0], IdentifierKind.EMAIL, EMAIL)
    now = scene.world.clock()
    wanted = Wanted(Contact(IdentifierKind.EMAIL, EMAIL), ProofPurpose.SIGN_IN, "en")
    with scene.people.write() as session:
        request_code(session, wanted, vault=scene.people.keystore.vault, now=now)
    [code] = read(scene)["one_time_codes"]
    assert (code["contact"], code["expires_at"], code["used_at"]) == (EMAIL, now + timedelta(minutes=10), None)
    assert read(scene, scene.juan.customer_id)["one_time_codes"] == []


def test_a_code_to_an_address_that_was_hers_once_is_none_of_her_business(scene: Scene) -> None:
    """Its owner of today asked for it."""
    scene.people.give(scene.nodes[0], IdentifierKind.EMAIL, EMAIL)
    scene.people.end(scene.nodes[0])
    scene.people.give(UUID(scene.juan.customer_id), IdentifierKind.EMAIL, EMAIL)
    wanted = Wanted(Contact(IdentifierKind.EMAIL, EMAIL), ProofPurpose.SIGN_IN, "en")
    with scene.people.write() as session:
        request_code(session, wanted, vault=scene.people.keystore.vault, now=scene.world.clock())
    assert read(scene, scene.juan.customer_id)["one_time_codes"] != []
    assert scene.maria.call("GET", "/shopper/v1/export").json["one_time_codes"] == []
