"""Replaying the queue: batches within the service's limits, each answer settled before the next batch leaves.

A batch whose answer is lost is sent again with the same ids, so nothing is lost and nothing doubles.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
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
from pos_client.door import NO_ANSWER, is_final, read_problem
from pos_client.errors import Refused, ServiceError, Unavailable
from pos_client.queue import Item, Kind, Queue, encode

SYNC_PATH = "/pos/v1/sync"
SYNC_SECONDS = 30.0
"""Time for a whole batch; nobody stands waiting for it, unlike a scan."""

FAILURES_OF_AN_OUTAGE = 10
"""So many failures in a row are the service's, not the items'."""

SMALLER = 4
"""A batch that no answer came to is followed by one of a fourth, for the line may be too slow for it."""

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


class Replay:
    """Sends what waits, in batches; while the service can't be reached over a slow line, in smaller ones."""

    def __init__(self, queue: Queue, call: Call, policy: Policy) -> None:
        self.report = SyncReport()
        self._queue, self._call, self._policy = queue, call, policy
        self._most_bytes = policy.max_body_bytes

    def run(self) -> None:
        """Send everything that waits, once; raise Unavailable when something has to wait for another try."""
        put_off = 0
        for batch in split(self._parcels(), self._policy.max_sync_items, self._most_bytes):
            if _ENVELOPE_BYTES + batch[0].size > self._policy.max_body_bytes:
                # Some proxies cut the line instead of answering 413, which would hold up the queue for ever.
                self._settle(refused=[(batch[0].item, _too_large(self._policy))])
            else:
                put_off += self._send(batch)
        for item in [item for item in self._queue.waiting() if item.kind is Kind.LINK]:
            self._send_link(item)
        if put_off:
            raise Unavailable(f"The service put off {put_off} of the uploads.", code="put_off")

    def _parcels(self) -> Iterator[Parcel]:
        for item in self._queue.waiting():
            if item.kind is not Kind.LINK:
                text = encode({f"{item.kind}_id": item.id, **item.body})
                yield Parcel(item, text, len(text.encode()) + len(","))

    def _send(self, batch: list[Parcel]) -> int:
        """Send one batch, in parts if the service can't take it whole; return how many items it put off."""
        content = _envelope(batch)
        try:
            results = self._call(_by_item, "POST", SYNC_PATH, content)
        except Refused as refusal:
            # Another refusal is about the request itself: the items are innocent and stay.
            if refusal.status not in _TOO_MUCH:
                raise
            if len(batch) == 1:
                self._settle(refused=[(batch[0].item, refusal)])
                return 0
            middle = len(batch) // 2
            return sum(self._send(half) for half in (batch[:middle], batch[middle:]))
        except Unavailable as trouble:
            if trouble.code in NO_ANSWER:
                self._most_bytes = min(self._most_bytes, len(content.encode())) // SMALLER
            if trouble.status != HTTPStatus.INTERNAL_SERVER_ERROR or len(batch) == 1:
                raise
            return self._send_singly(batch)
        return self._take_in(batch, results)

    def _send_singly(self, batch: list[Parcel]) -> int:
        """Send each item alone, lest one that the service stumbles over keep back the others."""
        put_off = failures = 0
        for parcel in batch:
            try:
                put_off += self._send([parcel])
                failures = 0
            except Unavailable:
                put_off += 1
                failures += 1
                if failures == FAILURES_OF_AN_OUTAGE:
                    raise
        return put_off

    def _take_in(self, batch: list[Parcel], results: Results) -> int:
        sent: list[Item] = []
        refused: list[tuple[Item, ServiceError]] = []
        for item in (parcel.item for parcel in batch):
            status, body = results.get((item.kind, item.id), (0, {}))
            if status // 100 == 2:
                with suppress(Unavailable):
                    self.report.answers.append(understand(about(item.subject, _READERS[item.kind]), body))
                    sent.append(item)
            elif is_final(status):
                refused.append((item, read_problem(status, body)))
        self._settle(sent=sent, refused=refused)
        return len(batch) - len(sent) - len(refused)

    def _send_link(self, item: Item) -> None:
        # Until its sale has arrived, the service would know nothing to link.
        if self._queue.holds(Kind.SALE, item.body["sale_id"]):
            return
        try:
            answer = self._call(about(item.subject, _READERS[item.kind]), "PUT", item.path, item.content)
        except Refused as refusal:
            self._settle(refused=[(item, refusal)])
        else:
            self.report.answers.append(answer)
            self._settle(sent=[item])

    def _settle(self, *, sent: Sequence[Item] = (), refused: Sequence[tuple[Item, ServiceError]] = ()) -> None:
        self._queue.settle(sent, refused)
        self.report.sent += len(sent)
        self.report.refused += len(refused)


def split(parcels: Iterable[Parcel], most_items: int, most_bytes: int) -> Iterator[list[Parcel]]:
    """Yield batches within both limits; a parcel too large by itself travels alone."""
    batch: list[Parcel] = []
    size = _ENVELOPE_BYTES
    for parcel in parcels:
        if batch and (len(batch) >= most_items or size + parcel.size > most_bytes):
            yield batch
            batch, size = [], _ENVELOPE_BYTES
        batch.append(parcel)
        size += parcel.size
    if batch:
        yield batch


def _envelope(batch: list[Parcel]) -> str:
    lists = (
        f'"{name}":[{",".join(parcel.text for parcel in batch if parcel.item.kind is kind)}]'
        for kind, name in _LISTS.items()
    )
    return f"{{{','.join(lists)}}}"


def _by_item(answer: Answer) -> Results:
    return {(one["kind"], one["id"]): (int(one["status"]), one["body"]) for one in answer["results"]}


def _too_large(policy: Policy) -> Refused:
    detail = f"It is larger than the {policy.max_body_bytes} bytes that the service takes."
    return Refused(detail, code="body_too_large")
