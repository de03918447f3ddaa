import csv
import multiprocessing
from pathlib import Path

import pytest

from service.importing import reader
from service.importing.columns import BadFile
from service.importing.reader import _receive
from tests.importing.conftest import Desk, table


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("email", "maria@", "this is not an e-mail address"),
        ("email", "info@example.org", "identifies nobody"),
        ("phone", "98765", "this is not a phone number"),
        ("phone", "+34 612 345 67\a8", "this is not a phone number"),
        ("crm", "47\x0011", "printable characters"),
        ("crm", "0000", "placeholder"),
        ("given_name", "Mar\x07ía", "a control character"),
        ("given_name", "M" * 301, "at most 300 characters"),
        ("birth_date", "05/31/1984", "this is no date"),
        ("birth_date", "31/05/84", "this is no date"),
        ("birth_date", "2999-01-01", "between 1880 and today"),
        ("birth_date", "1800-01-01", "between 1880 and today"),
        ("email_verified", "perhaps", "write yes or no"),
    ],
)
def test_a_bad_cell_is_told_by_line_and_column_without_its_value(
    desk: Desk, column: str, value: str, words: str
) -> None:
    content = table(f"account_id,{column}", "m1,", f"m2,{value}", "m3,")
    report = desk.report(content)
    assert (report["created"], report["failed"]) == (2, 1)
    [error] = report["errors"]
    assert (error["line"], error["column"]) == (3, column)
    assert words in error["error"]
    done = desk.run(content)
    assert f"line 3, {column}: " in done.stdout
    assert value not in done.output


def test_a_row_with_a_fault_changes_nothing_and_tells_every_fault(desk: Desk) -> None:
    report = desk.report(table("account_id,email,phone,birth_date", "m1,maria@,12,1984-13-01"))
    assert [error["column"] for error in report["errors"]] == ["email", "phone", "birth_date"]
    assert (report["failed"], desk.count("customers")) == (1, 0)


def test_a_row_that_says_nobody_is_told(desk: Desk) -> None:
    report = desk.report(table("account_id,email,name", ",,María", "m1,,"))
    assert [error["line"] for error in report["errors"]] == [2]
    assert "give one of account_id, crm, loyalty_card, email, phone" in report["errors"][0]["error"]


def test_a_row_whose_only_key_is_bad_is_told_of_that_alone(desk: Desk) -> None:
    report = desk.report(table("email,name", "maria@,María"))
    assert [(error["line"], error["column"]) for error in report["errors"]] == [(2, "email")]


def test_a_row_with_more_or_fewer_values_than_the_header_is_told(desk: Desk) -> None:
    report = desk.report("account_id,city,region\nm1,Madrid,Madrid,5\nm2,Madrid\nm3,Madrid,Madrid,,\nm4,,\n")
    assert [error["line"] for error in report["errors"]] == [2, 3]
    assert "the row has 4 values and the header 3" in report["errors"][0]["error"]
    assert report["created"] == 2


def test_an_import_whose_reader_breaks_down_ends_and_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "prepare", lambda _: 1 / 0)
    done = desk.run("account_id\nm1\n")
    assert done.exit_code == 1
    assert "the process that reads the file was killed" in done.stderr


def test_a_row_with_broken_quotation_marks_does_not_stop_the_others(desk: Desk) -> None:
    report = desk.report('account_id,street\nm1,"Calle "Mayor" 5"\nm2,Calle Mayor\n')
    assert [(error["line"], report["created"]) for error in report["errors"]] == [(2, 1)]
    assert "isn't CSV" in report["errors"][0]["error"]


def test_an_unclosed_quotation_mark_is_told_by_the_line_it_began_on(desk: Desk) -> None:
    report = desk.report('account_id,street\nm1,Calle\nm2,"Calle Mayor\nm3,Calle\n')
    assert [error["line"] for error in report["errors"]] == [3]
    assert "up to line 4" in report["errors"][0]["error"]
    assert report["created"] == 1


def test_a_key_that_comes_twice_is_told_and_the_first_stands(desk: Desk) -> None:
    content = table("account_id,crm,name", "m1,1,María", "m1,1,María", "m1,1,Ana", ",1,María", "m2,1,María")
    report = desk.report(content)
    assert [error["line"] for error in report["errors"]] == [4, 5]
    assert "the row on line 2 has the same account and says otherwise" in report["errors"][0]["error"]
    assert (report["created"], report["unchanged"]) == (2, 1)
    assert desk.customer("m1")["traits"] == {"name": "María"}


def test_a_row_is_held_against_the_first_that_had_its_key(desk: Desk) -> None:
    report = desk.report(table("account_id,crm,name", ",1,Ana", "m1,1,Ana", ",1,Ana", ",1,Luis"))
    assert (report["created"], report["unchanged"]) == (2, 1)
    [error] = report["errors"]
    assert (error["line"], "the row on line 2 has the same crm" in error["error"]) == (5, True)


def test_a_contact_beside_an_account_is_no_key_of_the_next_row(desk: Desk) -> None:
    report = desk.report(table("account_id,email", "m1,maria@example.org", ",maria@example.org"))
    assert (report["created"], report["failed"], report["proposals"]["count"]) == (2, 0, 1)


def test_a_row_that_repeats_another_but_for_its_proof_contradicts_it(trusted_desk: Desk) -> None:
    rows = "m1,maria@example.org,no", "m1,maria@example.org,yes"
    assert trusted_desk.rows(table("account_id,email,email_verified", *rows)) == (1, 0, 0, 1)


def test_the_faults_are_written_beside_for_a_spreadsheet(desk: Desk, tmp_path: Path) -> None:
    rows = [f"m{number},{'maria@' if number % 3 == 0 else ''}" for number in range(90)]
    done = desk.run(table("account_id,email", *rows), "--errors", str(tmp_path / "faults.csv"))
    assert done.exit_code == 1
    assert done.stdout.count(", email: ") == 20
    assert "and 10 more: --errors FILE writes them all" in done.stdout
    with (tmp_path / "faults.csv").open(newline="") as file:
        found = list(csv.reader(file))
    assert found[0] == ["line", "column", "error"]
    assert [int(line) for line, _, _ in found[1:]] == [number + 2 for number in range(0, 90, 3)]


@pytest.mark.parametrize(
    ("header", "told"),
    [('=HYPERLINK("x")', '\'=HYPERLINK("x")'), ("@mail", "'@mail"), ("-m\x1b[2J", "'-m [2J"), ("e=mail", "e=mail")],
)
def test_what_the_faults_quote_of_the_file_is_no_formula_and_no_command(
    desk: Desk, tmp_path: Path, header: str, told: str
) -> None:
    done = desk.run(
        table(f"account_id,{header}", "m1,maria@"),
        "--map",
        f"{header}=email",
        "--errors",
        str(tmp_path / "faults.csv"),
    )
    assert done.exit_code == 1
    with (tmp_path / "faults.csv").open(newline="") as file:
        assert [column for _, column, _ in csv.reader(file)] == ["column", told]


def test_a_folder_for_the_faults_that_is_not_there_ends_the_import_before_it_begins(
    desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "nowhere" / "faults.csv"
    done = desk.run(table("account_id,email", "m1,maria@example.org"), "--errors", str(path))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: {path} can't be used: No such file or directory\n"
    assert desk.count("customers") == 0


def test_the_file_itself_is_not_overwritten_by_its_faults(desk: Desk) -> None:
    content = table("account_id,email", "m1,maria@")
    done = desk.run(content, "--errors", str(desk.folder / "customers.csv"))
    assert (done.exit_code, "the imported file itself" in done.stderr) == (2, True)
    assert (desk.folder / "customers.csv").read_text() == content.replace("\r\n", "\n")


def test_faults_written_before_stay_when_the_next_file_cannot_be_imported(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "faults.csv"
    desk.run(table("account_id,email", "m1,maria@"), "--errors", str(path))
    before = path.read_text()
    assert desk.run("name\nMaria\n", "--errors", str(path)).exit_code == 1
    assert path.read_text() == before


def test_a_row_gives_an_account_no_more_identifiers_than_a_site_may(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.importing.update.MAX_IDENTIFIERS", 3)
    desk.site.put("m1", {"kind": "email", "value": "a@example.org"}, {"kind": "email", "value": "b@example.org"})
    report = desk.report(table("account_id,email,phone", "m1,c@example.org,", "m2,c@example.org,"))
    assert (report["created"], report["failed"]) == (1, 1)
    [error] = report["errors"]
    words = "an account holds at most 3 identifiers: unlink others first"
    assert (error["line"], error["column"], error["error"]) == (2, "", words)
    assert desk.rows(table("account_id,email,name", "m1,b@example.org,María")) == (0, 1, 0, 0), "it holds that one"


def test_what_an_import_replaces_takes_no_room(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.importing.update.MAX_IDENTIFIERS", 3)
    desk.report(table("account_id,email,phone", "m1,a@example.org,+34612345678"))
    assert desk.rows(table("account_id,email,phone", "m1,b@example.org,+34612345679")) == (0, 1, 0, 0)


def test_no_column_holds_the_ids_of_devices(desk: Desk) -> None:
    content = table("account_id,anonymous_id", "m1,d-1")
    assert desk.report(content)["unknown_columns"] == ["anonymous_id"]
    assert desk.run(content, "--map", "anonymous_id=anonymous").exit_code == 2


def test_a_file_without_faults_ends_well(desk: Desk, tmp_path: Path) -> None:
    done = desk.run(table("account_id,email", "m1,maria@example.org"), "--errors", str(tmp_path / "faults.csv"))
    assert (done.exit_code, done.stderr) == (0, "")
    assert (tmp_path / "faults.csv").read_text() == "line,column,error\n"


def test_two_thousand_rows_with_typing_mistakes(desk: Desk) -> None:
    rows, wrong = [], {}
    for number in range(2000):
        email, phone, born = f"user{number}@example.org", f"+346{number:08}", "1984-05-31"
        if number % 97 == 0:
            email, wrong[number + 2] = f"user{number}example.org", "email"
        elif number % 101 == 0:
            phone, wrong[number + 2] = f"+346{number:05}", "phone"
        elif number % 103 == 0:
            born, wrong[number + 2] = "31/31/1984", "birth_date"
        rows.append(f"m{number},{email},{phone},{born}")
    report = desk.report(table("account_id,email,phone,birth_date", *rows))
    assert {error["line"]: error["column"] for error in report["errors"]} == wrong
    assert report["failed"] == len(wrong)
    assert report["created"] == 2000 - len(wrong) == desk.count("customers")


def test_a_reader_that_is_killed_ends_the_import_in_words() -> None:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    theirs.close()
    with pytest.raises(BadFile, match="run the same again"):
        list(_receive(ours))
    ours.close()
