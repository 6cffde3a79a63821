"""Tracked addresses: `/c/` follows a link, `/o/` loads a picture, `/p/` says that a page was read.

Each request is committed as a hit before it is answered. What it was, a person or a machine, is settled
later; nothing here moves a stage or a score. Where a link leads stands in our store and never in the
address, so there is nothing to redirect to that we did not send.
"""

import json
from base64 import b64decode
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit, urlunsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nurture import clock, failpoints
from nurture.delivery.tokens import read, sign
from nurture.intake.forms import clean
from nurture.store.hits import Seen, keep_hit, keep_view
from nurture.web import asking
from nurture.web.limits import Limit
from nurture.web.needs import Needs
from nurture.web.page import SCRIPT

LARGEST_VIEW = 4_096
LONGEST_URL = 1_000
VIEWS_A_MINUTE = 120
_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


class Tracked:
    """The endpoints of tracked addresses."""

    def __init__(self, needs: Needs) -> None:
        self.needs = needs
        self.views = Limit(VIEWS_A_MINUTE)

    async def click(self, request: Request) -> Response:
        """GET, HEAD /c/{token}: 302 to where the link leads, once the hit is committed; else 404."""
        needs = self.needs
        token = read(needs.keys, "c", request.path_params["token"])
        url = await run_in_threadpool(needs.destination, *token) if token else None
        if token is None or url is None or urlsplit(url).scheme not in ("http", "https"):
            raise HTTPException(404)
        if needs.tracking == "off":
            return RedirectResponse(url, 302)
        if not await self._kept(request, token.touch, "click", url, token.link):
            raise HTTPException(404)
        hosts = needs.programme().site.hosts
        return RedirectResponse(_with_visit(url, hosts, sign(needs.keys, "v", *token)), 302)

    async def picture(self, request: Request) -> Response:
        """GET, HEAD /o/{token}.gif: always the same picture; kept only where tracking is full."""
        token = read(self.needs.keys, "o", request.path_params["token"])
        if token is not None and self.needs.tracking == "full":
            await self._kept(request, token.touch, "open", "")
        return Response(
            _PIXEL, media_type="image/gif", headers={"Cross-Origin-Resource-Policy": "cross-origin"}
        )

    async def view(self, request: Request) -> Response:
        """POST /p/ {nv, url}: 204 once the view is kept; of pages that are not ours nothing is kept."""
        needs = self.needs
        if not self.views.takes(asking.network(request, needs.trusted_proxies), clock.now()):
            raise HTTPException(429)
        nv, url = _told(await asking.body(request, LARGEST_VIEW))
        path = _path_on(url, needs.programme().site.hosts)
        if path and needs.tracking != "off":
            token = read(needs.keys, "v", nv)
            if token is None or not await self._kept(request, token.touch, "page", path):
                seen = self._seen(request, "page", path)
                await needs.store.write(lambda connection: keep_view(connection, seen))
        return Response(status_code=204)

    async def script(self, request: Request) -> Response:
        """GET /n.js."""
        return Response(
            SCRIPT,
            media_type="text/javascript",
            headers={"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin"},
        )

    async def _kept(self, request: Request, touch: int, kind: str, url: str, link: int = 0) -> bool:
        """Whether the hit is committed; False where the message is gone."""
        seen = self._seen(request, kind, url)._replace(link=link)
        kept = await self.needs.store.write(lambda connection: keep_hit(connection, touch, seen))
        failpoints.hit("hit.after")
        return kept

    def _seen(self, request: Request, kind: str, url: str) -> Seen:
        return asking.seen(request, self.needs.trusted_proxies, kind, url, clock.now())


def _told(content: bytes) -> tuple[str, str]:
    """`nv` and `url` of what the script posts: JSON, two texts. Raises HTTPException 400."""
    try:
        told = json.loads(content)
        nv, url = told.get("nv", ""), told["url"]
    except (ValueError, LookupError, AttributeError, RecursionError):
        raise HTTPException(400) from None
    if not isinstance(nv, str) or not isinstance(url, str):
        raise HTTPException(400)
    return nv, url


def _path_on(url: str, hosts: Iterable[str]) -> str:
    """The path of a page of ours; empty for any other. What stands behind ? or # is never kept."""
    try:
        parts = urlsplit(clean(url))
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not _is_ours(parts, hosts):
        return ""
    return (parts.path or "/")[:LONGEST_URL]


def _with_visit(url: str, hosts: Iterable[str], token: str) -> str:
    """The destination, and on our own site the token by which a page view finds its message."""
    parts = urlsplit(url)
    if not _is_ours(parts, hosts):
        return url
    query = f"{parts.query}&nv={token}" if parts.query else f"nv={token}"
    return urlunsplit(parts._replace(query=query))


def _is_ours(parts: SplitResult, hosts: Iterable[str]) -> bool:
    """Whether the address is on one of `hosts`, each a name or a name and port."""
    return any(host.lower() in (parts.hostname, parts.netloc.lower()) for host in hosts)
