"""The page and its files as they are served, before any browser looks at them."""

import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.web.shopper.app_page import STATIC, bp


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(bp)
    return app.test_client()


def test_the_page_is_never_stored_and_runs_only_our_own_files(client: FlaskClient) -> None:
    with client.get("/app") as answer:
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
            "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_file_that_has_not_changed_is_not_sent_again(client: FlaskClient) -> None:
    with client.get("/app/static/app/main.js") as first:
        assert first.headers["Cache-Control"] == "no-cache"
        tag = first.headers["ETag"]
    with client.get("/app/static/app/main.js", headers={"If-None-Match": tag}) as again:
        assert again.status_code == 304
        assert again.data == b""


def test_files_of_different_content_have_different_tags(client: FlaskClient) -> None:
    tags = set()
    for name in ("main.js", "page.js"):
        with client.get(f"/app/static/app/{name}") as answer:
            tags.add(answer.headers["ETag"])
    assert len(tags) == 2


@pytest.mark.parametrize("path", ["../shopper/app_page.py", "..%2fshopper%2fapp_page.py", "app", "missing.js"])
def test_nothing_outside_the_static_files_is_served(client: FlaskClient, path: str) -> None:
    with client.get(f"/app/static/{path}") as answer:
        assert answer.status_code == 404


@pytest.mark.parametrize("name", ["main.js", "arrival.js"])
def test_scripts_are_served_as_scripts(client: FlaskClient, name: str) -> None:
    with client.get(f"/app/static/app/{name}") as answer:
        assert answer.mimetype in ("text/javascript", "application/javascript")


def test_the_page_has_no_inline_script_or_style_and_names_only_files_that_exist() -> None:
    page = (STATIC / "app" / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    named = re.findall(r'(?:src|href)="([^"#][^"]*)"', page)
    assert named
    assert [path for path in named if not (STATIC / path.removeprefix("app/static/")).is_file()] == []


def test_the_page_preloads_every_module_it_runs() -> None:
    page = (STATIC / "app" / "index.html").read_text()
    modules = {path.name for path in (STATIC / "app").glob("*.js")}
    assert set(re.findall(r'href="app/static/app/(\w+\.js)"', page)) == modules - {"main.js", "arrival.js"}


def test_the_app_can_be_put_on_the_home_screen() -> None:
    manifest = json.loads((STATIC / "app" / "manifest.json").read_text())
    assert manifest["display"] == "standalone"
    assert all((STATIC / "app" / icon["src"]).is_file() for icon in manifest["icons"])


def test_no_file_of_the_app_writes_markup_or_keeps_secrets() -> None:
    sources = {path.name: path.read_text() for path in (STATIC / "app").glob("*.js")}
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|sessionStorage|console\.\w+\("
    )
    assert [name for name, source in sources.items() if forbidden.search(source)] == []
    assert [name for name, source in sources.items() if "localStorage" in source] == ["words.js"]
