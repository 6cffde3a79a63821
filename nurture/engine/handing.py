"""The mail that tells sales of a lead: at least once, with the same id, never lost."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from nurture import failpoints
from nurture.authoring import Workspace
from nurture.core.programme import Agreement
from nurture.delivery.mime import BadLetter, Letter, Mailbox, build
from nurture.delivery.outcomes import Accepted, InDoubt, Refused
from nurture.delivery.tokens import Keys, message_id
from nurture.delivery.transports.seam import Mail, Transport
from nurture.engine.shelf import Shelf
from nurture.rendering import CannotRender, render_packet
from nurture.store import Store, handoffs
from nurture.store.handoffs import Mailable
from nurture.store.tables import touch_id

BATCH = 20
_TEMPLATE = "packet"


async def mail_handoffs(store: Store, shelf: Shelf, transport: Transport, keys: Keys, now: datetime) -> int:
    """Mail every handoff that is due to all of sales; how many were accepted."""
    due = await store.write(lambda connection: handoffs.claim_mail(connection, now, BATCH))
    if not due:
        return 0
    failpoints.hit("sales.claimed")
    workspace = await store.aread(shelf.active)
    accepted = 0
    for one in due:
        words, done = await _mail(one, workspace, transport, keys, now)
        failpoints.hit("sales.sent")
        await store.write(partial(handoffs.mailed, id=one.id, at=now if done else None, words=words))
        accepted += done
    return accepted


async def _mail(
    one: Mailable, workspace: Workspace, transport: Transport, keys: Keys, now: datetime
) -> tuple[str, bool]:
    """What was said last, and whether every recipient's server has taken it."""
    said = "nobody is named under [sales] to in nurture.toml"
    for number, recipient in enumerate(workspace.programme.sales):
        try:
            letter = _letter(one, workspace, keys, recipient, now, number)
            raw = build(letter)
        except (CannotRender, BadLetter, LookupError, ValueError) as wrong:
            return f"cannot be written: {wrong}", False  # and does not keep the others from sales
        mail = Mail(letter.message_id.strip("<>"), workspace.programme.sender.address, recipient, raw)
        match await transport.send(mail, _always):
            case Accepted(words=words):
                said = words
            case InDoubt(words=words):  # sent again: sales would rather have it twice than not at all
                return words, False
            case Refused():
                return "refused", False
            case other:
                return other.words, False
    return said, bool(workspace.programme.sales)


def _letter(
    one: Mailable, workspace: Workspace, keys: Keys, recipient: str, now: datetime, number: int
) -> Letter:
    sender = workspace.programme.sender
    rendered = render_packet(workspace.packets[_TEMPLATE], contents(one, workspace.programme.agreement))
    id = message_id(keys, touch_id(one.prospect, one.decision), sender.domain)
    if number:  # one message has one recipient, so every colleague gets one of their own
        id = id.replace("@", f".{number}@")
    return Letter(
        message_id=id,
        nurture_id=id.strip("<>").partition("@")[0],
        date=now,
        sender=Mailbox(sender.address, sender.name),
        to=Mailbox(recipient),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        reply_to=Mailbox(one.address) if one.address else None,
    )


def contents(one: Mailable, agreement: Agreement) -> Mapping[str, Any]:
    """The packet with the identity that it was stored without, and the commands that answer it."""
    names = (one.personal.get("first_name"), one.personal.get("last_name"))
    answers = (
        ("Take it", f"accept {one.id}"),
        (f"Refuse it ({', '.join(agreement.rejected)})", f"reject {one.id} REASON"),
        (f"Give it back after a talk ({', '.join(agreement.recycled)})", f"recycle {one.id} REASON"),
    )
    commands = [{"words": words, "command": f"nurture handoff {line} --by YOU"} for words, line in answers]
    return {
        **one.packet,
        "name": " ".join(str(name) for name in names if name),
        "email": one.address or "",
        "company": str(one.personal.get("company") or one.packet["company"]),
        "account": one.account,
        "answer_commands": commands,
    }


async def _always() -> bool:
    return True
