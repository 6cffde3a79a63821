"""`/u/{token}`: a page with one button, and the one-click POST of RFC 8058.

GET and HEAD change nothing, whoever fetches the link. The one click of a mail program always counts; the
button counts where a person pressed it (`pressing`). Either ends it for the person the message went to,
whoever presses, and is committed before the answer; while the store cannot take it, it is kept in the
journal. The token never expires, and pressing again does no harm.
"""

import asyncio
import logging
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from nurture import clock, failpoints
from nurture.delivery.tokens import Token, read
from nurture.engine.preferring import Standing, standing
from nurture.engine.silencing import EVERYTHING, PAGE
from nurture.engine.unsubscribing import Unsubscribe, journal_entry, unsubscribe
from nurture.web import asking, pressing
from nurture.web.lost import LostLink
from nurture.web.needs import Needs, said
from nurture.web.page import page
from nurture.web.standing import Places, changed

LARGEST_BODY = 8_192
PATIENCE = 2.0
"""Seconds for the store to take it; after that the journal does."""

_ONE_CLICK = ("list-unsubscribe", "one-click")

logger = logging.getLogger(__name__)


class Unsubscribing:
    """The endpoints of the unsubscribe link."""

    def __init__(self, needs: Needs, lost: LostLink) -> None:
        self.needs = needs
        self.lost = lost

    async def ask(self, request: Request) -> Response:
        """GET, HEAD /u/{token}: the page with the button. Changes nothing, reads nothing."""
        if token_of(request, self.needs) is None:
            return self.lost.page()
        return self._page(request, clock.now(), again=False)

    async def do(self, request: Request) -> Response:
        """POST /u/{token}: 200 once nothing can lose it; plain text for a mail program, a page for people.

        422 and the page again where it does not look like a person's doing.
        """
        token, now = token_of(request, self.needs), clock.now()
        content = await asking.body(request, LARGEST_BODY)
        typed = await _fields(request, content)
        if token is None:
            return await self.lost.take(request, typed, now)
        asker = asking.asker(request, self.needs.trusted_proxies)
        if is_one_click(typed):
            await self.keep(Unsubscribe(token.touch, "one_click", now, asker=asker))
            return PlainTextResponse("You are unsubscribed.\n")
        press = pressing.read_press(request, typed, now)
        if press.does != "stop" or not press.by_person:
            return self._page(request, now, again=True)
        found = await self.keep(Unsubscribe(token.touch, PAGE, now, asker=asker))
        places = Places(_centre(request), "../")
        return changed(
            self.needs.programme(), "stop", found, now, places, stopped="" if found else EVERYTHING
        )

    async def keep(self, asked: Unsubscribe) -> Standing | None:
        """Return once nothing can lose it: with what holds then, or None where the journal has it."""
        needs = self.needs

        def work(connection: Connection) -> Standing | None:
            unsubscribe(connection, asked, needs.suppression_key, programme, asked.at)
            if asked.way == "one_click":
                return None  # nobody reads what would be said
            return standing(connection, asked.touch, asked.at, key=needs.suppression_key)

        failpoints.hit("unsubscribe.before")
        try:
            programme = needs.programme().hash
            found = await asyncio.wait_for(needs.store.write(work, urgent=True), PATIENCE)
            failpoints.hit("unsubscribe.after")
        except Exception as error:  # whatever keeps the store from taking it, the word must not be lost
            logger.warning("The store did not take an unsubscribe, the journal does: %s", said(error))
            await asyncio.to_thread(needs.journal.append, journal_entry(asked))
            return None
        return found

    def _page(self, request: Request, now: datetime, *, again: bool) -> Response:
        return page(
            "unsubscribe",
            self.needs.programme(),
            "Stop these e-mails?",
            status=422 if again else 200,
            shown=pressing.stamp(now),
            again=again,
            centre=_centre(request),
        )


def token_of(request: Request, needs: Needs) -> Token | None:
    """What the token in the address says; None where we did not sign it."""
    return read(needs.keys, "u", request.path_params.get("token", ""))


def is_one_click(typed: pressing.Typed) -> bool:
    """Whether it is what RFC 8058 has mail programs send, in whatever case and with a line's end behind."""
    return any((name.strip().lower(), value.strip().lower()) == _ONE_CLICK for name, value in typed)


async def _fields(request: Request, content: bytes) -> pressing.Typed:
    """The fields of the body; none where it cannot be read."""
    try:
        return await asking.fields(request, content)
    except HTTPException:
        return ()


def _centre(request: Request) -> str:
    """Where the preferences are, seen from this address."""
    return f"{quote(request.path_params['token'])}/preferences"
