"""Replaying the queue: batches within the service's limits, each answer settled before the next batch leaves.

A batch whose answer is lost is sent again with the same ids, so nothing is lost and nothing doubles.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from pos_client.answers import (
    Answer,
    Policy,
    ReturnResult,
    SaleResult,
    ScanResult,
    about,
    read_return,
    read_sale,
    read_scan,
    understand,
)
from pos_client.door import is_final, read_problem
from pos_client.errors import Refused, ServiceError, Unavailable
from pos_client.queue import Item, Kind, Queue, encode

SYNC_PATH = "/pos/v1/sync"
SYNC_SECONDS = 30.0
"""Time for a whole batch; nobody stands waiting for it, unlike a scan."""

FAILURES_OF_AN_OUTAGE = 10
"""So many failures in a row are the service's, not the items'."""

_LISTS = {Kind.SCAN: "scans", Kind.SALE: "sales", Kind.RETURN: "returns"}
_READERS: dict[Kind, Callable[[Answer], ScanResult | SaleResult | ReturnResult]] = {
    Kind.SCAN: read_scan,
    Kind.SALE: read_sale,
    Kind.RETURN: read_return,
    Kind.LINK: read_sale,
}
_ENVELOPE_BYTES = len('{"scans":[],"sales":[],"returns":[]}')
_TOO_MUCH = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}

T = TypeVar("T")
Results = dict[tuple[str, str], tuple[int, Any]]
"""Status and body of each item, by its kind and id."""


class Call(Protocol):
    """Sends method, path and content within SYNC_SECONDS, and reads the answer."""

    def __call__(self, read_answer: Callable[[Answer], T], method: str, path: str, content: str, /) -> T:
        """Return the typed answer; raise Unavailable when it isn't one."""


@dataclass
class SyncReport:
    """What a sync did: how many items the service took, how many it refused for good, how many still wait."""

    sent: int = 0
    refused: int = 0
    waiting: int = 0
    answers: list[ScanResult | SaleResult | ReturnResult] = field(default_factory=list)


@dataclass(frozen=True)
class Parcel:
    """An item with the JSON text it has inside a batch."""

    item: Item
    text: str
    size: int


def replay(queue: Queue, call: Call, policy: Policy, report: SyncReport) -> None:
    """Send everything that waits, once; raise Unavailable when something has to wait for another try."""
    put_off = 0
    for batch in split(_parcels(queue), policy):
        if _ENVELOPE_BYTES + batch[0].size > policy.max_body_bytes:
            # Some proxies cut the line instead of answering 413, which would hold up the queue for ever.
            _settle(queue, report, refused=[(batch[0].item, _too_large(policy))])
        else:
            put_off += _send(batch, queue, call, report)
    for item in [item for item in queue.waiting() if item.kind is Kind.LINK]:
        _send_link(item, queue, call, report)
    if put_off:
        raise Unavailable(f"The service put off {put_off} of the uploads.", code="put_off")


def split(parcels: Iterable[Parcel], policy: Policy) -> Iterator[list[Parcel]]:
    """Yield batches within both limits of a sync; a parcel too large by itself travels alone."""
    batch: list[Parcel] = []
    size = _ENVELOPE_BYTES
    for parcel in parcels:
        if batch and (len(batch) >= policy.max_sync_items or size + parcel.size > policy.max_body_bytes):
            yield batch
            batch, size = [], _ENVELOPE_BYTES
        batch.append(parcel)
        size += parcel.size
    if batch:
        yield batch


def _parcels(queue: Queue) -> Iterator[Parcel]:
    for item in queue.waiting():
        if item.kind is not Kind.LINK:
            text = encode({f"{item.kind}_id": item.id, **item.body})
            yield Parcel(item, text, len(text.encode()) + len(","))


def _send(batch: list[Parcel], queue: Queue, call: Call, report: SyncReport) -> int:
    """Send one batch, in parts if the service can't take it whole; return how many items it put off."""
    try:
        results = call(_by_item, "POST", SYNC_PATH, _envelope(batch))
    except Refused as refusal:
        # Another refusal is about the request itself: the items are innocent and stay.
        if refusal.status not in _TOO_MUCH:
            raise
        if len(batch) == 1:
            _settle(queue, report, refused=[(batch[0].item, refusal)])
            return 0
        middle = len(batch) // 2
        return sum(_send(half, queue, call, report) for half in (batch[:middle], batch[middle:]))
    except Unavailable as trouble:
        if trouble.status != HTTPStatus.INTERNAL_SERVER_ERROR or len(batch) == 1:
            raise
        return _send_singly(batch, queue, call, report)
    return _take_in(batch, results, queue, report)


def _send_singly(batch: list[Parcel], queue: Queue, call: Call, report: SyncReport) -> int:
    """Send each item alone, lest one that the service stumbles over keep back the others."""
    put_off = failures = 0
    for parcel in batch:
        try:
            put_off += _send([parcel], queue, call, report)
            failures = 0
        except Unavailable:
            put_off += 1
            failures += 1
            if failures == FAILURES_OF_AN_OUTAGE:
                raise
    return put_off


def _envelope(batch: list[Parcel]) -> str:
    lists = (
        f'"{name}":[{",".join(parcel.text for parcel in batch if parcel.item.kind is kind)}]'
        for kind, name in _LISTS.items()
    )
    return f"{{{','.join(lists)}}}"


def _take_in(batch: list[Parcel], results: Results, queue: Queue, report: SyncReport) -> int:
    sent: list[Item] = []
    refused: list[tuple[Item, ServiceError]] = []
    for item in (parcel.item for parcel in batch):
        status, body = results.get((item.kind, item.id), (0, {}))
        if status // 100 == 2:
            with suppress(Unavailable):
                report.answers.append(understand(about(item.subject, _READERS[item.kind]), body))
                sent.append(item)
        elif is_final(status):
            refused.append((item, read_problem(status, body)))
    _settle(queue, report, sent=sent, refused=refused)
    return len(batch) - len(sent) - len(refused)


def _by_item(answer: Answer) -> Results:
    return {(one["kind"], one["id"]): (int(one["status"]), one["body"]) for one in answer["results"]}


def _send_link(item: Item, queue: Queue, call: Call, report: SyncReport) -> None:
    # Until its sale has arrived, the service would know nothing to link.
    if queue.holds(Kind.SALE, item.body["sale_id"]):
        return
    try:
        answer = call(about(item.subject, _READERS[item.kind]), "PUT", item.path, item.content)
    except Refused as refusal:
        _settle(queue, report, refused=[(item, refusal)])
    else:
        report.answers.append(answer)
        _settle(queue, report, sent=[item])


def _too_large(policy: Policy) -> Refused:
    detail = f"It is larger than the {policy.max_body_bytes} bytes that the service takes."
    return Refused(detail, code="body_too_large")


def _settle(
    queue: Queue,
    report: SyncReport,
    *,
    sent: Iterable[Item] = (),
    refused: Iterable[tuple[Item, ServiceError]] = (),
) -> None:
    sent, refused = list(sent), list(refused)
    queue.settle(sent, refused)
    report.sent += len(sent)
    report.refused += len(refused)
