"""Until when a person is away, as automatic answers say it in a dozen languages."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST = timedelta(days=366)
"""A longer absence is not believed: it is a date of something else."""

_MONTHS = (
    "jan(?:uar[yi]?|uari|vier|\\.)?|ene(?:ro)?|gennaio|janeiro|januari|stycznia|jänner|января",
    "feb(?:ruar[yi]?|\\.)?|f[ée]v(?:r(?:ier|\\.)?)?|febrero|febbraio|fevereiro|lutego|февраля",
    "mar(?:ch|\\.)?|m[äa]rz|mars|marzo|março|maart|marca|mrt|mrz|марта",
    "apr(?:il|\\.)?|avr(?:il|\\.)?|abr(?:il)?|aprile|kwietnia|апреля",
    "may|mai|mayo|maggio|maio|mei|maj|maja|мая",
    "june?|juni|juin|junio|giugno|junho|czerwca|июня",
    "july?|juli|juil(?:let|\\.)?|julio|luglio|julho|lipca|июля",
    "aug(?:ust|ustus|usti|\\.)?|ao[uû]t|ago(?:sto)?|sierpnia|августа",
    "sep(?:t(?:ember|embre|\\.)?|\\.)?|septiembre|settembre|setembro|września|сентября",
    "o[ckt]t(?:ober|obre|\\.)?|oct(?:ubre)?|ottobre|outubro|oktober|października|октября",
    "nov(?:ember|embre|\\.)?|noviembre|novembro|listopada|ноября",
    "de[czs](?:ember|embre|\\.)?|d[ée]c(?:embre|\\.)?|diciembre|dicembre|dezembro|dezember|grudnia|декабря",
)
_MONTH = "|".join(f"(?P<m{number}>{names})" for number, names in enumerate(_MONTHS, 1))
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
_YEAR = r"(?P<year>20\d\d)"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?<!\d){_YEAR}[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}})(?!\d)",
        r"(?:(?P<year>20\d\d)年)?(?P<month>\d{1,2})月(?P<day>\d{1,2})日",
        rf"(?<!\d){_DAY}[ ,]*(?:of |de |d'|del )?(?:{_MONTH})\b\.?(?:,? *(?:de |del )?{_YEAR})?",
        rf"\b(?:{_MONTH})\b\.? *{_DAY}(?!\d)(?:,? *{_YEAR})?",
        rf"(?<!\d)(?P<first>\d{{1,2}})(?P<mark>[/.-])(?P<second>\d{{1,2}})(?P=mark)(?:{_YEAR}|"
        rf"(?P<short>\d\d))(?!\d)",
        r"(?<!\d)(?P<first>\d{1,2})(?P<mark>[./])(?P<second>\d{1,2})(?:\.(?!\d)|(?![\d./:]))",
    )
)
_WEEKDAYS = (
    r"monday|montag|lundi|lunes|lunedì|segunda|maandag|måndag|mandag|poniedziałku",
    r"tuesday|dienstag|mardi|martes|martedì|terça|dinsdag|tisdag|tirsdag|wtorku",
    r"wednesday|mittwoch|mercredi|miércoles|mercoledì|quarta|woensdag|onsdag|środy",
    r"thursday|donnerstag|jeudi|jueves|giovedì|quinta|donderdag|torsdag|czwartku",
    r"friday|freitag|vendredi|viernes|venerdì|sexta|vrijdag|fredag|piątku",
    r"saturday|samstag|samedi|sábado|sabato|zaterdag|lördag|lørdag|soboty",
    r"sunday|sonntag|dimanche|domingo|domenica|zondag|söndag|søndag|niedzieli",
)
_WEEKDAY = re.compile(
    r"\b(?:" + "|".join(f"(?P<w{number}>{names})" for number, names in enumerate(_WEEKDAYS)) + r")\b",
    re.IGNORECASE,
)
_LAST_DAY = re.compile(
    r"\b(?:until|till|til|through|thru|up to|to|bis|jusqu\W?(?:au|à)?|au|hasta|fino al?|al|até|ao?|"
    r"tot(?: en met)?|t/m|t\.e\.m\.|til og med|till och med|do|по|до)\b(?:\W|\b(?:and|including|"
    r"einschließlich|zum|den|the|le|el|il|o|em|dia|mon|tues|wednes|thurs|fri|satur|sun)(?:day)?\b|"
    r"\w*(?:tag|woch|di|day|dag)\b){0,10}$|[-–—~〜～]\s*$",
    re.IGNORECASE,
)
_FIRST_DAY = re.compile(
    r"\b(?:back|return\w*|resum\w*|available(?: again)?|in the office|zurück|wieder|erreichbar|ab dem|"
    r"ab|retour|revien\w*|reprend\w*|rentr\w*|regres\w*|vuelv\w*|incorpor\w*|rientr\w*|torn\w*|"
    r"retorn\w*|volt\w*|terug|aanwezig|tillbaka|tilbake|tilbage|powrót|wracam|вернусь|вернёмся|"
    r"с)\b[^.!?\n]{0,40}$",
    re.IGNORECASE,
)
_AFTER = re.compile(r"^[^.!?\n]{0,20}?(?:まで|迄|至|为止|zurück|wieder|tillbaka|terug|back\b)", re.IGNORECASE)


def away_until(text: str, written: str) -> datetime | None:
    """The end of the absence that the text names: the start (UTC) of the first day back, or None.

    `written`: the message's Date field; days without a year are the next such day after it. Days written
    like 3/4 are day first, as most of the world writes, unless that day would not fit.
    """
    today = _day_of(written)
    if today is None:
        return None
    back = [day for day in _days_back(text, today) if today < day <= today + LONGEST]
    return datetime(*max(back).timetuple()[:3], tzinfo=UTC) if back else None


def _day_of(written: str) -> date | None:
    try:
        return parsedate_to_datetime(written[:100]).date()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _days_back(text: str, today: date) -> Iterator[date]:
    """The first days back that the text may mean: the day after a last day, or a day of return."""
    for form in _FORMS:
        for match in form.finditer(text):
            before = text[max(0, match.start() - 60) : match.start()]
            found = _date_of(match.groupdict(), today)
            if found is None:
                continue
            yield from _first_day_back(found, before, text[match.end() : match.end() + 40])
    for match in _WEEKDAY.finditer(text):
        number = next(n for n in range(7) if match[f"w{n}"])
        ahead = (number - today.weekday() - 1) % 7 + 1
        before = text[max(0, match.start() - 60) : match.start()]
        yield from _first_day_back(today + timedelta(days=ahead), before, "")


def _first_day_back(day: date, before: str, after: str) -> Iterator[date]:
    if _LAST_DAY.search(before) or re.match(r"\s*(?:まで|迄)", after):
        yield day + timedelta(days=1)
    elif _FIRST_DAY.search(before) or _AFTER.match(after):
        yield day


def _date_of(found: dict[str, str | None], today: date) -> date | None:
    day, month = found.get("day"), found.get("month")
    if month is None:
        month = next((str(n) for n in range(1, 13) if found.get(f"m{n}")), None)
    if first := found.get("first"):
        second = found.get("second") or "0"
        day, month = (first, second) if int(second) <= 12 else (second, first)
    year = found.get("year") or (f"20{found['short']}" if found.get("short") else None)
    return _on(int(day or 0), int(month or 0), int(year) if year else None, today)


def _on(day: int, month: int, year: int | None, today: date) -> date | None:
    """This day, or None where there is none; without a year, the next one from today."""
    try:
        if year is not None:
            return date(year, month, day)
        this = date(today.year, month, day)
        return this if this >= today else date(today.year + 1, month, day)
    except ValueError:
        return None
