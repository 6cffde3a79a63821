"""A message to an address on the web: HTTPS alone, to public machines alone, no redirect, in 15 seconds.

A name is resolved once, every address it has is checked, and the connection goes to the checked one (with
the name for TLS and Host), so that no second answer of a resolver leads inside. Proxies of the environment
are not used, and what the other side says is not read beyond its status.
"""

import http.client
import socket
import ssl
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

TIMEOUT = 15.0
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


class _Checked(http.client.HTTPSConnection):
    """Connects to an address that was checked, and to no other."""

    def __init__(
        self, host: str, port: int, may_connect: Callable[[Address], bool], trust: ssl.SSLContext
    ) -> None:
        super().__init__(host, port, timeout=TIMEOUT, context=trust)
        self._may_connect, self._trust = may_connect, trust

    def connect(self) -> None:
        """Resolve once, refuse if any address is not public, connect, and shake hands under the name."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]) for each in found]
        for address in addresses:
            if not self._may_connect(ip_address(address.partition("%")[0])):
                raise NotTaken(f"{self.host} is not on the public internet")
        plain = socket.create_connection((addresses[0], self.port), TIMEOUT)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)
