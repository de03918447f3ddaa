"""A withdrawal of identification that races with a card that is just made, given back, or merged."""

import threading
from typing import Any
from uuid import UUID

import pytest

from service.merging import consents
from service.web.shopper import routes
from tests.consent.test_doors import cards, say
from tests.merging.people import People
from tests.others import Others, waits
from tests.world import Caller, World


class Pause:
    """Holds whoever asks whether somebody may be identified, once they have their answer, until they may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *modules: Any) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self._ask = consents.may_be_identified
        for module in modules:
            monkeypatch.setattr(module, "may_be_identified", self._ask_and_wait)

    def _ask_and_wait(self, *given: Any) -> bool:
        answer = self._ask(*given)
        if not self.reached.is_set():
            self.reached.set()
            assert self.go_on.wait(20)
        return answer


@pytest.mark.parametrize("act", ["make", "unfreeze"])
def test_a_card_that_is_just_made_or_given_back_is_waited_for_and_frozen(
    world: World, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    site = world.site()
    maria = site.shopper()
    card = f"/shopper/v1/cards/{maria.card['card_id']}"
    maria.call("POST", f"{card}/freeze", {})
    second = Caller(world, site.call("POST", "/commerce/v1/accounts/maria/sessions", {}).json["session_token"])
    caller, path = (second, "/shopper/v1/cards") if act == "make" else (maria, f"{card}/unfreeze")
    pause = Pause(monkeypatch, routes)
    with Others(world) as pool:
        acting = pool.submit(caller.call, "POST", path, {})
        assert pause.reached.wait(20)
        withdrawing = pool.submit(say, maria, False, "identification")
        assert waits(withdrawing)
        pause.go_on.set()
        assert acting.result(20).status_code in (200, 201)
        withdrawing.result(20)
    assert set(cards(maria)) == {"frozen"}


@pytest.mark.parametrize("act", ["make", "unfreeze"])
def test_a_card_that_is_just_made_or_given_back_is_frozen_by_a_merge(
    world: World, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    people = People(world, world.service.rules)
    ours, theirs = world.site("Zapatos"), world.site("Libros")
    maria, carmen = ours.shopper(), theirs.shopper("carmen")
    card = f"/shopper/v1/cards/{maria.card['card_id']}"
    maria.call("POST", f"{card}/freeze", {})
    say(carmen, granted=False, purpose="identification")
    second = Caller(world, ours.call("POST", "/commerce/v1/accounts/maria/sessions", {}).json["session_token"])
    caller, path = (second, "/shopper/v1/cards") if act == "make" else (maria, f"{card}/unfreeze")
    pause = Pause(monkeypatch, routes)
    with Others(world) as pool:
        acting = pool.submit(caller.call, "POST", path, {})
        assert pause.reached.wait(20)
        merging = pool.submit(people.join, UUID(maria.customer_id), UUID(carmen.customer_id))
        assert waits(merging)
        pause.go_on.set()
        assert acting.result(20).status_code in (200, 201)
        merging.result(20)
    assert set(cards(maria)) == {"frozen"}


def test_withdrawals_cards_merges_and_undos_at_once_end_well_and_nobody_withdrawn_is_shown(world: World) -> None:
    people = People(world, world.service.rules)
    ours, theirs = world.site("Zapatos"), world.site("Libros")
    maria, carmen = ours.shopper(), theirs.shopper("carmen")
    card = f"/shopper/v1/cards/{maria.card['card_id']}"

    def make() -> Any:
        token = ours.call("POST", "/commerce/v1/accounts/maria/sessions", {}).json["session_token"]
        return Caller(world, token).call("POST", "/shopper/v1/cards", {})

    def merge_and_undo() -> None:
        people.undo(people.join(UUID(maria.customer_id), UUID(carmen.customer_id)).merge_id)

    with Others(world) as pool:
        for _ in range(5):
            say(maria, granted=True, purpose="identification")
            say(carmen, granted=True, purpose="identification")
            jobs = [
                pool.submit(merge_and_undo),
                pool.submit(say, maria, False, "identification"),
                pool.submit(say, carmen, False, "identification"),
                *(pool.submit(make) for _ in range(3)),
                *(pool.submit(maria.call, "POST", f"{card}/unfreeze", {}) for _ in range(2)),
            ]
            answers = [job.result(30) for job in jobs]
            assert {answer.status_code for answer in answers[3:]} <= {200, 201, 409}
            assert set(cards(maria)) == {"frozen"}
