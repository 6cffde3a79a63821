"""`/u/{token}`: a page with one button, and the one-click POST of RFC 8058.

GET and HEAD change nothing, whoever fetches the link. A POST ends it for the person the message went to,
whoever presses the button, and is committed before the answer; while the store cannot take it, it is kept
in the journal. The token never expires, and pressing again does no harm.
"""

import asyncio
import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from nurture import clock, failpoints
from nurture.delivery.tokens import read
from nurture.engine.unsubscribing import Unsubscribe, journal_entry
from nurture.web import asking
from nurture.web.needs import Needs, said
from nurture.web.page import message, page

LARGEST_BODY = 8_192
PATIENCE = 2.0
"""Seconds for the store to take it; after that the journal does."""

logger = logging.getLogger(__name__)


class Unsubscribing:
    """The endpoints of the unsubscribe link."""

    def __init__(self, needs: Needs) -> None:
        self.needs = needs

    async def ask(self, request: Request) -> Response:
        """GET, HEAD /u/{token}: the page with the button. Changes nothing."""
        if read(self.needs.keys, "u", request.path_params["token"]) is None:
            return self._unknown()
        programme = self.needs.programme()
        return page("unsubscribe", programme, "Stop these e-mails?")

    async def do(self, request: Request) -> Response:
        """POST /u/{token}: 200 once nothing can lose it; plain text for a mail program, a page for people."""
        token = read(self.needs.keys, "u", request.path_params["token"])
        if token is None:
            return self._unknown()
        content = await asking.body(request, LARGEST_BODY)
        one_click = await _is_one_click(request, content)
        await self._keep(Unsubscribe(token.touch, "one_click" if one_click else "page", clock.now()))
        if one_click:
            return PlainTextResponse("You are unsubscribed.\n")
        company = self.needs.programme().sender.company
        return message(
            self.needs.programme(),
            "You are unsubscribed",
            f"{company} sends you no more e-mail of this kind, from this moment on.",
            "You can close this page.",
        )

    async def _keep(self, asked: Unsubscribe) -> None:
        needs = self.needs
        work = asked.work(needs.suppression_key, needs.programme().hash, asked.at)
        failpoints.hit("unsubscribe.before")
        try:
            await asyncio.wait_for(needs.store.write(work, urgent=True), PATIENCE)
            failpoints.hit("unsubscribe.after")
        except (
            Exception
        ) as error:  # whatever keeps the store from taking it, the person's word must not be lost
            logger.warning("The store did not take an unsubscribe, the journal does: %s", said(error))
            await asyncio.to_thread(needs.journal.append, journal_entry(asked))

    def _unknown(self) -> Response:
        sender = self.needs.programme().sender
        return message(
            self.needs.programme(),
            "This link is not complete",
            "Perhaps it was cut when it was copied. Please use the link in the e-mail itself.",
            f"Or write to {sender.reply_to or sender.address}, and we stop. Nothing has changed yet.",
            status=404,
        )


async def _is_one_click(request: Request, content: bytes) -> bool:
    try:
        pairs = await asking.fields(request, content)
    except HTTPException:
        return False  # a body that cannot be read is still somebody who pressed the button
    return ("List-Unsubscribe", "One-Click") in pairs
