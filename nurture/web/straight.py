"""Clicks and pictures, straight from the server to their endpoints.

Nearly all requests are these two. The way through a router and its layers costs as much as the rest of such
a request, so the two are looked for first; what raises is answered as everywhere. All else, and whatever is
not quite one of the two, goes the usual way.
"""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from nurture.web.tracked import Tracked

Endpoint = Callable[[Request], Awaitable[Response]]
Handler = Callable[[Request, Exception], Awaitable[Response]]


class Straight:
    """The app inside, with a short way to two of its endpoints.

    `handlers`: kind of error -> what makes the answer, one for Exception among them.
    """

    def __init__(self, app: ASGIApp, tracked: Tracked, handlers: Mapping[type[Exception], Handler]) -> None:
        self.app = app
        self._endpoints: Mapping[str, tuple[Endpoint, str]] = {
            "/c/": (tracked.click, ""),
            "/o/": (tracked.picture, ".gif"),
        }
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The endpoint's answer, or the app's."""
        endpoint = self._found(scope)
        if endpoint is None:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            answer = await endpoint(request)
        except Exception as error:
            kind = next(kind for kind in type(error).__mro__ if kind in self._handlers)
            answer = await self._handlers[kind](request, error)
            await answer(scope, receive, send)
            if kind is Exception:
                raise  # the server's log has its trace
            return
        await answer(scope, receive, send)

    def _found(self, scope: Scope) -> Endpoint | None:
        """The endpoint of exactly `/c/TOKEN` or `/o/TOKEN.gif`; the token goes where a route puts it."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or scope.get("root_path"):
            return None
        path: str = scope["path"]
        endpoint, ending = self._endpoints.get(path[:3], (None, ""))
        token = path[3 : len(path) - len(ending)]
        if endpoint is None or not token or "/" in token or not path.endswith(ending):
            return None
        scope["path_params"] = {"token": token}
        return endpoint
