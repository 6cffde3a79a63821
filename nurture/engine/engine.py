"""What all recurring work is done with: one per process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nurture import clock
from nurture.authoring import Workspace
from nurture.delivery.tokens import Keys
from nurture.delivery.transports.seam import Transport
from nurture.drafting import draft_all
from nurture.engine import doubting
from nurture.engine.alerting import Alerting
from nurture.engine.mailboxes import Place
from nurture.engine.shelf import Shelf
from nurture.engine.wake import Drafting
from nurture.intake.networks import NO_NETWORKS, Networks
from nurture.store import Store
from nurture.store.journal import Journal
from nurture.store.limits import UNLIMITED, Limits
from nurture.store.outbox import LEASE


@dataclass
class Engine:
    """What the duties work with. `log` is told of internal errors, one sentence each.

    `trouble`: why sending stopped when it was last tried; empty if it did not. `unread`: the same of the
    mailbox.
    """

    store: Store
    shelf: Shelf
    journal: Journal
    transport: Transport
    keys: Keys
    suppression_key: bytes = field(repr=False)
    public: str
    tracked: bool
    owner: str
    log: Callable[[str], None]
    in_doubt: doubting.Policy = "assume_sent"
    lease: timedelta = LEASE
    """How long a claim of ours counts (PostgreSQL)."""
    limits: Limits = UNLIMITED
    """How much may leave."""
    mailbox: Place | None = None
    """Where mail comes back to; None where nobody reads it here."""
    returns: str = ""
    """The domain whose mail comes back to us, so that messages name themselves in addresses of it."""
    bars: Callable[[Workspace], str] = lambda _: ""
    """Why nothing written under this programme may be sent, or nothing."""
    networks: Networks = NO_NETWORKS
    """From where machines ask: the operator's list."""
    now: Callable[[], datetime] = clock.now
    """Business time while messages are on their way, as far as it is to be believed."""
    drafting: Drafting = draft_all
    """Where prospects are settled."""
    alerting: Alerting | None = None
    """Who tells people of trouble; nobody, but in a daemon."""
    trouble: str = ""
    unread: str = ""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Once it is set nothing more is begun, and what was claimed and not begun goes back."""
