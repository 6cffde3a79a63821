"""A message to an address on the web, or a file from one: to public machines alone, no redirect, 15 seconds.

Messages go by HTTPS alone.

A name is resolved once, every address it has is checked, and the connection goes to the checked one (with
the name for TLS and Host), so that no second answer of a resolver leads inside. Proxies of the environment
are not used. Of an answer to a message nothing is read beyond its status, of a file no more than it may be.
"""

import http.client
import socket
import ssl
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

TIMEOUT = 15.0
LARGEST_FILE = 65_536
Address = IPv4Address | IPv6Address

_TUNNELS = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""IPv6 networks whose addresses lead to IPv4 ones: what they hide is not worth finding out."""


class NotTaken(Exception):
    """The message was not taken. Its text is a sentence without the address's path, which may be secret."""


def is_public(address: Address) -> bool:
    """Whether a machine of the public internet has this address."""
    plain = getattr(address, "ipv4_mapped", None) or address
    tunnelled = plain.version == 6 and any(plain in network for network in _TUNNELS)
    return plain.is_global and not plain.is_multicast and not plain.is_reserved and not tunnelled


def post(
    url: str,
    body: bytes,
    *,
    may_connect: Callable[[Address], bool] = is_public,
    trust: ssl.SSLContext | None = None,
) -> None:
    """POST JSON; returns once a 2xx came. Raises NotTaken. Blocks: call it in a thread."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port or 443
    except ValueError:
        raise NotTaken("the webhook's port is no number") from None
    if parts.scheme != "https" or not host or parts.username is not None:
        raise NotTaken("a webhook's address begins with https:// and holds no user")
    connection = _Checked(host, port, may_connect, trust or ssl.create_default_context())
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(
            "POST", target, body, {"Content-Type": "application/json", "User-Agent": "nurture"}
        )
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as wrong:
        raise NotTaken(f"{host} did not take it: {type(wrong).__name__}") from None
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise NotTaken(f"{host} answered {status}")


def fetch(
    url: str,
    *,
    may_connect: Callable[[Address], bool] = is_public,
    trust: ssl.SSLContext | None = None,
    plain: bool = False,
) -> bytes:
    """The file at an address, 64 KB at most. `plain`: by HTTP, for what proves itself. Raises NotTaken.

    Blocks: call it in a thread.
    """
    parts, scheme = urlsplit(url), "http" if plain else "https"
    try:
        host, port = parts.hostname or "", parts.port or (80 if plain else 443)
    except ValueError:
        raise NotTaken("the port of an address is no number") from None
    if parts.scheme != scheme or not host or parts.username is not None:
        raise NotTaken(f"the address of a file begins with {scheme}:// and holds no user")
    connection: http.client.HTTPConnection
    if plain:
        connection = _CheckedPlain(host, port, may_connect)
    else:
        connection = _Checked(host, port, may_connect, trust or ssl.create_default_context())
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"User-Agent": "nurture"})
        answer = connection.getresponse()
        content = answer.read(LARGEST_FILE + 1)
    except (OSError, http.client.HTTPException) as wrong:
        raise NotTaken(f"{host} gave nothing: {type(wrong).__name__}") from None
    finally:
        connection.close()
    if answer.status != 200 or len(content) > LARGEST_FILE:
        raise NotTaken(f"{host} answered {answer.status} with {len(content)} bytes")
    return content


def _connected(host: str, port: int, may_connect: Callable[[Address], bool]) -> socket.socket:
    """Resolve once, refuse if any address is not public, connect to the first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]) for each in found]
    for address in addresses:
        if not may_connect(ip_address(address.partition("%")[0])):
            raise NotTaken(f"{host} is not on the public internet")
    return socket.create_connection((addresses[0], port), TIMEOUT)


class _CheckedPlain(http.client.HTTPConnection):
    """Connects to an address that was checked, and to no other; without TLS."""

    def __init__(self, host: str, port: int, may_connect: Callable[[Address], bool]) -> None:
        super().__init__(host, port, timeout=TIMEOUT)
        self._may_connect = may_connect

    def connect(self) -> None:
        """Resolve once, refuse if any address is not public, and connect."""
        self.sock = _connected(self.host, self.port, self._may_connect)


class _Checked(http.client.HTTPSConnection):
    """Connects to an address that was checked, and to no other."""

    def __init__(
        self, host: str, port: int, may_connect: Callable[[Address], bool], trust: ssl.SSLContext
    ) -> None:
        super().__init__(host, port, timeout=TIMEOUT, context=trust)
        self._may_connect, self._trust = may_connect, trust

    def connect(self) -> None:
        """Resolve once, refuse if any address is not public, connect, and shake hands under the name."""
        plain = _connected(self.host, self.port, self._may_connect)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)
