"""The public app: tracked links, unsubscribe, forms. No session, no cookie, no sign-in, no trace in errors.

It answers only after what it heard is committed (unsubscribes: or in the journal). No address in it is
taken from the request: pages use relative addresses, redirects the configured ones.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from nurture.errors import Mistake
from nurture.store import is_unavailable
from nurture.web.answering import Answering
from nurture.web.confirming import Confirming
from nurture.web.current import Current, Fresh
from nurture.web.events import Events
from nurture.web.health import Health
from nurture.web.lost import LostLink
from nurture.web.needs import Needs, said
from nurture.web.page import Headers, bare
from nurture.web.preferring import Preferring
from nurture.web.straight import Handler, Straight
from nurture.web.tracked import Tracked
from nurture.web.unsubscribing import Unsubscribing
from nurture.web.webhooks import Webhooks

logger = logging.getLogger(__name__)

LONGEST_PATH = 256

_SAYS: Mapping[int, tuple[str, str]] = {
    400: ("This cannot be read", "What was sent is not complete. Please go back and try again."),
    401: ("Not without a token", "This address is for programs that show a token."),
    404: (
        "There is nothing here",
        "Perhaps the address was cut when it was copied. Please use the link in the e-mail.",
    ),
    410: (
        "This link is gone",
        "What it led to is no longer there. Please look for it on our site, or ask us.",
    ),
    405: ("This cannot be done here", "This address does not take requests of that kind."),
    408: ("That took too long", "Please go back and try again."),
    413: ("That is too much", "What was sent is too large to be read."),
    429: ("Too many at once", "Please wait a minute and try again."),
}


def create_app(needs: Needs) -> ASGIApp:
    """The app, ready for a server."""
    programme = Current(needs.programme)
    needs = replace(needs, programme=programme)
    tracked, answering, lost = Tracked(needs), Answering(needs), LostLink(needs)
    unsubscribing = Unsubscribing(needs, lost)
    preferring = Preferring(needs, unsubscribing, lost)
    health, confirming, events = Health(needs), Confirming(needs), Events(needs)

    routes = [
        Route("/c/{token}", tracked.click, methods=["GET"]),
        Route("/o/{token}.gif", tracked.picture, methods=["GET"]),
        Route("/p/", tracked.view, methods=["POST"]),
        Route("/n.js", tracked.script, methods=["GET"]),
        Route("/u/{token}", unsubscribing.ask, methods=["GET"]),
        Route("/u/{token}", unsubscribing.do, methods=["POST"]),
        Route("/u/{token}/preferences", preferring.show, methods=["GET"]),
        Route("/u/{token}/preferences", preferring.take, methods=["POST"]),
        Route("/f/{form}", answering.show, methods=["GET"]),
        Route("/f/{form}", answering.take, methods=["POST"]),
        Route("/thanks", answering.thanks, methods=["GET"]),
        Route("/y/{token}", confirming.show, methods=["GET"]),
        Route("/y/{token}", confirming.take, methods=["POST"]),
        Route("/events", events.take, methods=["POST"]),
        Route("/openapi.json", events.describe, methods=["GET"]),
        Route("/webhooks/{name}/{secret}", Webhooks(needs).take, methods=["POST"]),
        Route("/healthz", health.alive, methods=["GET"]),
        Route("/readyz", health.ready, methods=["GET"]),
    ]
    handlers: dict[type[Exception], Handler] = {
        HTTPException: _refused,
        Mistake: _unavailable,
        SQLAlchemyError: _unavailable,
        OSError: _unavailable,
        Exception: _broken,
    }
    app = Starlette(routes=routes, exception_handlers=dict(handlers))
    return Headers(Short(Fresh(Straight(app, tracked, handlers), programme)))


class Short:
    """Has nothing at a path of more than 256 bytes: none of ours is half as long."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app's answer, or 404."""
        is_long = scope["type"] == "http" and len(scope.get("raw_path") or scope["path"]) > LONGEST_PATH
        await (bare(*_SAYS[404], 404) if is_long else self.app)(scope, receive, send)


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    title, says = _SAYS.get(status, _SAYS[400])
    answer = bare(title, says, status)
    answer.headers.update(getattr(error, "headers", None) or {})
    if status == 429:
        answer.headers["Retry-After"] = "60"
    return answer


async def _unavailable(request: Request, error: Exception) -> Response:
    """The store does not take it now: nothing is promised, the asker may come again."""
    logger.error("A request was refused because the store did not take it: %s", said(error))
    answer = bare("Not now", "We cannot take this at the moment. Please try again in a minute.", 503)
    answer.headers["Retry-After"] = "60"
    return answer


async def _broken(request: Request, error: Exception) -> Response:
    """A bug, or what the database's own driver raised; the server's log has its trace, the answer has not."""
    if is_unavailable(error):
        return await _unavailable(request, error)
    return bare("Something went wrong", "It is our fault. Please try again later.", 500)
