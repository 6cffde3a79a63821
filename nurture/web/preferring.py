"""`/u/{token}/preferences`: what we may write about, how often, when; not now, not for us, stop; and undo.

Everything is a plain form and a POST that is committed before the answer. GET and HEAD change nothing. What
does not look like a person's doing gets the page again (`pressing`).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from nurture import clock
from nurture.core.facts import Preferred
from nurture.core.programme import Programme
from nurture.delivery.tokens import Token
from nurture.engine.preferring import Asked, Standing, decline, prefer, standing, undo
from nurture.engine.silencing import EVERYTHING, PAGE
from nurture.engine.unsubscribing import Unsubscribe
from nurture.errors import Mistake
from nurture.web import asking, pressing
from nurture.web.lost import LostLink
from nurture.web.needs import Needs
from nurture.web.standing import PACES, TITLES, Places, Wrong, centre_page, changed, topics_of
from nurture.web.unsubscribing import LARGEST_BODY, Unsubscribing, token_of

FURTHEST = timedelta(days=3 * 365)
"""How far ahead a day may lie."""

_DAY = timedelta(days=1)
_DIGITS = 9
_HERE = Places("preferences", "../../")

Deed = Callable[[Connection], bool]
"""What a button does in the transaction; False where nothing changed."""


class Preferring:
    """The endpoints of the preference centre."""

    def __init__(self, needs: Needs, unsubscribing: Unsubscribing, lost: LostLink) -> None:
        self.needs = needs
        self.unsubscribing = unsubscribing
        self.lost = lost

    async def show(self, request: Request) -> Response:
        """GET, HEAD: what holds now, and what can be changed. Changes nothing."""
        token, now = token_of(request, self.needs), clock.now()
        if token is None:
            return self.lost.page()
        return await self._page(token, now)

    async def take(self, request: Request) -> Response:
        """POST: 200 once the change is committed; 422 and the page again where something is wrong."""
        token, now = token_of(request, self.needs), clock.now()
        typed = await asking.fields(request, await asking.body(request, LARGEST_BODY))
        if token is None:
            return await self.lost.take(request, typed, now)
        press = pressing.read_press(request, typed, now)
        if press.does not in TITLES or not press.by_person:
            return await self._page(token, now, typed, again=True)
        if press.does == "stop-series" and not self._series(typed):  # the programme has lost it meanwhile
            return await self._page(token, now)
        asked = Asked(token.touch, now, asking.asker(request, self.needs.trusted_proxies))
        try:
            return await self._change(asked, press.does, typed)
        except Wrong as wrong:
            return await self._page(token, now, typed, wrong=wrong)

    async def _change(self, asked: Asked, button: str, typed: pressing.Typed) -> Response:
        """Do what the button says, in one transaction, and say what holds then.

        Raises Mistake where an undo has to wait: an unsubscribe in the journal would come after it.
        """
        programme, key = self.needs.programme(), self.needs.suppression_key
        if button in ("stop", "stop-series"):
            scope = EVERYTHING if button == "stop" else self._series(typed)
            found = await self.unsubscribing.keep(
                Unsubscribe(asked.touch, PAGE, asked.at, scope, asked.asker)
            )
            return changed(programme, button, found, asked.at, _HERE, stopped="" if found else scope)
        if button == "undo" and self.needs.journal.waiting:
            raise Mistake("an undo waits until what is in the journal is in the store, which would undo it")
        deed = _deed(button, typed, asked, programme, key)

        def work(connection: Connection) -> tuple[bool, Standing | None]:
            done = deed(connection)
            return done, standing(connection, asked.touch, asked.at, key=key)

        done, found = await self.needs.store.write(work, urgent=True)
        title = "late" if button == "undo" and not done else button
        return changed(programme, title, found, asked.at, _HERE)

    def _series(self, typed: pressing.Typed) -> str:
        """The sequence that is not wanted any more; empty where there is none of that name."""
        name = dict(typed).get("series", "")
        return name if self.needs.programme().sequence(name) else ""

    async def _page(
        self,
        token: Token,
        now: datetime,
        typed: pressing.Typed = (),
        *,
        again: bool = False,
        wrong: Wrong | None = None,
    ) -> Response:
        """The page as it stands, with what was typed where that was not taken."""
        key, programme, said = self.needs.suppression_key, self.needs.programme(), dict(typed)
        found = await self.needs.store.aread(lambda c: standing(c, token.touch, now, key=key))
        preferred = found.preferred if found is not None else Preferred()
        if said.get(pressing.DO) == "save":
            preferred = _wanted(typed, preferred.paused_until, programme, preferred)
        today = now.astimezone(ZoneInfo(programme.zone)).date()
        days = (today + _DAY, today + FURTHEST)
        return centre_page(programme, found, preferred, said, now, _HERE, days=days, again=again, wrong=wrong)


def _deed(button: str, typed: pressing.Typed, asked: Asked, programme: Programme, key: bytes) -> Deed:
    """What a button does. Raises Wrong where what was typed cannot be taken."""
    said = dict(typed)
    match button:
        case "save":
            pause = _day(said, "pause", programme, asked.at)
            change = partial(_wanted, typed, pause, programme)
            return lambda connection: prefer(connection, asked, change, programme, key)
        case "not-now":
            until = _day(said, "not-now", programme, asked.at)
            if until is None:
                raise Wrong("not-now", "Which day? Choose one, like 2026-04-03.")
            return lambda connection: decline(connection, asked, until, programme, key)
        case "not-for-us":
            return lambda connection: decline(connection, asked, None, programme, key)
    number = _number(said.get("of", ""))  # undo
    return lambda connection: undo(connection, asked, number, programme, key)


def _wanted(
    typed: pressing.Typed, pause: datetime | None, programme: Programme, before: Preferred
) -> Preferred:
    """What a person asks for; of topics that the page did not show, what they asked before."""
    wanted = {value for name, value in typed if name == "topic"}
    shown = set(topics_of(programme))
    unwanted = (shown - wanted) | (set(before.without) - shown)
    paces = {str(days): days for days in PACES}
    gap = paces.get(dict(typed).get("gap", ""), before.gap)
    return Preferred(tuple(sorted(unwanted)), gap, pause)


def _day(said: Mapping[str, str], field: str, programme: Programme, now: datetime) -> datetime | None:
    """The beginning of a day where the sender is; None where the field is empty. Raises Wrong."""
    text = said.get(field, "").strip()
    if not text:
        return None
    zone = ZoneInfo(programme.zone)
    today = now.astimezone(zone).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Wrong(field, "This is not a day. Write year, month and day, like 2026-04-03.") from None
    if day <= today:
        raise Wrong(field, "That day is over. Choose tomorrow or a later one.")
    if day > today + FURTHEST:
        raise Wrong(field, "That is more than three years away. Choose an earlier day.")
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else 0
