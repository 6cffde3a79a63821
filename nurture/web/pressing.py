"""Whether a person pressed a button: as much as can be known without a script, and nobody is ever locked out.

Security gateways open links in real browsers, run scripts and submit what forms they find. So a form of ours
says when it was shown, and its meaning stands in the name of the button, which no script sends that merely
submits the form. What does not look like a person gets the page again and is asked to press once more; then
only time counts, because a strange browser is still somebody's browser. Reasons: docs/preferences.md.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from starlette.requests import Request

from nurture.intake.agents import is_program
from nurture.intake.tracking import is_prefetch
from nurture.web.asking import PURPOSES

SHOWN, AGAIN, DO = "shown", "again", "do"
"""Fields of a form that people press: when it was shown, whether for the second time, and the button."""

READS = timedelta(seconds=1.5)
"""Nobody has read a page and pressed its button sooner."""

READS_AGAIN = timedelta(seconds=0.5)
"""The same for the page that only asks to press once more."""

WAITS = timedelta(seconds=3)
"""What that page asks of a browser that looks like a program."""

_TELLS = ("Chrome/", "Firefox/")
"""Browsers that say with `Sec-Fetch-User` that a person caused a request (Fetch Metadata, section 2.4)."""

Typed = Sequence[tuple[str, str]]


class Press(NamedTuple):
    """What was pressed: the button's name (empty: none was), and whether it looks like a person's doing."""

    does: str
    by_person: bool


def stamp(now: datetime) -> str:
    """What the field `shown` says: milliseconds since 1970."""
    return str(int(now.timestamp() * 1000))


def read_press(request: Request, typed: Typed, now: datetime) -> Press:
    """What the form that was sent says about who sent it."""
    said = dict(typed)
    does, shown = said.get(DO, ""), _instant(said.get(SHOWN, ""))
    if not does or shown is None or _is_prefetch(request):
        return Press(does, False)
    odd = is_program(request.headers.get("user-agent", "")) or _is_sent_by_script(request)
    if AGAIN in said:
        return Press(does, now - shown >= (WAITS if odd else READS_AGAIN))
    return Press(does, not odd and now - shown >= READS)


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _is_prefetch(request: Request) -> bool:
    return is_prefetch(request.headers.get(name, "") for name in PURPOSES)


def _is_sent_by_script(request: Request) -> bool:
    """Whether a browser that would say so does not say that a person caused this."""
    headers = request.headers
    tells = "sec-fetch-mode" in headers and any(one in headers.get("user-agent", "") for one in _TELLS)
    return tells and headers.get("sec-fetch-user") != "?1"
