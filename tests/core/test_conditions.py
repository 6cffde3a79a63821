"""Every kind of condition by tables: what it says, and until when that stands."""

from datetime import date, datetime, timedelta
from itertools import product

import pytest

from nurture.core.answers import FOREVER
from nurture.core.conditions import (
    All,
    Condition,
    Day,
    Did,
    Fit,
    Gained,
    Graded,
    Not,
    Some,
    Where,
    ask,
    attributes,
)
from nurture.core.evidence import Evidence, Grain, Known, Reservoir
from tests.core.build import DAY, HOUR, SECOND, START, days

MICROSECOND = timedelta(microseconds=1)


def knowing(**values: object) -> Evidence:
    return Evidence(attributes={name: Known(value, START, 1) for name, value in values.items()})


def holds(condition: Condition, evidence: Evidence, now: datetime = START) -> bool | None:
    return ask(condition, evidence, now).holds


def keeps(condition: Condition, evidence: Evidence, now: datetime = START) -> datetime:
    """`until`, checked at its edge: a second before it the answer is the same, at it another."""
    answer = ask(condition, evidence, now)
    assert answer.until > now
    if answer.until != FOREVER:
        assert holds(condition, evidence, answer.until - SECOND) is answer.holds
        assert holds(condition, evidence, answer.until) is not answer.holds
    return answer.until


# Values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "value", "expected"),
    [
        (Where("x", one_of=("vp", "head")), "vp", True),
        (Where("x", one_of=("vp", "head")), "VP", False),
        (Where("x", one_of=("vp", "head")), "clerk", False),
        (Where("x", one_of=("a", "b")), ("c", "b"), True),
        (Where("x", one_of=("a", "b")), ("c", "d"), False),
        (Where("x", one_of=("a",)), (), False),
        (Where("x", one_of=(True,)), True, True),
        (Where("x", one_of=(True,)), False, False),
        (Where("x", one_of=(5,)), 5.0, True),
        (Where("x", at_least=50), 50, True),
        (Where("x", at_least=50), 49.9, False),
        (Where("x", at_most=2000), 2000, True),
        (Where("x", at_most=2000), 2000.5, False),
        (Where("x", at_least=50, at_most=2000), 100, True),
        (Where("x", at_least=50), "many", None),
        (Where("x", at_least=0), True, None),
        (Where("x", starts_with="GB-"), "GB-LND", True),
        (Where("x", starts_with="GB-"), "US-NY", False),
        (Where("x", has="salesforce"), ("sap", "salesforce"), True),
        (Where("x", has="salesforce"), ("sap",), False),
        (Where("x", has="force"), "salesforce", True),
        (Where("x", has="force"), 12, None),
        (Where("x", one_of=("vp",), starts_with="v"), "vp", True),
        (Where("x", one_of=("vp",), starts_with="w"), "vp", False),
        (Where("x", known=True), "anything", True),
        (Where("x", known=False), "anything", False),
        (Where("x"), "anything", True),
    ],
)
def test_values(test: Where, value: object, expected: bool | None):
    assert holds(test, knowing(x=value)) is expected
    assert keeps(test, knowing(x=value)) == FOREVER


@pytest.mark.parametrize("evidence", [Evidence(), knowing(x=None)], ids=["never told", "unknown again"])
@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (Where("x", one_of=("a",)), None),
        (Where("x", at_least=1), None),
        (Where("x", after=Day()), None),
        (Where("x", has="a"), None),
        (Where("x", known=True), False),
        (Where("x", known=False), True),
    ],
)
def test_what_is_not_known(test: Where, expected: bool | None, evidence: Evidence):
    assert holds(test, evidence) is expected
    assert ask(test, evidence, START).because.figures["attribute"] == "x"


# Dates: START is 2026-03-02 09:00 UTC --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "value", "expected", "until"),
    [
        # named from today, so the bound moves and the answer turns once
        (Where("x", after=Day(days(30))), "2026-04-15", True, START + 43.625 * DAY - 30 * DAY),
        (Where("x", after=Day(days(30))), "2026-03-20", False, FOREVER),
        (Where("x", before=Day(days(30))), "2026-04-15", False, START + 13.625 * DAY + SECOND),
        (Where("x", before=Day(days(30))), "2026-03-20", True, FOREVER),
        (Where("x", after=Day(days(-90))), "2025-12-20", True, START + 12 * DAY + 15 * HOUR + 5 * DAY),
        (Where("x", before=Day(days(-90))), "2025-12-20", False, START + 17.625 * DAY + SECOND),
        (Where("x", after=Day()), "2026-03-02T09:00:00+00:00", False, FOREVER),
        (Where("x", before=Day()), "2026-03-02T09:00:00+00:00", False, START + SECOND),
        (Where("x", after=Day()), "2026-03-02T12:00:00+02:00", True, START + HOUR),
        # between two moving bounds: not yet, then, no more
        (
            Where("x", after=Day(days(10)), before=Day(days(20))),
            "2026-04-01",
            False,
            START + 9.625 * DAY + SECOND,
        ),
        (Where("x", after=Day(days(10)), before=Day(days(40))), "2026-04-01", True, START + 19.625 * DAY),
        (Where("x", after=Day(days(40)), before=Day(days(60))), "2026-04-01", False, FOREVER),
        # fixed days never turn by themselves; both ends are excluded
        (Where("x", after=Day(on=date(2026, 4, 1))), "2026-04-01", False, FOREVER),
        (Where("x", after=Day(on=date(2026, 4, 1))), "2026-04-02", True, FOREVER),
        (Where("x", before=Day(on=date(2026, 4, 1))), "2026-04-01", False, FOREVER),
        (Where("x", before=Day(on=date(2026, 4, 1))), "2026-03-31", True, FOREVER),
        # with another test on the same value
        (Where("x", starts_with="2027", after=Day()), "2026-04-01", False, FOREVER),
        (Where("x", after=Day()), "soon", None, FOREVER),
        (Where("x", after=Day()), 17, None, FOREVER),
    ],
)
def test_dates(test: Where, value: object, expected: bool | None, until: datetime):
    assert holds(test, knowing(x=value)) is expected
    assert keeps(test, knowing(x=value)) == until


@pytest.mark.parametrize(
    "value", ["9999-12-31", "0001-01-01", "9999-12-31T23:59:59.999999", "0001-01-01T00:00+14:00"]
)
@pytest.mark.parametrize("ahead", [days(-3660), days(0), days(3660)])
def test_dates_at_the_ends_of_time_do_not_overflow(value: str, ahead: timedelta):
    future = value.startswith("9999")
    assert holds(Where("x", after=Day(ahead)), knowing(x=value)) is future
    assert holds(Where("x", before=Day(ahead)), knowing(x=value)) is not future


def test_a_date_with_parts_of_a_second_turns_at_the_next_whole_one():
    late = knowing(x=(START + DAY + 300 * 1000 * MICROSECOND).isoformat())
    before = Where("x", before=Day())
    assert ask(before, late, START).until == START + DAY + SECOND
    assert holds(before, late, START + DAY) is False
    assert holds(before, late, START + DAY + SECOND) is True


# Doing ------------------------------------------------------------------------------------------------


def did(*ages: float, name: str = "pricing", kept: float = 15.0) -> Evidence:
    """So many days ago, by rising number of fact."""
    grains = tuple(
        Grain(START - age * DAY, n, 15, kept) for n, age in enumerate(sorted(ages, reverse=True), start=1)
    )
    return Evidence(signals={name: Reservoir(kept, grains[-1].at, grains)} if grains else {})


@pytest.mark.parametrize(
    ("test", "ages", "expected", "until"),
    [
        (Did(("pricing",)), (), False, FOREVER),
        (Did(("pricing",)), (400,), True, FOREVER),
        (Did(("compare",)), (1,), False, FOREVER),
        (Did(("compare", "pricing")), (1,), True, FOREVER),
        (Did(("pricing",), days(14)), (13,), True, START + DAY),
        (Did(("pricing",), days(14)), (14,), False, FOREVER),
        (Did(("pricing",), days(14)), (13, 2), True, START + 12 * DAY),
        (Did(("pricing",), days(14), 2), (13, 2), True, START + DAY),
        (Did(("pricing",), days(14), 2), (15, 2), False, FOREVER),
        (Did(("pricing",), days(14), 2), (12, 5, 2), True, START + 9 * DAY),
        (Did(("pricing",), None, 3), (12, 5, 2), True, FOREVER),
        (Did(("pricing",), None, 4), (12, 5, 2), False, FOREVER),
    ],
)
def test_did(test: Did, ages: tuple[float, ...], expected: bool, until: datetime):
    assert holds(test, did(*ages)) is expected
    assert keeps(test, did(*ages)) == until


def test_did_counts_penalties_too():
    evidence = Evidence(penalties={"careers": (Grain(START - DAY, 1, -10, -10),)})
    assert holds(Did(("careers",), days(2)), evidence) is True
    assert holds(Did(("careers",), days(1)), evidence) is False


@pytest.mark.parametrize(
    ("ages", "expected", "until"),
    [
        ((), False, FOREVER),
        ((1,), False, FOREVER),
        ((1, 2), True, START + 5 * DAY),
        ((1, 2, 6), True, START + 5 * DAY),
        ((1, 8), False, FOREVER),
        ((1, 7), False, FOREVER),
    ],
)
def test_gained_counts_what_the_cap_left_in_a_rolling_time(
    ages: tuple[float, ...], expected: bool, until: datetime
):
    assert holds(Gained(25, days(7)), did(*ages)) is expected
    assert keeps(Gained(25, days(7)), did(*ages)) == until


def test_gained_does_not_count_what_the_cap_took():
    assert holds(Gained(25, days(7)), did(1, 2, 3, 4, kept=5.0)) is False


# Fit --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grade", "best", "needs", "expected"),
    [
        ("A", "A", "B", True),
        ("B", "B", "B", True),
        ("C", "C", "B", False),
        ("C", "A", "B", None),
        ("D", "B", "B", None),
        ("D", "C", "B", False),
        ("D", "D", "D", True),
    ],
)
def test_grades(grade: str, best: str, needs: str, expected: bool | None):
    fit = Fit(0, 100, grade, best, None, START + DAY)
    answer = ask(Graded(needs), Evidence(), START, fit)
    assert (answer.holds, answer.until) == (expected, START + DAY)


def test_a_grade_nobody_asked_for_is_unknown():
    assert holds(Graded("A"), Evidence()) is None


# Kleene -----------------------------------------------------------------------------------------------

TRUE, FALSE, UNKNOWN = Where("yes", known=True), Where("yes", known=False), Where("nothing", one_of=("x",))
BY_VALUE = {True: TRUE, False: FALSE, None: UNKNOWN}
LEAST = {False: 0, None: 1, True: 2}


@pytest.mark.parametrize("values", list(product(BY_VALUE, repeat=2)) + list(product(BY_VALUE, repeat=3)))
def test_all_is_the_least_and_some_the_greatest(values: tuple[bool | None, ...]):
    parts = tuple(BY_VALUE[value] for value in values)
    evidence = knowing(yes="yes")
    assert holds(All(parts), evidence) is min(values, key=LEAST.__getitem__)
    assert holds(Some(parts), evidence) is max(values, key=LEAST.__getitem__)


@pytest.mark.parametrize(("value", "expected"), [(True, False), (False, True), (None, None)])
def test_not(value: bool | None, expected: bool | None):
    assert holds(Not(BY_VALUE[value]), knowing(yes="yes")) is expected


def test_nothing_to_ask():
    assert holds(All(()), Evidence()) is True
    assert holds(Some(()), Evidence()) is False


def test_parts_are_asked_with_the_same_fit():
    fit = Fit(90, 90, "A", "A", None)
    condition = All((Graded("A"), Not(Not(Some((Graded("B"),))))))
    assert ask(condition, Evidence(), START, fit).holds is True


def test_the_attributes_a_condition_asks_about():
    condition = All(
        (Where("a"), Some((Where("b"), Not(Where("c")))), Did(("d",)), Graded("A"), Gained(1, DAY))
    )
    assert list(attributes(condition)) == ["a", "b", "c"]
