"""Somebody's link to unsubscribe does not work: a new one is mailed to the address they type in.

To an address we have written to, once a day at most, and to nobody else; so typing in somebody else's address
stops nothing and tells nothing. The mail waits among the confirmations and leaves by their duty.
"""

from datetime import datetime, timedelta
from html import escape

from sqlalchemy import Connection

from nurture.core.programme import Sender
from nurture.delivery.mime import Letter, Mailbox
from nurture.delivery.tokens import Keys, message_id, sign
from nurture.store import confirmations, suppressions, wishes
from nurture.store.confirmations import LINK, Asked
from nurture.store.facts import lock
from nurture.store.prospects import find
from nurture.store.tables import touch_id

NOT_AGAIN = timedelta(hours=24)
"""Between two such mails to one person."""


def ask_for_link(connection: Connection, address: str, network: str, now: datetime, *, key: bytes) -> bool:
    """Have a link mailed to the address; False where we have not written to it, or did this a day ago."""
    person = find(connection, address)
    if person is None or suppressions.is_suppressed(connection, key, address):
        return False
    if wishes.last_sent(connection, person.id) is None:  # anybody may have typed the address into a form
        return False
    lock(connection, [person.id])
    last = confirmations.link_asked_for(connection, person.id)
    if last is not None and now - last < NOT_AGAIN:
        return False
    confirmations.keep(connection, person.id, LINK, "", network, now)
    return True


def letter(one: Asked, sender: Sender, keys: Keys, public: str, now: datetime) -> Letter:
    """The mail that carries the link. The link is good for the person, not for one message."""
    link = f"{public}/u/{sign(keys, 'u', touch_id(one.prospect, 0))}"
    id = message_id(keys, one.id, sender.domain).replace("<n1.", "<z1.")
    says = (
        f"Somebody typed in this address on a page of {sender.company}, to get no more of our e-mail.",
        f"If that was you, open this page and press the button:\n{link}",
        "If it was not, do nothing. Nothing has changed.",
        f"{sender.company}, {sender.postal}",
    )
    paragraphs = "".join(f"<p>{escape(each)}</p>" for each in says)
    return Letter(
        message_id=id,
        nurture_id=id.strip("<>").partition("@")[0],
        date=now,
        sender=Mailbox(sender.address, sender.name),
        to=Mailbox(one.address or ""),
        subject=f"The link to stop e-mail from {sender.company}",
        text="\n\n".join(says) + "\n",
        html=paragraphs.replace(escape(link), f'<a href="{escape(link)}">{escape(link)}</a>'),
        unsubscribe_url=link,
        reply_to=Mailbox(sender.reply_to) if sender.reply_to else None,
    )
