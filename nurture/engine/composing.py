"""From a claimed touch to a message: the piece, the person's values, signed links, headers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nurture.authoring import Workspace
from nurture.delivery.mime import Letter, Mailbox, build
from nurture.delivery.tokens import Keys, message_id, sign
from nurture.delivery.transports.seam import Mail
from nurture.rendering import render
from nurture.store.codec import decode_journey
from nurture.store.outbox import Claim


def compose(
    claim: Claim, workspace: Workspace, keys: Keys, now: datetime, *, public: str, tracked: bool
) -> Mail:
    """The message for this touch, under the programme it was chosen under.

    `public`: the address of the public pages; `tracked`: whether links lead through them. Raises
    CannotRender or BadLetter: this message cannot be written.
    """
    programme, template = workspace.programme, workspace.templates[claim.piece]
    unsubscribe = f"{public}/u/{sign(keys, 'u', claim.touch)}"

    def link(number: int) -> str:
        if not tracked:
            return template.links[number - 1]
        return f"{public}/c/{sign(keys, 'c', claim.touch, number)}"

    rendered = render(
        template, values_of(claim), sender=programme.sender, site=programme.site, link=link,
        unsubscribe_url=unsubscribe,
    )  # fmt: skip
    sender = programme.sender
    domain = sender.address.rpartition("@")[2]
    id = message_id(keys, claim.touch, domain)
    letter = Letter(
        message_id=id,
        nurture_id=id.strip("<>").partition("@")[0],
        date=now,
        sender=Mailbox(sender.address, sender.name),
        to=Mailbox(claim.address),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        reply_to=Mailbox(sender.reply_to) if sender.reply_to else None,
        unsubscribe_url=unsubscribe,
        list_id=f"{claim.sequence}.{domain}",
        list_name=sender.company,
        feedback_id=f"{claim.sequence}:{claim.piece}:{domain.replace('.', '-')}:nurture",
    )
    return Mail(id.strip("<>"), sender.address, claim.address, build(letter))


def values_of(claim: Claim) -> Mapping[str, Any]:
    """What templates may say of a person: attributes of the evidence, and personal ones from the row."""
    known: dict[str, Any] = {}
    if claim.snapshot is not None:
        attributes = decode_journey(claim.snapshot).evidence.attributes
        known = {name: one.value for name, one in attributes.items() if one.value is not None}
    return {**known, **claim.personal}
