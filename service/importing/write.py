"""Write a batch: new customers at once, changed ones one by one, then what their identifiers cause."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from service.audit.models import COMMAND, AuditEntry
from service.crypto.keystore import KeyStore
from service.customers.models import Customer, Identifier
from service.db import insert_many, stored_time
from service.importing.draft import Draft
from service.importing.known import Known, look_up
from service.importing.making import AUDIT, CUSTOMER, IDENTIFIER, Making
from service.importing.propose import propose_many
from service.importing.report import Report
from service.importing.sort import sort_out
from service.importing.target import Target
from service.importing.update import update
from service.merging.lock import lock_identities
from service.merging.reconcile import reconcile

_TABLES = Identifier.metadata.tables


def write(session: Session, keystore: KeyStore, drafts: Sequence[Draft], *, target: Target, report: Report) -> None:
    """Store a batch of good rows in the caller's transaction. What is stored already stays as it is."""
    lock_identities(session)
    known = look_up(session, keystore, drafts, site_id=target.site_id)
    fresh, changes = sort_out(keystore.vault, drafts, known, report)
    made = _insert(session, keystore, fresh, known, target)
    propose_many(session, made.shared, target=target, report=report)
    rules, now = target.rules, target.now
    for proved in made.proved:
        added = session.get_one(Identifier, UUID(proved.identifier_id))
        report.note(proved.line, reconcile(session, keystore, added, actor=COMMAND, rules=rules, now=now))
    for change in changes:
        update(session, keystore, change, target=target, report=report)


def _insert(session: Session, keystore: KeyStore, drafts: Sequence[Draft], known: Known, target: Target) -> Making:
    """Insert new customers, their keys first; return what was made, and what others hold too."""
    keystore.keep_many((customer_id, sealed_key) for _, customer_id, sealed_key, _, _ in drafts)
    making = Making(keystore.vault, known, target, stored_time(session, target.now))
    insert_many(session, _TABLES[Customer.__tablename__], CUSTOMER, making.customers(drafts))
    insert_many(session, _TABLES[Identifier.__tablename__], IDENTIFIER, making.identifiers(drafts))
    insert_many(session, _TABLES[AuditEntry.__tablename__], AUDIT, making.audit(drafts))
    return making
