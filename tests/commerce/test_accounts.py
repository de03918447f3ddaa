from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from tests.world import World

ODD_IDS = (
    "maria",
    "María José",
    "maria@example.com",
    "客户/42",
    "a/b",
    "/a",
    "a/",
    "//",
    "/",
    "..",
    "a/../b",
    "sessions",
    "a/sessions",
    "a/sessions/sessions",
    "/sessions",
    "100%",
    "a%2Fb",
    "a?b#c",
    "a+b c",
    "🛒",
    "x" * 255,
    "é" * 255,
    "'; DROP TABLE customers; --",
)


def path(account_id: str, suffix: str = "") -> str:
    return f"/commerce/v1/accounts/{quote(account_id, safe='')}{suffix}"


def test_an_account_makes_its_customer_once(world: World) -> None:
    site = world.site()
    first, second = (site.call("PUT", path("maria"), {}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json["customer_id"] == second.json["customer_id"]
    assert UUID(first.json["customer_id"])


def test_an_account_put_by_many_at_once_makes_one_customer(world: World) -> None:
    site = world.site()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: site.call("PUT", path("maria"), {}), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json["customer_id"] for answer in answers}) == 1


def test_every_odd_account_id_is_an_account_of_its_own(world: World) -> None:
    site = world.site()
    first = [site.call("PUT", path(account_id), {}) for account_id in ODD_IDS]
    again = [site.call("PUT", path(account_id), {}) for account_id in ODD_IDS]
    assert [answer.status_code for answer in first] == [201] * len(ODD_IDS)
    assert [answer.status_code for answer in again] == [200] * len(ODD_IDS)
    customers = [answer.json["customer_id"] for answer in first]
    assert len(set(customers)) == len(ODD_IDS)
    assert customers == [answer.json["customer_id"] for answer in again]


@pytest.mark.parametrize("account_id", ODD_IDS)
def test_every_odd_account_id_can_open_a_session(world: World, account_id: str) -> None:
    site = world.site()
    site.call("PUT", path(account_id), {})
    opened = site.call("POST", path(account_id, "/sessions"), {})
    assert opened.status_code == 201, opened.json
    assert set(opened.json) == {"session_token", "expires_at", "app_url"}


@pytest.mark.parametrize(
    ("under", "method", "allowed"),
    [
        ("sessions", "PUT", "POST"),
        ("sessions?a=b", "PUT", "POST"),
        ("sessions", "DELETE", "POST"),
        ("link-requests", "PUT", "POST"),
        ("link-requests", "DELETE", "POST"),
        ("identifiers/0198c0de-0000-7000-8000-00000000000c", "PUT", "DELETE"),
    ],
)
def test_a_method_that_an_address_under_an_account_has_not_makes_no_account(
    world: World, under: str, method: str, allowed: str
) -> None:
    site = world.site()
    for body in ({}, {"code": "1"}):
        answer = site.call(method, f"/commerce/v1/accounts/maria/{under}", body)
        assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
        assert allowed in answer.headers["Allow"]
    assert site.call("PUT", path(f"maria/{under.partition('?')[0]}"), {}).status_code == 201, (
        "an account of that name"
    )


@pytest.mark.parametrize("raw", ["%00", "a%0ab", "%7f", "%ff", "%c3", "%ed%a0%80", "x" * 256, "%ef%bf%bd"])
def test_an_account_id_that_can_not_be_kept_is_refused(world: World, raw: str) -> None:
    answer = world.site().call("PUT", f"/commerce/v1/accounts/{raw}", {})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_parameter")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/account_id"]


def test_an_account_needs_a_name(world: World) -> None:
    assert world.site().call("PUT", "/commerce/v1/accounts/", {}).status_code == 404


def test_two_sites_with_one_account_id_have_two_customers(world: World) -> None:
    assert world.site("Zapatos").account("maria") != world.site("Libros").account("maria")


def test_a_session_needs_an_account(world: World) -> None:
    answer = world.site().call("POST", path("nobody", "/sessions"), {})
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert "nobody" not in answer.text


def test_a_site_opens_no_session_for_another_sites_account(world: World) -> None:
    world.site("Zapatos").account("maria")
    assert world.site("Libros").call("POST", path("maria", "/sessions"), {}).status_code == 404


def test_an_account_takes_no_unknown_fields(world: World) -> None:
    answer = world.site().call("PUT", path("maria"), {"email": "maria@example.com"})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == ["/email"]
    assert "maria@example.com" not in answer.text


def test_nothing_of_an_account_id_is_kept_in_the_clear(world: World) -> None:
    from sqlalchemy import select

    from service.customers.models import Identifier

    world.site().account("maria-the-first")
    with world.service.db.read() as session:
        kept = session.scalars(select(Identifier)).one()
        assert len(kept.value_index) == 32
        assert b"maria" not in kept.value_index
        assert b"maria" not in (kept.value_sealed or b"maria")


def test_a_customer_id_is_no_account_id(world: World) -> None:
    assert world.site().call("POST", path(str(uuid4()), "/sessions"), {}).status_code == 404
