"""Who may pass the operator door, and how operators come and go."""

import json
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner

from service.cli import main
from tests.world import Caller, World


def run(world: World, *arguments: str) -> object:
    environ = {
        "UNSPOKEN_DATABASE_URL": world.settings.database_url,
        "UNSPOKEN_KEYS_FILE": str(world.settings.keys_file),
    }
    done = CliRunner().invoke(main, [*arguments, "--json"], env=environ, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_an_operator_is_added_listed_and_revoked(world: World) -> None:
    added = run(world, "operator", "add", "Olga")
    assert isinstance(added, dict)
    assert set(added) == {"operator_id", "operator_key"}
    olga = Caller(world, added["operator_key"])
    assert olga.call("GET", "/operator/v1/proposals").status_code == 200
    [listed] = run(world, "operator", "list")  # type: ignore[misc]
    assert (listed["operator_id"], listed["name"], listed["revoked_at"]) == (added["operator_id"], "Olga", None)
    assert added["operator_key"] not in str(listed)
    revoked = run(world, "operator", "revoke", added["operator_id"])
    assert isinstance(revoked, dict)
    assert revoked["revoked_at"] is not None
    assert olga.call("GET", "/operator/v1/proposals").status_code == 401
    assert run(world, "operator", "revoke", added["operator_id"]) == revoked


def test_people_at_the_prompt_are_told_to_keep_the_key(world: World) -> None:
    environ = {"UNSPOKEN_DATABASE_URL": world.settings.database_url}
    for arguments, words in (
        (["operator", "list"], "No operator yet."),
        (["operator", "add", "Olga"], "Keep it: only a hash is stored."),
        (["operator", "list"], "Olga"),
    ):
        assert words in CliRunner().invoke(main, arguments, env=environ).stdout
    unknown = CliRunner().invoke(main, ["operator", "revoke", str(uuid4())], env=environ)
    assert (unknown.exit_code, "there is no operator" in unknown.stderr) == (1, True)


DOORS = [
    ("GET", "/operator/v1/customers/{id}", None),
    ("POST", "/operator/v1/customers/lookup", {"kind": "crm", "value": "C-1", "reason": "a letter"}),
    ("GET", "/operator/v1/customers/{id}/history", None),
    ("POST", "/operator/v1/customers/{id}/merge", {"other_id": str(UUID(int=5)), "reason": "same"}),
    ("POST", "/operator/v1/merges/{id}/undo", {"reason": "no"}),
    ("GET", "/operator/v1/proposals", None),
    ("POST", "/operator/v1/proposals/{id}/accept", {}),
    ("POST", "/operator/v1/proposals/{id}/reject", {}),
    ("GET", "/operator/v1/events", None),
    ("GET", "/operator/v1/claims", None),
]


@pytest.mark.parametrize(("method", "path", "body"), DOORS)
def test_no_other_key_opens_the_operator_door(world: World, method: str, path: str, body: object) -> None:
    site = world.site()
    shopper, till = site.shopper(), world.till()
    path = path.format(id=shopper.customer_id)
    for token in (site.secret_key, site.write_key, shopper.token, till.token, "uop_unknown"):
        refused = Caller(world, token).call(method, path, body)
        assert (refused.status_code, refused.json["code"]) == (401, "unauthorized")
    assert world.client.open(path, method=method, json=body).status_code == 401
    assert world.operator().call(method, path, body).status_code in (200, 404)


def test_an_operator_key_opens_no_other_door(world: World) -> None:
    olga = world.operator()
    customer_id = world.site().account()
    for path in (f"/commerce/v1/customers/{customer_id}", "/shopper/v1/cards", "/pos/v1/terminal"):
        assert olga.call("GET", path).status_code == 401
