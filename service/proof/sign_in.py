"""Sign in: whoever proves a contact gets the file that it leads to, or a new one.

A recycled phone number needs a second proof. The code was right, but `sign_in` returns `SecondProof`; then, until
the code expires, either
- a second code is requested for another contact of the file, naming the first request as `first_proof`, and that
  second code signs in (an e-mail address would do so alone; with the first proof the number is fresh again), or
- the same code is entered again with `new_owner`: the number leaves the old file and begins a new one.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from service.audit.models import Action, Actor, ActorKind
from service.audit.record import record
from service.crypto.keystore import KeyStore
from service.customers.account import make_customer
from service.customers.models import Identifier
from service.merging.lock import lock_identities
from service.merging.rules import Rules
from service.proof.hold import Prover, SecondProof, find_holder, hold, is_one, need_second_proof, release
from service.proof.verify import Proved, find_kept, keep, use_up
from service.sessions.models import ShopperSession
from service.sessions.open import open_signed_in

# Who joins has no session yet.
_SHOPPER = Actor(ActorKind.SHOPPER)


@dataclass(frozen=True)
class SignedIn:
    """A session of the web app with its token, and whether its customer began just now."""

    opened: ShopperSession
    token: str
    created: bool


def sign_in(
    session: Session, keystore: KeyStore, proved: Proved, *, rules: Rules, now: datetime
) -> SignedIn | SecondProof:
    """Open a session for the one who proved a contact, or say what else they must prove."""
    lock_identities(session)
    former = find_holder(session, keystore.vault, proved.contact)
    holder = None if proved.new_owner else former
    if holder is not None:
        confirmed = _confirm_first(session, keystore, proved, holder, now)
        missing = need_second_proof(session, keystore.vault, proved.contact, holder, now)
        if missing is not None and not confirmed:
            keep(session, proved.request_id, now)
            return missing
    use_up(session, proved.request_id, now)
    customer_id = make_customer(session, actor=_SHOPPER, now=now).id if holder is None else holder.customer_id
    opened, token = open_signed_in(session, customer_id=customer_id, now=now)
    prover = Prover(customer_id, opened.id)
    if former is not None and holder is None:
        release(session, former, proved.contact, vault=keystore.vault, prover=prover, now=now)
    hold(session, keystore, proved.contact, prover=prover, rules=rules, now=now)
    record(session, Action.SIGNED_IN, customer_id, actor=prover.actor, now=now, kind=proved.contact.kind.value)
    return SignedIn(opened, token, created=holder is None)


def _confirm_first(session: Session, keystore: KeyStore, proved: Proved, holder: Identifier, now: datetime) -> bool:
    """Use up the first proof, if one was named and it leads to the same file by another contact."""
    contact = find_kept(session, proved.first_proof_id, vault=keystore.vault, now=now)
    first = None if contact is None else find_holder(session, keystore.vault, contact)
    if first is None or proved.first_proof_id is None or first.id == holder.id:
        return False
    if not is_one(session, first.customer_id, holder.customer_id):
        return False
    use_up(session, proved.first_proof_id, now)
    first.proved_at = first.owner_proved_at = now
    return True
