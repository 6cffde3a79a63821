"""Tracked addresses: `/c/` follows a link, `/o/` loads a picture, `/p/` says that a page was read.

Each request is committed as a hit before it is answered. What it was, a person or a machine, is settled
later; nothing here moves a stage or a score. Where a link leads stands in our store and never in the
address, so there is nothing to redirect to that we did not send.
"""

import json
from base64 import b64decode
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nurture import clock, failpoints
from nurture.delivery.tokens import read, sign
from nurture.engine import joining
from nurture.intake.forms import clean, read_visitor
from nurture.store import arrivals
from nurture.store.arrivals import Arrivals
from nurture.store.hits import Seen
from nurture.web import asking
from nurture.web.limits import Limit
from nurture.web.needs import Needs
from nurture.web.page import SCRIPT

LARGEST_VIEW = 4_096
LONGEST_URL = 1_000
VIEWS_A_MINUTE = 120
MOST_REMEMBERED = 4_096
_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


class Tracked:
    """The endpoints of tracked addresses."""

    def __init__(self, needs: Needs) -> None:
        self.needs = needs
        self.views = Limit(VIEWS_A_MINUTE)
        self.arrivals = Arrivals(needs.store, self._leads)
        self._led: dict[tuple[str, str, int], str] = {}

    async def click(self, request: Request) -> Response:
        """GET, HEAD /c/{token}: 302 to where the link leads, once the hit is committed.

        404 for what we have not signed, 410 where the message or its link is gone.
        """
        needs = self.needs
        token = read(needs.keys, "c", request.path_params["token"])
        if token is None:
            raise HTTPException(404)
        if needs.tracking == "off":
            url = await needs.store.aread(partial(arrivals.leads_to, *token, self._leads))
            return RedirectResponse(_or_gone(url), 302)
        seen = self._seen(request, "click", link=token.link)
        url = _or_gone(await self.arrivals.keep(token.touch, seen))
        failpoints.hit("hit.after")
        return RedirectResponse(_with_visit(url, self._hosts(), sign(needs.keys, "v", *token)), 302)

    async def picture(self, request: Request) -> Response:
        """GET, HEAD /o/{token}.gif: always the same picture; kept only where tracking is full."""
        token = read(self.needs.keys, "o", request.path_params["token"])
        if token is not None and self.needs.tracking == "full":
            await self.arrivals.keep(token.touch, self._seen(request, "open"))
            failpoints.hit("hit.after")
        headers = {
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Cache-Control": "no-store, no-cache, private",
        }
        return Response(_PIXEL, media_type="image/gif", headers=headers)

    async def view(self, request: Request) -> Response:
        """POST /p/ {nv, url, visitor}: 204 once the view is kept.

        Nothing is kept of pages that are not ours, nor of people whose country's policy asks for a consent
        that was not given: `visitor` is sent only where it was.
        """
        needs = self.needs
        if not self.views.takes(asking.network(request, needs.trusted_proxies), clock.now()):
            raise HTTPException(429)
        told = _told(await asking.body(request, LARGEST_VIEW))
        path = _path_on(told.url, self._hosts())
        if path and needs.tracking != "off":
            token = read(needs.keys, "v", told.nv)
            seen = self._seen(request, "page", url=path)._replace(visitor=told.visitor or None)
            view = joining.View(token.touch if token else None, seen)
            programme = needs.programme().hash if told.visitor else ""
            await needs.store.write(partial(joining.keep, view=view, now=seen.at, programme=programme))
            failpoints.hit("hit.after")
        return Response(status_code=204)

    async def script(self, request: Request) -> Response:
        """GET /n.js."""
        return Response(
            SCRIPT,
            media_type="text/javascript",
            headers={"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin"},
        )

    def _leads(self, connection: Connection, programme: str, piece: str, link: int) -> str | None:
        """Where a link leads; only to the web, whatever a text says."""
        asked = programme, piece, link
        if asked in self._led:  # a programme never changes under its hash
            return self._led[asked]
        url = self.needs.destination(connection, programme, piece, link)
        if url is None or urlsplit(url).scheme not in ("http", "https"):
            return None
        if len(self._led) >= MOST_REMEMBERED:
            self._led.clear()
        self._led[asked] = url
        return url

    def _hosts(self) -> tuple[str, ...]:
        """The hosts of our site."""
        return self.needs.programme().site.hosts

    def _seen(self, request: Request, kind: str, *, url: str = "", link: int = 0) -> Seen:
        return asking.seen(request, self.needs.trusted_proxies, kind, clock.now(), url=url, link=link)


class _Told(NamedTuple):
    """What the script posts: the page, and by which message and browser it was read, where it may say so."""

    url: str
    nv: str
    visitor: str


def _told(content: bytes) -> _Told:
    """What the script posts: JSON of texts. Raises HTTPException 400."""
    try:
        told = json.loads(content)
        words = (told["url"], told.get("nv", ""), told.get("visitor", ""))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise HTTPException(400) from None
    if not all(isinstance(word, str) for word in words):
        raise HTTPException(400)
    return _Told(words[0], words[1], read_visitor(words[2]))


def _path_on(url: str, hosts: Iterable[str]) -> str:
    """The path of a page of ours; empty for any other. What stands behind ? or # is never kept."""
    try:
        parts = urlsplit(clean(url))
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not _is_ours(parts, hosts):
        return ""
    return (parts.path or "/")[:LONGEST_URL]


def _with_visit(url: str, hosts: tuple[str, ...], token: str) -> str:
    """The destination, and on our own site the token by which a page view finds its message."""
    before, after = _around_visit(url, hosts)
    return f"{before}{token}{after}" if before else url


@lru_cache(maxsize=1024)
def _around_visit(url: str, hosts: tuple[str, ...]) -> tuple[str, str]:
    """What stands before and behind the token; nothing where the page is not on our own site."""
    parts = urlsplit(url)
    if not _is_ours(parts, hosts):
        return "", ""
    query = f"{parts.query}&nv=" if parts.query else "nv="
    before = urlunsplit(parts._replace(query=query, fragment=""))
    return before, f"#{parts.fragment}" if parts.fragment else ""


def _or_gone(url: str | None) -> str:
    """A genuine token leads nowhere once its message or its link is deleted."""
    if url is None:
        raise HTTPException(410)
    return url


def _is_ours(parts: SplitResult, hosts: Iterable[str]) -> bool:
    """Whether the address is on one of `hosts`, each a name or a name and port."""
    return any(host.lower() in (parts.hostname, parts.netloc.lower()) for host in hosts)
