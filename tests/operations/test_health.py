import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.engine import make_url
from werkzeug.test import TestResponse

from service.app import create_app
from service.config import Settings
from service.crypto.tokens import Prefix, mint
from service.erasures import replay_erasures
from service.web.context import EXTENSION
from tests.world import World

METRICS_TOKEN = "let-me-see-the-numbers"
SOMEWHERE = {"REMOTE_ADDR": "192.0.2.7"}


Serve = Callable[..., FlaskClient]


@pytest.fixture
def serve(settings: Settings) -> Iterator[Serve]:
    """A function that composes the service with other settings."""
    apps = []

    def compose(**given: Any) -> FlaskClient:
        apps.append(create_app(replace(settings, **given)))
        return apps[-1].test_client()

    yield compose
    for app in apps:
        app.extensions[EXTENSION].db.close()
        app.extensions[EXTENSION].keystore.close()


def test_health_and_readiness_are_told(world: World) -> None:
    for path in ("/healthz", "/readyz"):
        answer = world.client.get(path)
        assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_a_database_without_migrations_is_healthy_but_not_ready(world: World) -> None:
    with world.service.db.write() as session:
        kept = session.scalar(text("SELECT version_num FROM alembic_version"))
        session.execute(text("DELETE FROM alembic_version"))
    answer = world.client.get("/readyz")
    with world.service.db.write() as session:
        session.execute(text("INSERT INTO alembic_version VALUES (:kept)"), {"kept": kept})
    assert world.client.get("/healthz").status_code == 200
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert "unspoken migrate" in answer.json["detail"]
    assert int(answer.headers["Retry-After"]) >= 1
    assert world.client.get("/readyz").status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_whose_file_was_removed_is_not_ready(world: World) -> None:
    till, path = world.till(), Path(make_url(world.settings.database_url).database or "")
    till.scan("71")
    assert world.client.get("/readyz").status_code == 200
    aside = path.rename(path.with_name("aside.db"))
    gone = world.client.get("/readyz")
    path.touch()
    replaced = world.client.get("/readyz")
    aside.rename(path)
    for answer in (gone, replaced):
        assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
        assert "removed or replaced" in answer.json["detail"]
    assert world.client.get("/readyz").status_code == 200


def test_a_database_that_is_gone_is_not_ready_and_its_password_is_not_told(serve: Serve) -> None:
    client = serve(database_url="postgresql+psycopg://nobody:hunter2@127.0.0.1:1/none")
    for path in ("/readyz", "/shopper/v1/cards"):
        answer = client.get(path, headers={"Authorization": f"Bearer {mint(Prefix.SESSION)}"})
        assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
        assert "hunter2" not in answer.text
    assert client.get("/healthz").status_code == 200


def test_a_key_store_that_is_gone_is_named_and_its_password_is_not_told(world: World, serve: Serve) -> None:
    site = world.site()
    client = serve(keystore_url="postgresql+psycopg://nobody:hunter2@127.0.0.1:1/none")
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["detail"]) == (503, "the key store does not answer")
    given = {"identifiers": [{"kind": "email", "value": "maria@example.org"}]}
    bearer = {"Authorization": f"Bearer {site.secret_key}"}
    answer = client.put("/commerce/v1/accounts/maria", json=given, headers=bearer)
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert answer.json["detail"] == "the key store does not answer: try again"
    assert int(answer.headers["Retry-After"]) >= 1
    assert "hunter2" not in ready.text + answer.text


def test_a_key_store_that_is_empty_or_anothers_is_not_ready(world: World, serve: Serve, tmp_path: Path) -> None:
    """Whoever gave a value anew would get a new key, and the right store could not be put back any more."""
    site, url = world.site(), f"sqlite:///{tmp_path}/strange.db"
    assert serve(keystore_url=url).get("/readyz").status_code == 200, "nobody has a value yet"
    site.put("ana")
    ana, eva = (site.put(name, {"kind": "email", "value": f"{name}@example.org"}) for name in ("ana", "eva"))
    strange = serve(keystore_url=url)
    for _ in range(2):
        answer = strange.get("/readyz")
        assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
        assert answer.json["detail"].startswith("the key store is empty or another's")
    assert world.client.get("/readyz").status_code == 200
    world.service.keystore.destroy([UUID(ana["customer_id"])], world.clock())
    replay_erasures(world.service.db, world.service.keystore, world.clock())
    assert world.client.get("/readyz").status_code == 200
    world.operator().call("POST", f"/operator/v1/customers/{eva['customer_id']}/erase", {"reason": "requested"})
    assert strange.get("/readyz").status_code == 200, "nobody has a value any more"


@pytest.fixture
def read_only(world: World) -> Iterator[None]:
    """The database of the world, as a standby is."""
    url, db = make_url(world.settings.database_url), world.service.db

    def say(words: str) -> None:
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        options = "-c default_transaction_read_only=off"
        with psycopg.connect(plain, autocommit=True, options=options) as connection:
            connection.execute(f'ALTER DATABASE "{url.database}" {words}')
        db.close()

    say("SET default_transaction_read_only = on")
    yield
    say("RESET default_transaction_read_only")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_read_only_database_is_not_ready_and_a_sale_waits(world: World, request: pytest.FixtureRequest) -> None:
    till, maria = world.till(), world.shopper()
    scan = till.scan(maria.code()).json
    request.getfixturevalue("read_only")
    ready = world.client.get("/readyz")
    assert (ready.status_code, ready.json["detail"]) == (503, "the database is read-only")
    freeze = f"/shopper/v1/cards/{maria.card['card_id']}/freeze"
    for answer in (till.scan(maria.code()), till.sell(scan["scan_id"]), maria.call("POST", freeze, {})):
        assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
        assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_read_only_key_store_is_not_ready(world: World, serve: Serve) -> None:
    url = make_url(world.settings.database_url)
    own = "-c search_path=key_store"

    def ready(options: str) -> TestResponse:
        keystore_url = url.update_query_dict({"options": options}).render_as_string(hide_password=False)
        return serve(keystore_url=keystore_url).get("/readyz")

    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA key_store")
        try:
            assert ready(own).status_code == 200
            answer = ready(f"{own} -c default_transaction_read_only=on")
            assert (answer.status_code, answer.json["detail"]) == (503, "the key store is read-only")
        finally:
            connection.execute("DROP SCHEMA key_store CASCADE")


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URL of a PostgreSQL that accepts, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"postgresql+psycopg://nobody@127.0.0.1:{silent.getsockname()[1]}/none"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_that_says_nothing_is_not_waited_for(serve: Serve, silent_server: str) -> None:
    client = serve(database_url=silent_server)
    begun = time.monotonic()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["detail"]) == (503, "the database does not answer")
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_url_may_say_how_long_to_wait(serve: Serve, silent_server: str) -> None:
    client = serve(keystore_url=f"{silent_server}?connect_timeout=2")
    begun = time.monotonic()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["detail"]) == (503, "the key store does not answer")
    assert time.monotonic() - begun < 4.5


def test_keys_that_do_not_sign_yet_are_not_ready(world: World) -> None:
    world.clock.forward(days=-1)
    answer = world.client.get("/readyz")
    assert answer.status_code == 503
    assert "key" in answer.json["detail"]


def test_a_key_file_that_turned_bad_is_told_while_the_old_keys_serve(world: World) -> None:
    maria = world.shopper()
    Path(world.settings.keys_file).write_text("{")
    assert maria.call("GET", "/shopper/v1/code").status_code == 200
    answer = world.client.get("/readyz")
    assert answer.status_code == 503
    assert "key file" in answer.json["detail"]


def test_a_key_file_that_others_can_read_is_told_without_its_path(world: World) -> None:
    world.settings.keys_file.chmod(0o644)
    assert world.shopper().call("GET", "/shopper/v1/code").status_code == 200
    detail = world.client.get("/readyz").json["detail"]
    assert "can be read by other users" in detail
    assert str(world.settings.keys_file) not in detail
    world.settings.keys_file.chmod(0o600)
    world.shopper().call("GET", "/shopper/v1/code")
    assert world.client.get("/readyz").status_code == 200


def test_metrics_are_for_this_machine(world: World) -> None:
    assert world.client.get("/metrics").status_code == 200
    for address in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        assert world.client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == 200, address
    for address in ("192.0.2.7", "10.0.0.1", "::ffff:192.0.2.7", "2001:db8::1", ""):
        assert world.client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == 401, address


@pytest.mark.parametrize("proxies", [0, 1, 2])
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
@pytest.mark.parametrize("forwarded", ["192.0.2.7", "127.0.0.1", "127.0.0.1, 192.0.2.7", "unknown", "", ","])
def test_nobody_who_comes_through_a_proxy_is_this_machine(
    serve: Serve, proxies: int, header: str, forwarded: str
) -> None:
    """With a wrong number of proxies, everyone would seem to be it."""
    assert serve(proxies=proxies).get("/metrics", headers={header: forwarded}).status_code == 401


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {METRICS_TOKEN}", 200),
        ("Bearer ", 401),
        ("Bearer let-me", 401),
        ("Bearer é", 401),
        (METRICS_TOKEN, 401),
    ],
)
def test_metrics_are_for_the_bearer_of_their_token(serve: Serve, header: str, status: int) -> None:
    client = serve(metrics_token=METRICS_TOKEN)
    answer = client.get("/metrics", headers={"Authorization": header}, environ_base=SOMEWHERE)
    assert answer.status_code == status
    assert METRICS_TOKEN not in answer.text


def test_without_a_metrics_token_no_bearer_passes(world: World) -> None:
    answer = world.client.get("/metrics", headers={"Authorization": "Bearer "}, environ_base=SOMEWHERE)
    assert answer.status_code == 401


def test_requests_scans_and_sales_are_counted(world: World) -> None:
    till, maria = world.till(), world.shopper()
    scan = till.scan(maria.code()).json
    till.scan("4006381333931")
    till.sell(scan["scan_id"])
    numbers = world.client.get("/metrics").text
    assert 'unspoken_scans_total{kind="71",outcome="identified",reason=""} 1.0' in numbers
    assert 'unspoken_scans_total{kind="other",outcome="refused",reason="malformed"} 1.0' in numbers
    assert 'unspoken_sales_total{link="linked"} 1.0' in numbers
    assert (
        'unspoken_http_requests_total{method="PUT",route="/pos/v1/scans/<uuid:scan_id>",status="201"} 2.0' in numbers
    )
    assert 'unspoken_http_request_seconds_count{route="/pos/v1/sales/<uuid:sale_id>"} 1.0' in numbers


def test_a_stranger_can_not_make_up_labels(world: World) -> None:
    for number in range(20):
        world.client.open(f"/made/up/{number}", method=f"MADEUP{number}")
    numbers = world.client.get("/metrics").text
    assert 'unspoken_http_requests_total{method="other",route="unmatched",status="404"} 20.0' in numbers
    assert "made/up" not in numbers
    assert "MADEUP" not in numbers
