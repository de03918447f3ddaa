"""`unspoken-till`: a till on the command line."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from uuid import UUID

import click

from pos_client import speech
from pos_client.answers import SaleResult
from pos_client.basket import Line, Sale
from pos_client.claims import mint_claim
from pos_client.client import PosClient
from pos_client.door import check_address
from pos_client.errors import NotACode, PosError, ServiceError
from pos_client.money import format_amount, parse_amount, parse_line
from pos_client.replay import SyncReport
from pos_client.shell import FAILED, Till, TillGroup, everywhere


def _show_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked:
        number = version("unspoken")
        ctx.obj.answer({"version": number}, lambda: click.echo(f"unspoken-till {number}"))
        ctx.exit()


@click.group(cls=TillGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
@everywhere
def main() -> None:
    """Identify shoppers and record sales at this till.

    \b
    A first day:
      unspoken-till enrol https://unspoken.example use_... once, with the operator's code
      unspoken-till scan                                   then point the hand scanner
      unspoken-till sell --total 25.00 --last-scan
      unspoken-till sync                                   every few minutes; sends what waits
      unspoken-till status

    Without a network everything goes on: scans and sales are kept in this till's file and sent later, once.
    Exit status: 0 done, 1 failed, 2 usage.
    """


@main.command()
@everywhere
@click.argument("url")
@click.argument("code", required=False)
@click.option("--insecure", is_flag=True, help="Allow http:// to another machine. For trials only.")
@click.option("--force", is_flag=True, help="Enrol again although uploads still wait.")
@click.pass_obj
def enrol(till: Till, url: str, code: str | None, insecure: bool, force: bool) -> None:
    """Make this machine a till of the service at URL.

    The operator's one-time CODE may be an argument, or typed when asked, or come on standard input. If the
    answer gets lost, just repeat the command.

    \b
    Examples:
      unspoken-till enrol https://unspoken.example use_...
      unspoken-till enrol https://unspoken.example < code.txt
      unspoken-till enrol http://127.0.0.1:8000 use_... --state ./till-3
    """
    try:
        check_address(url, insecure=insecure)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="URL") from error
    code = code or _ask_for_code()
    if any(till.read_status().waiting.values()) and not force:
        raise PosError(
            "Uploads still wait for the old enrolment. Run unspoken-till sync first; if that till was"
            " revoked, repeat with --force to send them as the new till."
        )
    with PosClient(url, queue=till.path, insecure=insecure) as client:
        terminal = client.enrol(code)
    answer = {
        "terminal_id": terminal.terminal_id,
        "label": terminal.label,
        "training": terminal.training,
        "store": terminal.store,
        "url": url,
    }
    label = terminal.label or "this till"
    till.answer(answer, lambda: speech.say(speech.GOOD, f"Enrolled {label} at {terminal.store.name}"))


@main.command()
@everywhere
@click.argument("code", required=False)
@click.option("--cashier", metavar="REF", help="Your own reference for the cashier; no name.")
@click.option("--training", is_flag=True, help="Mark the scan as practice.")
@click.pass_obj
def scan(till: Till, code: str | None, cashier: str | None, training: bool) -> None:
    """Scan a shopper's code, given as CODE or by a hand scanner.

    Without CODE every line on standard input is a scan, for that is how a hand scanner types. The last
    16 digits typed by hand will do. Product bar codes and the like are ignored and never sent. Offline the
    scan is saved as pending, and sync sends it. With --json: one object for CODE, else an array.

    Exit status: 0 if every scan got its answer (identified, refused, pending or ignored), 1 if one failed.

    \b
    Examples:
      unspoken-till scan                     until Ctrl-C or the end of the input
      unspoken-till scan 731234567897385348
      unspoken-till scan --json < codes.txt
    """
    with till.open() as client:
        lines = [code] if code is not None else _scanner_lines()
        answers = [_scan_one(client, till, line, cashier, training) for line in lines]
    if till.as_json:
        speech.print_json(answers if code is None else answers[0])
    if any(answer["outcome"] == "failed" for answer in answers):
        click.get_current_context().exit(FAILED)


@main.command()
@everywhere
@click.option("--total", help="What the shopper paid, like 25.00.  [default: the sum of the lines]")
@click.option("--line", "lines", multiple=True, metavar="LINE", help="[KIND:] [QUANTITY x] PRICE NAME [#SKU]")
@click.option("--receipt", help="The receipt's number.  [default: made from the time]")
@click.option("--scan", "scan_id", type=click.UUID, metavar="SCAN_ID", help="The scan that identified the shopper.")
@click.option("--last-scan", is_flag=True, help="The newest scan, if it wasn't refused or used.")
@click.option("--currency", help="ISO 4217, like EUR.  [default: the store's]")
@click.option("--cashier", metavar="REF", help="Your own reference for the cashier; no name.")
@click.option("--training", is_flag=True, help="Mark the sale as practice.")
@click.option("--claim", is_flag=True, help="Show a QR with which the shopper can claim the sale.")
@click.pass_obj
def sell(till: Till, /, last_scan: bool, scan_id: UUID | None, claim: bool, **options: Any) -> None:
    """Record a completed sale; offline it is saved, and sync sends it.

    A LINE is a price and a name; put a quantity before it, an SKU behind it, or a kind in front: item,
    discount, tax, deposit, tip, rounding, gift_card. A negative price is a discount. Without a line the
    total becomes one line called Goods.

    With --claim an address is shown, in letters and as a QR for the receipt: whoever opens it first, within 30
    days, and signs in has the sale in their file. A sale that is linked already shows none. Nothing is shown
    without --claim, for a code on a screen is anyone's.

    \b
    Examples:
      unspoken-till sell --total 25.00 --last-scan
      unspoken-till sell --line "2 x 12.50 T-shirt #TS-1" --line "-5.00 Sale" --last-scan
      unspoken-till sell --total 19.90 --line "19.90 Mug" --receipt 0042 --scan 0198...
      unspoken-till sell --total 25.00 --claim
    """
    if last_scan and scan_id:
        raise click.UsageError("Give either --scan or --last-scan.")
    with till.open() as client:
        currency = (options["currency"] or client.currency).upper()
        scanned = _last_scan(client) if last_scan else scan_id
        sale = _read_sale(currency, str(scanned) if scanned else None, options)
        result, address = _sell(client, sale, claim=claim)
    amount = format_amount(sale.total_minor, currency)
    till.answer(
        {**vars(result), "claim_address": address},
        lambda: speech.tell_sale(result, amount, claim_asked=claim, claim_address=address),
    )


@main.command()
@everywhere
@click.pass_obj
def status(till: Till) -> None:
    """Show what waits, what was refused, and how this till stands.

    It says of each refusal why, and needs no network.

    \b
    Examples:
      unspoken-till status
      unspoken-till status --json
    """
    now = till.read_status()
    answer = {
        "enrolled": now.terminal is not None,
        "url": now.url,
        "label": now.terminal.label if now.terminal else None,
        "store": now.terminal.store if now.terminal else None,
        "training": now.terminal.training if now.terminal else False,
        "waiting": now.waiting,
        "dead_letters": now.dead_letters,
        "clock_offset_ms": now.clock_offset_ms,
        "last_online_at": now.last_online_at,
    }
    till.answer(answer, lambda: speech.tell_status(now))


@main.command()
@everywhere
@click.option("--retry-refused", is_flag=True, help="Also send refused sales and returns once more.")
@click.pass_obj
def sync(till: Till, retry_refused: bool) -> None:
    """Send everything that waits.

    This till's label, keys and clock are refreshed, too; if only that fails, it is a remark. Run it every few
    minutes, and as often as you like: whatever the service already has is not doubled.

    \b
    Examples:
      unspoken-till sync
      unspoken-till sync --retry-refused     after the cause was mended
    """
    with till.open() as client:
        if retry_refused:
            client.revive()
        report = client.sync()
        failure = _refresh(client, report)
    told = speech.describe_error(failure) if failure else None
    till.answer({**vars(report), "heartbeat_error": told}, lambda: speech.tell_sync(report))
    if failure:
        speech.say(speech.WAITING, f"Label, keys and clock are the old ones: {speech.advise(failure)}", err=True)


def _refresh(client: PosClient, report: SyncReport) -> ServiceError | None:
    """Say hello; return what went wrong if there is a sync to report all the same."""
    try:
        client.heartbeat()
    except ServiceError as error:
        if not (report.sent or report.refused):
            raise
        return error
    return None


def _ask_for_code() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Enrolment code", err=True))
    code = sys.stdin.readline().strip()
    if not code:
        raise click.UsageError("Give the enrolment code as an argument or on standard input.")
    return code


def _scanner_lines() -> Iterator[str]:
    if sys.stdin.isatty():
        speech.say(speech.WAITING, "Ready to scan; Ctrl-C ends", err=True)
    try:
        for line in sys.stdin.buffer:
            if text := line.decode("utf-8", "replace").strip(" \t\r\n"):
                yield text
    except KeyboardInterrupt:
        return


def _scan_one(client: PosClient, till: Till, text: str, cashier: str | None, training: bool) -> dict[str, Any]:
    try:
        result = client.scan(text, cashier_ref=cashier, training=training)
    except NotACode as error:
        if not till.as_json:
            speech.tell_ignored(error)
        return {"scan_id": None, "outcome": "ignored", "reason": error.why, "message": str(error)}
    except PosError as error:
        speech.say(speech.BAD, speech.advise(error), err=till.as_json)
        return {
            "scan_id": getattr(error, "item_id", None),
            "outcome": "failed",
            "error": speech.describe_error(error),
        }
    if not till.as_json:
        speech.tell_scan(result)
    return dict(vars(result))


def _sell(client: PosClient, sale: Sale, *, claim: bool) -> tuple[SaleResult, str | None]:
    """Record a sale; return with it the address that claims it, if one was asked for and can be of use."""
    code = mint_claim()
    address = client.claim_address(code) if claim else None
    result = client.sell(sale, claim=code if address else None)
    return result, address if result.may_be_claimed else None


def _last_scan(client: PosClient) -> str:
    if not client.last_scan_id:
        raise PosError("There is no scan left to use: scan a code first, or leave --last-scan out.")
    return client.last_scan_id


def _read_sale(currency: str, scan_id: str | None, options: dict[str, Any]) -> Sale:
    try:
        lines = [parse_line(line, currency) for line in options["lines"]]
        total = parse_amount(options["total"], currency) if options["total"] else None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if total is None and not lines:
        raise click.UsageError("Give --total, or at least one --line.")
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise click.UsageError("A currency has three letters, like EUR.")
    total = sum(line.total_minor for line in lines) if total is None else total
    return Sale(
        receipt_number=options["receipt"] or datetime.now(UTC).strftime("%Y%m%d-%H%M%S"),
        total_minor=total,
        lines=lines or [Line(description="Goods", total_minor=total, unit_price_minor=total)],
        scan_id=scan_id,
        currency=currency,
        cashier_ref=options["cashier"],
        training=options["training"],
    )


if __name__ == "__main__":
    main()
