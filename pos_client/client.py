"""The till client: every upload is queued first and tried once; what has no answer waits for sync."""

import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from os import PathLike
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

import httpx2

from pos_client.answers import (
    Action,
    Answer,
    Link,
    Outcome,
    Policy,
    Reason,
    Result,
    ReturnResult,
    SaleResult,
    ScanResult,
    Terminal,
    about,
    read_return,
    read_sale,
    read_scan,
)
from pos_client.backoff import BackOff
from pos_client.basket import Return, Sale, drop_absent, format_time, is_plausible, mend_ref, return_body, sale_body
from pos_client.beeps import Beep
from pos_client.claims import write_address
from pos_client.door import Door, software
from pos_client.errors import QueueFailed, Refused, ServiceError, Unavailable
from pos_client.ids import mint_id
from pos_client.queue import Item, Kind, Queue, encode, new_item
from pos_client.reader import read
from pos_client.replay import SYNC_SECONDS, Replay, SyncReport
from pos_client.status import Status, read_status
from pos_client.wire import Wire

T = TypeVar("T")


def read_clock() -> datetime:
    """Return the till's own clock, right or wrong."""
    return datetime.now(UTC)


class PosClient:
    """One till. Safe to share between threads; several processes may use one queue file.

    Without a token it uses the one that enrol stored in the queue file. Calls that a cashier waits for
    end within timeout seconds, with or without the service.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        queue: str | PathLike[str],
        transport: httpx2.BaseTransport | None = None,
        timeout: float = 2.0,
        insecure: bool = False,
        clock: Callable[[], datetime] = read_clock,
        back_off: BackOff | None = None,
    ) -> None:
        self._door = Door(base_url, transport=transport, timeout=timeout, insecure=insecure)
        self._queue = Queue(queue)
        try:
            self._wire = Wire(self._door, self._queue, clock, token)
        except ValueError:
            self.close()
            raise
        self._clock = clock
        self._back_off = back_off or BackOff()

    def enrol(
        self, enrolment_code: str, *, hardware: str | None = None, software_name: str | None = None
    ) -> Terminal:
        """Trade a one-time enrolment code for this till's token, and keep the token in the queue file.

        A lost answer does no harm: the same installation may repeat the trade.
        """
        body = {
            "enrolment_code": enrolment_code.strip(),
            "installation_id": self._queue.installation_id(),
            "hardware": hardware or f"{platform.system()} {platform.release()} {platform.machine()}".strip(),
            "software": software_name or software(),
        }
        return self._back_off.run(lambda: self._wire.enrol(encode(body)))

    def heartbeat(self) -> Terminal:
        """Say hello: refresh the till's label, keys and limits, and measure the clock."""
        return self._wire.heartbeat()

    def scan(self, text: str, *, cashier_ref: str | None = None, training: bool = False) -> ScanResult:
        """Identify a shopper from one line of a hand scanner; without a network the outcome is pending.

        A code that beeps twice before the sale is no second shopper: the sale keeps the first scan. Raises NotACode
        for any other bar code, which is then neither stored nor sent.
        """
        code = read(text)
        self._wire.credential()
        now = self._clock()
        earlier = self._find_earlier(code, training, now)
        item = self._queue.find(Kind.SCAN, earlier.scan_id) if earlier else None
        if item is None:
            item = self._queue_scan(code, cashier_ref, training, now)
        else:
            self._queue.remember(beep=Beep.of(item.id, code, training, now).fact)
        pending = ScanResult(scan_id=item.id, outcome=Outcome.PENDING, action=Action.CONTINUE)
        try:
            result = self._deliver(item, read_scan, pending)
        except Refused:
            self._queue.remember(last_scan="")
            raise
        if earlier and earlier.scan_id != item.id and (result is pending or result.reason == Reason.ALREADY_USED):
            self._queue.remember(last_scan=earlier.scan_id, beep=earlier.fact)
        elif result.outcome is Outcome.REFUSED:
            self._queue.remember(last_scan="")
        return result

    def _find_earlier(self, code: str, training: bool, now: datetime) -> Beep | None:
        """Return the beep that the same code has just made for the same sale."""
        fact = self._queue.recall("beep")
        if fact is None:
            return None
        beep = Beep.recall(fact)
        return beep if beep.scan_id == self.last_scan_id and beep.is_repeated(code, training, now) else None

    def _queue_scan(self, code: str, cashier_ref: str | None, training: bool, now: datetime) -> Item:
        fields = {
            "code": code,
            "scanned_at": format_time(now),
            "clock_offset_ms": self._queue.clock_offset_ms(),
            "cashier_ref": mend_ref(cashier_ref),
            "training": training or None,
        }
        item = new_item(Kind.SCAN, mint_id(now), drop_absent(fields), now)
        self._queue.put(item, last_scan=item.id, beep=Beep.of(item.id, code, training, now).fact)
        return item

    def sell(self, sale: Sale, *, claim: str | None = None) -> SaleResult:
        """Record a completed sale; once it is queued it can't be lost, whatever this returns or raises.

        With a claim code of mint_claim the shopper can take an unidentified sale home; print claim_address.
        Only a till that isn't enrolled, or has never been online to learn its currency, raises before that.
        """
        self._wire.credential()
        now = self._clock()
        body = sale_body(
            sale,
            currency=sale.currency or self.currency,
            occurred_at=sale.occurred_at or self._service_time(now),
            claim=claim,
        )
        item = new_item(Kind.SALE, mint_id(now), body, now)
        used = {"last_scan": ""} if sale.scan_id and sale.scan_id == self.last_scan_id else {}
        self._queue.put(item, **used)
        link = Link.PENDING if sale.scan_id else Link.UNIDENTIFIED
        result = self._deliver(item, read_sale, SaleResult(sale_id=item.id, link=link, queued=True))
        return replace(result, training=sale.training or self._is_for_training)

    @property
    def _is_for_training(self) -> bool:
        terminal = self._queue.terminal()
        return terminal is not None and terminal.training

    def claim_address(self, claim: str) -> str | None:
        """Return what a receipt's QR says for a claim code; None until the service told this till its address."""
        terminal = self._queue.terminal()
        claim_url = terminal.policy.claim_url if terminal else None
        return write_address(claim_url, claim) if claim_url else None

    def link(self, sale_id: str, scan_id: str) -> SaleResult:
        """Join a sale that has no scan yet to a scan."""
        self._wire.credential()
        now = self._clock()
        body = {"sale_id": str(UUID(sale_id)), "scan_id": str(UUID(scan_id))}
        item = new_item(Kind.LINK, mint_id(now), body, now)
        self._queue.put(item)
        queued = SaleResult(sale_id=sale_id, link=Link.PENDING, queued=True)
        if self._queue.holds(Kind.SALE, body["sale_id"]):
            return queued
        return self._deliver(item, read_sale, queued)

    def return_(self, goods: Return) -> ReturnResult:
        """Record goods that come back; like a sale, it can't be lost once it is queued."""
        self._wire.credential()
        now = self._clock()
        body = return_body(
            goods,
            currency=goods.currency or self.currency,
            occurred_at=goods.occurred_at or self._service_time(now),
        )
        item = new_item(Kind.RETURN, mint_id(now), body, now)
        self._queue.put(item)
        return self._deliver(item, read_return, ReturnResult(return_id=item.id, queued=True))

    def sync(self) -> SyncReport:
        """Send everything that waits; raise Unavailable or NotAuthorised with the rest still queued."""
        self._wire.credential()
        terminal = self._queue.terminal()
        policy = terminal.policy if terminal else Policy()
        replay = Replay(self._queue, self._call_patiently, policy)
        self._back_off.run(replay.run)
        replay.report.waiting = sum(self._queue.counts().values())
        return replay.report

    def revive(self) -> int:
        """Queue the dead letters again, once their cause is mended; return how many.

        Scans stay where they are: their codes are gone.
        """
        return self._queue.revive()

    def status(self) -> Status:
        """Return how the till stands; needs no network."""
        return read_status(self._queue)

    @property
    def currency(self) -> str:
        """The store's currency, ISO 4217."""
        terminal = self._queue.terminal() or self.heartbeat()
        return terminal.store.currency

    @property
    def last_scan_id(self) -> str | None:
        """Id of the newest scan, unless it was refused or a sale has used it."""
        return self._queue.recall("last_scan") or None

    def close(self) -> None:
        """Close the connections and the queue file."""
        self._door.close()
        self._queue.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _deliver(self, item: Item, read_answer: Callable[[Answer], Result], queued: Result) -> Result:
        """Try a queued item once; without an answer it stays queued under the same id.

        What the service has answered counts, though the queue can't note it (its disk is full, say): then the item
        is sent once more some time, which changes nothing.
        """
        try:
            read_own, token = about(item.subject, read_answer), self._wire.credential()
            result = self._wire.call(read_own, "PUT", item.path, item.content, token=token)
        except Unavailable:
            return queued
        except ServiceError as error:
            error.item_id = item.id
            if isinstance(error, Refused):
                with suppress(QueueFailed):
                    self._queue.settle(refused=[(item, error)])
            raise
        with suppress(QueueFailed):
            self._queue.settle(sent=[item])
        return result

    def _call_patiently(self, read_answer: Callable[[Answer], T], method: str, path: str, content: str) -> T:
        token = self._wire.credential()
        return self._wire.call(read_answer, method, path, content, token=token, timeout=SYNC_SECONDS)

    def _service_time(self, now: datetime) -> datetime:
        # The till's clock may have jumped since the offset was measured; no clock may cost a sale.
        try:
            moment = now + timedelta(milliseconds=self._queue.clock_offset_ms() or 0)
        except OverflowError:
            return now
        return moment if is_plausible(moment) else now
