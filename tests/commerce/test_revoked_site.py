from uuid import UUID

from service.cards.manage import close_site
from tests.shopper.phone import Phone, handoff
from tests.world import World


def test_a_revoked_site_takes_its_sessions_and_their_cards_with_it(world: World) -> None:
    till, site, other = world.till(), world.site("Web shop"), world.site("Outlet")
    maria, noor = site.shopper("maria"), other.shopper("noor")
    shown = maria.code()
    waiting = handoff(site, "maria")
    with world.service.db.write() as session:
        close_site(session, UUID(site.site_id), world.clock())
    assert site.call("PUT", "/commerce/v1/accounts/maria", {}).status_code == 401
    assert maria.call("GET", "/shopper/v1/code").status_code == 401
    assert Phone(world).exchange(waiting).status_code == 401
    assert till.scan(shown).json["reason"] == "card_unusable"
    assert till.scan(noor.code()).json["outcome"] == "identified"
