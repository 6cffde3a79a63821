"""A process that takes what waits for the user `crash`; the test kills it. Database, port, password."""

import sys
from datetime import timedelta

from nurture.engine.fetching import Taking, fetch
from nurture.engine.mailboxes import ImapFolder
from nurture.engine.shelf import Shelf
from nurture.store import Store
from tests.shell.engine_world import START
from tests.shell.mailbox_world import KEYS

if __name__ == "__main__":
    place = ImapFolder("127.0.0.1", int(sys.argv[2]), "none", "crash", sys.argv[3])
    with Store(sys.argv[1]) as store:
        fetch(place, Taking(store, Shelf(START.date), KEYS, b"s" * 32), START + timedelta(hours=2))
