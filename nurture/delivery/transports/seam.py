"""What every way of handing a message over has in common."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from nurture.delivery.outcomes import Outcome

Fence = Callable[[], Awaitable[bool]]
"""Asked once, at the last moment at which the message can still be kept back. True: it may leave."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A message ready to leave: its id without brackets, the envelope, the bytes (CRLF lines)."""

    id: str
    sender: str
    to: str
    raw: bytes


class Transport(Protocol):
    """Hands one message over at a time per slot; `slots` many may be under way together.

    `send` asks the fence exactly when everything else is settled, and never hands over a byte of the
    message before it said yes. It raises nothing for what the other side does: that is the outcome. If the
    fence itself raises, nothing has left, and what it raised comes out.
    """

    @property
    def slots(self) -> int: ...

    async def send(self, mail: Mail, fence: Fence) -> Outcome: ...

    async def close(self) -> None: ...
