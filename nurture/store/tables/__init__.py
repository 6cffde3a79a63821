"""The tables: rows for storage, not the domain. One schema on SQLite and PostgreSQL.

Invariants stand here, as named constraints, because every program that writes passes them. All instants
are UTC. A touch's id is `prospect << 20 | decision`, so it needs no round trip and its Message-ID is
known before the row is.
"""

from nurture.store.tables.hearing import CONFIRMATIONS, HITS, RETURNS, VISITORS
from nurture.store.tables.people import CONSENTS, ENROLLMENTS, FACTS, IMPORTED, PROSPECTS, SUPPRESSIONS
from nurture.store.tables.rows import Row
from nurture.store.tables.running import ACTIVATIONS, ACTIVE, ALERTS, META, PROGRAMMES
from nurture.store.tables.selling import DEALS, HANDOFFS
from nurture.store.tables.sending import (
    BREAKERS,
    DECISION_BITS,
    LIVE,
    OUTCOMES,
    PACES,
    TALLIES,
    TOUCHES,
    touch_id,
    whose_touch,
)

__all__ = [
    "ACTIVATIONS",
    "ACTIVE",
    "ALERTS",
    "BREAKERS",
    "CONFIRMATIONS",
    "CONSENTS",
    "DEALS",
    "DECISION_BITS",
    "ENROLLMENTS",
    "FACTS",
    "HANDOFFS",
    "HITS",
    "IMPORTED",
    "LIVE",
    "META",
    "OUTCOMES",
    "PACES",
    "PROGRAMMES",
    "PROSPECTS",
    "RETURNS",
    "SUPPRESSIONS",
    "TALLIES",
    "TOUCHES",
    "VISITORS",
    "Row",
    "touch_id",
    "whose_touch",
]
