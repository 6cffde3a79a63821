"""Our pages: small HTML from the templates beside this module, and the headers every answer carries.

A page needs no script, sets no cookie, names no person, and cannot be framed. The templates are escaped.
"""

from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nurture.core.programme import Programme

_FOLDER = files("nurture.web") / "pages"
_STYLE = (_FOLDER / "style.css").read_text("utf-8")
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()

SCRIPT = (_FOLDER / "n.js").read_bytes()
"""What pages of the company's site include to tell us that they were read."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""What every answer carries, unless it says otherwise itself."""

_RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

_PAGES = Environment(
    loader=PackageLoader("nurture.web", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.globals["style"] = _STYLE


class Headers:
    """Puts HEADERS on every answer of the app inside, also on the ones it gives when it breaks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app's answer, with headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message.get("headers", ())
                message["headers"] = [*own, *_besides(tuple([name for name, _ in own]))]
            await send(message)

        await self.app(scope, receive, with_headers)


@lru_cache(maxsize=256)
def _besides(names: tuple[bytes, ...]) -> tuple[tuple[bytes, bytes], ...]:
    """HEADERS but for those of an answer that says these itself."""
    said = {name.lower() for name in names}
    return tuple(header for header in _RAW if header[0] not in said)


def page(name: str, programme: Programme, title: str, *, status: int = 200, **words: Any) -> Response:
    """The page `name`.html under `title`, with the company's name and postal address."""
    sender = programme.sender
    text = _PAGES.get_template(f"{name}.html").render(
        title=title, company=sender.company, postal=sender.postal, **words
    )
    return HTMLResponse(text, status)


def message(programme: Programme, title: str, *says: str, status: int = 200) -> Response:
    """A page that only says something."""
    return page("message", programme, title, status=status, says=says)


def bare(title: str, says: str, status: int) -> Response:
    """A page for when not even the programme can be had."""
    text = _PAGES.get_template("message.html").render(title=title, company="", postal="", says=[says])
    return HTMLResponse(text, status)
