"""Random programmes and random lives: the material of the laws.

Everything a programme can say is drawn: several sequences with own calendars and paces, stages, caps,
windows in zones with clock changes, holidays, date conditions, penalties, needs, publish and expiry
dates, exits, disqualifiers. A life is 90 days of observed facts, late ones, retractions and answers of
sales among them. Only whole seconds: that is the grain of the promise.
"""

from datetime import UTC, date, datetime, time, timedelta
from random import Random

from nurture.core import facts as f
from nurture.core.conditions import All, Condition, Day, Did, Gained, Graded, Not, Some, Where
from nurture.core.evidence import Measure
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
    Sender,
    Sequence,
    Signal,
    Site,
    Stages,
    Topics,
)
from tests.core.build import ANYBODY, DAY, HOUR, SALES_HOURS, days

LIFE = days(90)
ZONES = (
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "America/Santiago",
    "Pacific/Auckland",
)
STAGES = ("early", "mid", "late")
TOPICS = ("cost", "fit", "risk")
ROLES = ("vp", "director", "clerk", "student")
SIGNALS = (
    Signal("pricing", "page", starts_with="/pricing"),
    Signal("compare", "page", starts_with="/vs/"),
    Signal("careers", "page", starts_with="/careers"),
    Signal("click", "click"),
    Signal("webinar", "event", equals="webinar_attended"),
    Signal("no_show", "event", equals="webinar_no_show"),
    Signal("demo", "form", equals="demo"),
    Signal("reply", "reply"),
    Signal("read", "consumed"),
    Signal("read_late", "consumed", equals="late"),
)
PAGES = ("/pricing", "/pricing/plans", "/vs/them", "/careers", "/blog", "/p0", "/p3/", "/p7?x=1")


def begins(rng: Random) -> datetime:
    """Ninety days from here cross a change of clocks somewhere."""
    first = rng.choice((datetime(2025, 2, 20), datetime(2025, 9, 15), datetime(2024, 3, 1)))
    return first.replace(tzinfo=UTC) + timedelta(seconds=rng.randrange(25 * 86400))


def random_programme(rng: Random, start: datetime) -> Programme:
    """A programme for lives that begin at `start`."""
    names = [f"p{number}" for number in range(rng.randint(8, 20))]
    pieces = {name: _piece(rng, name, names, start) for name in names}
    count = rng.randint(1, 3)
    sequences = [_sequence(rng, f"s{n}", list(pieces), count, start) for n in range(count)]
    return Programme(
        hash="random",
        sender=Sender("Ada", "ada@x.example", "X", "1 Road"),
        site=Site("https://x.example", ("x.example",)),
        sales=(),
        attributes={},
        forms={},
        signals=SIGNALS,
        stages=Stages(
            order=STAGES,
            measure=Measure(days(rng.choice((4, 10, 21))), rng.choice((6, 12))),
            enter=rng.choice((2, 3)),
            exit=1,
            dwell=days(rng.choice((0, 2, 5))),
            consumed=1,
            evidence={"pricing": {"late": 2}, "compare": {"mid": 2}, "webinar": {"mid": 3, "late": 1}},
            prior={"webinar-cost": "mid", "referral": "late"},
        ),
        topics=Topics(
            Measure(days(30), 10),
            {"pricing": ("cost",), "compare": ("fit", "risk")},
            {"webinar-cost": ("cost",)},
        ),
        pace=_pace(rng),
        calendar=_calendar(rng, start),
        zone=rng.choice(ZONES),
        pieces=pieces,
        sequences=tuple(sequences),
        agreement=_agreement(rng, start),
        holidays={"GB": _dates(rng, start, 8), "US": _dates(rng, start, 8)},
    )


def condition(rng: Random, start: datetime, depth: int = 2) -> Condition:
    """Any condition; those of time are the likeliest."""
    if depth and rng.random() < 0.4:
        shape = rng.choice(("all", "some", "not"))
        if shape == "not":
            return Not(condition(rng, start, depth - 1))
        parts = tuple(condition(rng, start, depth - 1) for _ in range(rng.randint(1, 3)))
        return All(parts) if shape == "all" else Some(parts)
    made = (
        lambda: Where("role", one_of=tuple(rng.sample(ROLES, 2))),
        lambda: Where("employees", at_least=rng.choice((10, 100))),
        lambda: Where("ends", after=Day(days(rng.randint(-60, 60)))),
        lambda: Where("ends", before=Day(days(rng.randint(-60, 60)))),
        lambda: Where("ends", after=Day(days(10)), before=Day(days(rng.randint(20, 90)))),
        lambda: Where("ends", before=Day(on=(start + days(rng.randint(0, 90))).date())),
        lambda: Where("role", known=rng.random() < 0.5),
        lambda: Did(tuple(rng.sample(("pricing", "compare", "click", "read", "careers"), 2)), _within(rng)),
        lambda: Did(("read",), _within(rng), rng.randint(1, 3)),
        lambda: Gained(rng.choice((10, 25)), days(rng.choice((3, 7)))),
        lambda: Graded(rng.choice(("A", "B", "C"))),
    )
    return rng.choice(made)()


def observed(rng: Random, journey: Journey, start: datetime, now: datetime) -> tuple[f.Body, datetime]:
    """Something that is heard now, and when it happened."""
    late = now - timedelta(seconds=rng.randrange(20 * 86400)) if rng.random() < 0.2 else now
    at = max(start, late)
    touch, piece = len(journey.sent), rng.choice((*journey.sent, "p1"))
    roll = rng.random()
    if roll < 0.26:
        return f.PageViewed(f"https://x.example{rng.choice(PAGES)}"), at
    if roll < 0.44:
        return f.Clicked(touch, piece, 1, rng.choice((f"/{piece}", "https://x.example/pricing", "/x"))), at
    if roll < 0.50:
        return f.Consumed(rng.choice(("p0", "p2", "p5", "unheard of"))), at
    if roll < 0.58:
        return f.Happened(rng.choice(("webinar_attended", "webinar_no_show", "signed_in"))), at
    if roll < 0.72:
        return _learned(rng, start), now
    if roll < 0.76:
        return f.FormSent(rng.choice(("demo", "demo", "newsletter"))), at
    if roll < 0.85 and journey.n > 3:
        return f.Retracted(rng.choice((rng.randint(1, journey.n), *journey.rested_on, *_last(journey)))), now
    if roll < 0.87:
        return f.Replied(touch), now
    until = now + timedelta(seconds=rng.randrange(20 * 86400))
    others: tuple[f.Body, ...] = (
        f.Held(until),
        rng.choice((f.Held(until), f.Held(None), f.Complained(touch), f.Bounced(touch, "hard"))),
        rng.choice((f.Unsubscribed(), f.Bounced(touch, "soft"), f.DealChanged("d", "open"))),
        *_asked(rng, until),
        f.Away(touch, rng.choice((None, until, until + days(200)))),
        f.Contacted("Tom"),
        f.Consented("consent", until=until + days(10)),
        *(f.Consented("consent"), f.Released()) * 3,
        f.Entered("webinar-cost", "referral", "", "consent"),
        f.Entered("ads", "content", "", "customer", now - days(rng.randint(600, 740))),
        f.Answered(journey.handoff, rng.choice(("accepted", "lost", "recycled")), stage="mid"),
    )
    return rng.choice(others), now


def _asked(rng: Random, until: datetime) -> tuple[f.Body, ...]:
    """What a person may ask of our mail."""
    sequence = f"s{rng.randrange(3)}"
    without = tuple(rng.sample(TOPICS, rng.randint(0, 2)))
    return (
        f.Preferred(without, rng.choice((0, 0, 5, 20)), rng.choice((None, until))),
        f.Preferred(paused_until=until),
        f.Preferred(),
        rng.choice((f.Declined(until), f.Declined())),
        f.Reconsidered(),
        f.Reconsidered(),
        f.Unsubscribed(sequence),
        f.Consented("consent", sequence),
    )


def answer(rng: Random, journey: Journey, now: datetime) -> f.Answered:
    """What sales says to a lead, in an order that makes sense."""
    reply = {
        "promoted": ("accepted", "rejected", "rejected"),
        "accepted": ("opportunity", "recycled", "recycled"),
        "opportunity": ("won", "lost", "recycled"),
        "lost": ("recycled",),
    }[journey.lifecycle]
    rest = rng.choice((None, now + days(rng.randint(1, 25))))
    stage = rng.choice((None, "early", "mid"))
    closes = rng.random() < 0.15
    return f.Answered(journey.handoff, rng.choice(reply), "why", "Tom", stage, rest, closes)


def entry(rng: Random, start: datetime) -> list[f.Body]:
    """How a life begins."""
    source, kind = rng.choice((("ads", "content"), ("webinar-cost", "content"), ("friend", "referral")))
    basis = rng.choice(("consent", "consent", "consent", "legitimate_interest", "soft_opt_in", "none"))
    given = start - days(rng.randint(100, 180)) if basis == "soft_opt_in" else None
    learned = _learned(rng, start), _learned(rng, start)
    where = [f.Learned({"country": "CA"})] if basis == "soft_opt_in" else []  # there it lasts six months
    return [f.Entered(source, kind, "", basis, given), *learned, *where]


def _last(journey: Journey) -> tuple[int, ...]:
    return (journey.evidence.engaged[-1].n,) if journey.evidence.engaged else ()


def _learned(rng: Random, start: datetime) -> f.Learned:
    ends = start + timedelta(seconds=rng.randrange(-60 * 86400, 150 * 86400))
    values: dict[str, f.Scalar | None] = {
        "role": rng.choice((*ROLES[:3], *ROLES, None)),
        "employees": rng.choice((5, 60, 600)),
        "ends": rng.choice((ends.date().isoformat(), ends.isoformat(), "soon", None)),
        "zone": rng.choice((*ZONES, "Nowhere/Atall", "")),
        "country": rng.choice(("GB", "US", "FR", "CA")),
    }
    return f.Learned({name: values[name] for name in rng.sample(list(values), rng.randint(1, 4))})


def _within(rng: Random) -> timedelta | None:
    return rng.choice((None, days(2), days(7), days(14)))


def _piece(rng: Random, name: str, names: list[str], start: datetime) -> Piece:
    day = lambda: (start + days(rng.randint(0, 80))).date() if rng.random() < 0.2 else None  # noqa: E731
    return Piece(
        id=name,
        stage=rng.choice(("early", *STAGES)),
        title=name,
        topics=tuple(rng.sample(TOPICS, rng.randint(0, 2))),
        url=f"/{name}",
        needs=tuple(rng.sample(names, 1)) if rng.random() < 0.15 else (),
        when=condition(rng, start) if rng.random() < 0.35 else None,
        publish_on=day(),
        expires_on=day(),
        uses=("role",) if rng.random() < 0.15 else (),
    )


def _sequence(rng: Random, name: str, names: list[str], count: int, start: datetime) -> Sequence:
    then = rng.choice(("rest",) * 5 + ("close", *(f"s{n}" for n in range(count) if f"s{n}" != name)))
    return Sequence(
        id=name,
        priority=10,
        audience=condition(rng, start) if rng.random() < 0.5 else ANYBODY,
        say=tuple(rng.sample(names, rng.randint(5, len(names)))),
        ending=Ending(days(rng.randint(2, 15)), then, days(rng.randint(3, 40))),
        again=rng.choice((None, days(1), days(1), days(20))),
        leave_when=condition(rng, start) if rng.random() < 0.2 else None,
        calendar=_calendar(rng, start) if rng.random() < 0.3 else None,
        pace=_pace(rng) if rng.random() < 0.3 else None,
    )


def _pace(rng: Random) -> Pace:
    gap, cool_down = (
        rng.choice((days(1), days(3), 30 * HOUR, days(12))),
        rng.choice((days(0), days(2), 5 * HOUR)),
    )
    return Pace(gap, (Cap(rng.randint(1, 2), days(7)), Cap(rng.randint(3, 6), days(30))), cool_down)


def _calendar(rng: Random, start: datetime) -> Calendar:
    opens = rng.randrange(0, 20 * 60, 15)
    closes = min(24 * 60 - 1, opens + rng.choice((30, 120, 540)))
    return Calendar(
        weekdays=frozenset(rng.sample(range(7), rng.randint(1, 7))),
        opens=time(*divmod(opens, 60)),
        closes=time(*divmod(closes, 60)),
        zone=rng.choice(("prospect", "prospect", *ZONES[:5])),
        countries=frozenset(rng.choice(((), ("GB",), ("GB", "US")))),
        days_off=_dates(rng, start, 3),
        spread=rng.choice((timedelta(), timedelta(minutes=25))),
    )


def _dates(rng: Random, start: datetime, count: int) -> frozenset[date]:
    return frozenset((start + DAY * rng.randrange(120)).date() for _ in range(count))


def _agreement(rng: Random, start: datetime) -> Agreement:
    half_life = lambda: days(rng.choice((5, 14, 30)))  # noqa: E731
    once = lambda: rng.choice((None, DAY, 3 * HOUR))  # noqa: E731
    threshold = rng.choice((8, 30, 60, 90))
    return Agreement(
        version=1,
        agreed_on=date(2025, 1, 1),
        marketing="Ada Ray",
        sales="Tom Vo",
        review_by=date(2025, 4, 1),
        grades={"A": 80, "B": 60, "C": 30},
        criteria=(
            Criterion("size", 30, Where("employees", at_least=50)),
            Criterion("role", 30, Where("role", one_of=("vp", "director"))),
            Criterion("active", 20, Did(("pricing", "read"), days(rng.choice((5, 30))))),
            Criterion("renewal", 20, Where("ends", after=Day(days(-20)), before=Day(days(60)))),
        ),
        intent=(
            Line("pricing", 15, Measure(half_life(), 40, once())),
            Line("compare", 10, Measure(half_life(), 30)),
            Line("click", 2, Measure(half_life(), 10)),
            Line("webinar", 20, Measure(half_life(), 40)),
            Line("reply", 25, Measure(half_life(), 50)),
            Line("careers", -10, Measure(half_life()), lasts=days(rng.choice((4, 30)))),
            Line("no_show", -5, Measure(half_life()), lasts=days(rng.choice((9, 30)))),
        ),
        timing={
            "recent": Did(("pricing", "compare", "reply"), days(rng.choice((3, 14)))),
            "heat": Gained(25, days(7)),
            "renewal": Where("ends", after=Day(days(10)), before=Day(days(60))),
        },
        hand_raise=(HandRaise("demo", rng.choice(("A", "B", "C", "D")), days(rng.choice((5, 30)))),),
        promote={"A": threshold, "B": threshold * 1.25, "C": threshold * 1.75},
        fresh_points=rng.choice((5, 20)),
        disqualify={
            "student": Where("role", one_of=("student",)),
            "long over": Where("ends", before=Day(days(-rng.randint(40, 80)))),
        },
        rejected={},
        recycled={},
        clock=Clock(SALES_HOURS, 8 * HOUR, rng.choice((4, 25, 60)) * HOUR),
    )
