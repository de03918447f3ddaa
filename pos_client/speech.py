"""What the till's command line says: one clear line an answer, or exactly one JSON value."""

import dataclasses
import io
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from pos_client.answers import Outcome, SaleResult, ScanResult
from pos_client.basket import format_time
from pos_client.errors import NotACode, NotAuthorised, PosError, Refused, Rejection, ServiceError, Unavailable
from pos_client.queue import DeadLetter
from pos_client.replay import SyncReport
from pos_client.status import Status

GOOD, BAD, WAITING, IGNORED = "✔", "✖", "…", "–"
_PLAIN_MARKS = {GOOD: "OK", BAD: "NO", WAITING: "..", IGNORED: "--"}

QUIET_MODULES = 4
_BLACK_ON_WHITE, _USUAL = "\x1b[30;107m", "\x1b[0m"

_OUTCOMES = {
    Outcome.IDENTIFIED: (GOOD, "Identified"),
    Outcome.REFUSED: (BAD, "Not accepted: continue without"),
    Outcome.PENDING: (WAITING, "Offline: saved as pending"),
}


def say(mark: str, text: str, *, err: bool = False) -> None:
    """Print one line, in plain ASCII marks where the screen can't show the others."""
    encoding = (sys.stderr if err else sys.stdout).encoding or "ascii"
    if mark.encode(encoding, "ignore") == b"":
        mark = _PLAIN_MARKS[mark]
    printable = "".join(letter for letter in text if letter.isprintable())
    click.echo(f"{mark} {printable}".encode(encoding, "replace").decode(encoding), err=err)


def print_json(value: object) -> None:
    """Print one JSON value on standard output, readable in any encoding."""
    click.echo(json.dumps(value, default=_plain, indent=2))


def tell_scan(result: ScanResult) -> None:
    """Say what became of a scan."""
    mark, usual = _OUTCOMES[result.outcome]
    known = ", ".join(f"{name}: {value}" for name, value in result.attributes.items())
    say(mark, (result.message or usual) + (f" ({known})" if known else ""))


def tell_ignored(error: NotACode) -> None:
    """Say why a line of input stayed on the till."""
    say(IGNORED if error.why is Rejection.NOT_OURS else BAD, str(error))


def tell_sale(result: SaleResult, amount: str, *, claim_asked: bool, claim_address: str | None) -> None:
    """Say what became of a sale, and show the address that claims it."""
    if result.queued:
        say(WAITING, f"Offline: sale of {amount} saved, to be sent later")
    else:
        say(GOOD, f"Sale of {amount} stored ({result.link})")
    for warning in result.warnings:
        say(WAITING, f"Note: {warning.detail or warning.code}")
    if claim_address:
        say(GOOD, f"To claim it: {claim_address}")
        draw_qr(claim_address)
    elif claim_asked and result.training:
        say(IGNORED, "No claim code: this is practice, and nobody can claim it.")
    elif claim_asked and result.may_be_claimed:
        say(WAITING, "No claim code: this till doesn't know the address yet. Run: unspoken-till sync")


def draw_qr(text: str) -> None:
    """Draw a QR in half blocks, in black on white where that is possible; nothing on a screen without blocks."""
    import qrcode

    drawing = qrcode.QRCode(border=QUIET_MODULES)
    drawing.add_data(text)
    drawn = io.StringIO()
    drawing.print_ascii(out=drawn)
    encoding = sys.stdout.encoding or "ascii"
    if drawn.getvalue().encode(encoding, "replace").decode(encoding) != drawn.getvalue():
        return
    black_on_white = sys.stdout.isatty()
    for line in drawn.getvalue().splitlines():
        click.echo(f"{_BLACK_ON_WHITE}{line}{_USUAL}" if black_on_white else line)


def tell_sync(report: SyncReport) -> None:
    """Say what a sync did."""
    say(GOOD, f"Online: {report.sent} sent, {report.waiting} waiting")
    for result in report.answers:
        if isinstance(result, ScanResult):
            tell_scan(result)
    if report.refused:
        say(BAD, f"{report.refused} refused for good: see unspoken-till status")


def tell_status(status: Status) -> None:
    """Say how the till stands."""
    if terminal := status.terminal:
        say(GOOD, f"{terminal.label or 'Till'} at {terminal.store.name}{' (training)' * terminal.training}")
        say(GOOD, f"Service {status.url}, last reached {_when(status.last_online_at)}")
        ahead = round((status.clock_offset_ms or 0) / 1000, 1)
        say(GOOD, f"The service's clock is {abs(ahead)} s {'behind' if ahead < 0 else 'ahead of'} this till's")
    else:
        say(BAD, "Not enrolled yet: unspoken-till enrol URL CODE")
    waiting = ", ".join(f"{count} {kind}" for kind, count in status.waiting.items() if count)
    say(WAITING if waiting else GOOD, f"Waiting to be sent: {waiting or 'nothing'}")
    for letter in status.dead_letters:
        _tell_dead_letter(letter)


def describe_error(error: PosError) -> dict[str, Any]:
    """Return an error as JSON fields."""
    fields: dict[str, Any] = {"code": "failed", "detail": str(error)}
    if isinstance(error, ServiceError):
        names = ("code", "status", "errors", "request_id", "item_id")
        fields |= {name: getattr(error, name) for name in names}
    return fields


def advise(error: PosError) -> str:
    """Return an error's text with what to do about it."""
    text = _sentence(str(error))
    if isinstance(error, Unavailable):
        return f"{text} Try again later; what waits is kept."
    if isinstance(error, NotAuthorised) and error.status:
        asked = "ask for a new one" in text  # the service has said so itself
        return f"{text} {'What' if asked else 'Ask the operator for a new enrolment code; what'} waits is kept."
    if isinstance(error, Refused):
        hints = "".join(f" {one.get('pointer', '')} {one.get('detail', '')}" for one in error.errors)
        return f"{text}{hints} It is kept: see unspoken-till status." if error.item_id else f"{text}{hints}"
    return text


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _tell_dead_letter(letter: DeadLetter) -> None:
    what = f"{letter.kind} {letter.id} of {letter.queued_at}"
    say(BAD, f"Refused {what}: {letter.detail} ({letter.code})")
    for error in letter.errors:
        say(BAD, f"  {error.get('pointer', '')} {error.get('detail', '')}")


def _when(moment: datetime | None) -> str:
    return format_time(moment) if moment else "never"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return format_time(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
