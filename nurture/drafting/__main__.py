"""Draft what comes over a pipe until it ends: `python -m nurture.drafting 5`, the child of `engine/aside.py`.

It says once which code it has. Then it takes pickled (due, programme or None for the last one again, now)
and sends back the drafts. It opens nothing else. Its parent drains after a signal, so signals are left to the
parent; without one, also one that was killed, the pipe is at its end.
"""

import pickle
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

from nurture.core.programme import Programme
from nurture.drafting import draft_all
from nurture.drafting.sources import fingerprint


def serve(pipe: "Connection[bytes, bytes]") -> None:
    """Raises EOFError or OSError at the end of the pipe."""
    programme: Programme | None = None
    pipe.send_bytes(fingerprint())
    while True:
        due, news, now = pickle.loads(pipe.recv_bytes())  # noqa: S301  # from our parent alone
        programme = news or programme
        assert programme is not None
        pipe.send_bytes(pickle.dumps(draft_all(due, programme, now), pickle.HIGHEST_PROTOCOL))


if __name__ == "__main__":
    for _signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(_signal, signal.SIG_IGN)
    with suppress(EOFError, OSError):
        serve(Connection(int(sys.argv[1])))
