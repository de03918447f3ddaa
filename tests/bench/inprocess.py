"""What is measured in this very process: reading a code's digits, drawing it, and the disk's own pace."""

import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

import cbor2

from service.codes import issued, qr
from service.codes.digits import from_digits
from service.crypto import keyfile
from tests.bench.cases import SVG, VERIFY, Ratio
from tests.bench.rows import Row, make_row

_REPEATS = 40
_LOOPS = 100
_CARD_ID = 2**62 + 12_345
_PAGE_BYTES = 8_192
_EXTERNAL_AAD = b"unspoken/1/71"


def verify_row() -> Row:
    """Hold the reading of an issued code against one bare Ed25519 verify; the fastest of many loops of each."""
    now = datetime.now(UTC)
    keys = keyfile.create(now)
    code = issued.issue(_CARD_ID, key=keys.ring.signer(now), now=now)
    protected, _, payload, signature = cbor2.loads(from_digits(code[2:]))
    message = cbor2.dumps(["Signature1", protected, _EXTERNAL_AAD, payload], canonical=True)
    public = keys.ring.signer(now).public
    read_us, bare_us = _fastest_us(
        lambda: issued.read(code, ring=keys.ring, now=now),
        lambda: public.verify(signature, message),
    )
    figures = {"ours": {"us": round(read_us, 2)}, "b": {"us": round(bare_us, 2)}}
    ratios = {Ratio.TO_BARE_VERIFY: read_us / bare_us}
    return make_row("verify an issued code from its digits", None, VERIFY, ratios, **figures)


def svg_row() -> Row:
    """Draw an issued code."""
    now = datetime.now(UTC)
    code = issued.issue(_CARD_ID, key=keyfile.create(now).ring.signer(now), now=now)
    drawing = qr.draw_svg(code)
    ms = median(_took(lambda: qr.draw_svg(code)) for _ in range(_REPEATS)) * 1000
    ratios = {Ratio.SVG_MS: ms, Ratio.SVG_BYTES: float(len(drawing.encode()))}
    return make_row("draw a code as SVG", None, SVG, ratios)


def fsync_ms(folder: str | None = None) -> float:
    """Return how long the disk takes to make one page of 8 kB safe."""
    with tempfile.TemporaryFile(dir=folder) as file:

        def write() -> None:
            file.write(bytes(_PAGE_BYTES))
            file.flush()
            os.fsync(file.fileno())

        return round(median(_took(write) for _ in range(_REPEATS)) * 1000, 3)


def _fastest_us(*calls: Callable[[], object]) -> list[float]:
    """Return the fastest loop of each call, in microseconds a call; the calls take turns."""
    fastest = [float("inf")] * len(calls)
    for _ in range(_REPEATS):
        for place, call in enumerate(calls):
            fastest[place] = min(fastest[place], _took(lambda call=call: [call() for _ in range(_LOOPS)]))  # type: ignore[misc]
    return [took / _LOOPS * 1e6 for took in fastest]


def _took(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
