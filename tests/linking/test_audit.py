"""What the audit keeps of link requests."""

from uuid import UUID

from sqlalchemy import select

from service.audit.models import AuditEntry
from service.linking.models import LinkRequest
from service.merging.models import Merge
from tests.linking.requests import asked, decide
from tests.world import World


def lines(world: World) -> list[tuple[str, str, str | None]]:
    with world.service.db.read() as session:
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.action.startswith("link.")).order_by(AuditEntry.at)
        )
        return [(row.action, row.actor_kind, row.customer_id and str(row.customer_id)) for row in rows]


def test_asking_and_deciding_are_lines_in_the_file_of_the_one_who_was_asked(world: World) -> None:
    outlet, maria = world.site("Outlet"), world.shopper("maria")
    outlet.account("mary")
    for verb, action in (("refuse", "link.refused"), ("approve", "link.approved")):
        before = len(lines(world))
        world.clock.forward(seconds=31)
        ident = asked(outlet, maria.code())
        world.clock.forward(seconds=1)
        decide(maria, verb, ident)
        assert lines(world)[before:] == [
            ("link.requested", "site", maria.customer_id),
            (action, "shopper", maria.customer_id),
        ]
        with world.service.db.read() as session:
            request = session.get_one(LinkRequest, UUID(ident))
            told = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == action)).one()
        assert request.decided_at == world.clock()
        assert (told["link_request_id"], told["site_id"]) == (ident, outlet.site_id)


def test_the_edge_of_an_approval_says_what_it_rests_on(world: World) -> None:
    outlet, maria = world.site("Outlet"), world.shopper("maria")
    mary = outlet.account("mary")
    ident = asked(outlet, maria.code())
    decide(maria, "approve", ident)
    with world.service.db.read() as session:
        (edge,) = session.scalars(select(Merge))
    assert {str(edge.a_id), str(edge.b_id)} == {mary, maria.customer_id}
    assert (edge.rule, edge.actor_kind) == ("approved_link", "shopper")
    assert edge.evidence["link_request_id"] == ident


def test_an_approval_that_links_nothing_is_told_as_left_to_the_brand(world: World) -> None:
    outlet = world.site("Outlet")
    maria = outlet.shopper("maria")
    outlet.account("mary")
    assert decide(maria, "approve", asked(outlet, maria.code())).json["linked"] is False, "two accounts of one site"
    told = {item["what"] for item in maria.call("GET", "/shopper/v1/audit").json["items"]}
    assert "approved an account, and the brand decides whether it is linked" in told
    assert "linked an account" not in told
