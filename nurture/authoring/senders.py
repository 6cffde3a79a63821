"""Who writes: what law and large receivers ask of a sender before anything may leave.

Two kinds of rules. `check_sender` is part of every reading of a programme, from files or from the store, so
no programme that breaks one can be active or send. `refusals` looks at the settings too: what is right for a
workshop is not yet right for mail that reaches the world. `docs/senders.md` says where each comes from.
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from nurture.authoring.problems import shown
from nurture.authoring.source import Source
from nurture.core.freemail import FREE_MAIL
from nurture.core.programme import Sender
from nurture.settings import Settings

LONGEST_NAME = 200
"""Characters of a name in a From line."""

MAIL_PORTS = (25, 465, 587)
"""On these a server on this machine is a mail server like any other; on another port it is a workshop."""

_RESERVED = ("example", "test", "invalid", "localhost", "local", "example.com", "example.net", "example.org")
"""Domains that nobody owns (RFC 2606, RFC 6761, RFC 6762)."""
_SECOND_LEVELS = frozenset(
    ("ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ltd", "me", "ne", "net", "nhs", "or", "org", "plc")
)
"""Below two-letter countries (co.uk, com.au) these are registries, not companies."""
_ONE_MAILBOX = re.compile(r'[^\s@<>,;"]+@[^\s@<>,;"]+')
"""Enough to look at; whether it is an address is told elsewhere."""
_NO_REPLY = frozenset(("noreply", "donotreply", "nichtantworten", "nepasrepondre"))


def aligned(one: str, other: str) -> bool:
    """Whether two domains belong to one owner, as far as names show it: DMARC's relaxed alignment (RFC 9989).

    The public suffix list is not asked; the usual second levels of countries (co.uk) are known.
    """
    labels = zip(reversed(one.lower().split(".")), reversed(other.lower().split(".")), strict=False)
    shared = []
    for mine, theirs in labels:
        if mine != theirs:
            break
        shared.append(mine)
    registry = len(shared) == 2 and len(shared[0]) == 2 and shared[1] in _SECOND_LEVELS
    return one.lower() == other.lower() or (len(shared) >= 2 and not registry)


def is_reserved(domain: str) -> bool:
    """Whether mail to this domain can reach nobody: an example's, or a name without a dot."""
    domain = domain.lower().rstrip(".")
    return "." not in domain or any(domain == name or domain.endswith(f".{name}") for name in _RESERVED)


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def reaches_the_world(settings: Settings) -> bool:
    """Whether mail may leave this machine: there is a server, and it is no workshop's.

    Without [smtp] mail goes to files; a server on this machine at a port other than 25, 465 and 587 is a
    workshop's.
    """
    smtp = settings.smtp
    return smtp is not None and not (is_here(smtp.host) and smtp.port not in MAIL_PORTS)


def check_sender(source: Source) -> None:
    """The [sender] of nurture.toml: one mailbox of our own domain, a name, a company, a postal address."""
    _check_words(source)
    for key in ("address", "reply_to"):
        address = source.at("sender", key)
        if not isinstance(address, str) or not _ONE_MAILBOX.fullmatch(address):
            continue
        _check_mailbox(source, key, address)
        if key == "address" and address.isascii():
            _check_domain(source, address.rpartition("@")[2].lower())


def refusals(sender: Sender, settings: Settings, example: Sender) -> list[str]:
    """Why nothing may be sent to the world by this sender under these settings, a sentence each.

    Nothing if it may, or if mail does not reach the world. `example` is the sender that ships with nurture.
    """
    if not reaches_the_world(settings):
        return []
    return [
        *_still_the_example(sender, example),
        *_public_refused(settings.web.public),
        *_returns_refused(settings.mailbox.domain),
    ]


def _check_words(source: Source) -> None:
    for key in ("name", "company"):
        text = source.at("sender", key)
        if isinstance(text, str) and (len(text) > LONGEST_NAME or not text.isprintable() or "=?" in text):
            what = f"{shown(text)} cannot stand in a message's head"
            hint = f"one line of at most {LONGEST_NAME} characters, without =?"
            source.wrong(("sender", key), what, hint)
    postal = source.at("sender", "postal")
    if isinstance(postal, str) and postal.strip() and not _is_postal(postal):
        hint = "write street or box, town and country: law asks for it in every message"
        source.wrong(("sender", "postal"), f"{shown(postal)} is no postal address", hint)


def _is_postal(text: str) -> bool:
    words = text.replace(",", " ").split()
    return len(words) >= 2 and len(text.strip()) >= 8 and any(letter.isalpha() for letter in text)


def _check_mailbox(source: Source, key: str, address: str) -> None:
    local = address.partition("@")[0].lower()
    if not address.isascii():
        hint = "write it in ASCII, an international domain as xn--..."
        source.wrong(("sender", key), f"{shown(address)} cannot stand in a message's head", hint)
    if "".join(filter(str.isalpha, local)) in _NO_REPLY:
        what = f"nobody reads what is answered to {shown(address)}"
        source.wrong(("sender", key), what, "people do answer; set reply_to to somebody", warning=True)
    if key == "reply_to" and address.rpartition("@")[2].lower() in FREE_MAIL:
        what = f"answers go to a mailbox provider, {shown(address)}"
        source.wrong(("sender", key), what, "an address of your own domain is trusted more", warning=True)


def _check_domain(source: Source, domain: str) -> None:
    """DMARC: receivers refuse a From line whose domain is not the one that sends."""
    if domain in FREE_MAIL:
        what = f"{domain} is a mailbox provider's, and receivers refuse its name from anybody else's server"
        source.wrong(("sender", "address"), what, "write from a domain of your own")
        return
    hosts = _hosts(source)
    if hosts and not any(aligned(domain, host) for host in hosts):
        what = f"{domain} is neither of the site's domain nor of one of site.hosts"
        hint = f"write from the domain of {hosts[0]}, or name a host of {domain} in site.hosts"
        source.wrong(("sender", "address"), what, hint)


def _hosts(source: Source) -> list[str]:
    """The hosts of our site, its own first; nothing if the site cannot be read, which is told elsewhere."""
    url = source.at("site", "url")
    try:
        own = urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        own = None
    return [own, *(host for _, host in source.words("site", "hosts"))] if own else []


def _still_the_example(sender: Sender, example: Sender) -> list[str]:
    own = "write your own and run `nurture apply`"
    found = [
        f"nurture.toml [sender] {key}: nobody owns {domain}, a domain for examples; {own}."
        for key, address in (("address", sender.address), ("reply_to", sender.reply_to))
        if address and is_reserved(domain := address.rpartition("@")[2])
    ]
    found += [
        f"nurture.toml [sender] {key} is still the shipped example's; {own}."
        for key in ("postal", "company")
        if getattr(sender, key).strip() == getattr(example, key)
    ]
    return found


def _public_refused(public: str) -> list[str]:
    parts = urlsplit(public)
    if parts.scheme != "https":
        why = "one-click unsubscribing needs https (RFC 8058); put a web server with TLS before it"
        return [f"nurture.toml [web] public is {public}: {why} and write its address."]
    if not _is_public(parts.hostname or ""):
        return [
            f"nurture.toml [web] public is {public}, which no recipient can reach; write its public address."
        ]
    return []


def _returns_refused(domain: str) -> list[str]:
    """Returned mail of a domain that is not ours goes to somebody else, with our signed addresses in it."""
    if domain and is_reserved(domain):
        return [
            f"nurture.toml [mailbox] domain: nobody owns {domain}, a domain for examples; write your own."
        ]
    if domain in FREE_MAIL:
        return [f"nurture.toml [mailbox] domain: {domain} is a mailbox provider's; write one of your own."]
    return []


def _is_public(host: str) -> bool:
    """Whether a host may be reached from anywhere, as far as its name or address shows."""
    try:
        return ip_address(host.strip("[]")).is_global
    except ValueError:
        return not is_reserved(host)
