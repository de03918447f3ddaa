from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from service.consent.models import Consent, Purpose
from service.consent.weigh import Joined, weigh

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANA, EVA, IDA = UUID(int=1), UUID(int=2), UUID(int=3)


def said(who: UUID, granted: bool, *, minute: int) -> Consent:
    return Consent(
        id=uuid4(),
        customer_id=who,
        purpose=Purpose.MARKETING_EMAIL.value,
        granted=granted,
        source="shopper",
        source_id=None,
        text_version="1",
        at=NOON + timedelta(minutes=minute),
    )


def joined(a: UUID, b: UUID, *, minute: int) -> Joined:
    return Joined(a, b, NOON + timedelta(minutes=minute))


def holds(statements: list[Consent], joins: list[Joined], who: UUID = ANA) -> bool | None:
    found = weigh(who, statements, joins)
    return None if found is None else found.granted


def test_nobody_who_was_not_asked_has_said_anything() -> None:
    assert holds([], []) is None


def test_the_last_word_of_one_customer_holds() -> None:
    first, second = said(ANA, True, minute=1), said(ANA, False, minute=2)
    assert holds([first], []) is True
    assert holds([second, first], []) is False


def test_what_another_customer_says_counts_for_them_alone() -> None:
    assert holds([said(EVA, True, minute=1)], []) is None


def test_a_merge_keeps_the_more_restrictive_of_both() -> None:
    granted, withdrawn = said(ANA, True, minute=2), said(EVA, False, minute=1)
    for who in (ANA, EVA):
        assert holds([granted, withdrawn], [joined(ANA, EVA, minute=3)], who) is False


def test_of_two_who_say_alike_the_newer_word_is_told() -> None:
    for granted in (True, False):
        for first, second in ((ANA, EVA), (EVA, ANA)):
            words = [said(first, granted, minute=1), said(second, granted, minute=2)]
            assert weigh(IDA, words, [joined(ANA, EVA, minute=3), joined(IDA, EVA, minute=4)]) is words[1]


def test_granted_beats_nothing() -> None:
    assert holds([said(EVA, True, minute=1)], [joined(ANA, EVA, minute=3)]) is True


def test_what_is_said_after_the_merge_holds() -> None:
    before = [said(ANA, True, minute=1), said(EVA, False, minute=2)]
    assert holds([*before, said(EVA, True, minute=4)], [joined(ANA, EVA, minute=3)]) is True


def test_what_is_said_at_the_instant_of_the_merge_counts_as_said_before() -> None:
    statements = [said(EVA, False, minute=1), said(ANA, True, minute=3)]
    assert holds(statements, [joined(ANA, EVA, minute=3)]) is False


def test_of_a_grant_and_a_withdrawal_at_one_instant_the_withdrawal_holds() -> None:
    both = [said(ANA, False, minute=2), said(EVA, True, minute=2)]
    for statements in (both, both[::-1]):
        assert holds(statements, [joined(ANA, EVA, minute=1)]) is False


def test_a_later_merge_with_a_silent_node_changes_nothing() -> None:
    statements = [said(EVA, False, minute=1), said(ANA, True, minute=4)]
    joins = [joined(ANA, EVA, minute=3), joined(IDA, ANA, minute=5)]
    assert holds(statements, joins, IDA) is True


def test_without_the_merge_each_has_their_own_again() -> None:
    statements = [said(ANA, True, minute=1), said(EVA, False, minute=2)]
    assert (holds(statements, [], ANA), holds(statements, [], EVA)) == (True, False)


minutes = st.integers(0, 5)
people = st.sampled_from((ANA, EVA, IDA))
statements_ = st.lists(
    st.builds(said, people, st.booleans(), minute=minutes),
    max_size=6,
    unique_by=lambda item: (item.customer_id, item.at),  # nobody says two things in one instant
)


@given(statements_, st.lists(st.builds(joined, people, people, minute=minutes), max_size=4), st.randoms())
def test_the_order_in_which_it_is_told_never_matters(
    statements: list[Consent], joins: list[Joined], random: Random
) -> None:
    told = [holds(statements, joins, who) for who in (ANA, EVA, IDA)]
    shuffled = random.sample(statements, len(statements))
    assert [holds(shuffled, joins[::-1], who) for who in (ANA, EVA, IDA)] == told


@given(statements_)
def test_a_merge_never_allows_what_one_of_the_two_forbade(statements: list[Consent]) -> None:
    apart = {holds(statements, [], ANA), holds(statements, [], EVA)}
    expected = False if False in apart else True if True in apart else None
    assert holds(statements, [joined(ANA, EVA, minute=9)], ANA) is expected
