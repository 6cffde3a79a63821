"""Commands and replies on an open connection: one question at a time, bounded in size and time.

No task, lock or timeout object for each command: a reply that is as expected is answered with the next
command inside the loop's own callback, and whoever asked is woken once. Where the server takes commands
together (PIPELINING, RFC 2920) they leave in one write, and their replies come in the same order. One timer
for each connection looks at the deadline.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from nurture import failpoints

LONGEST_REPLY = 32 * 1024
"""Bytes of one reply with all its lines; a longer one never ends."""
LOOK_AFTER = 1.0
"""Seconds between two looks at the deadline: a timeout is noticed at most so much later."""

END_OF_DATA = "end of data"
"""What the message and its dot are called, as if they were a command."""

_GO_ON, _CLOSING = 354, 421

_BEHIND_WORDS = ("smtp.data", "smtp.half", "smtp.dot")
_BEHIND_ANSWERS = ("smtp.mail", "smtp.rcpt", "smtp.354", "smtp.answer")
_SENT_AFTER = 0.001
"""Seconds in which the loop has surely sent what was written."""


class Step(NamedTuple):
    """A command, the codes that let the next one follow, and how long its reply may take."""

    verb: str
    line: bytes
    good: range
    seconds: float


class Reply(NamedTuple):
    """The answer to a command. Its lines are joined by spaces; bytes that are no UTF-8 are escaped."""

    verb: str
    code: int
    text: str


class Broken(Exception):
    """The conversation is over or out of step: no answer to `verb` will come."""

    def __init__(self, verb: str, words: str, hung: bool = False) -> None:
        super().__init__(words)
        self.verb, self.words = verb, words
        self.hung = hung
        """Whether the server still held the connection, and kept silent."""


class Dialogue(asyncio.Protocol):
    """Our side of a conversation whose opening is over."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self.over = ""
        """Why nothing more can be asked here, or nothing."""
        self.ended: asyncio.Future[None] = loop.create_future()
        """Done when the connection is closed."""
        self._unread = b""
        self._steps: Sequence[Step] = ()
        self._at = 0
        self._together = False
        self._refused: Reply | None = None
        """Of commands that left together, the first that was not answered well."""
        self._waiter: asyncio.Future[Reply] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._leaving = False
        transport.set_protocol(self)
        if transport.is_closing():
            self.connection_lost(None)

    def ask(self, steps: Sequence[Step], *, together: bool = False) -> asyncio.Future[Reply]:
        """Give the commands, each after a good answer to the one before; or all `together`.

        The first answer that is not good, or the last one. Raises Broken. Nothing is written once `over`.
        """
        self._steps, self._at, self._refused = steps, 0, None
        self._together = together and not failpoints.is_armed(*_BEHIND_WORDS)
        waiter = self._waiter = self._loop.create_future()
        if self.over:
            self._fail(Broken(steps[0].verb, self.over))
        elif self._together:
            self._wait_for(steps[0])
            self._transport.write(b"".join([step.line for step in steps]))
        else:
            self._say(steps[0])
        return waiter

    def leave(self, seconds: float) -> None:
        """Say goodbye, and hang up at the answer or after `seconds`."""
        if self._transport.is_closing():
            return
        self.over = self.over or "we left"
        self._leaving = True
        self._transport.write(b"QUIT\r\n")
        self._loop.call_later(seconds, self._transport.abort)

    def cut(self) -> None:
        """End the connection at once; what has not left yet does not leave."""
        self.over = self.over or "we hung up"
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """A part of a reply, a whole one, or more than was asked for."""
        if self._waiter is None or self._waiter.done():
            self._unasked(data)
            return
        if self._unread:
            data = self._unread + data
        if len(data) > LONGEST_REPLY:
            self._break("an answer that does not end")
            return
        while end := _end_of_reply(data):
            reply, data = data[:end], data[end:]
            try:
                code, text = _read(reply)
            except ValueError:
                self._break(f"no answer that means anything: {_shown(reply)}")
                return
            self._answered(code, text, more=bool(data))
            if self._waiter is None or self._waiter.done():
                data = b""
        self._unread = data

    def eof_received(self) -> bool:
        """The server hung up."""
        self._break("the server hung up")
        return False

    def connection_lost(self, trouble: Exception | None) -> None:
        """Nothing comes or goes any more."""
        self._break(f"the connection was lost: {trouble}" if trouble else "the connection was lost")
        if self._timer is not None:
            self._timer.cancel()
        if not self.ended.done():
            self.ended.set_result(None)

    def _wait_for(self, step: Step) -> None:
        self._deadline = self._loop.time() + step.seconds
        if self._timer is None:
            self._timer = self._loop.call_later(min(step.seconds, LOOK_AFTER), self._look)

    def _say(self, step: Step) -> None:
        self._wait_for(step)
        if failpoints.is_armed(*_BEHIND_WORDS):
            self._say_and_reach(step)
        else:
            self._transport.write(step.line)

    def _say_and_reach(self, step: Step) -> None:
        """The loop sends in its own time, so the fail points within and behind words wait for that."""
        rest = step.line
        if failpoints.is_armed("smtp.half") and step.verb == END_OF_DATA:
            half = len(rest) // 2
            self._transport.write(rest[:half])
            rest = rest[half:]
            self._loop.call_later(_SENT_AFTER, failpoints.hit, "smtp.half")
            self._loop.call_later(2 * _SENT_AFTER, self._transport.write, rest)
            return
        self._transport.write(rest)
        if failpoints.is_armed("smtp.dot") and step.verb == END_OF_DATA:
            self._loop.call_later(_SENT_AFTER, failpoints.hit, "smtp.dot")
        elif failpoints.is_armed("smtp.data") and step.verb == "DATA":
            self._loop.call_later(_SENT_AFTER, failpoints.hit, "smtp.data")

    def _answered(self, code: int, text: str, more: bool) -> None:
        step = self._steps[self._at]
        if failpoints.is_armed(*_BEHIND_ANSWERS):
            _answer_reached(step)
        is_last = self._at + 1 == len(self._steps)
        if self._together:
            self._answered_together(Reply(step.verb, code, text), is_last, more)
            return
        if more:
            self.over = self.over or "more answers than commands"
        if code not in step.good or is_last:
            self._done(Reply(step.verb, code, text))
        elif more:
            self._fail(Broken(step.verb, self.over))
        else:
            self._at += 1
            self._say(self._steps[self._at])

    def _answered_together(self, reply: Reply, is_last: bool, more: bool) -> None:
        """One of several replies: who hears of the first refusal hears it when all have come.

        A server that asks for the message although it has refused (RFC 2920 3.1 has an example) is left: an
        empty message would be the only other way on.
        """
        if self._refused is None and reply.code not in self._steps[self._at].good:
            self._refused = reply
        if is_last:
            if more:
                self.over = self.over or "more answers than commands"
            if self._refused is not None and reply.code == _GO_ON:
                self.over = self.over or "the server goes on after it refused"
            self._done(self._refused or reply)
        elif reply.code == _CLOSING:
            self._done(self._refused or reply)
        else:
            self._at += 1
            self._wait_for(self._steps[self._at])

    def _done(self, reply: Reply) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(reply)

    def _unasked(self, data: bytes) -> None:
        """Before it hangs up a server may say why; anything else would be taken for the next answer."""
        if self._leaving:
            self._transport.abort()
            return
        words = _shown(data).strip()
        self._break(words if words.startswith("421") else "more answers than commands")

    def _break(self, words: str, hung: bool = False) -> None:
        self.over = self.over or words
        if self._waiter is not None and self._together and self._refused is not None:
            self._done(self._refused)  # that much was said clearly
        elif self._waiter is not None:
            self._fail(Broken(self._steps[self._at].verb, words, hung))
        self._transport.abort()

    def _fail(self, trouble: Broken) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(trouble)

    def _look(self) -> None:
        """Whether the server is too late. No timer runs while nobody waits for it."""
        self._timer = None
        if self._waiter is None:
            return
        left = self._deadline - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(min(left, LOOK_AFTER), self._look)
        else:
            seconds = self._steps[self._at].seconds
            self._break(f"no answer within {seconds:g} seconds", hung=True)


def _answer_reached(step: Step) -> None:
    match step.verb:
        case "MAIL":
            failpoints.hit("smtp.mail")
        case "RCPT":
            failpoints.hit("smtp.rcpt")
        case "DATA":
            failpoints.hit("smtp.354")
        case verb if verb == END_OF_DATA:
            failpoints.hit("smtp.answer")


def _shown(data: bytes) -> str:
    return data[:200].decode("utf-8", "surrogateescape")


def _end_of_reply(data: bytes) -> int:
    """Where the first whole reply ends, or 0: at the first line that is not continued (RFC 5321 4.2.1)."""
    start = 0
    while (end := data.find(b"\n", start) + 1) > 0:
        if data[start + 3 : start + 4] != b"-":
            return end
        start = end
    return 0


def _read(reply: bytes) -> tuple[int, str]:
    """Code and text. Raises ValueError where this is no reply, or its lines disagree."""
    code = reply[:3]
    if not code.isdigit() or reply[3:4].isdigit() or reply[:1] not in b"2345":
        raise ValueError
    text = reply.decode("utf-8", "surrogateescape")
    if reply[3:4] != b"-":
        return int(code), text[4:].strip()
    lines = text.split("\n")[:-1]
    if any(line[:3] != text[:3] for line in lines):
        raise ValueError
    return int(code), " ".join(line[4:].strip() for line in lines)
