"""`/y/{token}`: was that consent yours? A page with one button; only a person who presses it consents.

GET and HEAD change nothing, whoever fetches the link, and a form that a scanner submits is shown again
(`pressing`). The link works for fourteen days; pressing again does no harm.
"""

from starlette.requests import Request
from starlette.responses import Response

from nurture import clock
from nurture.delivery.tokens import read
from nurture.engine import confirming
from nurture.engine.confirming import PURPOSE, Ground, State
from nurture.store import confirmations
from nurture.store.confirmations import Asked
from nurture.web import asking
from nurture.web.needs import Needs
from nurture.web.page import message, page
from nurture.web.pressing import read_press, stamp

LARGEST_BODY = 8_192


class Confirming:
    """The endpoints of the link that confirms a consent."""

    def __init__(self, needs: Needs) -> None:
        self.needs = needs

    async def show(self, request: Request) -> Response:
        """GET, HEAD /y/{token}: the page with the button. Changes nothing."""
        one = await self._asked(request)
        if one is None:
            return self._unknown()
        state = await self._state(one)
        return self._page(one, again=False) if state == "open" else self._answer(state)

    async def take(self, request: Request) -> Response:
        """POST /y/{token}: 200 once the consent is committed; 422 and the page again if it does not look
        like a person's doing.
        """
        needs, now, one = self.needs, clock.now(), await self._asked(request)
        if one is None:
            return self._unknown()
        typed = await asking.fields(request, await asking.body(request, LARGEST_BODY))
        if (state := await self._state(one)) != "open":
            return self._answer(state)
        press = read_press(request, typed, now)
        if not (press.does and press.by_person):
            return self._page(one, again=True)
        ground = Ground(now, needs.programme().hash, needs.suppression_key)
        network = asking.network(request, needs.trusted_proxies)
        done = await needs.store.write(
            lambda connection: confirming.confirm(connection, one.id, network, ground)
        )
        return self._unknown() if done is None else self._answer("confirmed" if done == "open" else done)

    async def _asked(self, request: Request) -> Asked | None:
        token = read(self.needs.keys, PURPOSE, request.path_params["token"])
        if token is None:
            return None
        return await self.needs.store.aread(lambda connection: confirmations.get(connection, token.touch))

    async def _state(self, one: Asked) -> State:
        now, key = clock.now(), self.needs.suppression_key
        return await self.needs.store.aread(lambda connection: confirming.state_of(connection, one, now, key))

    def _page(self, one: Asked, *, again: bool) -> Response:
        return page(
            "confirm",
            self.needs.programme(),
            "Was this you?",
            status=422 if again else 200,
            words=one.words,
            on=f"{one.asked_at:%-d %B %Y}",
            shown=stamp(clock.now()),
            again=again,
        )

    def _answer(self, state: State) -> Response:
        company = self.needs.programme().sender.company
        titles = {
            "confirmed": "Thank you",
            "over": "This link is too old",
            "barred": "We do not write to this address",
        }
        says = {
            "confirmed": f"You have told {company} that it was you. Every mail says how to stop.",
            "over": "Nothing has changed. If you still want it, please send the form again.",
            "barred": "Nothing has changed. If you think that is wrong, please write to us.",
        }
        return message(self.needs.programme(), titles[state], says[state])

    def _unknown(self) -> Response:
        return message(
            self.needs.programme(),
            "This link is not complete",
            "Perhaps it was cut when it was copied. Please use the link in the e-mail itself. "
            "Nothing has changed.",
            status=404,
        )
