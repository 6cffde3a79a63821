"""The agreement of `workspace/agreement.yaml` once more, by hand: plain arithmetic on what the store wrote.

Nothing of the program is used: facts are read from the table as they lie there.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)

Line = tuple[float, float, float, float]
"""Points, days in which they halve, the most they add, days in which they count once."""

LINES: Mapping[str, Line] = {
    "enquiry": (18, 21, 18, 0), "chat": (6, 14, 12, 1), "talked": (8, 14, 16, 1), "landing": (5, 21, 10, 0),
    "updates": (5, 21, 5, 0), "fees": (12, 14, 30, 1), "compare": (9, 14, 18, 1),
    "recognition": (9, 21, 18, 1), "early": (3, 21, 9, 1), "mid": (4, 21, 12, 1), "late": (6, 21, 18, 1),
    "click": (2, 14, 6, 0), "call": (0, 30, 1, 0),
}  # fmt: skip
NEEDS = {"A": 14, "B": 20, "C": 32}
PAGES = ("fees", "compare", "recognition", "teach-with-us")
NAMES = {"landing-page": "landing", "chat_started": "chat", "chat_held": "talked"}
TAUGHT = {
    "Finance Management", "Marketing Management", "Human Resource Management", "Operations Management",
    "Business Administration", "IT Projects Management", "Supply Chain Management",
    "Banking, Investment And Insurance", "International Business", "Healthcare Management",
}  # fmt: skip
NEAR = {"Reference", "Welingak Website", "Referral Sites", "Organic Search"}
EVENING = {"IN", "AE", "SA", "QA", "OM", "BH", "SG"}
RECENT = {"fees", "compare", "recognition", "talked"}
PENALTY, PENALTY_LASTS = -10.0, 12 * DAY


class Heard(NamedTuple):
    """A fact that came from outside."""

    at: datetime
    n: int
    known: datetime
    kind: str
    body: Mapping[str, Any]


class Store(NamedTuple):
    """What the store says, by address."""

    promoted: dict[str, datetime]
    """When first."""
    unsubscribed: dict[str, datetime]
    heard: dict[str, list[Heard]]


def read_store(database: Path) -> Store:
    """The facts that the agreement may ask about, and what is compared."""
    store = Store({}, {}, {})
    rows = sqlite3.connect(database).execute(
        "SELECT address, at, facts.n, known, facts.kind, body FROM facts JOIN prospects ON id = prospect "
        "WHERE facts.kind IN ('Entered', 'Learned', 'Clicked', 'PageViewed', 'FormSent', 'Happened', "
        "'Promoted', 'Unsubscribed') ORDER BY prospect, facts.n"
    )
    for address, at, n, known, kind, body in rows:
        if kind == "Promoted":
            store.promoted.setdefault(address, _instant(at))
        elif kind == "Unsubscribed":
            store.unsubscribed.setdefault(address, _instant(at))
        else:
            fact = Heard(_instant(at), n, _instant(known), kind, msgspec.msgpack.decode(body))
            store.heard.setdefault(address, []).append(fact)
    return store


def first_lead(heard: Sequence[Heard], pieces: Mapping[str, str], end: datetime) -> datetime | None:
    """The first minute, up to `end`, at which the agreement holds; `pieces` are stages by path.

    Time alone can only take points away, or end a penalty. So it is enough to look whenever something was
    heard, and when a penalty ends: both at the next full minute, which is when the program looks.
    """
    moments = {_minute(fact.known) for fact in heard}
    moments |= {_minute(fact.at + PENALTY_LASTS) for fact in heard if "teaching" in _signals(fact, pieces)}
    for now in sorted(moment for moment in moments if moment <= end):
        if _holds([fact for fact in heard if fact.known <= now], pieces, now):
            return now
    return None


def _holds(heard: Sequence[Heard], pieces: Mapping[str, str], now: datetime) -> bool:
    knows = _attributes(heard)
    seen: dict[str, list[datetime]] = {}
    for fact in sorted(heard):
        for signal in _signals(fact, pieces):
            seen.setdefault(signal, []).append(fact.at)
    if knows.get("occupation") == "student":
        return False
    grade = _grade(knows)
    if grade in "ABC" and _within(seen, {"call"}, 30, now):
        return True
    if grade == "A" and _within(seen, {"enquiry"}, 14, now):
        return True
    poured = {name: list(_pours(times, LINES[name])) for name, times in seen.items() if name in LINES}
    intent = sum(
        kept * 0.5 ** ((now - at) / DAY / LINES[name][1])
        for name, kepts in poured.items()
        for at, kept in kepts
    )
    if any(at + PENALTY_LASTS > now for at in seen.get("teaching", ())):
        intent += PENALTY
    gained = sum(kept for kepts in poured.values() for at, kept in kepts if at > now - 7 * DAY)
    studied = knows.get("time_on_site", 0) >= 900 and knows.get("visits", 0) >= 2
    timely = (
        _within(seen, RECENT, 10, now)
        or gained >= 20 - 1e-9
        or (studied and _within(seen, {"click"}, 14, now))
    )
    return timely and grade in NEEDS and intent >= NEEDS[grade] - 1e-9


def _signals(fact: Heard, pieces: Mapping[str, str]) -> Iterator[str]:
    """What a fact counts as."""
    match fact.kind:
        case "FormSent":
            yield NAMES.get(fact.body["form"], fact.body["form"])
        case "Happened":
            yield NAMES[fact.body["name"]]
        case "Clicked" | "PageViewed":
            path = urlsplit(fact.body["url"]).path
            if fact.kind == "Clicked":
                yield "click"
            elif (first := path.split("/")[1]) in PAGES:
                yield "teaching" if first == "teach-with-us" else first
            if path in pieces:
                yield pieces[path]


def _attributes(heard: Iterable[Heard]) -> dict[str, Any]:
    """What is known; the latest word counts."""
    knows: dict[str, Any] = {}
    for fact in sorted(heard, key=lambda one: (one.at, one.n)):
        if fact.kind == "Entered":
            knows.setdefault("source", fact.body["source"])
        elif fact.kind == "Learned":
            knows.update(fact.body["values"])
    return knows


def _grade(knows: Mapping[str, Any]) -> str:
    fit = (
        40 * (knows.get("occupation") in ("professional", "business"))
        + 25 * (knows.get("specialization") in TAUGHT)
        + 20 * (knows.get("source") in NEAR)
        + 15 * (knows.get("country") in EVENING)
    )
    return "A" if fit >= 75 else "B" if fit >= 50 else "C" if fit >= 35 else "D"


def _pours(
    times: Iterable[datetime], line: tuple[float, float, float, float]
) -> Iterator[tuple[datetime, float]]:
    """What each time adds: not more than fits under the cap, once per so many days."""
    points, half_life, cap, once_per = line
    level, last, counted = 0.0, None, None
    for at in times:
        if counted is not None and at - counted < once_per * DAY:
            continue
        level *= 0.5 ** ((at - last) / DAY / half_life) if last else 1.0
        last = counted = at
        kept = max(0.0, min(cap, level + points) - level)
        level += kept
        yield at, kept


def _within(seen: Mapping[str, Sequence[datetime]], signals: Iterable[str], days: int, now: datetime) -> bool:
    return any(at > now - days * DAY for signal in signals for at in seen.get(signal, ()))


def _minute(at: datetime) -> datetime:
    floor = at.replace(second=0, microsecond=0)
    return floor if floor == at else floor + MINUTE


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
