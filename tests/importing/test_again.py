import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from service.crypto import keyfile
from service.customers.models import Customer, Identifier
from tests.importing.conftest import Desk, Dump, table

PEOPLE = (
    "m1,1,maria@example.org,+34612345678,María",
    "m2,2,ana@example.org,,Ana",
    ",3,,+34612345679,Luis",
    ",,eva@example.org,,Eva",
    ",,,+34612345670,Pablo",
    ",,eva@example.org,,Elena",
)
HEADER = "account_id,crm,email,phone,name"


def test_the_same_file_again_changes_nothing(desk: Desk, dump: Dump) -> None:
    assert desk.rows(table(HEADER, *PEOPLE)) == (6, 0, 0, 0)
    before = dump()
    report = desk.report(table(HEADER, *PEOPLE))
    assert (report["unchanged"], report["merged"], report["proposals"]["count"]) == (6, 0, 0)
    assert dump() == before


def test_what_an_earlier_run_left_to_decide_is_told_again_as_a_number(desk: Desk) -> None:
    first = desk.report(table(HEADER, *PEOPLE))["proposals"]
    desk.world.clock.forward(seconds=1)
    second = desk.report(table(HEADER, *PEOPLE))["proposals"]
    assert (first["count"], first["open_before"]) == (1, 0)
    assert (second["count"], second["open_before"]) == (0, 1)
    words = desk.run(table(HEADER, *PEOPLE)).stdout
    assert "1 asked before: GET /operator/v1/proposals lists all" in words


def test_a_row_in_another_order_is_still_the_same(desk: Desk) -> None:
    desk.report(table(HEADER, *PEOPLE))
    assert desk.rows(table(HEADER, *reversed(PEOPLE))) == (0, 0, 6, 0)


def test_a_changed_row_updates_what_it_says(desk: Desk) -> None:
    header = "account_id,crm,email,phone,name,city,postcode"
    desk.report(table(header, "m1,1,maria@gmial.example,+34612345678,Maria,Madrid,28013", "m2,2,,,Ana,,"))
    changed = table(header, "m1,1,maria@gmail.example,,María,,28014", "m2,2,,,Ana,,")
    assert desk.rows(changed) == (0, 1, 1, 0)
    customer = desk.customer("m1")
    assert customer["values"] == {
        "account": "m1",
        "crm": "1",
        "email": "maria@gmail.example",
        "phone": "+34612345678",
    }
    assert customer["traits"] == {"name": "María", "address": {"city": "Madrid", "postcode": "28014"}}
    assert desk.rows(changed) == (0, 0, 2, 0)


def test_what_the_owner_proved_is_not_replaced(trusted_desk: Desk) -> None:
    header = "account_id,email,email_verified"
    trusted_desk.report(table(header, "m1,maria@example.org,yes"))
    assert trusted_desk.rows(table(header, "m1,new@example.org,no")) == (0, 1, 0, 0)
    emails = [one["value"] for one in trusted_desk.customer("m1")["identifiers"] if one["kind"] == "email"]
    assert sorted(emails) == ["maria@example.org", "new@example.org"]
    assert trusted_desk.rows(table(header, "m1,new@example.org,no")) == (0, 0, 1, 0)


def test_a_file_that_believes_less_changes_nothing(trusted_desk: Desk) -> None:
    header = "account_id,email,email_verified"
    trusted_desk.report(table(header, "m1,maria@example.org,yes"))
    assert trusted_desk.rows(table(header, "m1,maria@example.org,no")) == (0, 0, 1, 0)
    assert trusted_desk.customer("m1")["trust"]["email"] == "verified"


def test_what_a_merge_made_a_claim_stays_one_whoever_gave_it(desk: Desk) -> None:
    desk.site.put("m1", {"kind": "email", "value": "maria@example.org", "verified": True})
    with desk.world.service.db.write() as session:
        theirs = update(Identifier).where(Identifier.kind == "email")
        session.execute(theirs.values(trust="claimed", demoted_by=uuid4()))
    assert desk.rows(table("account_id,email", "m1,maria@example.org")) == (0, 0, 1, 0)


def test_what_the_owner_gave_is_not_the_sites_because_a_file_names_it_too(desk: Desk) -> None:
    desk.site.put("m1", {"kind": "email", "value": "maria@example.org"})
    with desk.world.service.db.write() as session:
        theirs = update(Identifier).where(Identifier.kind == "email")
        session.execute(theirs.values(source="shopper", source_id=uuid4()))
    assert desk.rows(table("account_id,email", "m1,maria@example.org")) == (0, 1, 0, 0)
    assert desk.customer("m1")["values"] == {"account": "m1"}


def test_what_the_site_gave_is_not_replaced(desk: Desk) -> None:
    desk.site.put("m1", {"kind": "email", "value": "own@example.org"})
    desk.report(table("account_id,email", "m1,maria@example.org"))
    desk.report(table("account_id,email", "m1,ana@example.org"))
    emails = [one["value"] for one in desk.customer("m1")["identifiers"] if one["kind"] == "email"]
    assert sorted(emails) == ["ana@example.org", "own@example.org"]


def test_an_account_that_the_site_put_before_is_updated(desk: Desk) -> None:
    customer_id = desk.site.account("m1")
    assert desk.rows(table("account_id,email", "m1,maria@example.org")) == (0, 1, 0, 0)
    assert desk.customer("m1")["customer_id"] == customer_id
    assert desk.customer("m1")["values"]["email"] == "maria@example.org"


def test_only_what_a_file_proved_has_a_holder_and_makes_its_customer_verified(trusted_desk: Desk) -> None:
    trusted_desk.report(table("email,email_verified", "maria@example.org,yes", "ana@example.org,no"))
    with trusted_desk.world.service.db.read() as session:
        both = select(Identifier.exclusive, Customer.verified_at.is_not(None))
        found = session.execute(both.join(Customer, Customer.id == Identifier.customer_id)).all()
    assert sorted(map(tuple, found)) == [(False, False), (True, True)]


def test_a_site_that_puts_an_imported_account_finds_it(desk: Desk) -> None:
    desk.report(table("account_id,email", "m1,maria@example.org"))
    before = desk.count("customers")
    assert desk.site.put("m1", {"kind": "email", "value": "maria@example.org"})["outcome"] == "updated"
    assert desk.count("customers") == before
    assert desk.rows(table("account_id,email", "m1,maria@example.org")) == (0, 0, 1, 0)


def test_an_imported_account_has_one_holder_as_any_other_has(desk: Desk) -> None:
    desk.report(table("account_id,crm", "m1,4711"))
    desk.site.put("m2", {"kind": "crm", "value": "4712"})
    with desk.world.service.db.read() as session:
        held = session.execute(select(Identifier.kind, Identifier.exclusive)).all()
    assert sorted(held) == [("account", True)] * 2 + [("crm", False)] * 2


@pytest.mark.parametrize("kind", ["crm", "loyalty_card"])
def test_the_crm_file_finds_whom_the_shop_file_brought(desk: Desk, kind: str) -> None:
    desk.report(table(f"account_id,{kind}", "m1,4711"))
    assert desk.rows(table(f"{kind},name", "4711,María")) == (0, 1, 0, 0)
    assert desk.customer("m1")["traits"] == {"name": "María"}


def test_the_file_of_another_site_updates_nobody(desk: Desk) -> None:
    other = replace(desk, site=desk.world.site("Other"))
    desk.report(table("account_id,crm,name", "m1,4711,María"))
    report = other.report(table("crm,name", "4711,Luz"))
    assert (report["created"], report["proposals"]["count"]) == (1, 1)
    assert desk.customer("m1")["traits"] == {"name": "María"}


def test_of_two_with_a_crm_id_the_row_of_the_crm_means_whom_it_brought(desk: Desk) -> None:
    desk.report(table("account_id,name", "m1,María"))
    desk.report(table("crm,name", "4711,Ana"))
    desk.report(table("account_id,crm", "m1,4711"))
    assert desk.rows(table("crm,name", "4711,Ana")) == (0, 0, 1, 0)
    assert desk.customer("m1")["traits"] == {"name": "María"}


@pytest.mark.parametrize("put_before", [False, True])
def test_a_contact_and_a_name_mean_nobody_who_came_under_another_key(desk: Desk, put_before: bool) -> None:
    if put_before:
        desk.site.account("m1")
    desk.report(table("account_id,email,name", "m1,maria@example.org,María"))
    report = desk.report(table("email,name,city", "maria@example.org,María,Madrid"))
    assert (report["created"], report["proposals"]["count"]) == (1, 1)
    assert desk.customer("m1")["traits"] == {"name": "María"}


def test_a_crm_id_that_a_site_gave_takes_nobodys_file_over(desk: Desk) -> None:
    desk.site.put("mallory", {"kind": "crm", "value": "4711"})
    report = desk.report(table("crm,email", "4711,maria@example.org"))
    assert (report["created"], report["proposals"]["why"]) == (1, {"both have the same CRM id": 1})
    assert "email" not in desk.customer("mallory")["values"]


def test_a_repeated_import_survives_a_rotation_of_the_index_key(desk: Desk) -> None:
    desk.report(table(HEADER, *PEOPLE))
    desk.shell.json("keys", "rotate", "--kind", "index", "--now")
    assert desk.rows(table(HEADER, *PEOPLE)) == (0, 0, 6, 0)
    for created in (1, 0):
        rows = desk.rows(table(HEADER, *PEOPLE, "m9,9,maria@example.org,,María"))
        assert rows == (created, 0, 7 - created, 0), "and one that stands under the new key is known, too"


def test_a_new_row_stands_under_the_key_that_writes_now(desk: Desk) -> None:
    desk.shell.json("keys", "rotate", "--kind", "index", "--now")
    desk.report(table("account_id", "m1"))
    written = desk.world.service.keys.vault.index("account", "m1", now=desk.world.clock.now)
    with desk.world.service.db.read() as session:
        [row] = session.execute(select(Identifier.value_index, Identifier.index_version)).all()
    assert tuple(row) == (written.digest, written.version) == (written.digest, 2)


def test_keys_that_are_rotated_meanwhile_stop_an_import_in_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reader would go on with the old key, and find nobody who was written under the new one."""
    content = big_file(2)
    with monkeypatch.context() as patched:
        patched.setattr("service.commands.imports.clock.now", lambda: rotate(desk))
        done = desk.run(content)
    assert (done.exit_code, desk.count("customers")) == (1, 0)
    assert "run the same again, it goes on where it stopped" in done.stderr
    assert desk.rows(content) == (2, 0, 0, 0)


def rotate(desk: Desk) -> datetime:
    """Rotate the index key at the moment when the import has read the keys, and asks for the time."""
    path = desk.world.settings.keys_file
    now = desk.world.clock.now
    keyfile.save(path, keyfile.rotate_index(keyfile.load(path), now, at_once=True))
    return now


def big_file(rows: int) -> str:
    return table("account_id,email,name", *(f"m{at},user{at}@example.org,User {at}" for at in range(rows)))


SMALL_BATCH = 500
PROGRAM = f"""
from service.importing import reader
reader.ROWS_A_BATCH = {SMALL_BATCH}
from service.cli import main
main()
"""


def start(desk: Desk, content: str) -> subprocess.Popen[bytes]:
    """Start an import in small batches: where it may end, and where two may meet, comes sooner."""
    command = [sys.executable, "-c", PROGRAM, "import", "customers", str(desk.save(content))]
    environ = os.environ | {name: value for name, value in desk.shell.environ.items() if value is not None}
    return subprocess.Popen([*command, "--site", desk.site.site_id], env=environ, stdout=subprocess.PIPE)


@pytest.mark.timeout(300)
def test_an_import_that_was_killed_goes_on_where_it_stopped(desk: Desk) -> None:
    rows = 16 * SMALL_BATCH
    content = big_file(rows)
    process = start(desk, content)
    while desk.count("customers") < SMALL_BATCH:
        assert process.poll() is None, "it was over before it could be killed"
        time.sleep(0.005)
    process.kill()
    process.communicate()
    done = desk.count("customers")
    assert done < rows
    assert done % SMALL_BATCH == 0
    report = desk.report(content)
    assert (report["created"], report["unchanged"]) == (rows - done, done)
    assert desk.count("customers") == rows
    assert desk.count("identifiers") == 2 * rows
    assert desk.rows(content) == (0, 0, rows, 0)


@pytest.mark.timeout(300)
def test_two_imports_of_one_file_at_once_double_nothing(desk: Desk) -> None:
    rows = 6 * SMALL_BATCH
    content = big_file(rows)
    both = [start(desk, content) for _ in range(2)]
    told: list[Any] = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert (desk.count("customers"), desk.count("identifiers")) == (rows, 2 * rows)
