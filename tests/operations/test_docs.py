import ast
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

import service
from service.web.operations.problem_codes import WHAT_TO_DO
from service.web.operations.schemas import fields, sample
from tests.world import World

SOURCE = Path(service.__file__).parent
# Raised where no request is answered.
NEVER_ANSWERED = {"bad_file", "error", "bad_settings"}
# What the framework refuses in a way nobody foresaw.
FALLBACK = {"http_error"}


class Page(HTMLParser):
    """What a reader finds on a page: anchors, links to them, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.headings: list[str] = []
        self._in_heading = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        if tag == "h2":
            self.headings.append("")
            self._in_heading = True
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [link for link in (given.get("href"), given.get("src")) if link]

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_heading:
            self.headings[-1] += data.strip()

    def handle_endtag(self, tag: str) -> None:
        self._in_heading &= tag != "h2"


@pytest.fixture
def page(world: World) -> Page:
    answer = world.client.get("/docs")
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    return Page(answer.text)


def test_every_operation_has_its_place_in_the_docs(world: World, page: Page) -> None:
    api = world.client.get("/openapi.json").json
    for path, operations in api["paths"].items():
        for operation in operations.values():
            assert operation["operationId"] in page.ids
            assert operation["summary"].replace("`", "") in page.text
            assert path in page.text


def test_every_audience_is_told_how_to_authenticate(page: Page) -> None:
    assert {"pos", "commerce", "shopper", "operator", "operations"} <= set(page.ids)
    for credential in ("Bearer ust_…", "Bearer usk_…", "Bearer uss_…", "Bearer uop_…", "UNSPOKEN_METRICS_TOKEN"):
        assert credential in page.text


def test_every_section_and_every_entry_of_the_contents_has_a_name(page: Page) -> None:
    assert page.headings.count("Operators") == 2
    assert page.headings.count("Monitoring") == 2
    assert "" not in page.headings


def test_every_operation_says_whose_credential_it_wants_and_shows_how(world: World) -> None:
    """Only what asks for none is public."""
    described = world.client.get("/openapi.json").json
    articles = re.findall(r"<article.*?</article>", world.client.get("/docs").text, re.DOTALL)
    assert len(articles) == sum(len(operations) for operations in described["paths"].values())
    secured = {
        operation["operationId"]: any(operation["security"])
        for operations in described["paths"].values()
        for operation in operations.values()
    }
    for article in articles:
        name = re.search(r'<h3 id="(\w+)"', article)[1]
        assert ("Public" not in article) is secured[name], name
        assert ("-H &#34;Authorization: Bearer $" in article or "-b &#34;" in article) is secured[name], name
    assert sum("Bearer $OPERATOR_KEY" in article for article in articles) == sum(
        "/operator/v1/" in article for article in articles
    )


def test_anchors_are_unique_and_every_link_leads_somewhere(world: World, page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        else:
            assert world.client.get(link).status_code == 200, link


def test_the_page_runs_no_script_and_asks_nobody_else(world: World, page: Page) -> None:
    policy = world.client.get("/docs").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert {"script", "style", "img", "iframe"}.isdisjoint(page.tags)
    assert "style=" not in world.client.get("/docs").text


def test_the_style_is_served_as_css_for_light_and_dark(world: World) -> None:
    style = world.client.get("/docs/style.css")
    assert (style.status_code, style.mimetype) == (200, "text/css")
    assert "prefers-color-scheme: dark" in style.text


def test_the_type_of_a_problem_leads_to_what_to_do(world: World, page: Page) -> None:
    kind = world.client.get("/nowhere").json["type"]
    address, _, anchor = kind.partition("#")
    assert address == f"{world.settings.public_url}/docs"
    assert anchor in page.ids


def test_every_problem_has_an_anchor_and_a_sentence_of_advice(page: Page) -> None:
    for code, advice in WHAT_TO_DO.items():
        assert f"problem-{code}" in page.ids
        assert advice.endswith(".")
        assert advice.replace("`", "") in page.text


def test_the_table_of_problems_is_complete_and_has_nothing_too_many() -> None:
    raised = {code for path in SOURCE.rglob("*.py") for code in codes_in(ast.parse(path.read_text("utf-8")))}
    assert (raised | FALLBACK) - NEVER_ANSWERED == set(WHAT_TO_DO)


def test_the_search_for_codes_finds_each_way_to_name_one() -> None:
    ways = """
class Lost(Exception):
    code = "lost"
raise Problem(404, "gone", "…")
raise Conflict("…", code="torn")
_BY_STATUS = {418: ("teapot", "…")}
"""
    assert codes_in(ast.parse(ways)) == {"lost", "gone", "torn", "teapot"}


def test_every_example_fits_its_schema(world: World) -> None:
    api = world.client.get("/openapi.json").json
    components = api["components"]["schemas"]
    bodies = [name for name in components if name.endswith("In")]
    assert len(bodies) >= 8
    for name in bodies:
        schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": components}}
        jsonschema_rs.validate(schema, sample(components[name], components))


def test_examples_are_commands_that_can_be_copied(page: Page) -> None:
    assert page.text.count("curl -X ") == sum(
        1 for ident in page.ids if re.match(r"[a-z]+_(get|put|post|delete)_", ident)
    )
    assert "{sale_id}'" not in page.text


def test_fields_are_told_with_their_path_type_and_bounds() -> None:
    line: dict[str, Any] = {"type": "object", "properties": {"sku": {"type": "string", "maxLength": 9}}}
    schema: dict[str, Any] = {
        "required": ["at"],
        "properties": {
            "at": {"type": "string", "format": "date-time", "description": "when"},
            "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}, "maxItems": 3},
            "kind": {"anyOf": [{"enum": ["a", "b"], "type": "string"}, {"type": "null"}]},
            "limit": {"type": "integer", "minimum": 1, "maximum": 200},
        },
    }
    told = [(row.name, row.type, row.required, row.nullable) for row in fields(schema, {"Line": line})]
    assert told == [
        ("at", "time, RFC 3339", True, False),
        ("lines", "array of objects, at most 3", False, False),
        ("lines[].sku", "string, 0 to 9 characters", False, False),
        ("kind", 'one of "a", "b"', False, True),
        ("limit", "integer, 1 to 200", False, False),
    ]


def codes_in(tree: ast.AST) -> set[str]:
    """Return the problem codes that a module names: in a Problem, as `code`, or in the table by status."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            found |= strings(given + (node.args[1:2] if node.func.id == "Problem" else []))
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "code":
            found |= strings([node.value])
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_BY_STATUS":
            assert isinstance(node.value, ast.Dict)
            found |= strings([value.elts[0] for value in node.value.values if isinstance(value, ast.Tuple)])
    return {code for code in found if re.fullmatch(r"[a-z_]+", code)}


def strings(nodes: list[ast.expr]) -> set[str]:
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
