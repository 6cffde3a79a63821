"""A link that is not whole: a page that asks for the address instead, and sends it a link that works.

Nobody can unsubscribe somebody else with it, and nobody learns whom we write to: the answer is always the
same, and the mail goes to the address alone.
"""

from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nurture.engine.relinking import ask_for_link
from nurture.intake.addresses import NoAddress, normalise
from nurture.intake.forms import EMAIL, HONEYPOT
from nurture.web import asking, pressing
from nurture.web.limits import Limit
from nurture.web.needs import Needs
from nurture.web.page import page

ADDRESSES_A_MINUTE = 5


class LostLink:
    """The page for a token that is not ours."""

    def __init__(self, needs: Needs) -> None:
        self.needs = needs
        self.limit = Limit(ADDRESSES_A_MINUTE)

    def page(self, *, typed: str = "", problem: str = "") -> Response:
        """404, and the form."""
        return self._page("This link is not complete", 404, sent=False, typed=typed, problem=problem)

    async def take(self, request: Request, typed: pressing.Typed, now: datetime) -> Response:
        """POST: 200 once a mail to the address is due, if it is one we write to; 404 for all else."""
        fields = dict(typed)
        if pressing.DO not in fields:
            return self.page()
        network = asking.network(request, self.needs.trusted_proxies)
        if not self.limit.takes(network, now):
            raise HTTPException(429)
        try:
            address = normalise(fields.get(EMAIL, ""))
        except NoAddress:
            problem = "This is not an e-mail address. Write it like name@example.com."
            return self.page(typed=fields.get(EMAIL, ""), problem=problem)
        if not fields.get(HONEYPOT):
            key = self.needs.suppression_key
            await self.needs.store.write(lambda c: ask_for_link(c, address, network, now, key=key))
        return self._page("Look into your mailbox", 200, sent=True, typed="", problem="")

    def _page(self, title: str, status: int, *, sent: bool, typed: str, problem: str) -> Response:
        sender = self.needs.programme().sender
        return page(
            "lost",
            self.needs.programme(),
            title,
            status=status,
            sent=sent,
            typed=typed,
            problem=problem,
            write_to=sender.reply_to or sender.address,
        )
