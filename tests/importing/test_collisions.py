from typing import Any
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select

from service.customers.identifiers import VALUE_CONTEXT
from service.customers.models import Identifier
from service.importing import reader
from tests.importing.conftest import Desk, Dump, table

HEADER = "account_id,email,email_verified,phone,name"
ROWS_A_BATCH = 500  # a piece: no batch is smaller
MERGED = "both claim the same e-mail address"


def test_a_shared_contact_is_a_proposal_and_merges_nobody(desk: Desk) -> None:
    report = desk.report(table(HEADER, "m1,maria@example.org,,,María", "m2,maria@example.org,,,Maria"))
    assert (report["created"], report["merged"]) == (2, 0)
    assert report["proposals"]["why"] == {MERGED: 1}
    assert desk.site.account("m1") != desk.site.account("m2")


def test_a_proposal_of_an_import_can_be_decided(desk: Desk) -> None:
    report = desk.report(table(HEADER, "m1,maria@example.org,,,María", "m2,maria@example.org,,,Maria"))
    [item] = report["proposals"]["items"]
    assert (item["line"], item["other_line"], item["why"]) == (3, 2, MERGED)
    operator = desk.world.operator()
    listed = operator.call("GET", "/operator/v1/proposals?status=open").json
    assert listed is not None
    assert [one["proposal_id"] for one in listed["items"]] == [item["proposal_id"]]
    accepted = operator.call("POST", f"/operator/v1/proposals/{item['proposal_id']}/accept", {})
    assert accepted.status_code == 200
    assert desk.site.account("m1") == desk.site.account("m2")


def test_the_report_says_in_words_what_to_do(desk: Desk) -> None:
    done = desk.run(table(HEADER, "m1,maria@example.org,,,María", "m2,maria@example.org,,,Maria"))
    assert "1 probable duplicate for a person to decide:" in done.stdout
    assert f"lines 2 and 3: {MERGED} (" in done.stdout
    assert "GET /operator/v1/proposals" in done.stdout
    assert "unspoken identity duplicates" in done.stdout
    assert "maria@example.org" not in done.output


def test_of_many_questions_twenty_are_told_in_words(desk: Desk) -> None:
    done = desk.run(table("account_id,email", *(f"m{at},user{at // 2}@example.org" for at in range(44))))
    assert "22 probable duplicates for a person to decide:" in done.stdout
    assert done.stdout.count("lines ") == 20


def test_what_the_site_already_knows_collides_too(desk: Desk) -> None:
    desk.site.put("m1", {"kind": "email", "value": "maria@example.org"})
    report = desk.report(table("crm,email", "4711,maria@example.org"))
    assert report["proposals"]["why"] == {MERGED: 1}
    [item] = report["proposals"]["items"]
    assert (item["line"], item["other_line"]) == (2, None), "the other is not in the file"
    assert f"line 2: {MERGED} (" in desk.run(table("crm,email", "4712,maria@example.org")).stdout
    assert desk.rows(table("crm,email", "4711,maria@example.org")) == (0, 0, 1, 0)


def test_rows_of_different_batches_collide_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "ROWS_A_BATCH", ROWS_A_BATCH)
    ends = 0, ROWS_A_BATCH
    rows = [f"m{at},{'same' if at in ends else f'user{at}'}@example.org,,," for at in range(ROWS_A_BATCH + 1)]
    report = desk.report(table(HEADER, *rows))
    assert lines_of(report) == [(ROWS_A_BATCH + 2, 2)]
    more = ["new,user3@example.org,,,", *rows[4:], *rows[:4]]
    assert lines_of(desk.report(table(HEADER, *more))) == [(2, ROWS_A_BATCH + 3)]


@pytest.mark.parametrize("known", [(), ("m1,,,,",), ("m1,,,,", "m2,,,,"), ("m1,maria@example.org,,,",)])
def test_both_lines_are_named_whichever_of_them_is_known(desk: Desk, known: tuple[str, ...]) -> None:
    if known:
        desk.report(table(HEADER, *known))
    report = desk.report(table(HEADER, "m3,,,,", "m1,maria@example.org,,,", "m2,maria@example.org,,,"))
    assert [sorted(lines) for lines in lines_of(report)] == [[3, 4]]


def lines_of(report: Any) -> list[tuple[int, int | None]]:
    return [(item["line"], item["other_line"]) for item in report["proposals"]["items"]]


def test_proved_on_both_sides_is_one_customer(trusted_desk: Desk) -> None:
    rows = ("m1,maria@example.org,yes,,María", "m2,maria@example.org,yes,,Maria", "m3,maria@example.org,no,,Mary")
    report = trusted_desk.report(table("account_id,email,email_verified,phone,name", *rows))
    assert report["merged"] == 0, "one account a site: the guard rails leave two accounts to a person"
    crm = trusted_desk.report(table("crm,email,email_verified", "4711,maria@example.org,yes"))
    assert crm["merged"] == 1
    again = trusted_desk.report(table("crm,email,email_verified", "4711,maria@example.org,yes"))
    assert (again["unchanged"], again["merged"]) == (1, 0)


@pytest.mark.parametrize("at_once", [True, False])
def test_who_claims_what_two_proved_is_asked_about_though_the_two_stay_two(trusted_desk: Desk, at_once: bool) -> None:
    header, rows = "account_id,email,email_verified", [f"m{number},maria@example.org,yes" for number in (1, 2)]
    other = trusted_desk.world.site("Outlet")
    other.put("mary", {"kind": "email", "value": "maria@example.org"})
    for some in [rows] if at_once else [rows[:1], rows[1:]]:
        trusted_desk.report(table(header, *some))
    asked = trusted_desk.world.operator().call("GET", "/operator/v1/proposals").json["items"]
    ids = {other.account("mary"): "mary"} | {trusted_desk.site.account(name): name for name in ("m1", "m2")}
    pairs = sorted(tuple(sorted(ids[ident] for ident in item["customer_ids"])) for item in asked)
    assert pairs == [("m1", "m2"), ("m1", "mary"), ("m2", "mary")]


def test_a_number_that_a_file_proved_is_not_made_young_by_a_site_that_repeats_it(trusted_desk: Desk) -> None:
    desk, phone = trusted_desk, {"kind": "phone", "value": "+34612345678", "verified": True}
    desk.report(table("account_id,phone,phone_verified", "m1,+34612345678,yes"))
    desk.world.clock.forward(days=181)
    desk.site.put("m1", phone)
    put = desk.world.site("Outlet", may_vouch=("phone",)).put("m-77", phone)
    assert put["outcome"] == "pending"
    assert "may have changed hands" in put["proposals"][0]["reason"]


@pytest.mark.parametrize("part", ["given_name", "family_name", "name"])
def test_any_part_of_a_name_tells_two_people_at_one_address_apart(desk: Desk, part: str) -> None:
    rows = ("casa@example.org,Ana", "casa@example.org,Luz")
    assert desk.rows(table(f"email,{part}", *rows)) == (2, 0, 0, 0)
    assert desk.rows(table(f"email,{part}", *rows)) == (0, 0, 2, 0)


def test_two_people_at_one_address_are_two(desk: Desk) -> None:
    content = table("email,name", "home@example.org,María", "home@example.org,José", "home@example.org,maría")
    report = desk.report(content)
    assert (report["created"], report["failed"]) == (2, 1)
    assert "the row on line 2 has the same email and name and says otherwise" in report["errors"][0]["error"]
    assert report["proposals"]["count"] == 1
    assert desk.rows(content) == (0, 0, 2, 1)


def test_a_value_that_everybody_has_proposes_nobody(desk: Desk) -> None:
    rows = [f"m{at},+34612345678" for at in range(40)]
    report = desk.report(table("account_id,phone", *rows))
    assert report["created"] == 40
    assert report["proposals"]["count"] == 9, "ten may share a value: each but the first is asked about once"


def test_who_shares_a_value_is_counted_by_customers_and_not_by_files(desk: Desk) -> None:
    rows = [f"m{at},+34612345678" for at in range(11)]
    items = desk.report(table("account_id,phone", *rows[:10]))["proposals"]["items"]
    accept = f"/operator/v1/proposals/{items[0]['proposal_id']}/accept"
    assert desk.world.operator().call("POST", accept, {}).status_code == 200
    assert desk.report(table("account_id,phone", rows[10]))["proposals"]["count"] == 1


def test_of_several_the_strongest_holder_is_asked_about(trusted_desk: Desk) -> None:
    desk, email = trusted_desk, {"kind": "email", "value": "maria@example.org"}
    desk.site.put("weak", email)
    desk.site.put("strong", {**email, "verified": True})
    [item] = desk.report(table("crm,email", "4711,maria@example.org"))["proposals"]["items"]
    listed = desk.world.operator().call("GET", "/operator/v1/proposals").json["items"]
    [asked] = [one for one in listed if one["proposal_id"] == item["proposal_id"]]
    assert desk.site.account("strong") in asked["customer_ids"]


def test_a_person_said_no_and_importing_again_asks_no_more(desk: Desk) -> None:
    content = table(HEADER, "m1,maria@example.org,,,María", "m2,maria@example.org,,,Maria")
    [item] = desk.report(content)["proposals"]["items"]
    rejected = desk.world.operator().call("POST", f"/operator/v1/proposals/{item['proposal_id']}/reject", {})
    assert rejected.status_code == 200
    desk.report(content)
    changed = desk.report(table(HEADER, "m1,maria@example.org,,,María", "m2,maria@example.org,,,Mary"))
    assert (changed["updated"], changed["proposals"]["count"]) == (1, 0)


def test_a_dry_run_writes_nothing_and_says_what_would_happen(desk: Desk, dump: Dump) -> None:
    desk.report(table(HEADER, "m1,maria@example.org,,,María", "m2,,,,Ana"))
    content = table(
        HEADER,
        "m1,maria@example.org,,,María",
        "m2,,,,Anna",
        "m3,maria@example.org,,,Mary",
        "m4,eva@example.org,,,Eva",
        "m5,eva@example.org,,,Eva",
        "m6,eva@,,,Eva",
    )
    before = dump()
    rehearsed = desk.report(content, "--dry-run")
    assert dump() == before
    assert "Nothing was written" in desk.run(content, "--dry-run").stdout
    real = desk.report(content)
    counts = ("created", "updated", "unchanged", "failed", "merged", "errors")
    assert [rehearsed[name] for name in counts] == [real[name] for name in counts]
    assert rehearsed["proposals"]["why"] == real["proposals"]["why"] == {MERGED: 2}
    assert (rehearsed["dry_run"], real["dry_run"]) == (True, False)


@pytest.mark.parametrize(
    ("known", "row", "caused"),
    [("no", "no", (0, 1)), ("yes", "no", (0, 1)), ("no", "yes", (0, 1)), ("yes", "yes", (1, 0))],
)
def test_a_dry_run_tells_one_customer_from_a_question(
    trusted_desk: Desk, known: str, row: str, caused: tuple[int, int]
) -> None:
    trusted_desk.report(table("account_id,email,email_verified", f"m1,maria@example.org,{known}"))
    content = table("crm,email,email_verified", f"4711,maria@example.org,{row}")
    for options in (("--dry-run",), ()):
        report = trusted_desk.report(content, *options)
        assert (report["merged"], report["proposals"]["count"]) == caused


def test_a_dry_run_takes_nobody_for_their_own_duplicate(trusted_desk: Desk) -> None:
    header = "account_id,email,email_verified"
    trusted_desk.report(table(header, "m1,maria@example.org,no"))
    report = trusted_desk.report(table(header, "m1,maria@example.org,yes"), "--dry-run")
    assert (report["updated"], report["merged"], report["proposals"]["count"]) == (1, 0, 0)


def test_two_values_that_two_people_share_are_one_question(desk: Desk) -> None:
    same = "maria@example.org,+34612345678"
    report = desk.report(table("account_id,email,phone", f"m1,{same}", f"m2,{same}"))
    assert report["proposals"]["count"] == 1
    for kind, value in zip(("email", "phone"), same.split(","), strict=True):
        desk.site.put("m2", {"kind": kind, "value": value})
    assert desk.count("proposals") == 1, "asked once is enough, whoever asks"


def test_a_dry_run_on_a_fresh_installation_makes_no_key_store(desk: Desk) -> None:
    desk.report(table(HEADER, "m1,maria@example.org,,,María"), "--dry-run")
    assert not list(desk.folder.glob("*keystore*"))


def test_nothing_personal_is_left_in_clear(desk: Desk, dump: Dump) -> None:
    desk.report(table("account_id,email,phone,name,street", "acct-m1,maria@example.org,+34612345678,María,Gran Vía"))
    everything = "\n".join(dump())
    for value in ("acct-m1", "maria@example.org", "612345678", "María", "Gran"):
        assert value not in everything


def test_the_data_key_of_one_imported_customer_opens_nothing_of_another(desk: Desk) -> None:
    desk.report(table("account_id", "m1", "m2"))
    ids = [UUID(desk.site.account(account_id)) for account_id in ("m1", "m2")]
    keys = desk.world.service.keystore.find_many(ids)
    with desk.world.service.db.read() as session:
        sealed = {row.customer_id: row.value_sealed or b"" for row in session.scalars(select(Identifier))}
    assert [keys[one].open(sealed[one], context=VALUE_CONTEXT) for one in ids] == ["m1", "m2"]
    for one, another in (ids, ids[::-1]):
        with pytest.raises(InvalidTag):
            keys[another].open(sealed[one], context=VALUE_CONTEXT)


def test_each_customer_has_a_line_in_the_history(desk: Desk) -> None:
    desk.report(table("account_id,email", "m1,maria@example.org"))
    customer_id = desk.site.account("m1")
    history = desk.site.call("GET", f"/commerce/v1/customers/{customer_id}/history").json
    assert history is not None
    assert [one["what"] for one in history["items"]] == ["customer.created"]
    evidence = history["items"][0]["evidence"]
    assert (evidence["line"], evidence["kinds"], set(evidence)) == (
        2,
        ["account", "email"],
        {"import_id", "line", "kinds"},
    )


def test_a_proposal_stands_in_the_history_of_both(desk: Desk) -> None:
    desk.report(table(HEADER, "m1,maria@example.org,,,María", "m2,maria@example.org,,,Maria"))
    operator, told = desk.world.operator(), []
    for account_id in ("m1", "m2"):
        path = f"/operator/v1/customers/{desk.site.account(account_id)}/history"
        [line] = [line for line in operator.call("GET", path).json["items"] if line["what"] == "duplicate.proposed"]
        told.append(line["evidence"])
    assert told[0] == told[1]
    assert set(told[0]) == {"proposal_id", "reasons"}
