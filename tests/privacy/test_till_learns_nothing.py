from collections.abc import Iterator
from typing import Any

import pytest
from flask import Response

from service.app import create_app
from tests.privacy.recorder import POS_FIELDS, Recorder, field_names
from tests.world import World


def names_in_schema(schema: Any, components: dict[str, Any], seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the names of all fields that a schema can hold, however deep."""
    if isinstance(schema, list):
        for item in schema:
            yield from names_in_schema(item, components, seen)
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from names_in_schema(components[name], components, seen | {name})
    yield from schema.get("properties", {})
    for key, inner in schema.items():
        yield from names_in_schema(list(inner.values()) if key == "properties" else inner, components, seen)


def test_no_answer_to_a_till_has_a_field_that_could_be_personal(world: World) -> None:
    api = world.client.get("/openapi.json").json
    told = {
        name
        for path, operations in api["paths"].items()
        if path.startswith("/pos/v1/")
        for operation in operations.values()
        for name in names_in_schema(operation["responses"], api["components"]["schemas"])
    }
    assert {"outcome", "terminal_token", "store_id", "pointer"} <= told, "the walk must reach every depth"
    assert told <= POS_FIELDS


@pytest.mark.parametrize("field", ["customer_id", "card_number", "account_id", "email", "phone", "display_name"])
def test_the_list_of_allowed_fields_holds_nothing_personal(field: str) -> None:
    assert field not in POS_FIELDS


def test_the_recorder_sees_a_field_that_is_not_allowed(world: World) -> None:
    recorder = watch(world, '{"results": [{"body": {"customer_name": "Maria"}}]}')
    assert recorder.faults == ["a till was told ['customer_name'] by GET /pos/v1/keys"]


def test_the_recorder_sees_a_token(world: World) -> None:
    recorder = watch(world, '{"message": "uss_' + "a" * 49 + '"}')
    assert recorder.faults == ["a till was told a token by GET /pos/v1/keys"]


def test_the_recorder_sees_a_customer_a_card_and_an_account(world: World) -> None:
    maria = world.shopper("maria-the-first")
    number = maria.card["card_number"]
    recorder = watch(world, f'{{"message": "{maria.customer_id} {number} maria-the-first"}}')
    recorder._accounts.add("maria-the-first")
    told = recorder.secrets_told(world.service.db)
    assert told == [maria.customer_id, number, "maria-the-first"]


def test_fields_are_found_in_every_depth() -> None:
    assert set(field_names({"a": [{"b": {"c": 1}}, 2]})) == {"a", "b", "c"}


def watch(world: World, body: str) -> Recorder:
    """Return a recorder that saw a till's door answer with `body`."""
    app = create_app(world.settings, now=world.clock)
    recorder = Recorder()
    app.after_request(recorder.look)
    app.after_request(lambda _: Response(body, content_type="application/json"))  # runs first
    app.test_client().get("/pos/v1/keys")
    return recorder
