"""So many a minute from one network, and no more: in memory, of this process alone."""

from collections import OrderedDict
from datetime import datetime, timedelta

MOST_NETWORKS = 10_000
_MINUTE = timedelta(minutes=1)


class Limit:
    """At most `most` requests per network in each minute that begins with its first one.

    Remembers the 10,000 networks seen last. Takes business time; a step backwards refills nothing.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._minutes: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def takes(self, network: str, now: datetime) -> bool:
        """Whether one more is welcome; counts it."""
        begun, count = self._minutes.pop(network, (now, 0))
        if now - begun >= _MINUTE:
            begun, count = now, 0
        self._minutes[network] = (begun, count + 1)
        if len(self._minutes) > MOST_NETWORKS:
            self._minutes.popitem(last=False)
        return count < self.most
