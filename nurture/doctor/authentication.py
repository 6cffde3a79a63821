"""What the DNS says of the domain that sends: SPF, DKIM, DMARC, and whether the relay's addresses have names.

Large receivers ask for all four (docs/senders.md). What only an arriving message can show is not claimed.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

import dns.resolver

from nurture.authoring import aligned
from nurture.doctor import dmarc, spf
from nurture.doctor.findings import Finding, Group
from nurture.doctor.resolving import ALL_SECONDS, Address, Answer, Questions, Said
from nurture.settings import Smtp

_MOST_ADDRESSES = 4
"""Of a relay that are looked at."""
_SHORTEST_KEY, _SHORT_KEY = 160, 290
"""Bytes of an RSA public key of 1,024 bits, and of 2,048, in DER (with a little room)."""

_dns = Group("dns")
NOBODY = "no resolver answered, so SPF, DKIM, DMARC and PTR were not looked at"


def examine_dns(
    domain: str, smtp: Smtp, resolver: dns.resolver.Resolver | None = None, *, returns: str = ""
) -> Iterator[Finding]:
    """SPF, DKIM, DMARC and PTR for mail from `domain` through this relay, within ten seconds.

    `resolver`: another one than the system's. `returns`: the domain of the envelope, if it is another: SPF is
    asked of it, and it must take mail.
    """
    try:
        questions = Questions(resolver or dns.resolver.get_default_resolver(), ALL_SECONDS)
    except dns.resolver.NoResolverConfiguration:
        yield _dns.warn("resolver", NOBODY)
        return
    if not questions.anybody_there(domain):
        yield _dns.warn("resolver", NOBODY)
        return
    if questions.text(domain).said == Said.NO_NAME:
        does = "register it, or correct [sender] address in nurture.toml"
        yield _dns.wrong("domain", f"there is no domain {domain} (NXDOMAIN): receivers refuse its mail", does)
        return
    answer, addresses = _relay(questions, smtp.host)
    envelope = returns or domain
    yield from _spf(questions, envelope, [address for address in addresses if address.is_global])
    if returns:
        yield _takes_mail(questions, returns)
    policy = dmarc.find(questions, domain)
    yield from _dmarc(policy, domain, envelope)
    yield from _dkim(questions, domain, policy, smtp.dkim_selectors)
    yield from _ptr(questions, smtp.host, answer, addresses)


def _relay(questions: Questions, host: str) -> tuple[Answer, Sequence[Address]]:
    try:
        return Answer(Said.FOUND), (ip_address(host),)
    except ValueError:
        answer, addresses = questions.addresses(host)
        return answer, addresses[:_MOST_ADDRESSES]


def _takes_mail(questions: Questions, returns: str) -> Finding:
    """Whether bounces and answers can come to their domain (RFC 5321, 5.1)."""
    answer = questions.mail(returns)
    if answer.records:
        return _dns.ok("returns", f"mail to {returns} goes to {', '.join(answer.records[:_MOST_ADDRESSES])}")
    if not answer.is_known:
        return _unseen("returns", f"{returns}: {answer.said.value}")
    if questions.addresses(returns)[1]:
        return _dns.warn("returns", f"{returns} has no MX, so mail goes to its own address", "publish an MX")
    does = f"publish an MX at {returns}, or take [mailbox] domain out of nurture.toml"
    return _dns.wrong("returns", f"no mail can come to {returns}: many receivers refuse what it sends", does)


def _unseen(name: str, what: str) -> Finding:
    return _dns.warn(name, f"not looked at; {what}", "try again later")


def _spf(questions: Questions, domain: str, relay: Sequence[Address]) -> Iterator[Finding]:
    answer = questions.text(domain)
    found = spf.records_of(answer.records)
    if not answer.is_known:
        yield _unseen("SPF", f"{domain}: {answer.said.value}")
    elif not found:
        does = f'publish one TXT record at {domain}: "v=spf1 include:YOUR-RELAY -all"; your relay says what'
        yield _dns.wrong("SPF", f"{domain} has no SPF record; large receivers refuse bulk mail without", does)
    elif len(found) > 1:
        does = "join them in one: receivers ignore all of them"
        yield _dns.wrong("SPF", f"{domain} has {len(found)} SPF records (RFC 7208, 4.5)", does)
    else:
        yield from _walked(questions, domain, relay)


def _walked(questions: Questions, domain: str, relay: Sequence[Address]) -> Iterator[Finding]:
    walk = spf.Walk(questions, addresses=bool(relay))
    try:
        policy = walk.read(domain)
    except spf.Unusable as wrong:
        yield _dns.wrong(
            "SPF", f"the record of {domain} {wrong}", "correct it: receivers treat it as an error"
        )
        return
    except spf.Unanswered as silent:
        yield _unseen("SPF", str(silent))
        return
    counted = f"one record at {domain}, {walk.lookups} of {spf.MOST_LOOKUPS} lookups"
    match policy.ending:
        case "-all" | "~all" as ending:
            yield _dns.ok("SPF", f"{counted}, ends with {ending}")
        case "+all":
            yield _dns.wrong("SPF", f"{counted}, ends with +all: everybody may send", "end it with -all")
        case ending:
            says = f"{counted}, ends with {ending or 'nothing'}: it says nothing of anybody else"
            yield _dns.warn("SPF", says, "end it with -all or ~all")
    for address in relay:
        yield _covered(policy, address, domain)


def _covered(policy: spf.Policy, address: Address, domain: str) -> Finding:
    match spf.verdict_on(policy, address):
        case "pass":
            return _dns.ok("SPF relay", f"the record of {domain} names {address}, an address of the relay")
        case "unknown":
            says = f"whether {address}, an address of the relay, is named hangs on a macro, exists or ptr"
            return _dns.warn("SPF relay", says, "look for spf=pass on a message that arrived")
        case verdict:
            says = f"{address}, an address of the relay, is not named ({verdict})"
            does = "add the relay's include; fine if it sends from other addresses, which cannot be seen here"
            return _dns.warn("SPF relay", says, does)


def _dmarc(found: dmarc.Found, domain: str, envelope: str) -> Iterator[Finding]:
    policy = found.policy(domain)
    if found.doubled:
        says = f"{found.doubled} has more than one DMARC record: receivers ignore them"
        yield _dns.wrong("DMARC", says, f"leave one at _dmarc.{found.doubled}")
    elif found.record is None and found.trouble:
        yield _unseen("DMARC", found.trouble)
    elif found.record is None:
        does = f'publish TXT at _dmarc.{domain}: "v=DMARC1; p=none; rua=mailto:..."'
        yield _dns.wrong(
            "DMARC", f"no record at {domain} nor above it: large receivers refuse bulk mail", does
        )
    elif not policy:
        does = "write p=none, p=quarantine or p=reject"
        yield _dns.wrong("DMARC", f"the record at _dmarc.{found.record.domain} has no policy (p=)", does)
    else:
        yield from _policy(found.record, policy, domain)
        yield _aligned(found, domain, envelope)


def _policy(record: dmarc.Published, policy: str, domain: str) -> Iterator[Finding]:
    whose = "" if record.domain == domain else f", inherited from {record.domain}"
    watches = " (watches only; enough for bulk mail)" if policy == "none" else ""
    reports = "" if "rua" in record.tags else "; nobody gets reports (rua=)"
    yield _dns.ok("DMARC", f"p={policy}{watches} for {domain}{whose}{reports}")


def _aligned(found: dmarc.Found, domain: str, envelope: str) -> Finding:
    """Whether SPF can be aligned with From at all; if not, DMARC rests on DKIM alone."""
    if envelope == domain:
        both = f"From and envelope are both at {domain}"
        return _dns.ok("alignment", f"{both}, so SPF is aligned wherever it passes")
    strict = found.record is not None and found.record.tags.get("aspf") == "s"
    if not strict and aligned(domain, envelope):
        both = f"From is at {domain} and the envelope at {envelope}, of one owner"
        return _dns.ok("alignment", f"{both}, so SPF is aligned wherever it passes")
    why = "aspf=s asks for the same domain" if strict else "they are of different owners"
    does = f"have the relay sign DKIM as {domain}, or choose [mailbox] domain below it"
    says = f"SPF is never aligned: From is at {domain}, the envelope at {envelope}, and {why}"
    return _dns.warn("alignment", f"{says}; DMARC rests on DKIM alone", does)


def _dkim(
    questions: Questions, domain: str, policy: dmarc.Found, selectors: Sequence[str]
) -> Iterator[Finding]:
    if not selectors:
        says = "without its selectors a key cannot be found; DKIM can only be seen on a message that arrived"
        does = 'name them in nurture.toml: [smtp] dkim_selectors = ["s1"]; they stand as s= in DKIM-Signature'
        yield _dns.warn("DKIM", says, does)
    strict = policy.record is not None and policy.record.tags.get("adkim") == "s"
    for selector in selectors:
        yield _key(questions, selector, domain, policy.organisation, strict=strict)


def _key(questions: Questions, selector: str, domain: str, organisation: str, *, strict: bool) -> Finding:
    """The key of a selector at the From domain, or at the organisational one, whose signature aligns too."""
    for place in dict.fromkeys((domain, organisation)):
        name = f"{selector}._domainkey.{place}"
        answer = questions.text(name)
        if not answer.is_known:
            return _unseen("DKIM", f"{name}: {answer.said.value}")
        if answer.records and strict and place != domain:
            does = f"sign as {domain}, or publish adkim=r"
            return _dns.wrong("DKIM", f"the key at {name} is not aligned with {domain} (adkim=s)", does)
        if answer.records:
            return _judged(name, answer.records)
    does = f"publish the key that your relay shows, as TXT or CNAME at {selector}._domainkey.{domain}"
    return _dns.wrong("DKIM", f"no key at {selector}._domainkey.{domain}; {answer.said.value}", does)


def _judged(name: str, records: Sequence[str]) -> Finding:
    tags = dmarc.tags_of(records[0])
    publish = "publish the key that your relay shows"
    if len(records) > 1:
        return _dns.wrong("DKIM", f"{len(records)} records at {name}: receivers may take either", "leave one")
    if tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        return _dns.wrong("DKIM", f"what stands at {name} is no key", publish)
    if not tags["p"]:
        return _dns.wrong("DKIM", f"the key at {name} is revoked (p= is empty)", f"{publish} or sign anew")
    try:
        length = len(b64decode(tags["p"], validate=True))
    except (binascii.Error, ValueError):
        return _dns.wrong("DKIM", f"the key at {name} is not base64", publish)
    if tags.get("k", "rsa") == "rsa" and length < _SHORT_KEY:
        does = "make one of 2,048 bits (RFC 8301)"
        says = f"the RSA key at {name} is shorter than {1024 if length < _SHORTEST_KEY else 2048} bits"
        return _dns.wrong("DKIM", says, does) if length < _SHORTEST_KEY else _dns.warn("DKIM", says, does)
    if "y" in tags.get("t", "").split(":"):
        return _dns.warn("DKIM", f"the key at {name} says that it is being tried out (t=y)", "take t=y away")
    return _dns.ok("DKIM", f"a key at {name}; that messages are signed with it shows when one arrives")


def _ptr(questions: Questions, host: str, answer: Answer, addresses: Sequence[Address]) -> Iterator[Finding]:
    if not addresses:
        say = _dns.wrong if answer.said == Said.NO_NAME else _dns.warn
        yield say("relay", f"{host}: {answer.said.value}", "correct [smtp] host in nurture.toml")
    for address in addresses:
        if not address.is_global:
            does = "look at the Received lines of a message that arrived"
            yield _dns.warn("PTR", f"{address} is private: what the relay sends from is not seen here", does)
        else:
            yield _named(questions, address)


def _named(questions: Questions, address: Address) -> Finding:
    """Forward-confirmed reverse DNS: the address has a name, and the name has the address."""
    does = "ask whoever gives the address; fine if the relay sends from others, which cannot be seen here"
    answer = questions.names(address)
    if not answer.is_known:
        return _unseen("PTR", f"{address}: {answer.said.value}")
    if not answer.records:
        return _dns.warn("PTR", f"{address} has no name: Gmail refuses mail from it", does)
    for name in answer.records[:_MOST_ADDRESSES]:
        if address in questions.addresses(name)[1]:
            return _dns.ok("PTR", f"{address} is {name}, and back")
    return _dns.warn("PTR", f"{address} is {answer.records[0]}, which does not lead back to it", does)
