"""Bring a known customer up to what a row says now."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from service.audit.models import COMMAND
from service.crypto.keystore import DataKey, KeyStore, open_key
from service.crypto.vault import Vault
from service.customers.identifiers import VALUE_CONTEXT, add_identifier
from service.customers.models import NO_ISSUER, STRENGTH, Customer, Identifier, IdentifierKind, Trust
from service.customers.traits import TRAITS_CONTEXT, change_traits, write_traits
from service.importing.draft import Draft, Held, name_of
from service.importing.known import SOURCE, Holder, Node, was_imported
from service.importing.parse import Fault
from service.importing.report import Report
from service.importing.target import Target
from service.merging.put_account import MAX_IDENTIFIERS
from service.merging.rails import SECOND_CRM, has_room_for_crm
from service.merging.reconcile import reconcile
from service.merging.rules import Rules
from service.merging.unlink import unlink


@dataclass(frozen=True)
class Opened:
    """A draft with what is sealed in it."""

    line: int
    held: list[Held]
    key: DataKey
    traits: dict[str, Any]

    @property
    def name(self) -> str:
        """What tells two people at one contact apart."""
        return name_of(self.traits)


@dataclass(frozen=True)
class Change:
    """What a row changes on a node: identifiers to add or to strengthen, ones it replaces, and the new traits.

    With a `fault` nothing is changed.
    """

    opened: Opened
    node: Node
    added: list[Held]
    replaced: list[Holder]
    traits: dict[str, Any]
    fault: Fault | None = None


def open_draft(vault: Vault, draft: Draft) -> Opened:
    """Open what a draft has sealed."""
    line, customer_id, sealed_key, sealed, held = draft
    key = open_key(vault, UUID(customer_id), sealed_key)
    return Opened(line, held, key, json.loads(key.open(sealed, context=TRAITS_CONTEXT)) if sealed else {})


def find_change(opened: Opened, node: Node, *, site: str) -> Change | None:
    """Return what a row changes, None when nothing.

    An empty cell changes nothing. A value that an earlier import gave, and nobody proved, makes room for the row's.
    """
    added = [held for held in opened.held if _is_news(held, node)]
    given_now = {kind: digests for kind, _, digests, _ in opened.held}
    replaced = [row for row in node.identifiers if _makes_room(row, given_now.get(row.kind), site)]
    given = opened.traits
    if "address" in given and "address" in node.traits:
        given = {**given, "address": node.traits["address"] | given["address"]}
    traits, problems = change_traits(node.traits, given)
    if problems:
        name, words = next(iter(problems.items()))
        return Change(opened, node, [], [], {}, Fault(opened.line, name, words))
    if _is_too_many(added, replaced, node):
        words = f"an account holds at most {MAX_IDENTIFIERS} identifiers: unlink others first"
        return Change(opened, node, [], [], {}, Fault(opened.line, "", words))
    if not added and not replaced and traits == node.traits:
        return None
    return Change(opened, node, added, replaced, traits)


def update(session: Session, keystore: KeyStore, change: Change, *, target: Target, report: Report) -> None:
    """Make a change, and note what its identifiers cause: nothing before all of them are there."""
    rules, now = target.rules, target.now
    node_id = UUID(change.node.id)
    for row in change.replaced:
        unlink(session, session.get_one(Identifier, UUID(row.id)), actor=COMMAND, now=now)
    if change.traits != change.node.traits:
        write_traits(keystore, session.get_one(Customer, node_id), change.traits)
    for one in [_add(session, keystore, change, held, target=target, report=report) for held in change.added]:
        joined = reconcile(session, keystore, one, actor=COMMAND, rules=rules, now=now)
        report.note(change.opened.line, joined)


def wants_second_crm(session: Session, keystore: KeyStore, change: Change, held: Held, *, rules: Rules) -> bool:
    """Return whether a row gives a CRM id to somebody who has another one, by a merge that rules made."""
    if held[0] != IdentifierKind.CRM or held[1] == Trust.CLAIMED:
        return False
    value = change.opened.key.open(held[3], context=VALUE_CONTEXT)
    return not has_room_for_crm(session, keystore, UUID(change.node.id), value, rules)


def _add(
    session: Session, keystore: KeyStore, change: Change, held: Held, *, target: Target, report: Report
) -> Identifier:
    node_id = UUID(change.node.id)
    kind, trust, _, sealed = IdentifierKind(held[0]), Trust(held[1]), *held[2:]
    value = change.opened.key.open(sealed, context=VALUE_CONTEXT)
    if wants_second_crm(session, keystore, change, held, rules=target.rules):
        report.remark(Fault(change.opened.line, kind.value, SECOND_CRM))
        trust = Trust.CLAIMED
    added = add_identifier(
        session,
        keystore,
        customer_id=node_id,
        kind=kind,
        value=value,
        trust=trust,
        actor=COMMAND,
        now=target.now,
        issuer=target.site_id if kind is IdentifierKind.ACCOUNT else NO_ISSUER,
    )
    if added.source == SOURCE and added.source_id is None:
        added.source_id = target.site_id
    return added


def _makes_room(row: Holder, given_now: list[bytes] | None, site: str) -> bool:
    """Return whether an earlier import gave another value of a kind that the row gives, and nobody proved it."""
    is_other = given_now is not None and row.digest not in given_now
    return is_other and was_imported(row, site) and row.trust != Trust.VERIFIED


def _is_too_many(added: list[Held], replaced: list[Holder], node: Node) -> bool:
    """Return whether a node would hold more than a site may give it; one that it holds already takes no room."""
    held = {(row.kind, row.digest) for row in node.identifiers}
    new = sum(not any((kind, digest) in held for digest in digests) for kind, _, digests, _ in added)
    return new > 0 and len(node.identifiers) - len(replaced) + new > MAX_IDENTIFIERS


def _is_news(held: Held, node: Node) -> bool:
    """Return whether a node lacks an identifier, or knows it as less than it is.

    What the rules made a mere claim again stays one: the same file said the same before.
    """
    kind, trust, digests, _ = held
    for row in node.identifiers:
        if row.kind == kind and row.digest in digests:
            was_demoted = row.demoted_by is not None or (row.trust == Trust.CLAIMED and row.source == SOURCE)
            return STRENGTH[trust] > STRENGTH[row.trust] and not was_demoted
    return True
