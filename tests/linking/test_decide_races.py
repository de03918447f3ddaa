"""A decision about a link request that meets another one, or a proof, at the very moment: it waits, and sees it."""

from uuid import UUID

from service.audit.models import Actor, ActorKind
from service.customers.identifiers import add_identifier
from service.customers.models import IdentifierKind, Trust
from service.linking.decide import refuse
from service.merging.lock import lock_identities
from service.sessions.recognise import ShopperIdentity
from tests.linking.requests import asked, decide, status
from tests.others import Others, waits
from tests.proof.people import EMAIL
from tests.world import Shopper, Site, World

SHOPPER = Actor(ActorKind.SHOPPER, UUID(int=5))


def test_an_approval_that_meets_a_refusal_approves_nothing(world: World, outlet: Site, maria: Shopper) -> None:
    ident = asked(outlet, maria.code())
    shopper = ShopperIdentity(UUID(int=5), UUID(maria.customer_id))
    with Others(world) as pool:
        with world.service.db.write() as session:
            refuse(session, UUID(ident), shopper=shopper, actor=SHOPPER, now=world.clock())
            session.flush()
            approving = pool.submit(decide, maria, "approve", ident)
            assert waits(approving)
        assert approving.result(20).json["code"] == "link_request_closed"
    assert status(outlet, ident)["status"] == "refused"


def test_an_approval_waits_for_whoever_is_just_proving_a_contact_of_the_account(
    world: World, outlet: Site, maria: Shopper
) -> None:
    account, ident = UUID(outlet.account("mary")), asked(outlet, maria.code())
    with Others(world) as pool:
        with world.service.db.write() as session:
            lock_identities(session)
            add_identifier(
                session,
                world.service.keystore,
                customer_id=account,
                kind=IdentifierKind.EMAIL,
                value=EMAIL,
                trust=Trust.VERIFIED,
                actor=SHOPPER,
                now=world.clock(),
            )
            approving = pool.submit(decide, maria, "approve", ident)
            assert waits(approving)
        assert approving.result(20).json["code"] == "contact_not_proved"
    assert status(outlet, ident)["status"] == "pending"
