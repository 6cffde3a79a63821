"""The demo's requests: real HTTP to the public app, as browsers and scanners make them."""

import asyncio
import http.client
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from nurture.simulation.personas import Act

_SAID_BY_BROWSERS = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "en-GB,en;q=0.7"}


class Answer(NamedTuple):
    """What came back: the status, and where it sends us."""

    status: int
    location: str


def visitor(person: str) -> str:
    """The number by which the site knows a person's browser; everybody in the demo has agreed to that."""
    return urlsafe_b64encode(sha256(person.encode()).digest()[:16]).rstrip(b"=").decode()


class Browser:
    """Carries acts out, one request after another, on one kept connection."""

    def __init__(self, host: str, port: int, site: str) -> None:
        """`site`: the address of the company's own pages, which views are of."""
        self._server = http.client.HTTPConnection(host, port, timeout=30)
        self._site = site.rstrip("/")
        self._visits: dict[str, str] = {}
        self.refused: list[str] = []
        """Requests that were not answered as they should be; a demo with any is broken."""

    async def do(self, act: Act) -> None:
        """Make the requests of one act, and wait for their answers."""
        await asyncio.to_thread(self._do, act)

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    def _do(self, act: Act) -> None:
        match act.kind:
            case "follow":
                self._follow(act)
            case "fetch" | "head":
                self._ask(act, "HEAD" if act.kind == "head" else "GET", act.url, 200, 302, 404)
            case "view":
                self._view(act, self._site + act.url)
            case "form":
                fields = {**act.fields, "visitor": visitor(act.person)}
                self._ask(act, "POST", f"/f/{act.url}", 200, 303, body=fields)
            case "confirm":
                self._confirm(act)
            case "unsubscribe":
                self._ask(act, "POST", act.url, 200, body={"List-Unsubscribe": "One-Click"})

    def _follow(self, act: Act) -> None:
        """A link leads to a page of ours, whose script tells that it was read."""
        answer = self._ask(act, "GET", act.url, 302)
        visit = parse_qs(urlsplit(answer.location).query).get("nv", [""])[0]
        if visit:
            self._visits[act.person] = visit
        self._view(act, answer.location)

    def _confirm(self, act: Act) -> None:
        """Open the page that asks whether it was them, read it, and press its button."""
        self._ask(act, "GET", act.url, 200)
        shown = str(int(act.at.timestamp() * 1000) - 5_000)
        self._ask(act, "POST", act.url, 200, body={"shown": shown, "do": "confirm"})

    def _view(self, act: Act, url: str) -> None:
        told = {"nv": self._visits.get(act.person, ""), "url": url, "visitor": visitor(act.person)}
        self._ask(act, "POST", "/p/", 204, told=told)

    def _ask(
        self,
        act: Act,
        method: str,
        url: str,
        *expected: int,
        body: Mapping[str, str] | None = None,
        told: Mapping[str, str] | None = None,
    ) -> Answer:
        headers = {"User-Agent": act.agent, "X-Forwarded-For": act.network}
        if act.kind not in ("fetch", "head"):
            headers |= _SAID_BY_BROWSERS
        content = b""
        if body is not None:
            content, headers["Content-Type"] = urlencode(body).encode(), "application/x-www-form-urlencoded"
        if told is not None:
            content, headers["Content-Type"] = json.dumps(dict(told)).encode(), "application/json"
        path = urlsplit(url).path
        self._server.request(method, path, content or None, headers)
        response = self._server.getresponse()
        response.read()
        if response.status not in expected:
            self.refused.append(f"{act.kind} of {act.person}: {method} {path[:20]} {response.status}")
        return Answer(response.status, response.getheader("Location", ""))
