"""The settings, keys and files of a workspace, looked at without opening the store."""

import hashlib
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from nurture.assembly import example_sender
from nurture.authoring import Loaded, aligned, is_here, is_reserved, reaches_the_world, refusals
from nurture.core.programme import Programme, Sender
from nurture.doctor.findings import Finding, Group
from nurture.errors import Mistake
from nurture.secrets import SECRETS, Secrets
from nurture.settings import Settings
from nurture.web.endpoints import endpoints

_MOST_SHOWN = 5

_workspace = Group("workspace")
_sender = Group("sender")
_mail = Group("mail")
_web = Group("web")


def examine_secrets(folder: Path, secrets: Secrets) -> Iterator[Finding]:
    """Who may read the keys, and which they are."""
    mode = stat.S_IMODE((folder / SECRETS).stat().st_mode)
    if mode & 0o077:
        says = f"{SECRETS} can be read by others (mode {mode:04o})"
        yield _workspace.wrong("keys", says, f"chmod 600 {SECRETS}, and think about new token keys")
        return
    shown = ", ".join(f"{name} {_fingerprint(key)}" for name, key in sorted(secrets.tokens.items()))
    yield _workspace.ok("keys", f"tokens {shown}; {secrets.current} signs; yours alone to read")


def _fingerprint(key: bytes) -> str:
    """Eight signs that tell keys apart and say nothing about them."""
    return hashlib.sha256(b"nurture fingerprint" + key).hexdigest()[:8]


def examine_files(loaded: Loaded, active: str | None, changed: str) -> Iterator[Finding]:
    """Whether the authored files are a programme, and the active one; `changed`: which files differ."""
    for problem in loaded.errors[:_MOST_SHOWN]:
        yield _workspace.wrong("files", str(problem), "correct it; `nurture check` shows all")
    if loaded.workspace is None:
        return
    version = (
        f"programme {loaded.workspace.hash[:12]}, agreement v{loaded.workspace.programme.agreement.version}"
    )
    if active is None:
        yield _workspace.ok("files", f"{version}; the first import, run or wake makes it active")
    elif active == loaded.workspace.hash:
        yield _workspace.ok("files", f"{version} is active")
    else:
        says = f"not what runs, which is {active[:12]}: {changed}"
        yield _workspace.warn("files", says, "`nurture apply` makes the files here active")
    warnings = [problem for problem in loaded.problems if problem.warning]
    if warnings:
        says = f"{len(warnings)} warning{'s'[: len(warnings) - 1]}, first: {warnings[0]}"
        yield _workspace.warn("files", says, "`nurture check` shows all")


def differing(here: Mapping[str, str], active: Mapping[str, str]) -> str:
    """The files that are not the same, named."""
    names = sorted(name for name in here.keys() | active.keys() if here.get(name) != active.get(name))
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more + (" differ" if len(names) > 1 else " differs")


def examine_sender(programme: Programme, settings: Settings) -> Iterator[Finding]:
    """Who writes, by the programme that is or becomes active: what every reading of it has proven."""
    sender = programme.sender
    for sentence in refusals(sender, settings, example_sender()):
        yield _sender.wrong("refused", sentence, "until then apply, run and wake refuse")
    if not reaches_the_world(settings) and _is_example(sender):
        says = "still the shipped example's"
        yield _sender.warn("sender", says, "write your own [sender] before mail leaves this machine")
    yield _sender.ok("identity", f"{sender.name} <{sender.address}>, {sender.company}")
    yield _sender.ok("postal address", " ".join(sender.postal.split()))
    count = len(programme.pieces)
    yield _sender.ok(
        "footer", f"{count} pieces show who writes, the postal address and a link to unsubscribe"
    )
    domain = sender.domain
    owned = ", ".join(host for host in programme.site.hosts if aligned(domain, host))
    yield _sender.ok("From", f"one mailbox at {domain}, of the same owner as {owned}")
    if reaches_the_world(settings):
        yield from _leads_nowhere(programme)


def _leads_nowhere(programme: Programme) -> Iterator[Finding]:
    """Addresses of the example beside the sender's own: nothing is refused for them, but nobody is there."""
    site = urlsplit(programme.site.url).hostname or ""
    if is_reserved(site):
        yield _sender.warn("site", f"links lead to {site}, which nobody owns", "write your own [site] url")
    if any(is_reserved(to.rpartition("@")[2]) for to in programme.sales):
        says = "leads go to an address for examples, where nobody reads"
        yield _sender.warn("sales", says, "write your own [sales] to")


def _is_example(sender: Sender) -> bool:
    example = example_sender()
    return sender.address == example.address or sender.postal == example.postal


def examine_mail(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    """The way out."""
    smtp = settings.smtp
    if smtp is None:
        yield _mail.ok("way out", "no [smtp]: mail goes to files in outbox/, nothing leaves this machine")
        return
    where = f"{smtp.host}:{smtp.port}, {smtp.security}, {smtp.connections} connections"
    if not reaches_the_world(settings):
        yield _mail.ok("way out", f"{where}: a workshop on this machine, not a mail server's port")
    elif smtp.security == "none" and not is_here(smtp.host):
        does = 'set [smtp] security = "starttls" or "tls" in nurture.toml'
        yield _mail.wrong("way out", f"{where}: messages and password cross the network in clear", does)
    else:
        yield _mail.ok("way out", where)
    if smtp.user and not secrets.smtp_password:
        does = f"put [smtp] password into {SECRETS}"
        yield _mail.wrong("password", f"[smtp] user is {smtp.user}, and there is no password", does)
    elif secrets.smtp_password and not smtp.user:
        does = "name the user in nurture.toml, [smtp] user"
        yield _mail.warn("password", "there is a password and nobody signs in with it", does)
    if reaches_the_world(settings) and not settings.alerts:
        does = 'set alerts = "mailto:..." at the top of nurture.toml'
        yield _mail.warn("alerts", "nobody is told of trouble", does)
    if reaches_the_world(settings) and settings.clock == "virtual":
        does = 'take clock = "virtual" out of nurture.toml'
        yield _mail.wrong("clock", "time is virtual, and mail reaches real people", does)


def examine_mailbox(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    """The way back."""
    box = settings.mailbox
    read = box.host or box.maildir
    if read:
        where = f"the maildir {box.maildir}" if box.maildir else f"{box.folder} at {box.host}, {box.security}"
        yield _mail.ok("way back", f"{where}; {_named_after(box.domain)}")
    elif box.domain:
        does = "name [mailbox] host or maildir in nurture.toml, or feed files to `nurture intake mail`"
        yield _mail.warn("way back", f"mail comes back to {box.domain}, and nothing here reads it", does)
    elif reaches_the_world(settings) and not settings.webhooks:
        does = "set [mailbox] in nurture.toml (docs/returns.md), or a provider's webhook"
        yield _mail.warn("way back", "bounces and answers are not read", does)
    if box.host and not secrets.mailbox_password:
        does = f"put [mailbox] password into {SECRETS}"
        yield _mail.wrong("mailbox password", f"[mailbox] host is {box.host}, and there is no password", does)


def _named_after(domain: str) -> str:
    if domain:
        return f"messages name themselves in addresses of {domain}"
    return "without [mailbox] domain, only answers that name our Message-ID are known"


def examine_web(settings: Settings) -> Iterator[Finding]:
    """Where links lead, and what is counted."""
    web = settings.web
    public, (host, _, port) = urlsplit(web.public), web.bind.rpartition(":")
    yield _web.ok("public pages", f"at {web.public}, listening on {web.bind}")
    if is_here(public.hostname or "") and str(public.port or 80) != port:
        says = f"links lead to port {public.port or 80} of this machine, and {port} is listened on"
        yield _web.warn("bind", says, "make [web] bind and public agree")
    if not is_here(host):
        does = 'set [web] bind = "127.0.0.1:8025" and put a web server with TLS before it'
        yield _web.warn("bind", f"{web.bind} is open to the network, without TLS", does)
    elif public.scheme == "https" and not web.trusted_proxies:
        says = "everybody seems to come from the web server before it"
        yield _web.warn("proxies", says, 'name it: [web] trusted_proxies = ["127.0.0.1"]')
    if settings.tracking == "full":
        does = 'have consent for it (ePrivacy 5(3)), or set tracking = "clicks"'
        yield _web.warn("tracking", "full: opens are counted by a picture in every message", does)
    else:
        yield _web.ok("tracking", f"{settings.tracking}: no pictures that report opens")


def examine_webhooks(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    """Who may tell us what became of mail; nothing, where nobody may."""
    try:
        found = endpoints(settings.webhooks, secrets.webhooks)
    except Mistake as wrong:
        yield _web.wrong("webhooks", str(wrong), "correct it; until then `nurture run` refuses")
        return
    if found:
        known = ", ".join(f"{name} ({one.provider})" for name, one in found.items())
        yield _web.ok("webhooks", f"{known}; `nurture webhook list` says what came")
