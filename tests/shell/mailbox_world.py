"""Mail that comes back to a world: letters about its messages, and a maildir they lie in."""

from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from typing import Any

from nurture.core import facts as f
from nurture.delivery.tokens import Keys, message_id, sign_address
from nurture.engine.fetching import Heard, Taking
from nurture.engine.mailboxes import Letter, Maildir
from nurture.store.tables import RETURNS, touch_id
from tests.shell.engine_world import START, World

KEYS = Keys("k1", {"k1": b"k" * 32})
BACK = "back.matchlight.example"
SENDER = "nora@mail.matchlight.example"
_numbers = count(1)


def taking(world: World) -> Taking:
    return Taking(world.store, world.shelf, KEYS, b"s" * 32)


def take(world: World, *raws: bytes, now: datetime) -> list[Heard]:
    return taking(world).take([Letter("", raw, None) for raw in raws], now)


def written(world: World, name: str = "ada", at: datetime = START) -> tuple[int, int]:
    """Somebody whom a message was sent to: prospect and touch."""
    prospect = world.enter(name)
    world.wake_all(at)
    world.sent(prospect, at)
    return prospect, world.touches(prospect)[-1].id


def to_us(purpose: str, touch: int) -> str:
    return f"{sign_address(KEYS, purpose, touch)}@{BACK}"


def our_id(touch: int) -> str:
    return message_id(KEYS, touch, "mail.matchlight.example")


def letter(text: str, at: datetime, **heads: str) -> bytes:
    """A letter with these headers: `_` in a name is written as `-`."""
    lines = {"Date": format_datetime(at), "Message-ID": f"<{next(_numbers)}@else.example>"}
    lines |= {name.replace("_", "-"): value for name, value in heads.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"{head}\r\n{text}".replace("\r\n", "\n").replace("\n", "\r\n").encode()


def reply(touch: int, text: str, at: datetime, sender: str = "Ada <ada@ada.example>", **heads: str) -> bytes:
    """A person's answer, as the address in Reply-To takes it."""
    given = {"From": sender, "To": to_us("r", touch), "Subject": "Re: your note", **heads}
    return letter(text, at, **given)


def bounce(
    address: str,
    to: str,
    at: datetime,
    status: str = "5.1.1",
    words: str = "550 5.1.1 no such user",
    id: str = "",
) -> bytes:
    """A delivery report (RFC 3464) about a message to `address`, sent `to` the envelope's sender."""
    original = (
        f"Message-ID: {id}\nTo: {address}\nSubject: A note\n" if id else f"To: {address}\nSubject: A note\n"
    )
    body = (
        "--b\nContent-Type: text/plain\n\nIt could not be delivered.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.else.example\n\n"
        f"Final-Recipient: rfc822; {address}\nAction: failed\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {words}\n\n"
        f"--b\nContent-Type: text/rfc822-headers\n\n{original}\n--b--\n"
    )
    kind = 'multipart/report; report-type=delivery-status; boundary="b"'
    heads = {
        "From": "MAILER-DAEMON@mx.else.example",
        "To": to,
        "Subject": "Undelivered",
        "Content_Type": kind,
    }
    return letter(body, at, **heads)


def kept(world: World) -> list[Any]:
    """All that came back, in order."""
    return world.rows(RETURNS)


def bodies(world: World, prospect: int, kind: type) -> list[f.Body]:
    return [fact.body for fact in world.facts(prospect) if isinstance(fact.body, kind)]


class Box:
    """A maildir."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("new", "cur", "tmp"):
            (folder / name).mkdir(parents=True)

    @property
    def place(self) -> Maildir:
        return Maildir(self.folder)

    def add(self, raw: bytes) -> None:
        (self.folder / "new" / f"{next(_numbers):09}.test").write_bytes(raw)

    def names(self, part: str) -> list[str]:
        return sorted(path.name for path in (self.folder / part).iterdir())


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def stranger_touch() -> int:
    return touch_id(999_999, 3)
