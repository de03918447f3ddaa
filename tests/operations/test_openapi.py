import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from tests.world import World

# Pages for people, and their files.
UNDESCRIBED = {"/app", "/app/static/<path:path>", "/docs", "/docs/style.css", "/openapi.json"}


@pytest.fixture
def api(world: World) -> dict[str, Any]:
    document: dict[str, Any] = world.client.get("/openapi.json").json
    return document


def test_the_document_is_valid_openapi_3_1(api: dict[str, Any]) -> None:
    assert api["openapi"] == "3.1.0"
    OPENAPI_31_VALIDATOR.validate(api)


def test_the_validator_can_fail(api: dict[str, Any]) -> None:
    del api["info"]["title"]
    with pytest.raises(jsonschema_rs.ValidationError):
        OPENAPI_31_VALIDATOR.validate(api)


def test_every_schema_is_a_valid_schema(api: dict[str, Any]) -> None:
    for schema in api["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_every_reference_leads_somewhere(api: dict[str, Any]) -> None:
    found = set(re.findall(r'"\$ref": ?"#/components/schemas/([^"]+)"', json.dumps(api)))
    assert found
    assert found <= set(api["components"]["schemas"])


def test_every_operation_has_an_id_of_its_own(api: dict[str, Any]) -> None:
    ids = Counter(operation["operationId"] for _, _, operation in operations(api))
    assert [name for name, count in ids.items() if count > 1] == []


def test_every_operation_says_what_it_does_and_belongs_to_an_audience(api: dict[str, Any]) -> None:
    audiences = {tag["name"] for tag in api["tags"]}
    for path, method, operation in operations(api):
        assert operation["summary"].endswith("."), (method, path)
        assert set(operation["tags"]) <= audiences, (method, path)


def test_every_route_but_the_pages_is_described(world: World, api: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, method, _ in operations(api)}
    for rule in world.app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert ((method, path) in described) != (rule.rule in UNDESCRIBED), (method, rule.rule)


def test_every_refusal_is_described_as_a_problem(api: dict[str, Any]) -> None:
    for path, method, operation in operations(api):
        for status, answer in operation["responses"].items():
            is_problem = "application/problem+json" in answer.get("content", {})
            assert is_problem == (status >= "400"), (method, path, status)


def test_too_long_an_address_is_described_wherever_the_caller_chooses_its_length(api: dict[str, Any]) -> None:
    for path, method, operation in operations(api):
        free = [given for given in operation["parameters"] if given["schema"].get("format") != "uuid"]
        assert ("414" in operation["responses"]) == bool(free), (method, path)
        assert "431" in operation["responses"], (method, path)


def test_unknown_request_fields_are_forbidden_in_every_body(api: dict[str, Any]) -> None:
    for path, method, operation in operations(api):
        if "requestBody" in operation:
            reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            body = api["components"]["schemas"][reference.rpartition("/")[2]]
            assert body["additionalProperties"] is False, (method, path)


def operations(api: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, described in api["paths"].items():
        for method, operation in described.items():
            yield path, method, operation
