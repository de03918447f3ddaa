"""Sync: many PUTs in one request, each judged by itself."""

import json
from collections.abc import Callable
from time import monotonic
from typing import Any

from pydantic import BaseModel

from service.web.operation import Body
from service.web.pos import record
from service.web.pos.models import MAX_SYNC_ITEMS, ReturnIn, SaleIn, ScanIn, SyncIn
from service.web.problems import Problem, body_of, to_problem
from service.web.types import Id

# Well below the time after which a worker is taken for dead, even when the last item waits as long for a lock.
PATIENCE_SECONDS = 10


class _ScanId(Body):
    scan_id: Id


class _SaleId(Body):
    sale_id: Id


class _ReturnId(Body):
    return_id: Id


_Put = Callable[..., record.Answered]


def sync(body: SyncIn) -> list[dict[str, Any]]:
    """Record the scans, the sales and the returns, and give each the answer that its PUT would have got.

    When the database makes them wait, those that are still to do are answered 503: the till sends them again.
    """
    if len(body.scans) + len(body.sales) + len(body.returns) > MAX_SYNC_ITEMS:
        words = f"at most {MAX_SYNC_ITEMS} items in one sync: send the rest in another"
        raise Problem(422, "invalid_body", words, errors=[{"pointer": "", "detail": words}])
    todo: list[tuple[str, Any, type[BaseModel], type[BaseModel], _Put]] = [
        *(("scan", item, _ScanId, ScanIn, record.scan) for item in body.scans),
        *(("sale", item, _SaleId, SaleIn, record.sale) for item in body.sales),
        *(("return", item, _ReturnId, ReturnIn, record.take_back) for item in body.returns),
    ]
    until = monotonic() + PATIENCE_SECONDS
    return [_one(*each, in_time=monotonic() < until) for each in todo]


def _one(
    kind: str,
    item: Any,
    id_model: type[BaseModel],
    model: type[BaseModel],
    put: _Put,
    *,
    in_time: bool,
) -> dict[str, Any]:
    field = f"{kind}_id"
    given = item.pop(field, None) if isinstance(item, dict) else None
    try:
        if not isinstance(item, dict):
            raise Problem(422, "invalid_body", f"each {kind} is an object: the body of its PUT, and `{field}`")
        if not in_time:
            raise Problem(503, "not_ready", "the database takes too long: send this again")
        ident = getattr(_parse(id_model, {} if given is None else {field: given}), field)
        payload, status = put(ident, _parse(model, item))
    except Exception as error:
        problem = to_problem(error)
        if problem is None or problem.status == 401:
            raise
        payload, status = body_of(problem), problem.status
    return {"kind": kind, "id": given if _is_text(given) else None, "status": status, "body": payload}


def _is_text(given: Any) -> bool:
    return isinstance(given, str) and given.isprintable()  # half a character can't be sent back


def _parse(model: type[BaseModel], item: dict[str, Any]) -> Any:
    """Parse as the PUT would: strictly, and from JSON, in which ids and times are strings."""
    return model.model_validate_json(json.dumps(item))
