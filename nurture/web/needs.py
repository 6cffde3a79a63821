"""What the public app needs; assembly hands it over as one value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from nurture.core.programme import Programme
from nurture.delivery.tokens import Keys
from nurture.engine.pulse import Pulse
from nurture.engine.settling import LinksIn
from nurture.errors import Mistake
from nurture.intake.networks import NO_NETWORKS, Networks
from nurture.intake.webhooks import Endpoint
from nurture.store.door import Store
from nurture.store.journal import Journal
from nurture.web.amazon import Certificates

Destination = Callable[[Connection, str, str, int], str | None]
"""Programme, piece and link number -> where that link of the piece's message leads (http or https); None if
nowhere. Called inside a transaction, where a programme is read that is not in memory yet.
"""


@dataclass(frozen=True)
class Needs:
    """Everything the public pages work with.

    `public` is the address under which the world reaches us, without a slash at the end (never taken from
    a request). `tracking` is off, clicks or full. `trusted_proxies` are addresses or networks whose
    X-Forwarded-For is believed, `networks` those that machines ask from. `events` are the tokens of those who
    may post events, by name; `webhooks` the endpoints of mail providers, by name; `certificates` those of
    Amazon's. `pulse` is this process's health, where it runs the duties; `schema` the version that the
    database must have (any, if empty).
    """

    store: Store
    journal: Journal
    keys: Keys
    suppression_key: bytes = field(repr=False)
    programme: Callable[[], Programme]
    destination: Destination
    links_in: LinksIn
    public: str
    tracking: str = "clicks"
    trusted_proxies: tuple[str, ...] = ()
    networks: Networks = NO_NETWORKS
    events: Mapping[str, str] = field(default_factory=dict, repr=False)
    webhooks: Mapping[str, Endpoint] = field(default_factory=dict)
    certificates: Certificates = field(default_factory=Certificates)
    pulse: Pulse | None = None
    schema: str = ""


def said(error: Exception) -> str:
    """An error for the log. What a database says is left out, because it repeats the values of a row."""
    return str(error) if isinstance(error, Mistake) else type(error).__name__
