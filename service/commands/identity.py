"""`unspoken identity`: what the rules of identity do, and what other rules would."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service import clock
from service.audit.models import COMMAND, Action
from service.audit.record import record
from service.commands.base import json_option, keystore, settings, show, told_in_one_line
from service.crypto.keystore import KeyStore
from service.db import Database
from service.lists import in_parts

if TYPE_CHECKING:
    from service.merging.duplicates import Match, Proposed
    from service.merging.simulate import Change

_SHOWN = 20
_AT_ONCE = 100
_WHY = "looking for probable duplicates"  # as the shopper reads it


@click.group()
@json_option
def identity() -> None:
    """Try other rules of identity, and find probable duplicates."""


@identity.command("simulate")
@click.argument("rules", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def simulate_(rules: Path) -> None:
    """Show which merges other rules would add or lack.

    RULES is a file. It is compared with the rules in force (UNSPOKEN_IDENTITY_RULES), on the data as it is. Nothing
    is written: not by this command, and not by a change of rules either. Existing merges stay until somebody undoes
    them.
    """
    from service.merging.rules import load_rules
    from service.merging.simulate import simulate

    with told_in_one_line(), keystore() as keys, closing(Database(settings().database_url)) as db:
        present, changed = load_rules(settings().identity_rules), load_rules(rules)
        with db.read() as session:
            found = simulate(session, keys, present=present, changed=changed)
    told = {
        "merges": [_describe(change) for change in found.merges],
        "splits": [_describe(change) for change in found.splits],
    }
    words = _words(found.merges, "merges more") + _words(found.splits, "merges that would not have been made")
    show(told, "\n".join(words))


@identity.command()
@json_option
def duplicates() -> None:
    """Find and propose probable duplicates.

    They are customers who are probably one person, typing errors forgiven. Names, birth dates, addresses and
    contacts are opened in memory, compared, and forgotten. Nothing is merged: an operator accepts or rejects each
    proposal, and what was rejected is not proposed again. Each who is named sees in the app that staff looked. Run it
    at any time.
    """
    with told_in_one_line(), keystore() as keys, closing(Database(settings().database_url)) as db:
        people, proposed = _find_duplicates(db, keys)
    new = sum(one.is_new for one in proposed)
    told = {"customers": people, "new": new, "proposals": [_describe_proposed(one) for one in proposed]}
    show(told, "\n".join(_words_of_proposed(people, new, proposed)))


def _find_duplicates(db: Database, keys: KeyStore) -> tuple[int, "list[Proposed]"]:
    """Return how many customers there are, and which pairs of them a person is asked about."""
    from service.matching.find import STEPS
    from service.merging.duplicates import count_nodes, match_people, propose_matches, read_people
    from service.merging.rules import load_rules

    matching = load_rules(settings().identity_rules).matching
    with db.read() as session, _progress("Reading", count_nodes(session)) as step:
        people = read_people(session, keys, step=step)
    with _progress("Comparing", STEPS) as step:
        matches = match_people(people, matching, step=lambda: step(1))
    proposed: list[Proposed] = []
    with _progress("Proposing", len(matches)) as step:
        for some in in_parts(matches, _AT_ONCE):
            with db.write() as session:
                found = propose_matches(session, some, now=clock.now())
                for customer_id in sorted({end for one in found for end in (one.match.a_id, one.match.b_id)}):
                    record(session, Action.PROPOSALS_READ, customer_id, actor=COMMAND, now=clock.now(), why=_WHY)
            proposed += found
            step(len(some))
    return len(people), proposed


@contextmanager
def _progress(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, where a person sees it."""
    with click.progressbar(length=length, label=f"{label:<9}", file=sys.stderr) as bar:
        yield bar.update


def _describe_proposed(proposed: "Proposed") -> dict[str, Any]:
    match = proposed.match
    return {
        "proposal_id": proposed.proposal_id,
        "customer_ids": (match.a_id, match.b_id),
        "likelihood": match.likelihood,
        "why": _why(match),
        "new": proposed.is_new,
    }


def _words_of_proposed(people: int, new: int, proposed: "list[Proposed]") -> list[str]:
    found = f"{len(proposed)} probable duplicate{'s' * (len(proposed) != 1)}"
    lines = [f"{people} customers; {found}, {new} of them new{':' if proposed else '.'}"]
    for one in proposed[:_SHOWN]:
        state = "new" if one.is_new else "asked before"
        lines += [
            f"  {one.match.likelihood:4.0%}  {one.match.a_id}  {one.match.b_id}  {state}",
            f"        {_why(one.match)}",
            f"        proposal {one.proposal_id}",
        ]
    if len(proposed) > _SHOWN:
        lines.append(f"  and {len(proposed) - _SHOWN} more (--json lists all)")
    if proposed:
        lines.append("Decide each with POST /operator/v1/proposals/{proposal_id}/accept or /reject.")
    return lines


def _why(match: "Match") -> str:
    from service.merging.reasons import Reason, words_of

    return words_of([{"code": Reason.SIMILAR, "fields": match.fields}])


def _describe(change: "Change") -> dict[str, Any]:
    described = {"customer_ids": change.customer_ids, "kind": change.kind, "why": change.why}
    return described if change.merge_id is None else {"merge_id": change.merge_id, **described}


def _words(changes: list["Change"], what: str) -> list[str]:
    lines = [f"{len(changes)} {what}{':' if changes else '.'}"]
    lines += [f"{count:>8} {why}" for why, count in Counter(change.why for change in changes).most_common()]
    lines += [f"  {change.customer_ids[0]}  {change.customer_ids[1]}  {change.why}" for change in changes[:_SHOWN]]
    left = len(changes) - _SHOWN
    return [*lines, f"  and {left} more (--json lists all)"] if left > 0 else lines
