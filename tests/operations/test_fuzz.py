"""Schemathesis on the API's own description, in process: no fault, no answer that isn't described."""

from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.app import create_app
from service.web import guards
from service.web.buckets import Limit
from service.web.context import EXTENSION
from service.web.operation import answer
from tests.operations.doors import tokens
from tests.privacy.recorder import Recorder
from tests.world import World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# The two databases differ in what is asked of them, not in how a request is read.
EXAMPLES = {True: 8, False: 3}
Operation = APIOperation[Any, Any, Any, Any]
# It ends the session that every other operation of its door needs.
LAST = "/shopper/v1/session"


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TERMINAL_LIMIT", "SITE_LIMIT", "OPERATOR_LIMIT", "SESSION_LIMIT", "ADDRESS_LIMIT"):
        monkeypatch.setattr(guards, name, Limit(per_second=1e6, burst=10**6))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_no_request_finds_a_fault_or_an_answer_that_is_not_described(world: World, mode: GenerationMode) -> None:
    good, found = tokens(world), things(world)
    # An app of its own: account ids are made up here, and may be any word that tills are told.
    app, recorder = create_app(world.settings, now=world.clock), Recorder()
    app.after_request(recorder.look)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    operations = sorted((result.ok() for result in schema.get_all_operations()), key=lambda item: item.path == LAST)
    assert len(operations) > 30
    sent, examples = 0, EXAMPLES[world.service.db.on_sqlite]
    for operation in operations:
        headers = bearer(operation, good)
        sent += fuzz(operation, mode, headers, examples)
        if known := {name: found[name] for name in found if f"{{{name}}}" in operation.path}:
            sent += fuzz(operation, mode, headers, examples, path_parameters=known)
    app.extensions[EXTENSION].db.close()
    assert sent > 100, "most operations can be asked wrongly, too"
    assert recorder.faults == []


def test_an_answer_that_is_not_described_would_be_found(world: World) -> None:
    operation = schemathesis.openapi.from_wsgi("/openapi.json", world.app)["/healthz"]["GET"]
    world.app.view_functions["health.get_health"] = lambda: answer({"status": "so-so"})
    with pytest.raises(BaseExceptionGroup, match="1 distinct failure"):
        fuzz(operation, GenerationMode.POSITIVE, {}, 8)


def things(world: World) -> dict[str, str]:
    """Return ids that lead somewhere, by the name of the parameter."""
    site, till = world.site(), world.till()
    maria = site.shopper("maria")
    scan = till.scan(maria.code()).json
    sale = till.sell(scan["scan_id"]).json
    assert UUID(sale["sale_id"])
    return {"customer_id": maria.customer_id, "account_id": "maria", "card_id": maria.card["card_id"]}


def bearer(operation: Operation, good: dict[str, str]) -> dict[str, str]:
    """Return the header that opens this operation's door, where a bearer token does."""
    schemes = {scheme for option in operation.definition.raw["security"] for scheme in option}
    scheme = next(iter(schemes & set(good)), None)
    return {} if scheme is None else {"Authorization": f"Bearer {good[scheme]}"}


def fuzz(operation: Operation, mode: GenerationMode, headers: dict[str, str], examples: int, **known: Any) -> int:
    """Send some made-up requests to one operation, the same ones each time; return how many."""
    sent = 0

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, **known))
    def send(case: Any) -> None:
        nonlocal sent
        sent += 1
        checks = CHECKS + ([negative_data_rejection] if mode is GenerationMode.NEGATIVE else [])
        case.call_and_validate(headers=headers, checks=checks)

    with suppress(Unsatisfiable):  # what takes nothing can't be asked wrongly
        send()
    return sent
