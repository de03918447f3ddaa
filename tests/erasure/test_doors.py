import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service import clock
from service.audit.models import AuditEntry
from service.cli import main
from service.crypto.keyfile import create, save_new
from service.customers.models import Customer
from service.privacy.erase import Erased, erase
from service.scans.models import Scan
from service.staff.models import Operator
from tests.cli.conftest import Shell
from tests.erasure.scene import EMAIL, ERASE, PHONE, VALUES, Scene, dump, personal
from tests.shopper.phone import Phone
from tests.world import World

Do = Callable[[Scene, Shell], Any]


def export_in_app(scene: Scene, _: Shell) -> Any:
    answer = scene.maria.call("GET", "/shopper/v1/export")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json


def export_by_operator(scene: Scene, _: Shell) -> Any:
    return scene.operator().call("GET", f"/operator/v1/customers/{scene.second.customer_id}/export").json


def export_by_command(scene: Scene, shell: Shell) -> Any:
    return shell.json("customer", "export", scene.second.customer_id)


def erase_in_app(scene: Scene, _: Shell) -> None:
    scene.erase()


def erase_by_operator(scene: Scene, _: Shell) -> None:
    path = f"/operator/v1/customers/{scene.second.customer_id}/erase"
    told = scene.operator().call("POST", path, {"reason": "requested"}).json
    assert {UUID(ident) for ident in told["customer_ids"]} == set(scene.nodes)


def erase_by_command(scene: Scene, shell: Shell) -> None:
    told = shell.json("customer", "erase", scene.second.customer_id, "--yes")
    assert {UUID(ident) for ident in told["customer_ids"]} == set(scene.nodes)


ERASE_AT = {
    "shopper": "service.web.shopper.privacy.erase",
    "operator": "service.web.operator.privacy.erase",
    "command": "service.commands.customers.erase_customer",
}
EXPORTS = {"shopper": export_in_app, "operator": export_by_operator, "command": export_by_command}
ERASURES = {"shopper": erase_in_app, "operator": erase_by_operator, "command": erase_by_command}


@pytest.mark.parametrize("door", EXPORTS)
def test_an_export_tells_everything_from_every_door(scene: Scene, shell: Shell, door: str) -> None:
    scene.live()
    told = EXPORTS[door](scene, shell)
    assert {UUID(file["customer_id"]) for file in told["files"]} == set(scene.nodes)
    assert {"family_name": "García"} in [file["traits"] for file in told["files"]]
    assert {(item["kind"], item["value"]) for item in told["identifiers"]} == {
        ("email", EMAIL),
        ("phone", PHONE),
        ("crm", "CRM-4711"),
    }
    accounts = {(item["site"], item["account_id"]) for item in told["accounts"]}
    assert accounts == {("Zapatos", "maria-in-zapatos"), ("Libros", "maria-in-libros")}
    numbers = {scene.maria.card["card_number"], scene.second.card["card_number"]}
    assert {card["card_number"] for card in told["cards"]} == numbers
    assert {"active", "frozen"} == {card["status"] for card in told["cards"]}
    assert {item["site"] for item in told["sessions"]} == {"Zapatos", "Libros"}
    assert [scan["outcome"] for scan in told["scans"]].count("identified") == 2
    assert {scan["store"] for scan in told["scans"]} == {"Gran Vía"}
    sold = [(sale["receipt_number"], len(sale["lines"]), len(sale["returns"])) for sale in told["sales"]]
    assert sorted(sold) == [("R-1", 1, 0), ("R-1", 1, 1), ("R-2", 1, 0), ("R-2", 1, 0), ("R-3", 1, 0)]
    [claim] = told["claims"]
    assert claim["sale_id"] in scene.sales
    assert [(item["purpose"], item["source"]) for item in told["consents"]] == [("profiling", "Zapatos")]
    assert [item["site"] for item in told["link_requests"]] == ["Libros"] * 3
    assert [item["undone_by"] for item in told["merges"]] == ["operator", None]
    assert len(told["probable_duplicates"]) == 1
    looks = [line for line in told["audit"] if line["why"] == "ticket-4711"]
    assert [(line["who"], line["what"]) for line in looks] == [("Zapatos", "read your file")]


@pytest.mark.parametrize("door", EXPORTS)
def test_an_export_holds_nothing_that_acts_as_her_and_nothing_of_others(
    scene: Scene, shell: Shell, door: str
) -> None:
    scene.live()
    told = json.dumps(EXPORTS[door](scene, shell))
    for secret in (scene.maria.token, scene.maria.card["otp_key"], "otp_key", scene.juan.customer_id, "juan"):
        assert secret not in told


@pytest.mark.parametrize("door", EXPORTS)
def test_an_export_leaves_a_line_without_personal_data(scene: Scene, shell: Shell, door: str) -> None:
    scene.live()
    EXPORTS[door](scene, shell)
    with scene.world.service.db.read() as session:
        wanted = select(AuditEntry).where(AuditEntry.action == "customer.exported")
        [line] = session.scalars(wanted)
    assert (line.actor_kind, line.detail, line.why) == (door, {}, None)
    assert line.customer_id in scene.nodes


@pytest.mark.parametrize("door", ERASURES)
def test_an_erasure_leaves_a_line_without_personal_data_and_nothing_else(
    scene: Scene, shell: Shell, door: str
) -> None:
    scene.live()
    secrets = personal(scene.world, scene.nodes) | set(VALUES)
    ERASURES[door](scene, shell)
    assert [secret for secret in secrets if secret in dump(scene.world)] == []
    with scene.world.service.db.read() as session:
        [line] = session.scalars(select(AuditEntry).where(AuditEntry.customer_id.in_(scene.nodes)))
        assert all(node.erased_at for node in session.scalars(select(Customer).where(Customer.id.in_(scene.nodes))))
        operators = set(session.scalars(select(Operator.id)))
    assert (line.action, line.actor_kind, line.detail) == ("customer.erased", door, {})
    assert {line.actor_id} == (operators or {None}), "an operator answers for it; a shopper is named by nothing"
    assert line.why == ("requested" if door == "operator" else None)
    assert scene.ready() == 200


def test_an_export_says_who_looked_in_the_language_of_whoever_reads_it(scene: Scene, shell: Shell) -> None:
    command = ("customer", "export", scene.maria.customer_id)
    in_app = [
        scene.maria.call("GET", "/shopper/v1/export", headers={"Accept-Language": language})
        for language in ("en", "es")
    ]
    assert {answer.headers["Vary"] for answer in in_app} == {"Accept-Language"}
    english, spanish = "began your file", "creó tu ficha"
    for told, words in (
        (in_app[0].json, english),
        (in_app[1].json, spanish),
        (shell.json(*command), english),
        (shell.json(*command, "--language", "es"), spanish),
        (export_by_operator(scene, shell), english),
    ):
        assert words in [line["what"] for line in told["audit"]]
    told = shell.run(*command, "--language", "es").stdout
    assert spanish in told, "letters are printed as they are read"


@pytest.mark.parametrize("door", ERASURES)
def test_every_door_sweeps_up_a_scan_that_was_stored_meanwhile(
    scene: Scene, shell: Shell, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    scene.people.join(*scene.nodes)
    scene.till.scan(scene.juan.code())

    def erase_while_a_till_scans(session: Session, *given: Any, **named: Any) -> Erased:
        erased = erase(session, *given, **named)
        session.execute(update(Scan).values(customer_id=scene.nodes[0]))
        return erased

    monkeypatch.setattr(ERASE_AT[door], erase_while_a_till_scans)
    ERASURES[door](scene, shell)
    assert [row["customer_id"] for row in scene.rows(Scan)] == [None]


def test_a_command_says_in_one_line_that_there_is_nobody(scene: Scene, shell: Shell) -> None:
    scene.erase()
    assert shell.fails("customer", "export", scene.maria.customer_id) == "there is no such customer"
    for command in ("export", "erase"):
        given = ("customer", command, str(uuid4()), *(["--yes"] if command == "erase" else []))
        assert shell.fails(*given) == "there is no such customer"


def test_people_read_what_a_command_did(scene: Scene, shell: Shell) -> None:
    told = shell.run("customer", "export", scene.maria.customer_id).stdout
    assert json.loads(told)["customer_id"] == scene.maria.customer_id
    assert "\n  " in told, "it is laid out for people"
    assert shell.run("customer", "replay-erasures").stdout == "Nobody to erase again.\n"
    assert shell.run("customer", "erase", scene.maria.customer_id, "--yes").stdout.startswith("Erased ")


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["words", "json"])
def test_nobody_is_erased_by_a_script_that_does_not_say_yes(
    scene: Scene, shell: Shell, options: tuple[str, ...]
) -> None:
    done = shell.run("customer", "erase", scene.maria.customer_id, *options)
    assert (done.exit_code, "Erased" in done.stdout) == (2, False)
    assert "--yes" in done.stderr
    shell.json("customer", "export", scene.maria.customer_id)


@pytest.mark.parametrize(("typed", "erased"), [("y\n", True), ("n\n", False), ("\n", False), ("", False)])
def test_a_person_is_asked_before_anybody_is_erased(
    scene: Scene, shell: Shell, monkeypatch: pytest.MonkeyPatch, typed: str, erased: bool
) -> None:
    monkeypatch.setattr("service.commands.customers.is_attended", lambda: True)
    done = CliRunner().invoke(main, ["customer", "erase", scene.maria.customer_id], env=shell.environ, input=typed)
    assert f"Erase {scene.maria.customer_id} for good" in done.stderr
    assert (done.exit_code, done.stdout.startswith("Erased ")) == ((0, True) if erased else (1, False))
    with scene.world.service.db.read() as session:
        node = session.get_one(Customer, UUID(scene.maria.customer_id))
    assert (node.erased_at is not None) is erased


def test_a_no_is_one_json_value_too(scene: Scene, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.commands.customers.is_attended", lambda: True)
    given = ["customer", "erase", scene.maria.customer_id, "--json"]
    done = CliRunner().invoke(main, given, env=shell.environ, input="n\n")
    assert (done.exit_code, json.loads(done.stdout)["error"]["code"]) == (1, "aborted")


@pytest.mark.parametrize("command", ["export", "erase", "replay-erasures"])
def test_a_missing_key_file_is_told_in_one_line(scene: Scene, shell: Shell, command: str) -> None:
    shell.environ["UNSPOKEN_KEYS_FILE"] = "/nowhere/keys.json"
    given = {"export": [scene.maria.customer_id], "erase": [scene.maria.customer_id, "--yes"]}.get(command, [])
    assert "unspoken keys init" in shell.fails("customer", command, *given, UNSPOKEN_ENV="production")


def test_another_key_file_is_told_in_one_line(scene: Scene, shell: Shell, tmp_path: Path) -> None:
    save_new(tmp_path / "another.json", create(clock.now()))
    shell.environ["UNSPOKEN_KEYS_FILE"] = str(tmp_path / "another.json")
    assert "does not open under this key file" in shell.fails("customer", "export", scene.maria.customer_id)


def test_the_web_app_forgets_its_cookie(world: World) -> None:
    phone = Phone(world)
    phone.open(world.site())
    answer = phone.call("POST", "/shopper/v1/erase", ERASE)
    assert answer.status_code == 204
    assert "unspoken_session=;" in answer.headers["Set-Cookie"]
    assert phone.call("GET", "/shopper/v1/session").status_code == 401
