"""Questions to the DNS. Each has one of five kinds of answer; one takes 3 seconds at most, all of them 10."""

from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename
from dns.rdtypes.txtbase import TXTBase

from nurture import clock

LOOKUP_SECONDS = 3.0
ALL_SECONDS = 10.0

Address = IPv4Address | IPv6Address


class Said(Enum):
    """How a question ended; the value is its words."""

    FOUND = "found"
    NOTHING = "there is no such record"
    NO_NAME = "there is no such name (NXDOMAIN)"
    FAILED = "its name server failed (SERVFAIL)"
    SILENT = "nobody answered in time"


class Answer(NamedTuple):
    """How a question ended, and the records, CNAMEs followed and a record's strings joined."""

    said: Said
    records: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the DNS has said what there is, be it nothing."""
        return self.said not in (Said.FAILED, Said.SILENT)


class Questions:
    """A resolver with a budget of time, which remembers what it was told."""

    def __init__(self, resolver: dns.resolver.Resolver, seconds: float) -> None:
        self._resolver = resolver
        self._until = clock.tick() + seconds
        self._told: dict[tuple[str, str], Answer] = {}

    def anybody_there(self, name: str) -> bool:
        """Whether a resolver answers at all: asked about `name`, or else about the root."""
        return any(self._ask(each, "NS").said != Said.SILENT for each in (name, "."))

    def text(self, name: str) -> Answer:
        """TXT."""
        return self._ask(name, "TXT")

    def mail(self, name: str) -> Answer:
        """MX: the hosts, without their preference."""
        return self._ask(name, "MX")

    def addresses(self, name: str) -> tuple[Answer, tuple[Address, ...]]:
        """A and AAAA; the answer is the one of the two that says more."""
        both = self._ask(name, "A"), self._ask(name, "AAAA")
        found = tuple(ip_address(record) for answer in both for record in answer.records)
        if found:
            return Answer(Said.FOUND), found
        return next((answer for answer in both if not answer.is_known), both[0]), ()

    def names(self, address: Address) -> Answer:
        """PTR."""
        return self._ask(str(dns.reversename.from_address(str(address))), "PTR")

    def _ask(self, name: str, kind: str) -> Answer:
        key = name.lower().rstrip(".") or ".", kind
        if key not in self._told:
            self._told[key] = self._looked_up(*key)
        return self._told[key]

    def _looked_up(self, name: str, kind: str) -> Answer:
        left = self._until - clock.tick()
        if left <= 0:
            return Answer(Said.SILENT)
        try:
            found = self._resolver.resolve(
                name, kind, lifetime=min(LOOKUP_SECONDS, left), search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return Answer(Said.NO_NAME)
        except dns.resolver.NoNameservers as wrong:
            tried = wrong.kwargs.get("errors", ())
            return Answer(Said.FAILED if any(each[4] is not None for each in tried) else Said.SILENT)
        except (dns.exception.Timeout, OSError):
            return Answer(Said.SILENT)
        except (dns.exception.SyntaxError, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
            return Answer(Said.NO_NAME)
        except dns.exception.DNSException:
            return Answer(Said.FAILED)
        records = tuple(_as_text(record) for record in found.rrset or ())
        return Answer(Said.FOUND if records else Said.NOTHING, records)


def _as_text(record: object) -> str:
    if isinstance(record, TXTBase):
        return b"".join(record.strings).decode("ascii", "replace")
    return str(record).split()[-1].rstrip(".").lower()
