"""What a person wrote to us: the visible text, and whether it asks for no more mail."""

from nurture.intake.mail.message import Message
from nurture.intake.returns import Return


def read_reply(message: Message) -> Return:
    """A message that no machine answered with."""
    return Return("", "replied" if message.headers.first("in-reply-to") else "other", text=message.text)
