"""How much may leave: for the account, for each receiver, and while a new sender warms up. Pure.

A receiver is what judges our mail as one: a large provider with all its domains, else the domain itself.
What the limits are and why: docs/delivery.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from nurture.core.freemail import FREE_MAIL

CONSUMER, OTHER = 20, 60
"""Messages in any minute to a provider of consumer mailboxes, and to any other domain."""

_PROVIDERS: Mapping[str, str] = {
    "gmail": "google", "googlemail": "google",
    "outlook": "microsoft", "hotmail": "microsoft", "live": "microsoft", "msn": "microsoft",
    "windowslive": "microsoft",
    "yahoo": "yahoo", "ymail": "yahoo", "rocketmail": "yahoo", "aol": "yahoo", "aim": "yahoo",
    "verizon": "yahoo", "att": "yahoo", "sbcglobal": "yahoo", "bellsouth": "yahoo",
    "icloud": "apple", "me": "apple", "mac": "apple",
    "gmx": "gmx", "web": "gmx",
    "proton": "proton", "protonmail": "proton", "pm": "proton",
}  # fmt: skip
"""The first word of a consumer domain -> who runs it. Those not named here stand for themselves."""

_RECEIVERS = {domain: _PROVIDERS.get(domain.partition(".")[0], domain) for domain in FREE_MAIL}
_CONSUMER = frozenset(_RECEIVERS.values())


def receiver_of(address: str) -> str:
    """Who receives the mail of an address: a provider's name, or its domain."""
    domain = address.rpartition("@")[2]
    return _RECEIVERS.get(domain, domain)


def is_provider(receiver: str) -> bool:
    """Whether many people of no one company have their mailbox there."""
    return receiver in _CONSUMER


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What an account that is new may send on each day, by the wall clock of `zone`."""

    begins: date
    first_day: int
    grow: float
    target: int
    zone: str

    def allowance(self, day: int, drops: int = 0) -> int:
        """Messages on a day (`date.toordinal`), `drops` steps lower than without trouble; none before."""
        number = day - self.begins.toordinal()
        steps = max(number - drops, 0)
        if number < 0:
            return 0
        return self.target if steps > 99 else min(round(self.first_day * self.grow**steps), self.target)

    def day(self, now: datetime) -> int:
        """Which day it is where the sender is, as `date.toordinal` counts."""
        return now.astimezone(ZoneInfo(self.zone)).toordinal()

    def start(self, day: int) -> datetime:
        """When a day begins there."""
        return datetime.combine(date.fromordinal(day), time(), ZoneInfo(self.zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Limits:
    """Messages in any minute: in all, to one provider of consumer mailboxes, to one other domain.

    None: no limit. `warm_up` limits the day.
    """

    per_minute: int | None = None
    consumer: int | None = CONSUMER
    other: int | None = OTHER
    warm_up: WarmUp | None = None

    def rate(self, receiver: str) -> int | None:
        """For a receiver."""
        return self.consumer if receiver in _CONSUMER else self.other


UNLIMITED = Limits(None, None, None)
"""Where nobody is disturbed. Breakers hold all the same."""
