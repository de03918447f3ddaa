import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from service.audit.models import ERASED_SESSION, LOOKS, SYSTEM, Action, Actor, ActorKind, AuditEntry
from service.audit.record import record
from service.audit.words import LANGUAGES, in_words
from service.customers.models import IdentifierKind
from service.merging.join import Outcome
from tests.claims.receipts import unite
from tests.erasure.scene import operator
from tests.merging.people import People
from tests.world import Shopper, Site, World

UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}|[0-9a-f]{32}")


def entry(action: Action, actor: Actor = SYSTEM, **given: Any) -> AuditEntry:
    kind = {"actor_kind": actor.kind.value, "actor_id": actor.id, "why": None, "detail": {}, "at": None}
    return AuditEntry(id=uuid4(), customer_id=uuid4(), action=action.value, **(kind | given))


def words(line: AuditEntry, language: str = "en", **given: Any) -> dict[str, Any]:
    return in_words(line, language, **({"sites": {}, "own_sessions": ()} | given))


def lines(site: Site, customer_id: str) -> list[AuditEntry]:
    with site.world.service.db.read() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.customer_id == UUID(customer_id))))


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_can_be_done_has_words(action: Action, language: str) -> None:
    told = words(entry(action), language)
    assert len(told["what"].split()) >= 2


def test_each_language_has_words_of_its_own_and_no_two_actions_share_them() -> None:
    told = [words(entry(action), language)["what"] for action in Action for language in LANGUAGES]
    assert len(set(told)) == len(Action) * len(LANGUAGES)


@pytest.mark.parametrize("kind", ActorKind)
@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_it_was_is_told_without_an_id(kind: ActorKind, language: str) -> None:
    somebody = Actor(kind, uuid4())
    told = words(entry(Action.READ, somebody), language)
    assert told["who"]
    assert not UUIDS.search(told["who"] + told["what"])


def test_a_site_is_named_and_staff_are_not() -> None:
    site = uuid4()
    told = words(entry(Action.READ, Actor(ActorKind.SITE, site)), sites={site: "Zapatos"})
    assert (told["who"], told["what"]) == ("Zapatos", "read your file")
    for kind in (ActorKind.OPERATOR, ActorKind.COMMAND):
        assert words(entry(Action.READ, Actor(kind, uuid4())))["who"] == "the brand's staff"


@pytest.mark.parametrize(
    ("language", "you", "owner"),
    [("en", "you", "the owner of the contact"), ("es", "tú", "la persona titular del contacto")],
)
def test_whoever_proved_a_contact_is_told_apart_from_the_one_who_lost_it(language: str, you: str, owner: str) -> None:
    session = uuid4()
    for action in (Action.IDENTIFIER_EVICTED, Action.SESSIONS_ENDED, Action.DUPLICATE_REJECTED):
        line = entry(action, Actor(ActorKind.SHOPPER, session))
        assert words(line, language, own_sessions={session})["who"] == you
        assert words(line, language, own_sessions={uuid4()})["who"] == owner
        erased = entry(action, Actor(ActorKind.SHOPPER, ERASED_SESSION))
        assert words(erased, language, own_sessions={session})["who"] == owner


def test_another_shopper_is_nobody_in_particular_and_one_without_a_session_is_the_reader() -> None:
    merged = entry(Action.CUSTOMERS_MERGED, Actor(ActorKind.SHOPPER, uuid4()))
    assert words(merged)["who"] == "another person"
    assert words(entry(Action.CUSTOMER_CREATED, Actor(ActorKind.SHOPPER)))["who"] == "you"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_account_that_was_approved_and_not_linked_is_told_as_that(language: str) -> None:
    linked, left = ({"detail": {"linked": linked}} for linked in (True, False))
    done = words(entry(Action.LINK_APPROVED, **linked), language)["what"]
    assert done == words(entry(Action.LINK_APPROVED), language)["what"]
    assert words(entry(Action.LINK_APPROVED, **left), language)["what"] not in (done, None)


def test_a_shopper_reads_who_looked_when_and_why(world: World) -> None:
    site = world.site("Zapatos")
    maria = site.shopper()
    world.clock.forward(minutes=5)
    path = f"/commerce/v1/customers/{maria.customer_id}/consents"
    assert site.call("GET", f"{path}?why=newsletter-81").status_code == 200
    first = maria.call("GET", "/shopper/v1/audit").json["items"][0]
    at = world.clock().isoformat().replace("+00:00", "Z")
    assert first == {"at": at, "who": "Zapatos", "what": "read your file", "why": "newsletter-81"}
    spanish = maria.call("GET", "/shopper/v1/audit", headers={"Accept-Language": "es"}).json["items"][0]
    assert spanish["what"] == "leyó tu ficha"


@pytest.mark.parametrize(
    ("action", "kind", "english", "spanish"),
    [
        (Action.IDENTIFIER_LINKED, "email", "gave your e-mail address", "dio tu correo electrónico"),
        (Action.IDENTIFIER_LINKED, "account", "connected your account", "conectó tu cuenta"),
        (Action.IDENTIFIER_LINKED, "anonymous", "connected your browser or app", "conectó tu navegador o app"),
        (Action.IDENTIFIER_UNLINKED, "account", "removed your account", "quitó tu cuenta"),
        (Action.IDENTIFIER_VERIFIED, "phone", "proved your phone number", "verificó tu número de teléfono"),
        (Action.IDENTIFIER_UNLINKED, "loyalty_card", "removed your loyalty card", "quitó tu tarjeta de fidelidad"),
    ],
)
def test_what_was_done_to_an_identifier_says_of_which_kind(
    action: Action, kind: str, english: str, spanish: str
) -> None:
    line = entry(action, detail={"kind": kind})
    assert [words(line, language)["what"] for language in LANGUAGES] == [english, spanish]


@pytest.mark.parametrize("kind", IdentifierKind)
def test_every_kind_of_identifier_has_words(kind: IdentifierKind) -> None:
    assert "identifier" not in words(entry(Action.IDENTIFIER_LINKED, detail={"kind": kind.value}))["what"]


def read_all(shopper: Shopper, limit: int) -> list[str]:
    told, after = [], ""
    while True:
        page = shopper.call("GET", f"/shopper/v1/audit?limit={limit}{after}").json
        told += [item["what"] for item in page["items"]]
        if page["next_cursor"] is None:
            return told
        after = f"&after={page['next_cursor']}"


@pytest.mark.parametrize("limit", [1, 2, 200])
def test_a_merge_is_told_once_to_whom_it_made_one(world: World, limit: int) -> None:
    site, people = world.site(), People(world, world.service.rules)
    maria, second, third = (site.shopper(name) for name in ("maria", "second", "third"))
    merged = people.join(UUID(maria.customer_id), UUID(second.customer_id))
    people.join(UUID(maria.customer_id), UUID(third.customer_id))
    assert read_all(maria, limit).count("joined two files of yours") == 2
    assert merged.merge_id is not None
    people.undo(merged.merge_id)
    for shopper in (maria, second):
        told = read_all(shopper, limit)
        assert told.count("parted two files again") == 1, "each of the two is told"


def test_a_parting_is_told_once_to_whom_another_merge_made_one_again(world: World) -> None:
    site, people = world.site(), People(world, world.service.rules)
    maria, second = (site.shopper(name) for name in ("maria", "second"))
    both = UUID(maria.customer_id), UUID(second.customer_id)
    people.undo(people.join(*both).merge_id)
    assert people.join(*both).outcome is Outcome.MERGED
    told = read_all(maria, 200)
    assert (told.count("parted two files again"), told.count("joined two files of yours")) == (1, 2)


def test_two_merges_of_one_moment_are_two(world: World) -> None:
    site = world.site()
    maria, second, third = (site.shopper(name) for name in ("maria", "second", "third"))
    unite(world, maria, second)
    unite(world, maria, third)
    assert read_all(maria, 200).count("joined two files of yours") == 2


@pytest.mark.parametrize("first_id", [0, 2**128 - 2], ids=["lowest", "highest"])
def test_what_a_merge_set_aside_is_told_beside_it_thing_by_thing(world: World, first_id: int) -> None:
    """Whatever ids were drawn for the lines."""
    people, maria = People(world, world.service.rules), world.shopper()
    people.change("limits", email=1, phone=1)
    other = people.node()
    for number, node in enumerate((UUID(maria.customer_id), other)):
        people.give(node, IdentifierKind.EMAIL, f"maria{number}@example.org")
        people.give(node, IdentifierKind.PHONE, f"+3460000000{number}")
    people.join(UUID(maria.customer_id), other)
    with world.service.db.write() as session:
        wanted = select(AuditEntry).where(AuditEntry.action == Action.IDENTIFIER_DEMOTED)
        for number, line in enumerate(session.scalars(wanted)):
            line.id = UUID(int=first_id + number)
    told = read_all(maria, 200)
    for what in ("joined two files of yours", "set your e-mail address aside", "set your phone number aside"):
        assert told.count(what) == 1, what


def test_the_audit_covers_both_files_of_a_merged_customer_and_nobody_elses(world: World) -> None:
    site, people = world.site(), People(world, world.service.rules)
    maria, second, juan = (site.shopper(name) for name in ("maria", "second", "juan"))
    with world.service.db.write() as session:
        for shopper in (second, juan):
            record(
                session,
                Action.LOOKED_UP,
                UUID(shopper.customer_id),
                actor=SYSTEM,
                now=world.clock(),
                why=shopper.customer_id,
            )
    people.join(UUID(maria.customer_id), UUID(second.customer_id))
    told = [item["why"] for item in maria.call("GET", "/shopper/v1/audit").json["items"]]
    assert second.customer_id in told
    assert juan.customer_id not in told


def test_the_audit_is_read_page_by_page(world: World) -> None:
    maria = world.shopper()
    with world.service.db.write() as session:
        for number in range(9):
            given: dict[str, Any] = {"actor": SYSTEM, "now": world.clock(), "why": f"look {number}"}
            record(session, Action.READ, UUID(maria.customer_id), **given)
    whole = maria.call("GET", "/shopper/v1/audit?limit=200").json["items"]
    read, after = [], ""
    while after is not None:
        page = maria.call("GET", f"/shopper/v1/audit?limit=2{after and '&after=' + after}").json
        read += page["items"]
        after = page["next_cursor"]
    assert read == whole
    assert len(read) >= 9


def test_an_operator_reads_the_lines_as_they_are_and_leaves_one(world: World) -> None:
    site, olga = world.site(), operator(world)
    customer_id = site.account()
    path = f"/operator/v1/customers/{customer_id}/audit"
    world.clock.forward(seconds=1)
    first = olga.call("GET", f"{path}?why=ticket-7")
    assert first.status_code == 200
    [look, *before] = olga.call("GET", path).json["items"]
    assert before == first.json["items"]
    assert (look["action"], look["actor_kind"], look["why"]) == ("history.read", "operator", "ticket-7")
    assert look["detail"] == {"what": "audit"}
    assert Action(look["action"]) in LOOKS


def test_an_operator_reads_page_by_page_what_one_page_holds(world: World) -> None:
    site, olga = world.site(), operator(world)
    customer_id = site.account()
    with world.service.db.write() as session:
        for number in range(9):
            world.clock.forward(seconds=number % 2)
            given: dict[str, Any] = {"actor": SYSTEM, "now": world.clock(), "why": f"look {number}"}
            record(session, Action.READ, UUID(customer_id), **given)
    path = f"/operator/v1/customers/{customer_id}/audit"
    world.clock.forward(minutes=1)
    pages = [olga.call("GET", f"{path}?limit=3").json]
    while pages[-1]["next_cursor"]:
        world.clock.forward(minutes=1)  # who looks meanwhile stands before the first page
        pages.append(olga.call("GET", f"{path}?limit=3&after={pages[-1]['next_cursor']}").json)
    assert [len(page["items"]) for page in pages] == [3, 3, 3, 2]
    whole = [item for item in olga.call("GET", f"{path}?limit=200").json["items"] if item["action"] != "history.read"]
    assert [item for page in pages for item in page["items"]] == whole


def test_a_look_at_what_is_left_of_an_erased_customer_leaves_no_line_about_them(world: World) -> None:
    maria, olga = world.shopper(), operator(world)
    assert maria.call("POST", "/shopper/v1/erase", {"confirm": "erase"}).status_code == 204
    path = f"/operator/v1/customers/{maria.customer_id}/audit?why=maria@example.org"
    first, again = (olga.call("GET", path).json["items"] for _ in range(2))
    assert [line["action"] for line in first] == ["customer.erased"]
    assert again == first


def test_an_operator_finds_no_audit_of_nobody(world: World) -> None:
    assert operator(world).call("GET", f"/operator/v1/customers/{uuid4()}/audit").status_code == 404


def test_a_site_and_a_shopper_cannot_read_the_operators_audit(world: World) -> None:
    site = world.site()
    maria = site.shopper()
    path = f"/operator/v1/customers/{maria.customer_id}/audit"
    assert site.call("GET", path).status_code == maria.call("GET", path).status_code == 401


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/consents", Action.READ),
        ("/sales", Action.SALES_READ),
        ("/scans", Action.SCANS_READ),
        ("/history", Action.HISTORY_READ),
        ("", Action.READ),
    ],
)
def test_every_look_of_a_site_is_written_down_and_what_for(world: World, path: str, action: Action) -> None:
    site = world.site()
    customer_id = site.account()
    before = len(lines(site, customer_id))
    assert site.call("GET", f"/commerce/v1/customers/{customer_id}{path}?why=ticket-7").status_code == 200
    new = [line for line in lines(site, customer_id) if Action(line.action) in LOOKS]
    assert len(new) == 1
    assert len(lines(site, customer_id)) == before + 1
    assert (new[0].actor_kind, str(new[0].actor_id)) == ("site", site.site_id)
    assert (new[0].action, new[0].why) == (action, "ticket-7")


def test_a_site_that_opens_a_file_for_its_user_leaves_a_line_that_the_shopper_reads(world: World) -> None:
    site = world.site("Zapatos")
    shopper = site.shopper("maria")
    [line] = [line for line in lines(site, shopper.customer_id) if line.action == Action.SESSION_OPENED]
    assert (line.actor_kind, str(line.actor_id)) == ("site", site.site_id)
    told = [(item["who"], item["what"]) for item in shopper.call("GET", "/shopper/v1/audit").json["items"]]
    assert told.count(("Zapatos", "opened your card and your file for you")) == 1


LOOKED = (
    "customer.looked_up",
    "customer.read",
    "sales.read",
    "scans.read",
    "history.read",
    "proposals.read",
    "session.opened",
)


def test_no_look_is_an_event_and_each_stays_without_a_name_when_the_file_is_erased(world: World) -> None:
    maria, olga = world.shopper(), operator(world)
    with world.service.db.write() as session:
        for look in LOOKED:
            given: dict[str, Any] = {"actor": SYSTEM, "now": world.clock(), "why": "ticket-7"}
            record(session, Action(look), UUID(maria.customer_id), **given)
    events = olga.call("GET", "/operator/v1/events?limit=200").json["items"]
    assert events
    assert [event["type"] for event in events if event["type"] in LOOKED] == []
    assert maria.call("POST", "/shopper/v1/erase", {"confirm": "erase"}).status_code == 204
    with world.service.db.read() as session:
        left = session.scalars(select(AuditEntry).where(AuditEntry.actor_kind == ActorKind.SYSTEM)).all()
    assert sorted(line.action for line in left) == sorted(LOOKED)
    assert {(line.customer_id, line.why) for line in left} == {(None, None)}


READS_OF_STAFF = {
    "/operator/v1/customers/<uuid:customer_id>": Action.READ,
    "/operator/v1/customers/<uuid:customer_id>/consents": Action.READ,
    "/operator/v1/customers/<uuid:customer_id>/audit": Action.HISTORY_READ,
    "/operator/v1/customers/<uuid:customer_id>/history": Action.HISTORY_READ,
    "/operator/v1/customers/<uuid:customer_id>/export": Action.EXPORTED,
    "/operator/v1/claims": Action.SALES_READ,
    "/operator/v1/proposals": Action.PROPOSALS_READ,
}
# Ids and closed words of everybody's changes, for machines: it opens nobody's file.
NO_READ = {"/operator/v1/events"}


def test_every_door_of_staff_that_reads_is_known_here(world: World) -> None:
    rules = [rule for rule in world.app.url_map.iter_rules() if rule.rule.startswith("/operator/v1/")]
    assert {rule.rule for rule in rules if "GET" in (rule.methods or ())} == READS_OF_STAFF.keys() | NO_READ


@pytest.mark.parametrize(("rule", "action"), READS_OF_STAFF.items())
def test_every_read_of_staff_says_who_what_when_and_why(world: World, rule: str, action: Action) -> None:
    site, olga = world.site(), operator(world)
    given = {"identifiers": [{"kind": "email", "value": "maria@example.org"}]}
    customer_id, _ = (site.put(name, **given)["customer_id"] for name in ("maria", "mary"))
    world.clock.forward(minutes=1)
    path = rule.replace("<uuid:customer_id>", customer_id)
    mine = f"&customer_id={customer_id}" if rule.endswith("claims") else ""
    assert olga.call("GET", f"{path}?why=ticket-7{mine}").status_code == 200
    [look] = [line for line in lines(site, customer_id) if line.at == world.clock()]
    assert (look.action, look.why, look.actor_kind) == (action, "ticket-7", "operator")
    assert look.actor_id is not None
