"""The store: rows, one door to write through, and one module per reader.

What other packages use is named here; `tables` may be imported by whoever writes SQL.
"""

from nurture.store import claims, journal, outbox, touches
from nurture.store.beside import write_beside
from nurture.store.door import Store, Work
from nurture.store.engines import is_unavailable
from nurture.store.facts import Heard, Noted, histories, history, note, note_once
from nurture.store.imports import (
    Listed,
    ListedEvent,
    enter_listed,
    entered_on,
    entry,
    silence_listed,
)
from nurture.store.limits import UNLIMITED, Limits, WarmUp
from nurture.store.prospects import (
    account_of,
    by_id,
    enter_many,
    every_prospect,
    find,
    learn_personal,
    listing,
)
from nurture.store.suppressions import ERASED, is_suppressed, reasons_of, suppress, suppress_many

__all__ = [
    "ERASED",
    "UNLIMITED",
    "Heard",
    "Limits",
    "Listed",
    "ListedEvent",
    "Noted",
    "Store",
    "WarmUp",
    "Work",
    "account_of",
    "by_id",
    "claims",
    "enter_listed",
    "enter_many",
    "entered_on",
    "entry",
    "every_prospect",
    "find",
    "histories",
    "history",
    "is_suppressed",
    "is_unavailable",
    "journal",
    "learn_personal",
    "listing",
    "note",
    "note_once",
    "outbox",
    "reasons_of",
    "silence_listed",
    "suppress",
    "suppress_many",
    "touches",
    "write_beside",
]
