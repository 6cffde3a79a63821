"""The four combinators against brute force: random rule trees over answers that change at whole seconds.

Three things are true of every tree at every second: the value is Kleene's, it is the same at every
second before `until`, and `first_moment` is the first second at which the tree holds.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product

import pytest

from nurture.core.answers import (
    FOREVER,
    Answer,
    Reason,
    every,
    first_moment,
    opposite,
    some,
    whole_second,
)
from tests.core.build import SECOND, START

TREES = 4000
SECONDS = 30
VALUES = (True, False, None)

Tree = Callable[[datetime], Answer]
Truth = Callable[[int], bool | None]


def leaf(rng: random.Random) -> tuple[Tree, Truth]:
    """A rule that changes at a few seconds, and for ever after keeps its last value.

    Some changes change nothing: an `until` may be sooner than it need be.
    """
    changes = sorted(rng.sample(range(1, SECONDS), rng.randint(0, 4)))
    values = [rng.choice(VALUES) for _ in range(len(changes) + 1)]
    name = f"leaf {rng.randint(0, 999)}"

    def truth(second: int) -> bool | None:
        return values[sum(change <= second for change in changes)]

    def rule(now: datetime) -> Answer:
        second = (now - START) // SECOND
        until = next((START + change * SECOND for change in changes if change > second), FOREVER)
        return Answer(truth(second), Reason(name), until)

    return rule, truth


def kleene_every(values: list[bool | None]) -> bool | None:
    return False if False in values else None if None in values else True


def kleene_some(values: list[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False


def tree(rng: random.Random, depth: int) -> tuple[Tree, Truth]:
    """A random tree: the rule of the core, and what Kleene says of it."""
    shape = rng.choice(("every", "some", "opposite", "leaf")) if depth else "leaf"
    if shape == "leaf":
        return leaf(rng)
    if shape == "opposite":
        rule, truth = tree(rng, depth - 1)
        opposites = {True: False, False: True, None: None}
        return (lambda now: opposite(rule(now))), (lambda second: opposites[truth(second)])
    parts = [tree(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    combine, kleene = (every, kleene_every) if shape == "every" else (some, kleene_some)
    return (
        lambda now: combine(rule(now) for rule, _ in parts),
        lambda second: kleene([truth(second) for _, truth in parts]),
    )


def test_the_promise_holds_for_random_trees():
    rng = random.Random(20260302)
    instants = 0
    for number in range(TREES):
        rule, truth = tree(rng, rng.randint(1, 4))
        truths = [truth(second) for second in range(SECONDS + 1)]
        for second in rng.sample(range(SECONDS), 6):
            now = START + second * SECOND
            answer = rule(now)
            assert answer.holds is truths[second], number
            assert answer.until > now, number
            end = SECONDS + 1 if answer.until == FOREVER else (answer.until - START) // SECOND
            assert set(truths[second:end]) == {truths[second]}, (number, second, answer)
            instants += end - second
    assert instants > 100_000


def test_the_first_moment_is_the_first():
    rng = random.Random(7)
    found = never = 0
    for number in range(TREES):
        rule, truth = tree(rng, rng.randint(1, 3))
        second = rng.randrange(SECONDS)
        now = START + second * SECOND
        first = next((then for then in range(second, SECONDS + 1) if truth(then)), None)
        answer = first_moment(rule, now)
        if first is None:
            never += 1
            assert (answer.holds or False, answer.until) == (False, FOREVER), number
        elif first == second:
            assert answer.holds, number
        else:
            found += 1
            assert not answer.holds, number
            assert answer.until == START + first * SECOND, number
            assert answer.because == rule(now).because, number
    assert found > 400
    assert never > 400


def test_the_first_moment_gives_up_with_a_promise_kept():
    """A rule that turns 40 times without holding: 32 questions, and the last `until` still is a promise."""

    def restless(now: datetime) -> Answer:
        turns = (now - START) // SECOND
        return Answer(turns >= 40, Reason("restless"), FOREVER if turns >= 40 else now + SECOND)

    answer = first_moment(restless, START)
    assert answer.holds is False
    assert START + 30 * SECOND <= answer.until <= START + 40 * SECOND


@pytest.mark.parametrize(("one", "other"), list(product(VALUES, repeat=2)))
def test_kleene_tables(one: bool | None, other: bool | None):
    answers = [Answer(one, Reason("one")), Answer(other, Reason("other"))]
    assert every(answers).holds is kleene_every([one, other])
    assert some(answers).holds is kleene_some([one, other])
    assert opposite(answers[0]).holds is (None if one is None else not one)


def test_nothing_asked():
    assert every([]).holds is True
    assert some([]).holds is False


def lasting(holds: bool | None, seconds: int, code: str) -> Answer:
    return Answer(holds, Reason(code), START + seconds * SECOND)


def test_the_refusal_that_stands_longest_is_shown_the_first_if_equal():
    assert every([lasting(False, 5, "short"), lasting(False, 9, "long"), lasting(True, 1, "holds")]) == (
        lasting(False, 9, "long")
    )
    assert every([lasting(False, 9, "first"), lasting(False, 9, "second")]).because.code == "first"


def test_of_what_holds_the_longest_is_shown():
    assert some([lasting(True, 5, "short"), lasting(True, 9, "long"), lasting(False, 1, "not")]) == (
        lasting(True, 9, "long")
    )


def test_unknown_stands_only_as_long_as_all_stand():
    """`not` over an unknown turns true at a date, so the shortest promise is the one that can be made."""
    assert every([lasting(None, 9, "unknown"), lasting(True, 3, "holds")]) == lasting(None, 3, "unknown")
    assert some([lasting(None, 9, "unknown"), lasting(False, 3, "not")]) == lasting(None, 3, "unknown")


def test_a_refusal_for_ever_ends_the_questions():
    def asked():
        yield Answer(False, Reason("for ever"))
        raise AssertionError("asked on")

    assert every(asked()).because.code == "for ever"


def test_what_holds_for_ever_ends_the_questions():
    def asked():
        yield Answer(True, Reason("for ever"))
        raise AssertionError("asked on")

    assert some(asked()).because.code == "for ever"


def test_moments_are_rounded_up_to_whole_seconds():
    assert whole_second(START) == START
    assert whole_second(START + timedelta(microseconds=1)) == START + SECOND
    assert whole_second(START + timedelta(microseconds=999_999)) == START + SECOND
