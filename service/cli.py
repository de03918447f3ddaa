"""`unspoken`: run and operate the service."""

import signal
import threading
from contextlib import closing

import click

from service import __version__, clock
from service.commands.base import Commands, database, json_option, settings, show, told_in_one_line
from service.commands.customers import customer
from service.commands.demo import demo
from service.commands.identity import identity
from service.commands.imports import import_
from service.commands.keys import keys
from service.commands.operators import operator
from service.commands.sites import site
from service.commands.stores import store, terminal
from service.errors import Unavailable


def _show_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked:
        show({"version": __version__}, f"unspoken {__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
@json_option
def main() -> None:
    """Identify shoppers at the till by a code on their phone.

    Settings come from UNSPOKEN_* variables (README.md has the table); without any, everything is kept in
    instance/ on SQLite. A first start:

    \b
      unspoken keys init                    in production; else it is made by itself
      unspoken migrate
      unspoken store add "Gran Vía"
      unspoken terminal invite STORE_ID --label "Till 1"
      unspoken site add "Web shop"
      unspoken serve
      unspoken worker                       beside it: sends one-time codes, clears up

    Exit status: 0 done, 1 failed, 2 usage.
    """


@main.command()
@json_option
def migrate() -> None:
    """Bring the database up to date. Safe to run again, and while the service runs."""
    from service.db import Database
    from service.migrations import migrate as run_migrations

    with told_in_one_line(), closing(Database(settings().database_url)) as db:
        run = run_migrations(db)
    show({"migrations": run}, f"Ran {', '.join(run)}." if run else "Already up to date.")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--workers", type=click.IntRange(1, 256), help="Processes.  [default: 2 a processor; on SQLite 1, plus 1]"
)
@json_option
def serve(host: str, port: int, workers: int | None) -> None:
    """Serve the API and the shopper's page. Put a TLS proxy in front of it (docs/operations.md).

    The links that it hands out begin with UNSPOKEN_PUBLIC_URL; without it they lead to --host and --port, but in
    production to port 8000 of this machine.
    """
    from service.db import Database
    from service.migrations import find_fault
    from service.serve import default_workers
    from service.serve import serve as run

    chosen = settings(served_at=(host, port))

    def say_where(url: str, workers: int) -> None:
        show({"url": url, "workers": workers}, f"Serving on {url} with {workers} workers. Ctrl-C ends it.")
        with closing(Database(chosen.database_url)) as db:
            if fault := find_fault(db):
                click.echo(f"Not ready: {fault}", err=True)

    wanted = workers or default_workers(on_sqlite=chosen.on_sqlite)
    with told_in_one_line():
        run(chosen, host=host, port=port, workers=wanted, ready=say_where)


@main.command()
@json_option
def worker() -> None:
    """Do what is due by itself, until stopped.

    It sends one-time codes, purges, finishes erasures, and brings identifiers under a new index key. One is enough,
    more do no harm.

    Without UNSPOKEN_SMTP_URL or UNSPOKEN_SMS_WEBHOOK, messages are kept in the file UNSPOKEN_OUTBOX, or
    shown here where that is "-".
    """
    from service.crypto.live import open_keys
    from service.db import Database
    from service.worker import jobs_of, work

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with told_in_one_line(), closing(Database(settings().database_url)) as db:
        work(jobs_of(settings(), db, open_keys(settings()), stop), stop, errors=(*db.any_error, Unavailable))
    show({"stopped": True}, "Stopped.")


@main.command()
@json_option
def purge() -> None:
    """Delete what has no use any more.

    That is one-time secrets that were spent, sessions that nobody confirmed or that are over, claims in vain, and
    wrong typed codes that are old. The worker does it by itself.
    """
    from service.purge import WORDS
    from service.purge import purge as run

    with database() as session:
        gone = run(session, clock.now())
    show(gone, "\n".join(f"{count:>8} {WORDS[kind]}" for kind, count in gone.items()))


for command in (customer, demo, import_, keys, store, terminal, site, operator, identity):
    main.add_command(command)
