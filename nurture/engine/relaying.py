"""The mail that tells a colleague what somebody wrote: at least once, with the same id, never lost.

Whoever is sales' gets sales' answer; the others' goes to where the sender wants answers. An answer to this
mail goes straight to the person, but for those who complained.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from html import escape
from typing import Any

from nurture.authoring import Workspace
from nurture.core.journey import ACCEPTED, OPPORTUNITY, PROMOTED
from nurture.delivery.mime import BadLetter, Letter, Mailbox, build
from nurture.delivery.outcomes import Accepted
from nurture.delivery.tokens import Keys, message_id
from nurture.delivery.transports.seam import Mail, Transport
from nurture.engine.shelf import Shelf
from nurture.intake.mail import read
from nurture.rendering import CannotRender, render_packet
from nurture.store import Store, returns
from nurture.store.returns import Tellable
from nurture.store.tables import touch_id

BATCH = 20
MOST_LINES = 200
"""Of what was written; `nurture intake show` has all of it."""
LONGEST_LINE = 2_000
LONGEST_SUBJECT = 150
_TEMPLATE = "reply"
_OF_SALES = (PROMOTED, ACCEPTED, OPPORTUNITY)


async def relay_answers(store: Store, shelf: Shelf, transport: Transport, keys: Keys, now: datetime) -> int:
    """Mail every return that a colleague is to be told of; how many were accepted."""
    due = await store.write(lambda connection: returns.claim_mail(connection, now, BATCH))
    if not due:
        return 0
    workspace = await store.aread(shelf.active)
    accepted = 0
    for one in due:
        if await _mail(one, workspace, transport, keys, now):
            await store.write(partial(returns.mailed, id=one.id, at=now))
            accepted += 1
    return accepted


async def _mail(one: Tellable, workspace: Workspace, transport: Transport, keys: Keys, now: datetime) -> bool:
    """Whether every colleague's server has taken it."""
    recipients = _recipients(one, workspace)
    sender = workspace.programme.sender
    about = message_id(keys, one.touch or touch_id(one.prospect, 0), sender.domain)
    for number, recipient in enumerate(recipients):
        # One message has one recipient, and a person may write more than once.
        id = about.replace("@", f".{one.id}.{number}@")
        mail = Mail(id.strip("<>"), sender.address, recipient, _built(one, workspace, id, recipient, now))
        if not isinstance(await transport.send(mail, _always), Accepted):
            return False
    return bool(recipients)


def _recipients(one: Tellable, workspace: Workspace) -> Sequence[str]:
    programme = workspace.programme
    own = (programme.sender.reply_to,) if programme.sender.reply_to else programme.sales
    return programme.sales if one.lifecycle in _OF_SALES and programme.sales else own


def _built(one: Tellable, workspace: Workspace, id: str, recipient: str, now: datetime) -> bytes:
    """By the template; where there is none or it cannot be filled, plainly: nobody's answer may be lost."""
    known = contents(one, workspace)
    sender = workspace.programme.sender
    plain = Letter(
        message_id=id,
        nurture_id=id.strip("<>").partition("@")[0],
        date=now,
        sender=Mailbox(sender.address, sender.name),
        to=Mailbox(recipient),
        subject=f"{'Complaint' if one.kind == 'complained' else 'Answer'} from {known['email']}",
        text=_plainly(known),
        html=f"<!DOCTYPE html><html><body><pre>{escape(_plainly(known))}</pre></body></html>",
        reply_to=Mailbox(one.address) if one.address and one.kind != "complained" else None,
    )
    try:
        words = render_packet(workspace.packets[_TEMPLATE], known)
        return build(replace(plain, subject=words.subject, text=words.text, html=words.html))
    except (CannotRender, BadLetter, LookupError, ValueError):
        return build(plain)


def _plainly(known: Mapping[str, Any]) -> str:
    wrote = "\n\n".join("\n".join(lines) for lines in known["paragraphs"])
    said = "They called our mail spam." if known["kind"] == "complained" else wrote
    about = [known["name"], known["company"], known["email"], known["writer"], known["at"], known["piece"]]
    commands = f"{known['journey_command']}\n{known['original_command']}"
    return f"{', '.join(filter(None, about))}\n\n{said}\n\n{commands}\n"


def contents(one: Tellable, workspace: Workspace) -> Mapping[str, Any]:
    """What the mail is filled with: who, what they wrote, and what they answered."""
    names = (one.personal.get("first_name"), one.personal.get("last_name"))
    lines = one.text.split("\n")
    piece = workspace.programme.pieces.get(one.piece or "")
    return {
        "kind": one.kind,
        "name": _fit(" ".join(str(name) for name in names if name)),
        "email": one.address or "",
        "company": _fit(str(one.personal.get("company") or one.account)),
        "writer": _fit(_writer(one)),
        "at": f"{one.at:%Y-%m-%d %H:%M} UTC",
        "subject": _fit(one.words)[:LONGEST_SUBJECT],
        "paragraphs": _paragraphs(lines[:MOST_LINES]),
        "is_cut": len(lines) > MOST_LINES,
        "piece": f"{one.stage}/{one.piece}" if one.piece else "",
        "title": piece.title if piece else "",
        "sent": f"{one.sent_at:%Y-%m-%d}" if one.sent_at else "",
        "journey_command": f"nurture journey {one.address or one.prospect}",
        "original_command": f"nurture intake show {one.id} --raw",
    }


def _writer(one: Tellable) -> str:
    """Who wrote, where it was not the address we write to: a colleague of theirs, or another address."""
    if one.kind != "replied" or not one.raw:
        return ""
    heard = read(zlib.decompress(one.raw), one.at)
    writer = next(iter(heard[0].addresses), "").lower()
    return "" if writer == one.address else writer


def _paragraphs(lines: Sequence[str]) -> list[list[str]]:
    """Lines between blank ones."""
    paragraphs: list[list[str]] = [[]]
    for line in map(_fit, lines):
        if line.strip():
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return [each for each in paragraphs if each]


def _fit(text: str) -> str:
    """What a stranger wrote, as one line that a message can hold."""
    line = "".join(sign if sign.isprintable() else " " for sign in text[:LONGEST_LINE])
    return line.replace("=?", "= ?")


async def _always() -> bool:
    return True
