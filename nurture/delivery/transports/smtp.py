"""Messages over SMTP: kept connections, one message at a time on each, fenced between 354 and the body.

    MAIL, RCPT, DATA -> 354 -> await fence() -> body and dot -> the answer

Everything that breaks before the first byte of the body is safe to try again. Once a byte is out, only a
clear answer counts: anything else is in doubt and is never repeated (RFC 1047 tells why). SMTP has no way
out of DATA, so a message that the fence refuses costs its connection: no dot, no RSET.
"""

import asyncio
import logging
import ssl
from collections import deque

from nurture.delivery.outcomes import Deferred, Failed, Outcome
from nurture.delivery.transports.connection import Account, Connection, Stale, Timeouts
from nurture.delivery.transports.envelope import BadAddress, mail_command, path
from nurture.delivery.transports.seam import Fence, Mail

__all__ = ["Account", "SmtpTransport", "Timeouts"]

logger = logging.getLogger(__name__)

FEWER_FOR = 15 * 60.0
"""Seconds after which a server that took only so many connections is asked for more again."""


class SmtpTransport:
    """Kept connections to one server.

    A server that lets only so many of them in is served by those; it is nobody's trouble.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.slots = account.connections
        self._idle: list[Connection] = []
        self._open = 0
        """Connections that are up, or on their way up."""
        self._served = 0
        """Grows with every message after which a connection was still of use, and every one that has left."""
        self._begun = 0
        """Connections that were asked for."""
        self._refused_alone = -1
        """How much had been served when a connection was refused that none of ours stood beside."""
        self._limit = account.connections
        self._limited_until = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._leaving: set[asyncio.Future[None]] = set()
        self._trust: ssl.SSLContext | None = None

    async def send(self, mail: Mail, fence: Fence) -> Outcome:
        """Hand one message over; waits for a connection while all are busy."""
        try:
            sender_only = mail_command(mail.sender, False)
            to = path(mail.to)
        except BadAddress as wrong:
            return Failed(0, str(wrong))
        utf8 = not (sender_only.isascii() and to.isascii())
        while True:
            connection = self._idle.pop() if self._idle else await self._another()
            if isinstance(connection, Deferred):
                return connection
            try:
                return await connection.deliver(mail, to, utf8, fence)
            except Stale:
                continue
            finally:
                self._give_back(connection)

    async def close(self) -> None:
        """Say goodbye on every kept connection."""
        while self._idle:
            self._say_goodbye(self._idle.pop())
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _another(self) -> "Connection | Deferred":
        """A new connection while there may be more, else one that is given back; or why there is none."""
        refusal = None
        while True:
            if self._idle:
                return self._idle.pop()
            if refusal is None and self._open < self._allowed():
                connection = await self._open_one()
                if isinstance(connection, Connection) or connection.whose != "server":
                    return connection
                refusal = connection
                self._go_on_with_fewer(refusal)
            elif refusal is None or self._open or self._leaving:
                await self._wait()
            elif refusal.code == 0 or self._refused_alone == self._served:
                return refusal
            else:
                refusal = None  # it said no to one of several, and they have left: is there room for one?

    async def _open_one(self) -> "Connection | Deferred":
        self._begun += 1
        alone, begun = not self._open and not self._leaving, self._begun
        self._open += 1
        connection = Connection(self.account)
        try:
            refusal = await connection.open(self._context())
        except BaseException:
            self._one_less()
            raise
        if refusal is None:
            return connection
        if alone and begun == self._begun:
            self._refused_alone = self._served
        self._one_less()
        return refusal

    def _allowed(self) -> int:
        if self._limit < self.slots and asyncio.get_running_loop().time() >= self._limited_until:
            self._limit = self.slots
        return self._limit

    def _go_on_with_fewer(self, refusal: Deferred) -> None:
        if self._open:
            level = logging.WARNING if self._limit == self.slots else logging.DEBUG
            logger.log(level, "No more than %d connections: %s", self._open, refusal.words)
            self._limit = self._open
            self._limited_until = asyncio.get_running_loop().time() + FEWER_FOR

    async def _wait(self) -> None:
        """Until something about the connections has changed."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._changed()  # it was our turn: somebody else's now
            raise

    def _give_back(self, connection: "Connection") -> None:
        """Keep the connection if it is in step; cut it if not, or if whoever used it was stopped."""
        if not connection.in_step:
            connection.cut()
            self._one_less()
            return
        self._served += 1
        if connection.tries >= self.account.messages_per_connection:
            self._say_goodbye(connection)
        else:
            self._idle.append(connection)
            self._changed()

    def _say_goodbye(self, connection: "Connection") -> None:
        ended = connection.leave()
        self._leaving.add(ended)
        ended.add_done_callback(self._has_left)
        self._one_less()

    def _has_left(self, ended: asyncio.Future[None]) -> None:
        self._leaving.discard(ended)
        self._served += 1
        self._changed()

    def _one_less(self) -> None:
        self._open -= 1
        self._changed()

    def _changed(self) -> None:
        """Wake the first who waits, or everybody once nothing is left to wait for."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                if self._open or self._leaving:
                    return

    def _context(self) -> ssl.SSLContext | None:
        if self._trust is None and self.account.security != "none":
            self._trust = ssl.create_default_context(cafile=self.account.certificates)
        return self._trust
