"""What holds for a person now, as our pages say it, and what they offer to change."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from starlette.responses import Response

from nurture.core.facts import Preferred, Unsubscribed
from nurture.core.programme import Programme
from nurture.engine.preferring import Standing
from nurture.engine.silencing import EVERYTHING
from nurture.web import pressing
from nurture.web.page import page

PACES: Mapping[int, str] = {0: "As usual", 7: "At most once a week", 30: "At most once a month"}
"""Days between two messages at least, and what a person calls that."""

TITLES: Mapping[str, str] = {
    "stop": "You are unsubscribed",
    "stop-series": "This series has stopped",
    "save": "Saved",
    "not-now": "Not now, then",
    "not-for-us": "Thank you for saying so",
    "undo": "Undone",
}
"""Button -> what the page is called that answers it."""

_LATE = "There is nothing to undo"
_LABELS = {"pause": "Pause until", "not-now": "Not a subject for us before"}
_SERIES = "You get no more of this series, from this moment on. Other e-mail from us may still come."
_NOTHING = "Nothing about you is kept here, and no e-mail comes."


class Wrong(Exception):
    """What was typed into a field cannot be taken; the words are for the person."""

    def __init__(self, field: str, says: str) -> None:
        super().__init__(says)
        self.field, self.label, self.says = field, _LABELS[field], says


class Places(NamedTuple):
    """Where other pages are, seen from this one: the preferences, and all others."""

    centre: str
    root: str


class Undo(NamedTuple):
    """The button that takes fact `number` back, and what is said about it."""

    number: int
    says: str


class Back(NamedTuple):
    """How mail can come again where nothing can be undone: a form, or an address to write to."""

    form: str
    address: str


class Topic(NamedTuple):
    """A topic as the page shows it."""

    name: str
    label: str
    wanted: bool


class Pace(NamedTuple):
    """A frequency as the page shows it."""

    days: int
    label: str
    chosen: bool


def changed(
    programme: Programme,
    button: str,
    found: Standing | None,
    now: datetime,
    places: Places,
    *,
    stopped: str = "",
) -> Response:
    """The answer to a change: what holds now, and the way back.

    `found` is None where the journal has it (then `stopped` is its scope), or nothing is kept of the person.
    """
    undo = _undo(programme, found) if button != "undo" else None
    return page(
        "changed",
        programme,
        TITLES.get(button, _LATE),
        says=_says(programme, found, stopped),
        undo=undo,
        back=None if undo else _back(programme, found, places),
        centre=places.centre,
        shown=pressing.stamp(now),
    )


def centre_page(
    programme: Programme,
    found: Standing | None,
    preferred: Preferred,
    typed: Mapping[str, str],
    now: datetime,
    places: Places,
    *,
    days: tuple[date, date],
    again: bool = False,
    wrong: Wrong | None = None,
) -> Response:
    """The preference centre. `preferred` is what its form shows, `typed` what was typed into it and could not
    be taken, `days` the first and the last day that may be chosen."""
    undo = _undo(programme, found)
    until = found.declined.until if found is not None and found.declined is not None else None
    return page(
        "preferences",
        programme,
        "Your e-mail from us",
        status=422 if again or wrong else 200,
        again=again,
        wrong=wrong,
        says=_says(programme, found, ""),
        undo=undo,
        back=None if undo else _back(programme, found, places),
        is_open=found is not None and not found.silence,
        topics=[Topic(name, label(name), name not in preferred.without) for name in topics_of(programme)],
        paces=[Pace(days, words, days == preferred.gap) for days, words in PACES.items()],
        pause=typed.get("pause", _iso(preferred.paused_until, programme)),
        not_now=typed.get("not-now", _iso(until, programme)),
        first_day=days[0].isoformat(),
        last_day=days[1].isoformat(),
        series=found.sequence if found is not None and not found.left else "",
        shown=pressing.stamp(now),
    )


def topics_of(programme: Programme) -> list[str]:
    """What we write about, in the order of the pieces."""
    return list(dict.fromkeys(topic for piece in programme.pieces.values() for topic in piece.topics))


def label(name: str) -> str:
    """A topic's name as a person reads it."""
    return name.replace("_", " ").replace("-", " ").capitalize()


def _says(programme: Programme, found: Standing | None, stopped: str) -> list[str]:
    """What holds, in sentences."""
    company = programme.sender.company
    if stopped == EVERYTHING or (found is not None and found.silence == "unsubscribed"):
        return [f"{company} sends you no more e-mail of this kind, from this moment on."]
    if found is None:
        return [_SERIES if stopped else _NOTHING]
    if found.silence:
        return [f"{company} sends no e-mail of this kind to this address."]
    lines = [_SERIES] if found.left else []
    if found.declined is not None and found.declined.until is None:
        lines.append("You said that this is not for you. We write no more of our own accord.")
    elif found.declined is not None:
        lines.append(f"You said: not now. We write nothing before {_day(found.declined.until, programme)}.")
    return [*lines, *_preferred(found.preferred, programme)] or ["You get our e-mail as usual."]


def _preferred(preferred: Preferred, programme: Programme) -> list[str]:
    lines = []
    if preferred.without:
        lines.append(f"We write nothing about: {', '.join(map(label, preferred.without))}.")
    if preferred.gap:
        lines.append(f"We write {PACES.get(preferred.gap, f'every {preferred.gap} days').lower()}.")
    if preferred.paused_until is not None:
        lines.append(f"We write nothing before {_day(preferred.paused_until, programme)}.")
    return lines


def _undo(programme: Programme, found: Standing | None) -> Undo | None:
    if found is None or found.undo_until is None:
        return None
    until = found.undo_until.astimezone(ZoneInfo(programme.zone))
    comes = " Then our e-mail comes again." if isinstance(found.said, Unsubscribed) else ""
    when = f"{until:%H:%M} on {_day(until, programme)} ({programme.zone})"
    return Undo(found.last, f"You can undo this until {when}.{comes}")


def _back(programme: Programme, found: Standing | None, places: Places) -> Back | None:
    """Whom we silenced comes back by a consent of their own; who complained is not even asked by mail."""
    if found is None or not found.silence:
        return None
    forms = programme.forms.values() if found.silence == "unsubscribed" else ()
    form = next((f"{places.root}f/{form.name}" for form in forms if form.consent), "")
    return Back(form, programme.sender.reply_to or programme.sender.address)


def _day(moment: datetime | None, programme: Programme) -> str:
    """A day as a person reads it: 3 April 2026."""
    if moment is None:
        return ""
    local = moment.astimezone(ZoneInfo(programme.zone))
    return f"{local.day} {local:%B %Y}"


def _iso(moment: datetime | None, programme: Programme) -> str:
    return "" if moment is None else moment.astimezone(ZoneInfo(programme.zone)).date().isoformat()
