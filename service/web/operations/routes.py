"""Health, readiness and metrics."""

from collections.abc import Iterator
from typing import Literal

from flask import Blueprint, Response

from service.errors import Unavailable
from service.migrations import find_fault
from service.privacy.replay import is_strange
from service.web.context import now, service
from service.web.metrics import CONTENT_TYPE
from service.web.operation import Answer, answer, operation
from service.web.problems import Problem

health = Blueprint("health", __name__)
bp = Blueprint("metrics", __name__)


class HealthOut(Answer):
    """The process answers."""

    status: Literal["ok"]


@health.get("/healthz")
@operation({200: HealthOut})
def get_health() -> Response:
    """Say that the process answers. It asks nothing of the database."""
    return answer({"status": "ok"})


@health.get("/readyz")
@operation({200: HealthOut}, problems=(503,))
def get_ready() -> Response:
    """Say whether requests can be served: the databases answer, migrated, all who were erased are, the keys fit."""
    faults = list(_faults())
    if faults:
        raise Problem(503, "not_ready", "; ".join(faults), retry_after=5)
    return answer({"status": "ok"})


@bp.get("/metrics")
@operation({200: "text/plain"}, problems=(401,))
def get_metrics() -> Response:
    """Return Prometheus metrics, summed over all workers of this machine."""
    return Response(service().metrics.render(), content_type=CONTENT_TYPE)


def _faults() -> list[str]:
    faults = list(_database_faults())
    try:
        service().keys.ring.signer(now())
    except Unavailable as fault:
        faults.append(fault.detail)
    if service().live_keys.fault is not None:
        faults.append(f"{service().live_keys.fault}; the keys read before are still in force")
    return faults


def _database_faults() -> Iterator[str]:
    if service().db.was_replaced():
        yield "the database's file was removed or replaced: stop the service before you do that, and start it again"
        return
    if fault := find_fault(service().db):
        yield fault
        return
    try:
        with service().db.read() as session:
            if not service().journal.is_settled(session, service().keystore):
                yield "people who were erased are back in this database: run `unspoken customer replay-erasures`"
            if is_strange(session, service().keystore):
                yield "the key store is empty or another's: stop the service and put the backup of the right one back"
        if service().keystore.db.is_read_only():
            yield "the key store is read-only"
    except service().keystore.any_error:
        yield "the key store does not answer"
