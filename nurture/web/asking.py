"""Who asks, and what they send: the little that is kept of a request, and bodies with a limit.

Whoever talks to us is not to be believed: X-Forwarded-For counts only where a trusted proxy wrote it, and
a body is read up to its limit and for ten seconds.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from nurture.intake.agents import short_agent
from nurture.intake.tracking import is_prefetch, manner_of
from nurture.store.hits import Seen

READING_SECONDS = 10
LONGEST_AGENT = 400
LONGEST_SAID = 1_000
"""Characters of all headers that are looked at, beyond which nothing about them is remembered."""
LONGEST_REMEMBERED = 200
"""Characters of a X-Forwarded-For, beyond which nothing about it is remembered: memory stays bounded."""
MOST_FIELDS = 100
PURPOSES = ("purpose", "sec-purpose", "x-purpose", "x-moz")
"""Headers by which a browser says that nobody has asked to see this yet."""
_LOOKED_AT = {
    name.encode(): name for name in ("user-agent", "accept", "accept-language", "sec-ch-ua", *PURPOSES)
}

Address = IPv4Address | IPv6Address


def seen(
    request: Request, trusted: Iterable[str], kind: str, at: datetime, *, url: str = "", link: int = 0
) -> Seen:
    """The request as it is kept: no address, no header but a short User-Agent; of others, that they came."""
    # Starlette would look through all headers for each; the first of a name counts, as there.
    raw = reversed(request.scope["headers"])
    said = tuple({name: value for name, value in raw if name in _LOOKED_AT}.items())
    is_long = sum([len(value) for _, value in said]) > LONGEST_SAID
    asks = (_asks.__wrapped__ if is_long else _asks)(said)
    return Seen(
        kind=kind,
        url=url,
        at=at,
        link=link,
        method=request.method,
        agent=asks.agent,
        network=network(request, trusted),
        prefetch=asks.prefetch,
        manner=asks.manner,
    )


class _Asks(NamedTuple):
    """What a browser's headers come to."""

    agent: str
    prefetch: bool
    manner: str


@lru_cache(maxsize=4096)
def _asks(said: tuple[tuple[bytes, bytes], ...]) -> _Asks:
    headers = {_LOOKED_AT[name]: value.decode("latin-1") for name, value in said}
    purposes = [headers[name] for name in PURPOSES if name in headers]
    agent = short_agent(headers.get("user-agent", "")[:LONGEST_AGENT])
    return _Asks(agent, is_prefetch(purposes), manner_of(headers))


def asker(request: Request, trusted: Iterable[str]) -> str:
    """Who asked, as evidence keeps it: the network, and a hash that tells one browser from another."""
    agent = sha256(request.headers.get("user-agent", "").encode()).hexdigest()[:8]
    return f"from {network(request, trusted) or 'nowhere known'}, agent {agent}"


def network(request: Request, trusted: Iterable[str]) -> str:
    """The asker's address cut to /24 or /48; empty where there is none."""
    host = request.client.host if request.client else ""
    if not trusted:
        return _network(host, "", ())
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    found = _network if len(forwarded) <= LONGEST_REMEMBERED else _network.__wrapped__
    return found(host, forwarded, tuple(trusted))


@lru_cache(maxsize=4096)
def _network(host: str, forwarded: str, trusted: tuple[str, ...]) -> str:
    peer = _address(host)
    hops = forwarded.split(",") if forwarded else []
    networks = [ip_network(one, strict=False) for one in trusted]
    while peer is not None and hops and any(peer in one for one in networks):
        peer = _address(hops.pop())
    return _cut(peer)


async def body(request: Request, most: int) -> bytes:
    """The body. Raises HTTPException: 413 if it is larger than `most` bytes, 408 if it takes too long."""
    try:
        async with asyncio.timeout(READING_SECONDS):
            return await _read(request, most)
    except TimeoutError:
        raise HTTPException(408) from None
    except ClientDisconnect:
        raise HTTPException(400) from None


async def _read(request: Request, most: int) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise HTTPException(413)
    return bytes(content)


async def fields(request: Request, content: bytes) -> list[tuple[str, str]]:
    """The fields of a form's body, urlencoded or multipart; files are left out.

    Raises HTTPException 400 for a body that is no form.
    """
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await _multipart(request, content)
    try:
        return parse_qsl(
            content.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise HTTPException(400) from None


async def _multipart(request: Request, content: bytes) -> list[tuple[str, str]]:
    async def once() -> AsyncGenerator[bytes, None]:
        yield content

    parser = MultiPartParser(
        request.headers, once(), max_files=0, max_fields=MOST_FIELDS, max_part_size=len(content)
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeError):
        raise HTTPException(400) from None
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


def _address(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _cut(address: Address | None) -> str:
    if address is None:
        return ""
    return str(ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False))
