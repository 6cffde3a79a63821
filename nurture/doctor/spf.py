"""SPF (RFC 7208): who may send in the name of a domain, as a policy read from the DNS and walked.

The walk follows `include` and `redirect` and counts what a receiver would have to look up; beyond ten a
receiver gives up (4.6.4). `exists`, `ptr` and macros depend on the message and are counted, not evaluated.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal, NamedTuple

from nurture.doctor.resolving import Address, Questions

MOST_LOOKUPS = 10
_MOST_HOSTS = 10
"""Hosts of one `mx` that count (4.6.4)."""

Verdict = Literal["pass", "fail", "softfail", "neutral", "unknown"]

_RECORD = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
_TERM = re.compile(
    r"(?P<sign>[+?~-]?)(?P<kind>all|include|a|mx|ptr|ip4|ip6|exists)(?::(?P<value>[^/\s]*(?:/(?=[^\d/])[^/\s]*)*))?"
    r"(?P<width>/\d{1,3})?(?P<width6>//\d{1,3})?",
    re.IGNORECASE,
)
_MODIFIER = re.compile(r"(?P<name>[a-z][a-z0-9_.-]*)=(?P<value>\S*)", re.IGNORECASE)
_LOOKED_UP = ("include", "a", "mx", "ptr", "exists", "redirect")
_SIGNS: dict[str, Verdict] = {"": "pass", "+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


class Unusable(Exception):
    """A receiver would ignore the policy, or fail on it. The text says why, as the end of a sentence."""


class Unanswered(Exception):
    """The DNS did not say; the text says what was asked and how it ended."""


class Term(NamedTuple):
    """A mechanism: what follows if it matches, and what it matches, as far as that can be known here."""

    verdict: Verdict
    kind: str
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    inside: "Policy | None" = None
    is_known: bool = True


class Policy(NamedTuple):
    """The terms of one record in their order; `redirect` has become the last one's policy."""

    domain: str
    terms: tuple[Term, ...]
    redirect: "Policy | None" = None

    @property
    def ending(self) -> str:
        """The last word, as it is written: -all, ~all, ?all, +all; empty where there is none."""
        for term in self.terms:
            if term.kind == "all":
                return {"pass": "+", "fail": "-", "softfail": "~"}.get(term.verdict, "?") + "all"
        return self.redirect.ending if self.redirect else ""


def records_of(records: Sequence[str]) -> list[str]:
    """The SPF records among the TXT records of a name."""
    return [record for record in records if _RECORD.match(record)]


class Walk:
    """Reads a policy with all it includes. `lookups` is how many of a receiver's ten it takes."""

    def __init__(self, questions: Questions, *, addresses: bool) -> None:
        """`addresses`: whether to look up those of `a` and `mx` too, to compare them with a relay's."""
        self._questions = questions
        self._addresses = addresses
        self.lookups = 0

    def read(self, domain: str, above: tuple[str, ...] = ()) -> Policy:
        """The policy of a domain. Raises Unusable or Unanswered."""
        if domain in above:
            raise Unusable(f"includes itself: {' -> '.join((*above, domain))}")
        answer = self._questions.text(domain)
        if not answer.is_known:
            raise Unanswered(f"{domain}: {answer.said.value}")
        found = records_of(answer.records)
        if len(found) != 1:
            raise Unusable(f"needs {domain}, which has {len(found) or 'no'} SPF record{'s'[: len(found)]}")
        return self._policy(domain, found[0], (*above, domain))

    def _policy(self, domain: str, record: str, above: tuple[str, ...]) -> Policy:
        terms: list[Term] = []
        redirect = None
        for word in record.split()[1:]:
            if mechanism := _TERM.fullmatch(word):
                terms.append(self._term(mechanism, domain, above))
            elif not (modifier := _MODIFIER.fullmatch(word)):
                raise Unusable(f"holds {word[:60]!r} at {domain}, which means nothing")
            elif modifier["name"].lower() == "redirect":
                redirect = modifier["value"]
        if redirect is None or any(term.kind == "all" for term in terms):  # RFC 7208, 6.1
            return Policy(domain, tuple(terms))
        self._count("redirect")
        return Policy(domain, tuple(terms), self.read(redirect.lower(), above))

    def _term(self, found: re.Match[str], domain: str, above: tuple[str, ...]) -> Term:
        kind, verdict = found["kind"].lower(), _SIGNS[found["sign"]]
        value = (found["value"] or "").lower().rstrip(".")
        self._count(kind)
        if kind in ("ip4", "ip6"):
            return Term(verdict, kind, (_network(found.group()),))
        if kind in ("exists", "ptr") or "%" in value:
            return Term(verdict, kind, is_known=False)
        if kind == "include":
            if not value:
                raise Unusable(f"holds an include without a domain at {domain}")
            return Term(verdict, kind, inside=self.read(value, above))
        if kind == "all" or not self._addresses:
            return Term(verdict, kind, is_known=kind == "all")
        return self._hosts(verdict, kind, value or domain, found)

    def _hosts(self, verdict: Verdict, kind: str, name: str, found: re.Match[str]) -> Term:
        hosts: tuple[str, ...] = (name,)
        known = True
        if kind == "mx":
            answer = self._questions.mail(name)
            hosts, known = answer.records[:_MOST_HOSTS], answer.is_known
        networks = []
        for host in hosts:
            answer, addresses = self._questions.addresses(host)
            known = known and answer.is_known
            for address in addresses:
                width = found["width" if address.version == 4 else "width6"]
                networks.append(
                    ip_network(f"{address}{'/' + width.strip('/') if width else ''}", strict=False)
                )
        return Term(verdict, kind, tuple(networks), is_known=known)

    def _count(self, kind: str) -> None:
        self.lookups += kind in _LOOKED_UP
        if self.lookups > MOST_LOOKUPS:
            raise Unusable(
                f"takes more than {MOST_LOOKUPS} lookups, where receivers give up (RFC 7208, 4.6.4)"
            )


def verdict_on(policy: Policy, address: Address) -> Verdict:
    """What the policy says of mail from an address; unknown where that hangs on what was not evaluated."""
    certain = True
    for term in policy.terms:
        matches = _matches(term, address)
        if matches and (certain or term.verdict == "pass"):
            return term.verdict
        certain = certain and matches is False
    if not certain:
        return "unknown"
    return verdict_on(policy.redirect, address) if policy.redirect else "neutral"


def _matches(term: Term, address: Address) -> bool | None:
    if term.kind == "all":
        return True
    if term.inside is not None:
        inner = verdict_on(term.inside, address)
        return None if inner == "unknown" else inner == "pass"
    if any(address in network for network in term.networks):
        return True
    return False if term.is_known else None


def _network(word: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(word.partition(":")[2], strict=False)
    except ValueError:
        raise Unusable(f"holds {word[:60]!r}, which is no address") from None
