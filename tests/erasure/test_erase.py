import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from service.audit.models import COMMAND, ERASED_SESSION, Action, Actor, ActorKind, AuditEntry
from service.cards.models import Card
from service.consent.models import Consent
from service.customers.identifiers import add_identifier
from service.customers.models import Customer, Identifier, IdentifierKind, Trust
from service.errors import NotFound
from service.linking.models import LinkRequest
from service.merging.models import DoNotLink, Merge, Proposal
from service.privacy.erase import erase
from service.proof.evict import evict
from service.proof.models import OneTimeCode
from service.proof.request import Contact
from service.sales.models import Claim, Return, Sale
from service.scans.models import OtpFailure, Scan
from service.sessions.models import Handoff, ShopperSession
from tests.erasure.scene import EMAIL, VALUES, Scene, dump, operator, personal
from tests.merging.people import SITE
from tests.world import World


def of(scene: Scene, table: Any) -> list[dict[str, Any]]:
    return [row for row in scene.rows(table) if row["customer_id"] in scene.nodes]


def test_everything_that_is_to_go_is_there_before(scene: Scene) -> None:
    scene.live()
    told = dump(scene.world)
    assert len(personal(scene.world, scene.nodes)) > 20
    assert all(secret in told for secret in personal(scene.world, scene.nodes))
    for table in (Identifier, Consent, Claim, Card, ShopperSession, Handoff, Scan, AuditEntry):
        assert of(scene, table), table
    assert len(scene.rows(OneTimeCode)) == 2
    assert len(scene.rows(LinkRequest)) == 3
    assert [len(scene.rows(table)) for table in (Merge, DoNotLink, Proposal)] == [2, 2, 1]
    assert [row["card_number"] for row in scene.rows(OtpFailure)] == [int(scene.maria.card["card_number"])]


def test_after_an_erasure_no_value_of_hers_is_left_in_the_database(scene: Scene) -> None:
    scene.live()
    secrets = personal(scene.world, scene.nodes) | set(VALUES)
    scene.erase()
    told = dump(scene.world)
    assert [line for line in told.splitlines() if any(secret in line for secret in secrets)] == []
    for table in (Identifier, Consent, Claim, Card, ShopperSession, Handoff, Scan):
        assert of(scene, table) == [], table
    for table in (Merge, DoNotLink, Proposal):
        assert scene.rows(table) == []
    [asked] = scene.rows(OneTimeCode)  # for a contact that nobody knows to be hers: it counts for that contact's pace
    assert (asked["contact_index"], asked["contact_sealed"]) == (b"other contact", b"")
    assert [asked[name] for name in ("session_id", "message_sealed", "send_after")] == [None, None, None]
    assert [row["card_number"] for row in scene.rows(OtpFailure)] == [0]


def test_her_files_stay_as_tombstones(scene: Scene) -> None:
    scene.live().erase()
    rows = [row for row in scene.rows(Customer) if row["id"] in scene.nodes]
    for row in rows:
        assert (row["canonical_id"], row["erased_at"]) == (row["id"], scene.world.clock())
        assert (row["traits"], row["verified_at"]) == (None, None)
    assert len(rows) == 2


def test_nothing_of_anybody_else_is_touched(scene: Scene) -> None:
    scene.live()
    juan = UUID(scene.juan.customer_id)
    tables = (Identifier, Consent, Claim, Card, ShopperSession, Scan)
    before = [[row for row in scene.rows(table) if row["customer_id"] == juan] for table in tables]
    scene.erase()
    assert [[row for row in scene.rows(table) if row["customer_id"] == juan] for table in tables] == before
    bought = scene.zapatos.call("GET", f"/commerce/v1/customers/{juan}/sales").json["items"]
    assert [sale["receipt_number"] for sale in bought] == ["R-5"]
    assert [row["holder_id"] for row in scene.rows(LinkRequest)] == []
    assert scene.juan.call("GET", "/shopper/v1/code").status_code == 200


def test_her_sales_and_scans_stay_each_by_itself(scene: Scene) -> None:
    scene.live()
    sales, scans, scanned = len(scene.rows(Sale)), len(scene.rows(Scan)), {row["id"] for row in of(scene, Scan)}
    assert scanned
    scene.erase()
    assert (len(scene.rows(Sale)), len(scene.rows(Scan))) == (sales, scans)
    hers = [row for row in scene.rows(Sale) if str(row["id"]) in scene.sales]
    assert len(hers) == 6
    for sale in hers:
        assert (sale["scan_id"], sale["claim_hash"], sale["body_digest"]) == (None, None, b"")
        assert sale["lines"], "what was sold stays"
    for scan in scene.rows(Scan):
        if scan["id"] in scanned:
            assert (scan["customer_id"], scan["card_id"], scan["step"]) == (None, None, None)
            assert scan["body_digest"] == b"", "a till knows which code it read"
    [taken_back] = scene.rows(Return)
    assert str(taken_back["sale_id"]) == scene.sales[0], "a return stays with its own sale"
    assert (taken_back["replacement_sale_id"], taken_back["body_digest"]) == (None, b"")


def test_a_return_of_what_she_claimed_names_no_other_sale_of_hers(scene: Scene) -> None:
    scene.claim(UUID(scene.maria.customer_id))
    scene.claim(UUID(scene.maria.customer_id))
    scene.till.take_back(sale_id=scene.sales[0], replacement_sale_id=scene.sales[1])
    scene.erase()
    [taken_back] = scene.rows(Return)
    assert str(taken_back["sale_id"]) == scene.sales[0], "a return stays with its own sale"
    assert (taken_back["replacement_sale_id"], taken_back["body_digest"]) == (None, b"")


def test_her_scans_and_her_audit_go_with_the_rest_and_wait_for_no_sweep(scene: Scene) -> None:
    scene.live()
    with scene.world.service.db.write() as session:
        erase(session, scene.people.keystore, scene.nodes[0], actor=COMMAND, now=scene.world.clock())
    assert of(scene, Scan) == []
    assert [line["action"] for line in of(scene, AuditEntry)] == ["customer.erased"]


def test_a_sale_that_somebody_else_claimed_stays_theirs(scene: Scene) -> None:
    """Maria's card was refused, and Juan scanned the receipt: it is his."""
    scene.maria.call("POST", f"/shopper/v1/cards/{scene.maria.card['card_id']}/freeze", {})
    frozen = scene.till.scan(f"73{scene.maria.card['card_number']}000000")
    assert frozen.json["outcome"] == "refused"
    scene.claim(UUID(scene.juan.customer_id))
    scene.sell(None, "R-6")
    [code] = [row["claim_hash"] for row in scene.rows(Sale) if row["claim_hash"]]
    with scene.world.service.db.write() as session:
        session.execute(
            text("UPDATE sales SET scan_id = (SELECT id FROM scans WHERE outcome = 'refused') WHERE claim_hash = :c"),
            {"c": code},
        )
    path = f"/commerce/v1/customers/{scene.juan.customer_id}/sales"
    assert [sale["receipt_number"] for sale in scene.zapatos.call("GET", path).json["items"]] == ["R-3"]
    scene.erase()
    assert [sale["receipt_number"] for sale in scene.zapatos.call("GET", path).json["items"]] == ["R-3"]


def test_a_claim_that_came_second_does_not_inherit_her_sale(scene: Scene) -> None:
    """Juan's claim waited for the till's upload, which then named Maria's scan: erasing her makes it nobody's."""
    scene.world.clock.forward(minutes=1)
    scan = scene.till.scan(scene.maria.code()).json["scan_id"]
    scene.claim(UUID(scene.juan.customer_id))
    with scene.world.service.db.write() as session:
        sale = session.scalars(select(Sale)).one()
        sale.scan_id = UUID(scan)
    path = f"/commerce/v1/customers/{scene.juan.customer_id}/sales"
    assert scene.zapatos.call("GET", path).json["items"] == []
    scene.erase()
    assert scene.zapatos.call("GET", path).json["items"] == []


def test_of_scans_with_one_id_hers_alone_is_taken_off_sales(scene: Scene) -> None:
    """Ids are unique within a till only: a sale means its own till's scan first, and none of another store."""
    scene.world.clock.forward(minutes=1)
    store = scene.till.enrolled["store"]["store_id"]
    second, third, elsewhere = scene.world.till(store), scene.world.till(store), scene.world.till()
    scan = scene.till.scan(scene.maria.code()).json["scan_id"]
    assert second.scan(scene.juan.code(), scan).json["outcome"] == "identified"
    tills = [scene.till, second, third, elsewhere]
    sold = [till.sell(scan).json for till in tills]
    assert [sale["link"] for sale in sold] == ["linked", "linked", "linked", "pending"]
    scene.erase()
    named = {str(row["id"]): row["scan_id"] for row in scene.rows(Sale)}
    assert [named[sale["sale_id"]] for sale in sold] == [None, UUID(scan), None, UUID(scan)]
    left = [till.call("GET", f"/pos/v1/sales/{sale['sale_id']}").json for till, sale in zip(tills, sold, strict=True)]
    assert [sale["link"] for sale in left] == ["unidentified", "linked", "unidentified", "pending"]


def test_a_till_that_repeats_itself_after_the_erasure_hears_no_fault(scene: Scene) -> None:
    scene.world.clock.forward(minutes=1)
    code = scene.maria.code()
    scan = scene.till.scan(code).json["scan_id"]
    sold = scene.till.sell(scan, total_minor=2500).json
    back: dict[str, Any] = {"sale_id": sold["sale_id"], "lines": []}
    returned = scene.till.take_back(**back).json
    scene.erase()
    again = scene.till.scan(code, scan_id=scan)
    assert (again.status_code, again.json["outcome"]) == (200, "identified")
    resold = scene.till.sell(scan, sale_id=sold["sale_id"], total_minor=2500)
    assert (resold.status_code, resold.json["link"]) == (200, "unidentified")
    assert scene.till.take_back(return_id=returned["return_id"], **back).status_code == 200


def test_a_sale_that_arrives_after_the_erasure_of_its_shopper_is_nobodys(scene: Scene) -> None:
    scene.world.clock.forward(minutes=1)
    scan = scene.till.scan(scene.maria.code()).json["scan_id"]
    scene.erase()
    late = scene.till.sell(scan, total_minor=2500)
    assert (late.status_code, late.json["link"]) == (201, "unidentified")


def test_a_late_scan_of_an_erased_card_is_a_scan_of_an_unknown_card(scene: Scene) -> None:
    code, typed = scene.maria.code(), scene.maria.typed_code()
    scene.erase()
    late = scene.till.scan(code)
    assert (late.json["outcome"], late.json["reason"]) == ("refused", "card_unusable")
    assert scene.till.scan(typed).json["reason"] == "wrong_otp"
    assert {row["customer_id"] for row in scene.rows(Scan)} == {None}


def test_whoever_looks_afterwards_finds_nobody(scene: Scene) -> None:
    scene.live().erase()
    olga = scene.operator()
    for node in scene.nodes:
        for path in ("", "/sales", "/scans", "/consents"):
            for site in (scene.zapatos, scene.libros):
                assert site.call("GET", f"/commerce/v1/customers/{node}{path}").status_code == 404, path
        for path in ("export", "consents"):
            assert olga.call("GET", f"/operator/v1/customers/{node}/{path}").status_code == 404, path
    for shopper in (scene.maria, scene.second):
        for path in ("session", "cards", "consents", "export", "audit", "activity"):
            assert shopper.call("GET", f"/shopper/v1/{path}").status_code == 401, path


def test_nobody_says_anything_for_one_who_is_erased_or_never_was(scene: Scene) -> None:
    scene.erase()
    olga, said = scene.operator(), {"purpose": "profiling", "granted": True, "text_version": "1"}
    for ident in (scene.maria.customer_id, uuid4()):
        assert olga.call("PUT", f"/operator/v1/customers/{ident}/consents", said).status_code == 404
    assert of(scene, Consent) == []


def test_an_erased_account_begins_anew(scene: Scene) -> None:
    scene.live().erase()
    again = scene.zapatos.shopper("maria-in-zapatos")
    assert UUID(again.customer_id) not in scene.nodes
    assert again.call("GET", "/shopper/v1/activity").json["items"] == []
    assert len(again.call("GET", "/shopper/v1/export").json["identifiers"]) == 0


def test_an_erased_customer_gets_no_second_data_key(scene: Scene) -> None:
    scene.live()
    store = scene.world.service.keystore
    assert store.find(scene.nodes[0]) is not None
    scene.erase()
    for node in scene.nodes:
        assert store.find(node) is None
        with pytest.raises(NotFound):
            store.take(node)
    assert set(store.erasures()) == set(scene.nodes)
    assert store.find(UUID(scene.juan.customer_id)) is not None


def test_the_audit_keeps_that_she_was_erased_and_that_somebody_looked(scene: Scene) -> None:
    scene.live()
    canonical = scene.people.canonical(scene.nodes[0])
    looks = len([row for row in scene.rows(AuditEntry) if row["action"] == "customer.read"])
    scene.erase()
    [line] = of(scene, AuditEntry)
    assert (line["action"], line["customer_id"], line["why"], line["detail"]) == (
        "customer.erased",
        canonical,
        None,
        {},
    )
    blurred = [row for row in scene.rows(AuditEntry) if row["action"] == "customer.read"]
    assert len(blurred) == looks > 0
    for row in blurred:
        assert (row["customer_id"], row["why"], row["detail"]) == (None, None, {})
        assert str(row["actor_id"]) == scene.zapatos.site_id, "staff and sites still answer for what they looked at"


def test_the_files_of_others_name_nobody_who_was_erased(scene: Scene) -> None:
    """Juan was taken for Maria, Eva claimed what Maria proved, and Luz was asked about."""
    scene.live()
    people, by_maria = scene.people, Actor(ActorKind.SHOPPER, UUID(int=5))
    eva, her_device, luz = (people.node() for _ in range(3))
    people.join(eva, her_device)
    people.give(her_device, IdentifierKind.EMAIL, EMAIL, Trust.CLAIMED)
    with people.write() as session:
        opened = session.scalars(select(ShopperSession).where(ShopperSession.customer_id == scene.nodes[0])).first()
        assert opened is not None
        by_maria = Actor(ActorKind.SHOPPER, opened.id)
        contact = Contact(IdentifierKind.EMAIL, EMAIL)
        given: dict[str, Any] = {"vault": people.keystore.vault, "actor": by_maria, "now": people.now()}
        evict(session, contact, prover_id=scene.nodes[0], **given)
    people.undo(people.join(luz, scene.nodes[1]).merge_id)
    others = [row for row in scene.rows(AuditEntry) if row["customer_id"] not in scene.nodes]
    assert any(str(node) in str(row["detail"]) for row in others for node in scene.nodes)
    assert any(row["actor_id"] == by_maria.id for row in others)
    scene.erase()
    left = {row["id"]: row for row in scene.rows(AuditEntry)}
    for node in scene.nodes:
        assert [row for row in left.values() if str(node) in str(row["detail"])] == []
    for row in others:
        now = left[row["id"]]
        assert (now["action"], now["customer_id"], now["at"]) == (row["action"], row["customer_id"], row["at"])
        assert set(now["detail"]) == set(row["detail"])
        assert now["actor_id"] == (ERASED_SESSION if row["actor_id"] == by_maria.id else row["actor_id"])
    [kept] = [
        row["detail"] for row in left.values() if row["action"] == "customers.merged" and row["customer_id"] == eva
    ]
    assert kept["other_id"] == str(her_device), "nobody else's id is taken out"


def test_an_erasure_looks_through_the_histories_of_those_it_concerns_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.live()
    asked: list[Any] = []
    monkeypatch.setattr("service.privacy.unname.blank", lambda detail, _: asked.append(detail) or detail)
    scene.people.join(scene.people.node(), scene.people.node())
    scene.erase()
    strangers = [row for row in scene.rows(AuditEntry) if row["action"] == "customers.merged"]
    assert asked
    assert [
        row for row in strangers if row["detail"] in asked and row["customer_id"] != UUID(scene.juan.customer_id)
    ] == []


def test_erasing_twice_says_when_it_was_done(scene: Scene) -> None:
    olga, path = scene.operator(), f"/operator/v1/customers/{scene.maria.customer_id}/erase"
    first = olga.call("POST", path, {"reason": "requested"})
    scene.world.clock.forward(days=3)
    second = olga.call("POST", path, {"reason": "requested"})
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json == second.json
    assert first.json["customer_ids"] == [scene.maria.customer_id]
    assert [row["action"] for row in of(scene, AuditEntry) if row["customer_id"] == scene.nodes[0]] == [
        "customer.erased"
    ]


def test_a_shopper_must_mean_it(scene: Scene) -> None:
    for body in ({}, {"confirm": "yes"}, {"confirm": True}):
        assert scene.maria.call("POST", "/shopper/v1/erase", body).status_code == 422
    assert scene.maria.call("GET", "/shopper/v1/session").status_code == 200


@pytest.mark.parametrize("reason", ["because María asked by phone", "", None])
def test_an_operator_gives_one_of_the_grounds_and_no_story(world: World, reason: str | None) -> None:
    path = f"/operator/v1/customers/{world.site().account()}/erase"
    assert operator(world).call("POST", path, {"reason": reason}).status_code == 422


def test_the_file_itself_holds_nothing_of_hers_after_a_vacuum(scene: Scene) -> None:
    if not scene.world.settings.on_sqlite:
        return  # where PostgreSQL puts its bytes is the server's affair
    scene.live()
    digests = [row["value_index"] for row in of(scene, Identifier)] + [
        row["token_hash"] for row in of(scene, ShopperSession)
    ]
    path = Path(make_url(scene.world.settings.database_url).database or "")
    assert all(digest in _bytes_of(path) for digest in digests)
    scene.erase()
    with scene.world.service.db.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        overwritten = _bytes_of(path)
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    assert [digest for digest in digests if digest in overwritten] == [], "deleted rows are overwritten in place"
    assert [value for value in VALUES if value.encode() in overwritten] == []
    assert [digest for digest in digests if digest in _bytes_of(path)] == []


def _bytes_of(path: Path) -> bytes:
    with closing(sqlite3.connect(path)):  # SQLite's own lock keeps the log where it is
        files = (path, path.with_name(path.name + "-wal"))
        return b"".join(file.read_bytes() for file in files if file.exists())


@pytest.mark.parametrize("rotated", ["before she asked", "after she asked"])
def test_a_code_on_its_way_under_another_index_key_goes_with_her(scene: Scene, rotated: str) -> None:
    """Her identifiers stand under one version of the key, the code under another. One that is over isn't read."""
    scene.identify()
    if rotated == "before she asked":
        scene.people.rotate_index_key()
    for contact in (EMAIL, "juan@example.org", "over@example.org"):
        asked = scene.world.client.post("/shopper/v1/sign-in", json={"kind": "email", "value": contact})
        assert asked.status_code == 202, asked.json
    with scene.world.service.db.write() as session:
        session.get_one(OneTimeCode, UUID(asked.json["request_id"])).contact_sealed = b""
    if rotated == "after she asked":
        scene.people.rotate_index_key()
        with scene.world.service.db.write() as session:
            for held in session.scalars(select(Identifier).where(Identifier.customer_id.in_(scene.nodes))):
                if held.kind == "email":
                    held.value_index = scene.world.service.keys.vault.indexes("email", EMAIL)[-1]
    exported = scene.maria.call("GET", "/shopper/v1/export").json
    assert len(exported["one_time_codes"]) == 1
    scene.erase()
    with scene.world.service.db.read() as session:
        assert len(session.scalars(select(OneTimeCode)).all()) == 2


def test_what_ended_on_any_file_of_one_person_names_no_session_of_who_was_erased(scene: Scene) -> None:
    """Eva has two files, Maria proved what the second claims."""
    scene.live()
    people, contact = scene.people, Contact(IdentifierKind.EMAIL, EMAIL)
    eva, second = people.node(), people.node()
    people.join(eva, second)
    with people.write() as session:
        opened = session.scalars(select(ShopperSession).where(ShopperSession.customer_id == scene.nodes[0])).first()
        assert opened is not None
        by_maria = Actor(ActorKind.SHOPPER, opened.id)
        claim: dict[str, Any] = {"kind": contact.kind, "value": EMAIL, "trust": Trust.CLAIMED, "actor": SITE}
        add_identifier(session, people.keystore, customer_id=second, now=people.now(), **claim)
        given: dict[str, Any] = {"vault": people.keystore.vault, "actor": by_maria, "now": people.now()}
        evict(session, contact, prover_id=scene.nodes[0], **given)
    scene.erase()
    told = [row for row in scene.rows(AuditEntry) if row["action"] == Action.IDENTIFIER_EVICTED]
    assert {row["actor_id"] for row in told if row["customer_id"] == second} == {ERASED_SESSION}
