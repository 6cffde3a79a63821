"""Double opt-in: a ticked box counts once the owner of the address has said so by a link in a mail.

Who may be asked is decided with the form, and looked at again when the mail leaves. The mail leaves at least
once, under the same Message-ID in every try. Rules: docs/site.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.authoring import Workspace
from nurture.core.facts import Consented
from nurture.core.programme import Form, Sender
from nurture.delivery.mime import BadLetter, Letter, Mailbox, build
from nurture.delivery.outcomes import Accepted, Failed, Refused, printable
from nurture.delivery.tokens import Keys, message_id, sign, sign_address
from nurture.delivery.transports.seam import Fence, Mail, Transport
from nurture.engine import relinking
from nurture.engine.shelf import Shelf
from nurture.rendering import CannotRender, render_packet
from nurture.store import Store, confirmations, consents
from nurture.store.confirmations import Asked
from nurture.store.facts import lock, note
from nurture.store.suppressions import lift, reasons_of
from nurture.store.tables import touch_id

PURPOSE = "y"
"""What its tokens are good for; `touch` in them is the number of the confirmation."""

STANDS_FOR = timedelta(days=14)
"""How long the link works."""

NOT_AGAIN = timedelta(hours=24)
"""Between two mails that ask one person."""

MOST_UNANSWERED = 3
"""After so many mails without an answer nobody asks any more."""

BATCH = 20
_TEMPLATE = "confirm"

State = Literal["open", "confirmed", "over", "barred"]
"""What a link is good for. open: it can be used. confirmed: it was. over: too old, or the person told us to
stop after ticking the box. barred: this address is not written to, whatever it confirms."""


@dataclass(frozen=True)
class Ground:
    """What a confirmation is written with."""

    now: datetime
    programme: str
    suppression_key: bytes = field(repr=False)


def ask(
    connection: Connection, form: Form, prospect: int, address: str, network: str, ground: Ground
) -> None:
    """Keep a ticked consent and have its owner asked, unless there is a reason not to."""
    why_not = _why_not(connection, prospect, address, ground)
    confirmations.keep(connection, prospect, form.name, form.consent, network, ground.now, why_not=why_not)


def state_of(connection: Connection, one: Asked, now: datetime, key: bytes) -> State:
    """What the link of a confirmation is good for now."""
    if one.confirmed_at is not None:
        return "confirmed"
    if one.address is None or _barred(connection, one.address, key):
        return "barred"
    if now - one.asked_at > STANDS_FOR or _was_taken_back(connection, one):
        return "over"
    return "open"


def confirm(connection: Connection, id: int, network: str, ground: Ground) -> State | None:
    """The owner of the address has pressed the button: consent from this moment on, with its evidence.

    Gives the state the link was in (open: it was used now), None where there is no such confirmation. A
    suppression by unsubscribing ends, because this is new consent. Doing it again changes nothing.
    """
    found = confirmations.get(connection, id)
    if found is None:
        return None
    lock(connection, [found.prospect])
    one = confirmations.get(connection, id)
    assert one is not None  # its prospect is locked, with whom alone it goes
    state = state_of(connection, one, ground.now, ground.suppression_key)
    if state == "open" and one.address is not None:
        confirmations.confirm(connection, id, ground.now)
        evidence = _evidence(one, network, ground.now)
        given = consents.Evidence(
            one.prospect, "consent", f"form {one.form}", "confirmation", ground.now, evidence
        )
        consents.keep(connection, [given], ground.now)
        lift(connection, ground.suppression_key, one.address, evidence=evidence)
        news = {one.prospect: [(Consented("consent"), ground.now)]}
        note(connection, news, known=ground.now, programme=ground.programme)
    return state


async def mail_confirmations(
    store: Store,
    shelf: Shelf,
    transport: Transport,
    keys: Keys,
    public: str,
    key: bytes,
    now: datetime,
    *,
    returns: str = "",
) -> int:
    """Ask everybody whose mail is due; how many mails were accepted.

    `key` is the suppression key, `returns` the domain whose mail comes back to us, if there is one.
    """
    due = await store.write(lambda connection: confirmations.claim_mail(connection, now, BATCH))
    if not due:
        return 0
    workspace = await store.aread(shelf.active)
    accepted = 0
    for one in due:

        async def may_leave(id: int = one.id) -> bool:
            return await store.aread(lambda connection: _may_leave(connection, id, now, key))

        mailing = _Mailing(workspace, keys, public, returns, now)
        record, done = await _mail(one, mailing, transport, may_leave)
        await store.write(record)
        accepted += done
    return accepted


class _Mailing(NamedTuple):
    """What mails are made with."""

    workspace: Workspace
    keys: Keys
    public: str
    returns: str
    now: datetime


async def _mail(
    one: Asked, mailing: _Mailing, transport: Transport, may_leave: Fence
) -> tuple[Callable[[Connection], None], bool]:
    """What is to be recorded, and whether the server has taken it."""
    again = one._replace(mail_attempts=one.mail_attempts + 1)
    never = partial(confirmations.not_mailed, one=again, for_good=True)
    try:
        letter = _letter(one, mailing)
        back = _back(one, mailing) or letter.sender.address
        mail = Mail(letter.message_id.strip("<>"), back, letter.to.address, build(letter))
    except (CannotRender, BadLetter, LookupError, ValueError) as wrong:
        return partial(never, words=f"cannot be written: {wrong}"), False
    match await transport.send(mail, may_leave):
        case Accepted(words=words):
            return partial(confirmations.mailed, id=one.id, at=mailing.now, words=_said(words, one)), True
        case Refused():
            return partial(never, words="this address is not asked any more"), False
        case Failed(words=words, whose="message" | "domain"):
            return partial(never, words=_said(words, one)), False
        case other:  # sent again where nobody knows: asked twice is better than never
            words = _said(other.words, one)
            return partial(confirmations.not_mailed, one=again, words=words, for_good=False), False


def _said(words: str, one: Asked) -> str:
    return printable(words, one.address or "")


def _may_leave(connection: Connection, id: int, now: datetime, key: bytes) -> bool:
    one = confirmations.get(connection, id)
    return one is not None and state_of(connection, one, now, key) == "open"


def _back(one: Asked, mailing: _Mailing) -> str:
    """Where the mail comes back to if nobody takes it: an address that names the person, and no touch."""
    if not mailing.returns:
        return ""
    return f"{sign_address(mailing.keys, 'b', touch_id(one.prospect, 0))}@{mailing.returns}"


def _letter(one: Asked, mailing: _Mailing) -> Letter:
    workspace, keys, public, _, now = mailing
    sender = workspace.programme.sender
    if one.form == confirmations.LINK:
        return relinking.letter(one, sender, keys, public, now)
    asked = contents(
        one, sender, workspace.programme.zone, f"{public}/{PURPOSE}/{sign(keys, PURPOSE, one.id)}"
    )
    rendered = render_packet(workspace.mails[_TEMPLATE], asked)
    id = message_id(keys, one.id, sender.domain).replace("<n1.", "<y1.")
    return Letter(
        message_id=id,
        nurture_id=id.strip("<>").partition("@")[0],
        date=now,
        sender=Mailbox(sender.address, sender.name),
        to=Mailbox(one.address or ""),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        reply_to=Mailbox(sender.reply_to) if sender.reply_to else None,
    )


def contents(one: Asked, sender: Sender, zone: str, link: str) -> Mapping[str, Any]:
    """What the template may say, as `asked`: nothing that was typed into the form."""
    here = ZoneInfo(zone)
    until = (one.asked_at + STANDS_FOR).astimezone(here)
    return {
        "company": sender.company,
        "postal": sender.postal,
        "form": one.form.replace("_", " ").replace("-", " "),
        "words": one.words,
        "on": f"{one.asked_at.astimezone(here):%-d %B %Y at %H:%M} ({zone})",
        "until": f"{until:%-d %B %Y}",
        "link": link,
    }


def _why_not(connection: Connection, prospect: int, address: str, ground: Ground) -> str:
    """Why nobody is asked, or nothing."""
    if why := _barred(connection, address, ground.suppression_key):
        return f"not asked: {why}"
    silenced = reasons_of(connection, ground.suppression_key, [address])
    if not silenced and _stands(connection, prospect):
        return "not asked: they have consented already"
    unanswered, last = confirmations.asked_before(connection, prospect)
    if last is not None and ground.now - last < NOT_AGAIN:
        return "not asked: asked less than 24 hours before"
    if unanswered >= MOST_UNANSWERED:
        return f"not asked: {MOST_UNANSWERED} mails were not answered"
    return ""


def _barred(connection: Connection, address: str, key: bytes) -> str:
    """Why this address is not even asked, or nothing. Who unsubscribed may change their mind."""
    domain = address.rpartition("@")[2]
    reasons = reasons_of(connection, key, [address, domain])
    if domain in reasons:
        return "the domain is never mailed"
    reason = reasons.get(address, "")
    return "" if reason in ("", "unsubscribed") else f"the address is on the list, {reason}"


def _stands(connection: Connection, prospect: int) -> bool:
    """Whether the last word in the ledger is a consent."""
    words = [row for row in consents.consents_of(connection, prospect) if row.scope == "all"]
    return bool(words) and words[-1].basis == "consent"


def _was_taken_back(connection: Connection, one: Asked) -> bool:
    rows = consents.consents_of(connection, one.prospect)
    return any(row.kind == "withdrawn" and row.scope == "all" and row.at >= one.asked_at for row in rows)


def _evidence(one: Asked, network: str, now: datetime) -> str:
    """The words, where and when they were ticked, where and when that was confirmed."""
    ticked, pressed = one.network or "nowhere known", network or "nowhere known"
    return (
        f"Ticked in form {one.form} at {one.asked_at:%Y-%m-%d %H:%M} UTC from {ticked}: {one.words} "
        f"Confirmed at {now:%Y-%m-%d %H:%M} UTC from {pressed}, by the link that was mailed to the address."
    )
