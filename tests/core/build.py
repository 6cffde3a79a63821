"""A small programme, and a person to play it on: what most tests of the core start from."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from nurture.core import facts as f
from nurture.core.conditions import Condition, Did, Gained, Graded, Some, Where
from nurture.core.decide import Verdict, settle
from nurture.core.evidence import Evidence, Measure
from nurture.core.journey import Journey
from nurture.core.programme import (
    Agreement,
    Calendar,
    Cap,
    Clock,
    Criterion,
    Ending,
    HandRaise,
    Line,
    Pace,
    Piece,
    Programme,
    Return,
    Sender,
    Sequence,
    Signal,
    Site,
    Stages,
    Topics,
)
from nurture.core.weighing import begin, evolve

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""A Monday, nine o'clock in London, where no clock changes for four weeks."""

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)

WEEKDAYS = frozenset(range(5))
OFFICE = Calendar(WEEKDAYS, time(8, 30), time(17, 30), "prospect")
SALES_HOURS = Calendar(WEEKDAYS, time(9), time(17, 30), "Europe/London")
ANYBODY = Some((Where("source", known=True), Where("source", known=False)))
"""A condition that always holds."""

GOOD = {"employees": 500, "role": "vp", "industry": "software"}
"""What makes a grade A under `agreement()`."""


def days(count: float) -> timedelta:
    return timedelta(days=count)


def signals() -> tuple[Signal, ...]:
    return (
        Signal("pricing", "page", starts_with="/pricing"),
        Signal("compare", "page", starts_with="/vs/"),
        Signal("careers", "page", starts_with="/careers"),
        Signal("click", "click"),
        Signal("webinar", "event", equals="webinar_attended"),
        Signal("demo", "form", equals="demo"),
        Signal("reply", "reply"),
    )


def agreement(**changes: Any) -> Agreement:
    made = Agreement(
        version=3,
        agreed_on=date(2026, 1, 12),
        marketing="Ada Ray",
        sales="Tom Vo",
        review_by=date(2026, 4, 12),
        grades={"A": 80, "B": 60, "C": 40},
        criteria=(
            Criterion("size", 40, Where("employees", at_least=50, at_most=2000)),
            Criterion("role", 30, Where("role", one_of=("vp", "director"))),
            Criterion("industry", 30, Where("industry", one_of=("software",))),
        ),
        intent=(
            Line("pricing", 15, Measure(days(14), 40, DAY)),
            Line("compare", 10, Measure(days(14), 30, DAY)),
            Line("click", 2, Measure(days(14), 10)),
            Line("webinar", 20, Measure(days(30), 40)),
            Line("careers", -10, Measure(days(14)), lasts=days(90)),
        ),
        timing={
            "recent": Did(("pricing", "webinar"), days(14)),
            "heat": Gained(25, days(7)),
        },
        hand_raise=(HandRaise("demo", "C", days(30)),),
        promote={"A": 40, "B": 50, "C": 70},
        fresh_points=20,
        disqualify={"student": Where("role", one_of=("student",))},
        rejected={"not_icp": Return("close"), "bad_data": Return("nurture")},
        recycled={"not_now": Return("nurture", "mid", days(90))},
        clock=Clock(SALES_HOURS, timedelta(hours=8.5), timedelta(hours=25.5)),
    )
    return replace(made, **changes)


def pieces(*more: Piece) -> dict[str, Piece]:
    usual = (
        Piece("e1", "early", "Early one", ("cost",), url="/e1"),
        Piece("e2", "early", "Early two", ("fit",), url="/e2"),
        Piece("e3", "early", "Early three", ("cost", "risk"), url="/e3"),
        Piece("m1", "mid", "Mid one", ("cost",), url="/m1"),
        Piece("m2", "mid", "Mid two", ("fit",), url="/m2"),
        Piece("l1", "late", "Late one", ("risk",), url="/l1"),
        Piece("l2", "late", "Late two", ("cost",), url="/l2"),
    )
    return {piece.id: piece for piece in (*usual, *more)}


def sequence(name: str = "main", say: Iterable[str] = (), **changes: Any) -> Sequence:
    made = Sequence(
        id=name,
        priority=10,
        audience=ANYBODY,
        say=tuple(say) or tuple(pieces()),
        ending=Ending(days(14), "rest", days(90)),
    )
    return replace(made, **changes)


def stages(**changes: Any) -> Stages:
    made = Stages(
        order=("early", "mid", "late"),
        measure=Measure(days(21), 12),
        enter=3,
        exit=1,
        dwell=days(2),
        consumed=1,
        evidence={"pricing": {"late": 2}, "compare": {"mid": 2}},
        prior={"webinar-cost": "mid"},
    )
    return replace(made, **changes)


def programme(**changes: Any) -> Programme:
    made = Programme(
        hash="p1",
        sender=Sender("Ada", "ada@x.example", "X", "1 Road"),
        site=Site("https://x.example", ("x.example",)),
        sales=("sales@x.example",),
        attributes={},
        forms={},
        signals=signals(),
        stages=stages(),
        topics=Topics(Measure(days(30), 10), {"pricing": ("cost",)}, {"ads-fit": ("fit",)}),
        pace=Pace(days(3), (Cap(2, days(7)), Cap(6, days(30))), days(2)),
        calendar=OFFICE,
        zone="Europe/London",
        pieces=pieces(),
        sequences=(sequence(),),
        agreement=agreement(),
    )
    return replace(made, **changes)


class Person:
    """One prospect on a clock of their own: hears facts, settles, and lives from wait to wait.

    A message leaves a minute after it was chosen, unless `outcome` says how it shall end (None: not yet).
    """

    def __init__(
        self,
        plan: Programme | None = None,
        *,
        prospect: int = 1,
        now: datetime = START,
        outcome: str | None = "sent",
    ) -> None:
        self.plan = plan or programme()
        self.now = now
        self.outcome = outcome
        self.journey = begin(prospect, self.plan)
        self.facts: list[f.Fact] = []

    def enter(
        self,
        attributes: Mapping[str, f.Scalar] | None = None,
        *,
        source: str = "ads",
        kind: str = "content",
        basis: str = "consent",
    ) -> "Person":
        self.hear(f.Entered(source, kind, "", basis))
        if attributes:
            self.hear(f.Learned(attributes))
        return self

    def hear(self, body: f.Body, at: datetime | None = None) -> f.Fact:
        """A fact is recorded now; it happened now, or at `at`."""
        fact = f.Fact(self.journey.prospect, self.journey.n + 1, at or self.now, self.now, "p1", body)
        self.journey = evolve(self.journey, fact, self.plan)
        self.facts.append(fact)
        return fact

    def wake(self) -> list[f.Body]:
        """Settle now; the decided bodies. The wait is kept in `self.wait`."""
        settled = settle(self.journey, self.plan, self.now)
        assert settled.wait.until > self.now, settled.wait
        self.journey = settled.journey
        self.facts += settled.facts
        self.wait: Verdict = settled.wait
        return [fact.body for fact in settled.facts]

    def live(self, until: datetime) -> list[tuple[datetime, f.Body]]:
        """From wait to wait up to `until` (which it reaches); decided facts with their instants."""
        done = []
        while True:
            done += [(self.now, body) for body in self.wake()]
            if self.journey.live is not None and self.outcome is not None:
                if self.now + MINUTE > until:
                    self.now = until
                    return done
                self.now += MINUTE
                self.hear(f.TouchEnded(self.journey.live.number, self.outcome))
            elif self.wait.until <= until:
                self.now = self.wait.until
            else:
                self.now = until
                return done

    def after(self, wait: timedelta) -> "Person":
        """The same, later, without waking."""
        self.now += wait
        return self

    def reasons(self) -> list[str]:
        """The codes of the reasons of the wait."""
        return [reason.code for reason in self.wait.because]

    def passed_over(self) -> dict[str, str]:
        """Each piece passed over in the wait, with the code of its reason."""
        return {piece: reason.code for piece, reason in self.wait.passed_over}

    @property
    def evidence(self) -> Evidence:
        return self.journey.evidence

    @property
    def state(self) -> str:
        return self.journey.lifecycle


def kinds(bodies: Iterable[f.Body]) -> list[str]:
    """The names of the decided facts."""
    return [type(body).__name__ for body in bodies]


def sends(done: Iterable[tuple[datetime, f.Body]]) -> list[tuple[datetime, str]]:
    """When which piece was chosen."""
    return [(at, body.piece) for at, body in done if isinstance(body, f.Chosen)]


def page(path: str) -> f.PageViewed:
    return f.PageViewed(f"https://x.example{path}")


def demo() -> f.FormSent:
    return f.FormSent("demo")


def graded(grade: str) -> Condition:
    return Graded(grade)


def snapshot(journey: Journey) -> Journey:
    """The journey as a store would give it back: other objects, the same values."""
    return msgspec.json.decode(msgspec.json.encode(journey), type=Journey)
