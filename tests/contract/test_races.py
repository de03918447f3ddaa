"""What must happen once happens once, however many ask at the same time."""

from collections import Counter
from uuid import uuid4

from tests.scans.arena import Arena, Reply, Shot
from tests.world import Caller, Shopper


def statuses(replies: list[Reply]) -> Counter[int]:
    return Counter(reply.status_code for reply in replies)


def test_twenty_puts_of_one_account_make_one_customer(arena: Arena) -> None:
    site = arena.site()
    before = arena.count("customers")
    put = Shot(Caller(arena, site.secret_key), "PUT", f"/commerce/v1/accounts/{uuid4()}", {})
    replies = arena.at_once([put] * 20)
    assert statuses(replies) == {201: 1, 200: 19}
    assert len({reply.json["customer_id"] for reply in replies}) == 1
    assert arena.count("customers") == before + 1


def test_one_enrolment_code_raced_by_twenty_installations_is_traded_once(arena: Arena) -> None:
    code = arena.invitation()
    before = arena.count("terminals")
    bodies = [{"enrolment_code": code, "installation_id": str(uuid4())} for _ in range(20)]
    replies = arena.at_once([Shot(None, "POST", "/pos/v1/enrol", body) for body in bodies])
    assert statuses(replies) == {201: 1, 401: 19}
    assert arena.count("terminals") == before + 1
    winner = next(reply for reply in replies if reply.status_code == 201)
    assert Caller(arena, winner.json["terminal_token"]).call("GET", "/pos/v1/terminal").status_code == 200


def test_one_installation_that_races_itself_ends_with_one_terminal_and_a_token_that_works(arena: Arena) -> None:
    body = {"enrolment_code": arena.invitation(), "installation_id": str(uuid4())}
    trade = Shot(None, "POST", "/pos/v1/enrol", body)
    before = arena.count("terminals")
    replies = arena.at_once([trade] * 20)
    assert statuses(replies) == {201: 20}
    assert arena.count("terminals") == before + 1
    assert len({reply.json["terminal_id"] for reply in replies}) == 1
    tokens = [reply.json["terminal_token"] for reply in replies]
    assert len(set(tokens)) == 20
    works = [Caller(arena, token).call("GET", "/pos/v1/terminal").status_code == 200 for token in tokens]
    assert works.count(True) in (1, 2), "the first token lives until the last one is first used"
    again = arena.at_once([trade])[0]
    assert Caller(arena, again.json["terminal_token"]).call("GET", "/pos/v1/terminal").status_code == 200


def test_two_links_of_one_sale_at_once_leave_one(arena: Arena) -> None:
    till, site = arena.till(), arena.site()
    for _ in range(5):
        sale_id = till.sell().json["sale_id"]
        scans = [till.scan(site.shopper(str(uuid4())).code()).json["scan_id"] for _ in range(2)]
        links = [Shot(till, "PUT", f"/pos/v1/sales/{sale_id}/scan", {"scan_id": scan_id}) for scan_id in scans]
        replies = arena.at_once(links * 5)
        assert statuses(replies) == {200: 5, 409: 5}
        assert {reply.json["link"] for reply in replies if reply.status_code == 200} == {"linked"}
        assert {reply.json["code"] for reply in replies if reply.status_code == 409} == {"already_linked"}
        assert len({reply.status_code for reply in replies[::2]}) == 1, "one scan won, not some of each"


def test_one_sale_sent_twenty_times_at_once_is_stored_once(arena: Arena) -> None:
    till, maria = arena.till(), arena.shopper()
    sale = till.sale(till.scan(maria.code()).json["scan_id"])
    replies = arena.at_once([Shot(till, "PUT", f"/pos/v1/sales/{uuid4()}", sale)] * 20)
    assert statuses(replies) == {201: 1, 200: 19}
    assert {reply.json["link"] for reply in replies} == {"linked"}
    assert len(maria.call("GET", "/shopper/v1/activity").json["items"]) == 2


def test_of_returns_of_one_line_at_once_all_but_the_first_are_over_returns(arena: Arena) -> None:
    till = arena.till()
    sale_id = till.sell().json["sale_id"]
    body = {
        "sale_id": sale_id,
        "reason": "return",
        "currency": "EUR",
        "occurred_at": arena.clock().isoformat(),
        "lines": [{"line_id": "1", "quantity": "1", "total_minor": -2500}],
    }
    replies = arena.at_once([Shot(till, "PUT", f"/pos/v1/returns/{uuid4()}", body) for _ in range(20)])
    assert statuses(replies) == {201: 20}
    assert Counter(len(reply.json["warnings"]) for reply in replies) == {0: 1, 1: 19}


def test_one_session_that_asks_twenty_times_at_once_gets_one_card(arena: Arena) -> None:
    site = arena.site()
    site.account("maria")
    opened = site.call("POST", "/commerce/v1/accounts/maria/sessions", {}).json
    phone = Shopper(arena, opened["session_token"], "")
    replies = arena.at_once([Shot(phone, "POST", "/shopper/v1/cards", {})] * 20)
    assert statuses(replies) == {201: 1, 200: 19}
    assert len({reply.json["card_id"] for reply in replies}) == 1
    assert ["otp_key" in reply.json for reply in replies].count(True) == 1
