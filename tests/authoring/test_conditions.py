"""Conditions as they are written, and what the core makes of them."""

from datetime import date, timedelta

import pytest

from nurture.core.conditions import All, Condition, Day, Did, Gained, Graded, Not, Some, Where
from tests.authoring.small import FILES, changed, loaded

DAYS = timedelta(days=1)

WRITTEN: list[tuple[str, Condition]] = [
    ("{}", All(())),
    ("{role: buyer}", Where("role", one_of=("buyer",))),
    ("{role: [buyer, student]}", Where("role", one_of=("buyer", "student"))),
    ("{employees: 50}", Where("employees", one_of=(50,))),
    ("{employees: {min: 50, max: 2000}}", Where("employees", at_least=50, at_most=2000)),
    ("{employees: {known: false}}", Where("employees", known=False)),
    ("{customer: true}", Where("customer", one_of=(True,))),
    ("{company: {starts_with: Ac}}", Where("company", starts_with="Ac")),
    ("{systems: {has: SAP}}", Where("systems", has="SAP")),
    ("{country: [GB, IE]}", Where("country", one_of=("GB", "IE"))),
    ("{zone: Europe/London}", Where("zone", one_of=("Europe/London",))),
    ("{source: webinar-cost}", Where("source", one_of=("webinar-cost",))),
    (
        "{contract_end: {after: in 30 days, before: in 180 days}}",
        Where("contract_end", after=Day(30 * DAYS), before=Day(180 * DAYS)),
    ),
    ("{contract_end: {after: 90 days ago}}", Where("contract_end", after=Day(-90 * DAYS))),
    ("{contract_end: {before: 2026-12-31}}", Where("contract_end", before=Day(on=date(2026, 12, 31)))),
    ("{contract_end: 2026-12-31}", Where("contract_end", one_of=("2026-12-31",))),
    ("{did: pricing}", Did(("pricing",))),
    ("{did: [pricing, reply], within: 14 days, times: 2}", Did(("pricing", "reply"), 14 * DAYS, 2)),
    ("{gained: 25, within: 7 days}", Gained(25, 7 * DAYS)),
    ("{fit: {at_least: C}}", Graded("C")),
    ("{not: {role: student}}", Not(Where("role", one_of=("student",)))),
    (
        "{role: buyer, customer: false}",
        All((Where("role", one_of=("buyer",)), Where("customer", one_of=(False,)))),
    ),
    (
        "{any: [{role: buyer}, {all: [{customer: true}, {did: demo}]}]}",
        Some((Where("role", one_of=("buyer",)), All((Where("customer", one_of=(True,)), Did(("demo",)))))),
    ),
]


@pytest.mark.parametrize(("written", "meant"), WRITTEN, ids=[written for written, _ in WRITTEN])
def test_written_conditions(written: str, meant: Condition) -> None:
    result = loaded(changed("sequences/evaluate.yaml", "{customer: true}", written))
    assert result.problems == ()
    assert result.workspace is not None
    assert result.workspace.programme.sequences[0].leave_when == meant


REFUSED = [
    ('{customer: "true"}', "5:24", '"true" is neither true nor false'),
    ("{employees: many}", "5:25", '"many" is not a number'),
    ("{employees: true}", "5:25", "true is not a number"),
    ("{company: 3}", "5:23", "3 is not text"),
    ("{company: {}}", "5:23", "no test is written"),
    ("{company: }", "5:23", "is empty, where text should stand"),
    ("{contract_end: soon}", "5:28", '"soon" is not a date'),
    ("{zone: [[x]]}", "5:21", "is a list, not text"),
    ("{first_name: Ada}", "5:14", '"first_name" is personal'),
    ("{did: [pricing, {a: 1}]}", "5:19", '"did" names signals'),
    ("{did: pricing, times: 0}", "5:35", "0 is not a count from 1 to 64"),
    ("{did: pricing, times: true}", "5:35", "true is not a count"),
    ("{role: buyer, times: 2}", "5:27", '"times" needs "did" beside it'),
    ("{gained: lots, within: 7 days}", "5:22", '"lots" is not a number of points'),
    ("{gained: -1, within: 7 days}", "5:22", "-1 is not a number of points"),
    ("{all: {role: buyer}}", "5:19", "must be a list of conditions"),
    ("{any: [role]}", "5:20", '"role" is not a condition'),
    ("{not: [role]}", "5:19", "is a list, not a condition"),
    ("{fit: {at_least: C, most: A}}", "5:19", "fit needs a grade"),
    ("{<<: {role: buyer}}", "5:14", 'there is no attribute "<<"'),
    ("{role.x: buyer}", "5:14", 'there is no attribute "role.x"'),
    ("{contract_end: {after: in 30 dayz}}", "5:36", '"30 dayz" is not a duration'),
    (
        "{contract_end: {after: 2026-05-01, before: 2026-05-01}}",
        "5:56",
        '"before" is not later than "after"',
    ),
]


@pytest.mark.parametrize(("written", "place", "said"), REFUSED, ids=[written for written, _, _ in REFUSED])
def test_refused_conditions(written: str, place: str, said: str) -> None:
    result = loaded(changed("sequences/evaluate.yaml", "{customer: true}", written))
    told = [(problem.place, problem.what) for problem in result.problems]
    assert len(told) == 1, told
    assert told[0][0] == f"sequences/evaluate.yaml:{place}"
    assert told[0][1].startswith(said)


def test_a_deep_condition_is_read_up_to_the_depth_of_yaml() -> None:
    deep = "{not: " * 35 + "{role: buyer}" + "}" * 35
    assert loaded(changed("sequences/evaluate.yaml", "{customer: true}", deep)).workspace is not None


def test_built_in_attributes_need_no_declaration() -> None:
    result = loaded(
        {**FILES, "nurture.toml": FILES["nurture.toml"].replace('role = "role"', 'role = "source"')}
    )
    assert [problem.what for problem in result.problems] == ['there is no attribute "source"']
