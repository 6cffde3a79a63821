"""The operator's list of networks that machines ask from: one CIDR a line, `#` begins a comment.

A hit keeps its network and not its address (/24, /48), so an entry speaks of every hit whose network it
touches. The list ships empty: who scans changes every month, and an old list is worse than none.
"""

from bisect import bisect_right
from collections.abc import Iterable
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from nurture.errors import Mistake

MOST_NETWORKS = 200_000
"""Lines of a list; all published ranges of the large clouds together are fewer."""


class Networks(NamedTuple):
    """Networks, sorted, by version: first and last address of each as numbers. They do not overlap."""

    four: tuple[tuple[int, int], ...] = ()
    six: tuple[tuple[int, int], ...] = ()

    def touch(self, network: str) -> bool:
        """Whether one of them has an address in common with this network; never for an empty one."""
        if not network or not (self.four or self.six):
            return False
        asked = ip_network(network)
        ours = self.four if asked.version == 4 else self.six
        place = bisect_right(ours, (int(asked.broadcast_address), 1 << 128))
        return place > 0 and ours[place - 1][1] >= int(asked.network_address)

    def fingerprint(self) -> str:
        """Sixteen letters that change with the list; nothing for an empty one."""
        return sha256(repr(self).encode()).hexdigest()[:16] if self.four or self.six else ""


NO_NETWORKS = Networks()


def read_networks(lines: Iterable[str], name: str) -> Networks:
    """The networks of a list; `name` is the file's, for the Mistake about a line that is none."""
    found: list[IPv4Network | IPv6Network] = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            found.append(ip_network(words[0], strict=False))
        except ValueError:
            said = "write one network a line, as 192.0.2.0/24 or 2001:db8::/32"
            raise Mistake(f"{name}:{number}: {words[0][:60]} is no network; {said}") from None
        if len(found) > MOST_NETWORKS:
            raise Mistake(f"{name} has more than {MOST_NETWORKS:,} networks; name larger ones")
    return Networks(*(_ranges(one for one in found if one.version == version) for version in (4, 6)))


def _ranges(networks: Iterable[IPv4Network | IPv6Network]) -> tuple[tuple[int, int], ...]:
    """First and last address of each, sorted; neighbours are joined."""
    ranges: list[tuple[int, int]] = []
    for first, last in sorted((int(one.network_address), int(one.broadcast_address)) for one in networks):
        if ranges and first <= ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], max(last, ranges[-1][1])
        else:
            ranges.append((first, last))
    return tuple(ranges)
