"""A cursor says where a page of one list stopped, and is good for nothing else."""

from uuid import UUID

from service.sales.models import Claim
from tests.world import MIDDAY, Caller, Site, World


def lists(world: World) -> dict[str, tuple[Caller | Site, str]]:
    """Return every list with a cursor, each with more than one item: who reads it, and the parameter's name."""
    site, till, olga = world.site(may_vouch=["email"]), world.till(), world.operator()
    maria = site.shopper("maria")
    for number in range(2):
        till.sell(till.scan(maria.code()).json["scan_id"])
        world.clock.forward(seconds=30)
        claim = f"{number:064x}"
        till.sell(claim_hash=claim)
        with world.service.db.write() as session:
            session.add(
                Claim(claim_hash=bytes.fromhex(claim), customer_id=UUID(maria.customer_id), claimed_at=MIDDAY)
            )
        named = {"email": f"maria{number}@example.com", "phone": f"+3460011122{number}"}
        site.put("maria", *({"kind": kind, "value": value} for kind, value in named.items()))
        site.put(f"other{number}", *({"kind": kind, "value": value} for kind, value in named.items()))
    shop, desk = f"/commerce/v1/customers/{maria.customer_id}", f"/operator/v1/customers/{maria.customer_id}"
    return {
        "/shopper/v1/activity": (maria, "after"),
        "/shopper/v1/audit": (maria, "after"),
        f"{shop}/sales": (site, "after"),
        f"{shop}/scans": (site, "after"),
        f"{shop}/history": (site, "after"),
        f"{desk}/history": (olga, "after"),
        f"{desk}/audit": (olga, "after"),
        "/operator/v1/claims": (olga, "after"),
        "/operator/v1/events": (olga, "cursor"),
        "/operator/v1/proposals": (olga, "after"),
    }


def test_a_cursor_is_good_for_its_own_list_only_and_only_as_it_was(world: World) -> None:
    found = lists(world)
    cursors = {path: by.call("GET", f"{path}?limit=1").json["next_cursor"] for path, (by, _) in found.items()}
    assert None not in cursors.values(), cursors
    for path, (caller, name) in found.items():
        for other, cursor in cursors.items():
            status = caller.call("GET", f"{path}?{name}={cursor}").status_code
            assert status == (200 if path == other else 422), (path, other)
        for place in (0, 10, 20, 39):
            letter = "B" if cursors[path][place] == "A" else "A"
            changed = cursors[path][:place] + letter + cursors[path][place + 1 :]
            refused = caller.call("GET", f"{path}?{name}={changed}")
            assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, f"/{name}"), (path, place)
