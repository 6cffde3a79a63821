"""Points at which a test may stop this process dead: `python -m nurture.failpoints` lists them.

Nobody can prove by reading that a crash loses nothing and doubles nothing, so tests/chaos does it: it runs
the real daemon with NURTURE_FAILPOINT="fence.after:3:kill", and the third time that point is reached the
process ends as by a power cut. `stop` freezes it instead, as a suspended machine does. Without the variable
a point is one comparison. Every point is declared here, and tests/chaos/test_points.py holds the list and
the code to each other.
"""

import os
import signal
from collections.abc import Mapping
from itertools import count

from nurture.errors import Mistake

POINTS: Mapping[str, str] = {
    "migration.before": "the schema is new, nothing of it is committed",
    "migration.after": "the new schema is committed, nothing else has begun",
    "commit.before": "a transaction, or a group of them, has done its work and is not committed",
    "commit.after": "it is committed, and nobody has heard of it",
    "checkpoint.before": "the log has grown, the write lock is held, nothing is copied",
    "checkpoint.after": "the log is copied into the database, the write lock is still held",
    "rescue.before": "what a dead process left is taken over, not committed",
    "rescue.after": "that is committed",
    "wake.before": "decisions and touches are written, not committed",
    "wake.after": "they are committed",
    "settle.before": "hits are judged, not committed",
    "settle.after": "the verdicts are committed",
    "tend.before": "what is over has ended, what is late has its next opening, not committed",
    "tend.after": "that is committed",
    "claim.before": "touches are claimed, not committed",
    "claim.after": "they are ours, nothing is composed",
    "smtp.connect": "the server has greeted us",
    "smtp.ehlo": "it has said what it offers",
    "smtp.starttls": "the connection is encrypted",
    "smtp.auth": "we have signed in",
    "smtp.mail": "the sender was taken",
    "smtp.rcpt": "the recipient was taken",
    "smtp.data": "DATA is about to be said",
    "smtp.354": "the server waits for the message, the fence was not asked",
    "fence.before": "touches are fenced, not committed",
    "fence.after": "they are fenced, the sender has not heard of it",
    "smtp.body": "the fence has said go, no byte of the message is out",
    "smtp.half": "half of the message is out",
    "smtp.dot": "all of it is out, the answer is not read",
    "smtp.answer": "the server has answered, nothing is recorded",
    "record.before": "ends are written, not committed",
    "record.after": "they are committed",
    "smtp.quit": "QUIT is about to be said",
    "fetch.before": "what letters say is written, not committed",
    "fetch.taken": "it is committed, the letters are not marked as done",
    "sales.claimed": "sales mail is ours for now, nothing is composed",
    "sales.sent": "a server has answered for it, nothing is recorded",
    "unsubscribe.before": "the store has not been asked yet",
    "unsubscribe.after": "it is committed, the person has no answer",
    "hit.after": "a click is committed, the person has no answer",
    "journal.append": "an unsubscribe is on the disk beside the store, the person has no answer",
    "journal.aside": "the journal is set aside, nothing of it is in the store",
    "journal.taken": "the store has taken it, the file is still there",
}
"""Name -> what is true at that instant."""

VARIABLE = "NURTURE_FAILPOINT"
_ACTIONS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class _Armed:
    """A point that acts when it is reached for the `number`th time."""

    def __init__(self, name: str, number: int, act: signal.Signals) -> None:
        self.name, self._number, self._act = name, number, act
        self._times = count(1)

    def reach(self) -> None:
        if next(self._times) == self._number:  # one step of the interpreter, so threads do not miscount
            os.kill(os.getpid(), self._act)


def read(text: str) -> _Armed:
    """`name:count:action` as a point to act at. Mistake where it is not of that form."""
    name, _, rest = text.partition(":")
    number, _, action = rest.partition(":")
    if name not in POINTS or not number.isdecimal() or int(number) < 1 or action not in _ACTIONS:
        raise Mistake(
            f"{VARIABLE}={text}: write name:count:action, a name from python -m nurture.failpoints, a count "
            f"from 1, and one of {', '.join(_ACTIONS)}"
        )
    return _Armed(name, int(number), _ACTIONS[action])


_armed: _Armed | None = read(os.environ[VARIABLE]) if VARIABLE in os.environ else None


def hit(name: str) -> None:
    """Here is the point `name`."""
    if _armed is not None and _armed.name == name:
        _armed.reach()


def is_armed(*names: str) -> bool:
    """Whether one of these is the point at which something will happen: for code that must bring it about."""
    return _armed is not None and _armed.name in names


if __name__ == "__main__":
    for _name, _meaning in POINTS.items():
        print(f"{_name:20} {_meaning}")
