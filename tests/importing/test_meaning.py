import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from service.customers.models import Customer
from service.merging.rules import DEFAULT_FILE
from tests.importing.conftest import Desk, table

SPANISH = (
    "ID Cuenta;Nº cliente;Nombre;Apellidos;Correo electrónico;Teléfono móvil;Fecha de nacimiento;Dirección;Portal;"
    "Población;Provincia;C.P.;País;Sexo;Idioma"
)


def test_a_file_with_spanish_headers_is_understood(desk: Desk) -> None:
    row = "m1;4711;María;López Gil;Maria@Example.org;612 345 678;31/05/1984;Calle Mayor;5;Madrid;Madrid;28013;ES;f;es"
    report = desk.report(f"{SPANISH}\n{row}\n")
    assert (report["created"], report["unknown_columns"]) == (1, [])
    customer = desk.customer("m1")
    assert customer["values"] == {
        "account": "m1",
        "crm": "4711",
        "email": "maria@example.org",
        "phone": "+34612345678",
    }
    assert customer["traits"] == {
        "given_name": "María",
        "family_name": "López Gil",
        "birth_date": "1984-05-31",
        "gender": "f",
        "language": "es",
        "address": {
            "street": "Calle Mayor",
            "house_number": "5",
            "city": "Madrid",
            "region": "Madrid",
            "postcode": "28013",
            "country": "ES",
        },
    }


def test_an_accented_number_is_one_however_its_letters_are_composed(desk: Desk) -> None:
    desk.report(table("account_id,crm", "m1,Nin\u0303o-7"))
    assert desk.customer("m1")["values"]["crm"] == "Ni\u00f1o-7"
    assert desk.rows(table("account_id,crm", "m1,Ni\u00f1o-7")) == (0, 0, 1, 0)


def test_spaces_around_a_key_are_no_part_of_it(desk: Desk) -> None:
    desk.report(table("account_id,crm", " m1 , 4711 "))
    assert desk.customer("m1")["values"] == {"account": "m1", "crm": "4711"}


@pytest.mark.parametrize("cell", ['"crm"x', '"crm', "x" * 140_000], ids=["quote", "open", "long"])
def test_a_header_that_is_no_csv_is_refused_in_one_line(desk: Desk, cell: str) -> None:
    done = desk.run(f"account_id,{cell}\nm1,1\n")
    assert done.exit_code == 1
    assert "the header is not valid CSV" in done.stderr


def test_columns_are_told_where_their_names_do_not_say(desk: Desk) -> None:
    content = table(" Web-ID,Mail (privat) ", "m1,maria@example.org")
    report = desk.report(content, "--map", "Web-ID=account_id", "--map", "mail (privat)=email")
    assert report["columns"] == {"Web-ID": "account_id", "Mail (privat)": "email"}
    assert desk.customer("m1")["values"]["email"] == "maria@example.org"


def test_a_column_that_nobody_knows_is_told_and_not_guessed(desk: Desk) -> None:
    report = desk.report(table("account_id,email2,Shoe size", "m1,maria@example.org,38"))
    assert report["unknown_columns"] == ["email2", "Shoe size"]
    assert desk.customer("m1")["traits"] == {}
    assert "email" not in desk.customer("m1")["values"]
    words = desk.run(table("account_id,email2,Shoe size", "m1,maria@example.org,38")).stdout
    assert "unknown columns: email2, Shoe size" in words


def test_two_columns_for_one_thing_are_not_guessed_between(desk: Desk) -> None:
    content = table("account_id,email,Correo", "m1,maria@example.org,other@example.org")
    done = desk.run(content)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "'email' and 'Correo' both hold email" in done.stderr
    report = desk.report(content, "--map", "Correo=ignore")
    assert (report["created"], report["unknown_columns"]) == (1, [])
    assert desk.customer("m1")["values"]["email"] == "maria@example.org"


@pytest.mark.parametrize(("one", "other"), [("email", "email"), ("E-mail", "e mail")])
@pytest.mark.parametrize("options", [(), ("--map", "{}=ignore"), ("--map", "{}=email")])
def test_two_columns_of_one_name_are_renamed_in_the_file(
    desk: Desk, one: str, other: str, options: tuple[str, ...]
) -> None:
    row = "m1,maria@example.org,other@example.org"
    done = desk.run(table(f"account_id,{one},{other}", row), *(option.format(one) for option in options))
    assert (done.exit_code, done.stdout, desk.count("customers")) == (1, "", 0)
    assert f"{one!r} and {other!r} are one name: rename one of the two in the file" in done.stderr
    assert "--map" not in done.stderr
    assert desk.report(table(f"account_id,{one},{other} (old)", row))["unknown_columns"] == [f"{other} (old)"]
    assert desk.customer("m1")["values"]["email"] == "maria@example.org"


def test_two_columns_of_one_name_that_nobody_knows_are_left_out(desk: Desk) -> None:
    content = table("account_id,note,Note,,", "m1,a,b,,")
    assert desk.report(content)["unknown_columns"] == ["note", "Note"]
    assert "rename one of the two in the file" in desk.run(content, "--map", "note=city").stderr


def test_two_columns_that_are_told_to_be_one_thing_are_not_guessed_between(desk: Desk) -> None:
    content = table("account_id,Mail 1,Mail 2", "m1,maria@example.org,other@example.org")
    done = desk.run(content, "--map", "Mail 1=email", "--map", "Mail 2=email")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "'Mail 1' and 'Mail 2' both hold email" in done.stderr


def test_what_was_told_goes_before_what_a_name_says(desk: Desk) -> None:
    content = table("account_id,email,Correo", "m1,maria@example.org,other@example.org")
    report = desk.report(content, "--map", "Correo=email")
    assert report["unknown_columns"] == ["email"]
    assert desk.customer("m1")["values"]["email"] == "other@example.org"


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--map", "Email"), "write COLUMN=FIELD"), (("--map", "Email=iban"), "the fields are account_id, crm")],
)
def test_a_mapping_that_means_nothing_is_a_wrong_use(desk: Desk, options: tuple[str, ...], words: str) -> None:
    done = desk.run(table("account_id", "m1"), *options)
    assert done.exit_code == 2
    assert words in done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no header"),
        ("name,city\nMaría,Madrid\n", "no column holds an account_id"),
        (b"\xff\xfea\x00", "is UTF-16"),
        (b"\xfe\xff\x00a", "is UTF-16"),
        (b"account_id\nm\x81\n", "neither UTF-8 nor Windows-1252"),
    ],
)
def test_a_file_that_cannot_be_imported_is_told_in_one_line(desk: Desk, content: str | bytes, words: str) -> None:
    done = desk.run(content)
    assert (done.exit_code, done.stdout) == (1, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_column_that_is_mapped_must_be_there(desk: Desk) -> None:
    done = desk.run(table("account_id,email", "m1,maria@example.org"), "--map", "Mail=email")
    assert "the file has no column 'Mail'; its columns are account_id, email" in done.stderr


def test_a_site_must_be_there(desk: Desk) -> None:
    desk.shell.json("site", "revoke", desk.site.site_id)
    assert "there is no site" in desk.run(table("account_id", "m1")).stderr


@pytest.mark.parametrize(("encoding", "told"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("cp1252", "cp1252")])
def test_the_encodings_that_office_programs_write_are_read(desk: Desk, encoding: str, told: str) -> None:
    content = table("account_id,nombre", "m1,Núñez Señor").encode(encoding)
    assert desk.report(content)["encoding"] == told
    assert desk.customer("m1")["traits"] == {"given_name": "Núñez Señor"}
    assert ("read as Windows-1252" in desk.run(content).stdout) == (encoding == "cp1252")


def test_an_accented_letter_may_be_the_last_byte_of_a_file(desk: Desk) -> None:
    assert desk.report("account_id,nombre\nm1,Noem\u00ed".encode("cp1252"))["encoding"] == "cp1252"
    assert desk.customer("m1")["traits"] == {"given_name": "Noem\u00ed"}


def test_an_import_goes_by_the_rules_and_the_country_of_the_settings(desk: Desk, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(DEFAULT_FILE.read_text("utf-8").replace("domains = []", 'domains = ["brand.example"]'), "utf-8")
    desk.shell.environ |= {"UNSPOKEN_IDENTITY_RULES": str(rules), "UNSPOKEN_PHONE_REGION": "US"}
    report = desk.report(table("account_id,email,phone", "m1,,(415) 555-2671", "m2,ana@brand.example,"))
    assert [(error["line"], error["column"]) for error in report["errors"]] == [(3, "email")]
    assert desk.customer("m1")["values"]["phone"] == "+14155552671"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(desk: Desk, delimiter: str) -> None:
    assert desk.rows(table("account_id,email,city", "m1,maria@example.org,Madrid", delimiter=delimiter)) == (
        1,
        0,
        0,
        0,
    )
    assert desk.customer("m1")["traits"] == {"address": {"city": "Madrid"}}


def test_a_quoted_text_may_hold_delimiters_marks_and_new_lines(desk: Desk) -> None:
    content = 'account_id,street,email\nm1,"Calle ""Mayor"", 5\r\n2º  B",maria@example.org\nm2,,no\n'
    report = desk.report(content)
    assert [(error["line"], error["column"]) for error in report["errors"]] == [(4, "email")]
    assert desk.customer("m1")["traits"] == {"address": {"street": 'Calle "Mayor", 5 2º B'}}


def test_empty_lines_and_placeholders_say_nothing(desk: Desk) -> None:
    content = "account_id,email,phone\n\nm1,NULL,-\n,,\n"
    assert desk.rows(content) == (1, 0, 0, 0)
    assert desk.customer("m1")["values"] == {"account": "m1"}


def test_one_number_as_two_kinds_of_key_is_two_people(desk: Desk) -> None:
    report = desk.report(table("crm,loyalty_card", "4711,", ",4711"))
    assert (report["created"], report["proposals"]["count"]) == (2, 0)


def test_the_longest_text_and_the_first_and_last_birth_date_are_taken(desk: Desk) -> None:
    longest, today = "M" * 300, desk.world.clock.now.date().isoformat()
    rows = f"m1,{longest},1880-01-01", f"m2,Maria   Pilar,{today}", "m3, Ana ,31.05.1984", "m4,Eva,31-05-1984"
    assert desk.rows(table("account_id,given_name,birth_date", *rows)) == (4, 0, 0, 0)
    assert [desk.customer(f"m{number}")["traits"] for number in range(1, 5)] == [
        {"given_name": longest, "birth_date": "1880-01-01"},
        {"given_name": "Maria Pilar", "birth_date": today},
        {"given_name": "Ana", "birth_date": "1984-05-31"},
        {"given_name": "Eva", "birth_date": "1984-05-31"},
    ]


def test_what_a_file_says_is_vouched_and_no_more(desk: Desk) -> None:
    content = table("account_id,crm,loyalty_card,email,phone", "m1,4711,99,maria@example.org,+34612345678")
    desk.report(content)
    trust = desk.customer("m1")["trust"]
    assert set(trust.values()) == {"vouched"}
    assert set(trust) == {"account", "crm", "loyalty_card", "email", "phone"}


def test_staff_find_who_came_by_a_file_without_any_account(desk: Desk) -> None:
    desk.report(table("crm,email,name", "C-9,ana@example.com,Ana"))
    sought = {"kind": "email", "value": "ana@example.com", "reason": "a letter"}
    found = desk.world.operator().call("POST", "/operator/v1/customers/lookup", sought).json
    assert [(one["trust"], one["source"]) for one in (found or {})["items"]] == [("vouched", "command")]


def test_a_verified_column_proves_only_what_the_site_may_vouch_for(desk: Desk, trusted_desk: Desk) -> None:
    content = table("account_id,email,email_verified,phone", "m1,maria@example.org, Sí ,+34612345678")
    report = trusted_desk.report(content)
    assert report["not_taken_as_proof"] == []
    assert trusted_desk.customer("m1")["trust"] == {"account": "vouched", "email": "verified", "phone": "vouched"}
    assert desk.report(content)["not_taken_as_proof"] == ["email"]
    assert desk.customer("m1")["trust"]["email"] == "vouched"
    assert "not taken as proof" in desk.run(content).stdout


def test_who_is_proved_by_a_file_answers_for_whom_they_are_joined_with(trusted_desk: Desk) -> None:
    old = trusted_desk.site.account("m1")
    trusted_desk.report(table("crm,email,email_verified", "4711,maria@example.org,yes"))
    with trusted_desk.world.service.db.read() as session:
        [proved] = session.scalars(select(Customer.id).where(Customer.verified_at.is_not(None)))
    merge = {"other_id": str(proved), "reason": "the same"}
    joined = trusted_desk.world.operator().call("POST", f"/operator/v1/customers/{old}/merge", merge).json
    assert joined["customer_id"] == str(proved), "the oldest verified, and not the oldest"


def test_what_a_file_proves_is_proved_from_then_on(trusted_desk: Desk) -> None:
    trusted_desk.report(table("account_id,email,email_verified", "m1,maria@example.org,yes"))
    path = f"/operator/v1/customers/{trusted_desk.site.account('m1')}?why=ticket-7"
    held = trusted_desk.world.operator().call("GET", path).json["identifiers"]
    assert {one["kind"]: one["proved_at"] is not None for one in held} == {"account": False, "email": True}


def test_a_row_that_is_not_verified_proves_nothing(trusted_desk: Desk) -> None:
    trusted_desk.report(table("account_id,email,email_verified", "m1,maria@example.org,no", "m2,ana@example.org,"))
    assert trusted_desk.customer("m1")["trust"]["email"] == "vouched"
    assert trusted_desk.customer("m2")["trust"]["email"] == "vouched"


def test_a_person_sees_a_bar_and_a_file_does_not(desk: Desk) -> None:
    path = desk.save(table("account_id", "m1", "m2"))
    command = [sys.executable, "-m", "service", "import", "customers", str(path), "--site", desk.site.site_id]
    environ = os.environ | {name: value for name, value in desk.shell.environ.items() if value is not None}
    terminal, end = pty.openpty()
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=end, check=True)
    os.close(end)
    assert b"Importing" in os.read(terminal, 4096)
    os.close(terminal)
    assert b"Importing" not in done.stdout
    assert subprocess.run(command, env=environ, capture_output=True, check=True).stderr == b""


def test_a_second_crm_id_for_whom_rules_joined_is_a_claim_and_is_told(trusted_desk: Desk) -> None:
    """As at the shop's door: two that conflict never are one customer by rules alone."""
    other = trusted_desk.world.site("Zapatos", may_vouch=("email", "crm"))
    proved = {"kind": "email", "value": "maria@example.org", "verified": True}
    other.put("z1", proved, {"kind": "crm", "value": "K3", "verified": True})
    trusted_desk.site.put("m1", proved)
    row = table("account_id,crm", "m1,K4")
    assert [one["column"] for one in trusted_desk.report(row, "--dry-run")["errors"]] == ["crm"]
    first, again = trusted_desk.report(row), trusted_desk.report(row)
    assert [(one["line"], one["column"]) for one in first["errors"]] == [(2, "crm")]
    assert (first["updated"], again["unchanged"], again["errors"]) == (1, 1, [])
    assert trusted_desk.customer("m1")["trust"]["crm"] == "claimed"


def test_a_row_that_brings_a_second_crm_id_and_the_contact_that_would_join_two_joins_nobody(
    trusted_desk: Desk,
) -> None:
    other = trusted_desk.world.site("Zapatos", may_vouch=("email", "crm"))
    proved = {"kind": "email", "value": "maria@example.org", "verified": True}
    theirs = other.put("z1", proved, {"kind": "crm", "value": "K3", "verified": True})["customer_id"]
    trusted_desk.report(table("account_id,name", "m1,Maria"))
    header = "account_id,email,email_verified,crm"
    report = trusted_desk.report(table(header, "m1,maria@example.org,yes,K4"))
    assert (report["merged"], report["proposals"]["count"]) == (0, 1)
    assert trusted_desk.customer("m1")["customer_id"] != theirs
