"""One try of one touch: its message is written, offered, and looked at once more before it leaves.

What came of it is what is recorded. A message that cannot be written fails alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from nurture.delivery.mime import BadLetter
from nurture.delivery.outcomes import Accepted, Deferred, Failed, InDoubt, Outcome, Refused
from nurture.delivery.recording import told
from nurture.delivery.replies import bounce_kind
from nurture.delivery.retry import SERVER_PAUSE, next_wait
from nurture.delivery.transports.seam import Mail, Transport
from nurture.rendering import CannotRender
from nurture.store import touches
from nurture.store.touches import Answer, Claim, Deferral, Ending, Result

logger = logging.getLogger(__name__)

Ask = Callable[[Claim], Awaitable[Answer | None]]
"""The last look at a claim. None: it broke over this touch."""

_OUTCOMES = {Accepted: "sent", Failed: "failed", InDoubt: "in_doubt"}
_TOLD = ("hard", "soft", "block")
"""Bounces that are facts about the prospect's address; a refused text is ours."""


class NotYet(Exception):
    """A message that can be written once its prospect has been woken; its text says why."""


class NothingLeaves(Exception):
    """The fence is closed, and everybody has heard why."""


class Attempt:
    """One touch in one slot. `ask` is the fence."""

    __slots__ = ("_answer", "_ask", "_broken", "_waits_for", "claim")

    def __init__(self, claim: Claim, ask: Ask) -> None:
        self.claim, self._ask = claim, ask
        self._answer: Answer | None = None
        self._broken = False
        """The last look broke over this touch."""
        self._waits_for = ""
        """Why its prospect has to be woken first."""

    async def run(self, transport: Transport, compose: Callable[[Claim], Mail]) -> Outcome:
        """Write the message and hand it over. Raises nothing."""
        try:
            mail = compose(self.claim)
        except Exception as wrong:
            await asyncio.sleep(0)  # nothing else here gives the loop a turn
            return self._unwritten(wrong)
        try:
            return await transport.send(mail, self._may_leave)
        except Exception as bug:
            logger.exception("Touch %d: the transport broke.", self.claim.touch)
            words = f"the transport broke: {type(bug).__name__}, see the log"
            may_have_left = isinstance(self._answer, touches.Go)
            return InDoubt(words) if may_have_left else Deferred(0, words, whose="server")

    def result(self, outcome: Outcome, now: datetime, trouble: str) -> Result | None:
        """What to record; nothing where the touch is somebody else's now.

        `trouble`: why nothing more is begun, if so.
        """
        claim = self.claim
        match outcome:
            case Refused():
                return self._refused(now, trouble)
            case Deferred() if self._waits_for:
                due_at = min(now + SERVER_PAUSE, claim.expires)
                return Deferral(claim, due_at, outcome.words, counted=False, rewake=True)
            case Deferred():
                due_at = min(now + next_wait(outcome, claim.attempts, claim.touch), claim.expires)
                return Deferral(claim, due_at, outcome.words, outcome.is_a_try, outcome.whose)
        kind = ""
        if isinstance(outcome, Failed) and outcome.code:
            kind = bounce_kind(outcome.code, outcome.words)
        return Ending(claim, _OUTCOMES[type(outcome)], outcome.words, kind if kind in _TOLD else "", now)

    async def _may_leave(self) -> bool:
        try:
            self._answer = await self._ask(self.claim)
        except NothingLeaves:
            return False
        except Exception as trouble:
            logger.error("The fence cannot be recorded, so nothing leaves: %s", told(trouble))
            return False
        self._broken = self._answer is None
        return isinstance(self._answer, touches.Go)

    def _unwritten(self, wrong: Exception) -> Outcome:
        if isinstance(wrong, NotYet):
            self._waits_for = str(wrong)
            return Deferred(0, self._waits_for)
        if isinstance(wrong, (CannotRender, BadLetter)):
            return Failed(0, f"cannot be written: {wrong}")
        logger.error("Touch %d cannot be written.", self.claim.touch, exc_info=wrong)
        return Failed(0, f"cannot be written: {type(wrong).__name__}, see the log")

    def _refused(self, now: datetime, trouble: str) -> Result | None:
        """What becomes of a touch that our own fence kept back: nothing of it has left."""
        match self._answer:
            case None if self._broken:
                return self.result(Deferred(0, "the last look broke, see the log"), now, trouble)
            case None:
                return untried(self.claim, now, trouble)
            case touches.Refused(outcome="late"):
                return Deferral(self.claim, self.claim.due_at)
            case touches.Refused(outcome=outcome, words=words):
                return Ending(self.claim, outcome, words)
        return None  # lost: somebody else's now


def untried(claim: Claim, now: datetime, trouble: str) -> Deferral:
    """Back as it was; after trouble, not at once."""
    if not trouble:
        return Deferral(claim, claim.due_at)
    due_at = min(now + SERVER_PAUSE, claim.expires)
    return Deferral(claim, due_at, trouble, counted=False, whose="server")
