"""`POST /webhooks/{name}/{secret}`: what mail providers tell us, believed once it is known who tells it.

2xx only after the commit; whatever is refused says no more than that, and the log says why. The provider
comes again with what we could not take (503).
"""

import asyncio
import logging
from collections.abc import Iterator
from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from nurture import clock
from nurture.engine import braking
from nurture.engine.proof import Ground, is_colleague
from nurture.intake import webhooks
from nurture.intake.webhooks import Endpoint, Heard, Refused, WantsCertificate
from nurture.web import asking
from nurture.web.needs import Needs

LARGEST = {"events": 1_000_000, "mail": 8_000_000}
"""Bytes of a body, by what the endpoint takes."""

AT_ONCE = 50
"""Events that are taken in one transaction."""

logger = logging.getLogger(__name__)


class Webhooks:
    """The endpoints of mail providers."""

    def __init__(self, needs: Needs) -> None:
        self.needs = needs

    async def take(self, request: Request) -> Response:
        """POST /webhooks/{name}/{secret}: 200 once it is committed; 400, 401, 403 or 413 if refused."""
        name, secret = request.path_params["name"], request.path_params["secret"]
        endpoint = self.needs.webhooks.get(name)
        if endpoint is None:
            return _refused("unknown", Refused(403, "there is no such endpoint"))
        authorization = request.headers.get("authorization", "")
        if refused := webhooks.admits(endpoint, secret, authorization):
            return _refused(name, refused)
        body = await asking.body(request, _largest(request, endpoint))
        came = webhooks.Request(body, dict(request.headers), secret, clock.now())
        heard = await asyncio.to_thread(self._hear, came, endpoint)
        if isinstance(heard, Refused):
            return _refused(name, heard)
        return await self._keep(heard, endpoint)

    def _hear(self, came: webhooks.Request, endpoint: Endpoint) -> Heard | Refused:
        """What it says; a certificate of Amazon's that is not known is fetched first."""
        certificates = self.needs.certificates
        heard = webhooks.hear(came, endpoint, certificates.known(came.now))
        if isinstance(heard, WantsCertificate):
            if why := certificates.learn(heard.url, came.now):
                return Refused(503, why)
            heard = webhooks.hear(came, endpoint, certificates.known(came.now))
        return Refused(503, "a certificate came and went") if isinstance(heard, WantsCertificate) else heard

    async def _keep(self, heard: Heard, endpoint: Endpoint) -> Response:
        needs = self.needs
        programme = needs.programme()
        ground = Ground(
            clock.now(), programme.hash, needs.keys, needs.suppression_key, needs.links_in,
            partial(is_colleague, programme), needs.networks,
        )  # fmt: skip
        take = partial(braking.take, name=endpoint.name, ground=ground, signed=endpoint.signed)
        try:
            for part in _parts(heard):
                await needs.store.write(partial(take, heard=part))
        except braking.Forged:
            return _refused(endpoint.name, Refused(403, "a token came again with another body"))
        return PlainTextResponse("ok\n")


def _parts(heard: Heard) -> Iterator[Heard]:
    """A long batch in several transactions, so that fences need not wait for all of it. If one of them fails
    the provider sends the whole batch again, and what was taken is known."""
    for first in range(0, max(len(heard.events), 1), AT_ONCE):
        events = heard.events[first : first + AT_ONCE]
        yield heard._replace(events=events, notices=() if first else heard.notices)


def _largest(request: Request, endpoint: Endpoint) -> int:
    """How much may come. Raises HTTPException 413 where more is announced."""
    most = LARGEST[endpoint.takes]
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and len(announced) < 20 and int(announced) > most:
        raise HTTPException(413)
    return most


def _refused(name: str, refused: Refused) -> Response:
    logger.warning("A webhook for %s was refused (%d): %s", name, refused.status, refused.why)
    headers = {401: {"WWW-Authenticate": 'Basic realm="nurture"'}, 503: {"Retry-After": "60"}}
    return PlainTextResponse("refused\n", refused.status, headers.get(refused.status))
