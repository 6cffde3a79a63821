"""What is said of touches on their way: the claim, the answer of the last look, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


class Claim(NamedTuple):
    """A touch that is ours to send until the lease ends, with what a letter needs."""

    touch: int
    prospect: int
    decision: int
    piece: str
    occurrence: int
    sequence: str
    stage: str
    programme: str
    chosen_at: datetime
    opens: datetime
    closes: datetime
    expires: datetime
    due_at: datetime
    zone: str
    attempts: int
    """Tries before this one."""
    epoch: int
    owner: str
    address: str
    account: str
    kind: str
    personal: Mapping[str, Any]
    snapshot: bytes | None


@dataclass(frozen=True, slots=True)
class Go:
    """The touch is fenced: it may leave now."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It must not leave. `outcome`: suppressed, cancelled or expired end it; late sends it back."""

    outcome: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """Somebody else has it, or it is gone: leave it alone."""


Answer = Go | Refused | Lost


class Ending(NamedTuple):
    """How a claimed touch ended. `bounce` (hard, soft, block) is told of where the address is to blame."""

    claim: Claim
    outcome: str
    words: str = ""
    bounce: str = ""
    at: datetime | None = None
    """When the server answered, where that is known; else when it is recorded."""


class Deferral(NamedTuple):
    """A claimed touch goes back until `due_at`. Without words it was never tried and goes back as it was."""

    claim: Claim
    due_at: datetime
    words: str = ""
    counted: bool = True
    """Whether it was a try of this message."""
    whose: str = "message"
    """Whose trouble it was (delivery/outcomes.py): message, domain, server or account."""
    rewake: bool = False
    """Whether its prospect has to be woken before another try."""


Result = Ending | Deferral
