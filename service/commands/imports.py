"""`unspoken import`: bring the files of an old CRM or shop in."""

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from service import clock
from service.commands.base import json_option, keystore, settings, show, told_in_one_line
from service.db import Database
from service.errors import NotFound
from service.importing.columns import IGNORE, Field, match_columns
from service.importing.source import UTF_8, look_at
from service.merging.rules import load_rules
from service.sites.models import Site

if TYPE_CHECKING:
    from service.importing.report import Report

_MOST_TOLD = 20


@click.group("import")
@json_option
def import_() -> None:
    """Bring in the files of an old CRM or shop."""


class Mapping(click.ParamType[tuple[str, str]]):
    """A column of the file, and what it holds."""

    name = "column=field"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return column and field; a field that doesn't exist is a wrong use."""
        column, sign, what = str(value).rpartition("=")
        if not sign or what not in (*Field, IGNORE):
            self.fail(f"write COLUMN=FIELD; the fields are {', '.join(Field)}, or {IGNORE}", param, ctx)
        return column, what


@import_.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--site", "site_id", type=click.UUID, required=True, help="Whose accounts the file holds.")
@click.option(
    "--map",
    "mapped",
    type=Mapping(),
    multiple=True,
    help='What a column holds, where its name doesn\'t say, like "Web-ID=account_id"; "Notes=ignore" leaves it out.',
)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and write nothing.")
@click.option(
    "--errors", type=click.Path(dir_okay=False, path_type=Path), help="Write what is wrong, line by line, as CSV."
)
@json_option
def customers(
    file: Path, site_id: UUID, mapped: tuple[tuple[str, str], ...], dry_run: bool, errors: Path | None
) -> None:
    """Import customers from a CSV file with a header. Run it again at any time: what is done stays done.

    A row is one customer of the old system, known by its account_id, else crm, loyalty_card, email or phone (these
    two with the name). Nothing in a file merges two customers unless both values are proved; what is shared becomes
    a proposal for a person to decide.

    \b
    Examples:
      unspoken import customers old-crm.csv --site SITE_ID --dry-run
      unspoken import customers old-crm.csv --site SITE_ID --errors faults.csv
      unspoken import customers shop.csv --site SITE_ID --map "Web-ID=account_id" --map "Notes=ignore"

    Columns are recognised by their names in English and Spanish. The fields: account_id, crm, loyalty_card, email,
    phone, email_verified, phone_verified, given_name, family_name, name, birth_date, gender, language, street,
    house_number, city, region, postcode, country.
    """
    with told_in_one_line():
        if errors is not None:
            if errors.exists() and errors.samefile(file):
                raise click.UsageError("--errors names the imported file itself: it would be overwritten")
            errors.open("a").close()  # what can't be written is told before anything is imported
        report, told = _import(file, site_id, dict(mapped), dry_run=dry_run)
        if errors is not None:
            _write_errors(errors, report)
    show({**report.as_json(), "dry_run": dry_run, **told}, _words(report, told, dry_run=dry_run))
    if report.failed:
        raise SystemExit(1)


def _import(file: Path, site_id: UUID, mapped: dict[str, str], *, dry_run: bool) -> tuple["Report", dict[str, Any]]:
    """Return the report, and what is to be told of the file itself."""
    from service.importing.parse import PROOF
    from service.importing.reader import Job, batches
    from service.importing.run import rehearse, run

    chosen, rules = settings(), load_rules(settings().identity_rules)
    source = look_at(file)
    columns = match_columns(source.header, mapped)
    with closing(Database(chosen.database_url)) as db, keystore() as store:
        may_vouch = _find_site(db, site_id)
        job = Job(source, columns, rules, chosen.phone_region, may_vouch, store.vault, clock.now())
        course = rehearse if dry_run else run
        with batches(job) as read, _progress(source.size) as progress:
            report = course(db, store, read, job=job, site_id=site_id, progress=progress)
    unproved = [kind for kind, proof in PROOF.items() if proof in columns.places and kind not in may_vouch]
    told = {
        "encoding": "utf-8" if source.encoding == UTF_8 else source.encoding,
        "columns": {columns.name(field): field.value for field in columns.places},
        "unknown_columns": list(columns.unknown),
        "not_taken_as_proof": [kind.value for kind in unproved],
    }
    return report, told


def _find_site(db: Database, site_id: UUID) -> frozenset[str]:
    """Return the kinds for which the site's word is proof. No connection stays open: a process is forked next."""
    with db.read() as session:
        site = session.get(Site, site_id)
    db.close()
    if site is None or site.revoked_at is not None:
        raise NotFound(f"there is no site {site_id}, or it is revoked: `unspoken site list` shows them")
    return frozenset(site.may_vouch)


@contextmanager
def _progress(size: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, where a person sees it."""
    if not sys.stderr.isatty():
        yield lambda _at: None
        return
    with click.progressbar(length=size, label="Importing", file=sys.stderr) as bar:
        yield lambda at: bar.update(at - bar.pos)


def _write_errors(path: Path, report: "Report") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "column", "error"))
        writer.writerows([line, _harmless(column), _harmless(words)] for line, column, words in report.faults)


def _harmless(cell: str | None) -> str:
    """Return what quotes the file, so that no spreadsheet takes it for a formula, and no terminal for a command."""
    text = "".join(sign if sign.isprintable() else " " for sign in cell or "")
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _words(report: "Report", told: dict[str, Any], *, dry_run: bool) -> str:
    """Return the report for a person: what happened, what is wrong, and what to decide."""
    lines = ["Nothing was written; this is what would happen:"] if dry_run else []
    if told["encoding"] != "utf-8":
        lines.append("The file isn't UTF-8: it was read as Windows-1252. Look at a name with accents.")
    if told["unknown_columns"]:
        lines.append(f"Not imported, unknown columns: {', '.join(told['unknown_columns'])} (--map COLUMN=FIELD).")
    lines += [
        f"{kind}_verified was not taken as proof: the site may not vouch for {kind} (site add --may-vouch)."
        for kind in told["not_taken_as_proof"]
    ]
    lines += [
        f"{getattr(report, name):>8,} {name}" for name in ("created", "updated", "unchanged", "failed", "merged")
    ]
    return "\n".join([*lines, *_words_of_faults(report), *_words_of_proposals(report, dry_run=dry_run)])


def _words_of_faults(report: "Report") -> list[str]:
    lines = [f"line {line}{column and f', {column}'}: {words}" for line, column, words in report.faults[:_MOST_TOLD]]
    left = len(report.faults) - len(lines)
    more = f"and {left:,} more: --errors FILE writes them all" if left else ""
    advice = "Correct these rows and run the same again: what is done stays done." if lines else ""
    return [part for part in (*lines, more, advice) if part]


def _words_of_proposals(report: "Report", *, dry_run: bool) -> list[str]:
    before = f"{report.open_before:,} asked before: GET /operator/v1/proposals lists all that a person is to decide."
    earlier = [before] if report.open_before else []
    if not report.why:
        return earlier
    about = [f"{count:>8,} {why}" for why, count in report.why.most_common()]
    shown = [f"{_lines(item)}: {item['why']} ({item['proposal_id']})" for item in report.proposals.values()]
    next_steps = [
        "GET /operator/v1/proposals lists them, POST …/{id}/accept or reject decides;",
        "`unspoken identity duplicates` looks for those that typing mistakes hide.",
    ]
    return [
        f"{report.why.total():,} probable duplicate{'s' * (report.why.total() > 1)} for a person to decide:",
        *about,
        *shown[:_MOST_TOLD],
        *([] if dry_run else next_steps),
        *earlier,
    ]


def _lines(item: dict[str, Any]) -> str:
    first, *second = sorted(line for line in (item["line"], item["other_line"]) if line is not None)
    return f"lines {first} and {second[0]}" if second else f"line {first}"
