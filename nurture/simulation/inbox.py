"""A receiving SMTP server on loopback, with a ledger of every message it took responsibility for.

The demo's personas read their mail from it, and the tests know from its ledger what was really sent. It can
be told to misbehave: `faults(verb, k)` is asked at every step (see `conversation.py`) and may return what to
do instead.
"""

import asyncio
import email.parser
import email.policy
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Self

from nurture import clock
from nurture.simulation.conversation import Conversation, Fault, Faults, Over, Received, Rules

__all__ = ["Fault", "Faults", "Inbox", "Received"]

LARGEST_MESSAGE = 20 * 1024 * 1024
Certificate = Callable[[int], ssl.SSLContext | None]
_HEAD_AT_MOST = 65536
_BACKLOG = 128
_FILLERS = 4
"""Connections that fill the queue of a server that takes none."""


class Inbox:
    """The server and its ledger. Use it as an async context manager."""

    def __init__(
        self,
        *,
        on_message: Callable[[Received], None] | None = None,
        faults: Faults | Mapping[tuple[str, int], Fault] | None = None,
        certificate: Certificate | ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        accounts: Mapping[str, str] | None = None,
        largest: int = LARGEST_MESSAGE,
        takes_utf8: bool = False,
        takes_together: bool = True,
    ) -> None:
        """`certificate` lets the server offer STARTTLS, or start with TLS if `implicit_tls`; a function of
        the connection's number gives each its own.

        `accounts` (user to password) must sign in first. `takes_utf8`: it offers SMTPUTF8;
        `takes_together`: PIPELINING. `on_message` is told of every message before its sender is.
        """
        self.ledger: list[Received] = []
        self.named: Counter[str] = Counter()
        """How often each recipient was asked for."""
        self.connections = 0
        self.open_connections = 0
        self.transactions = 0
        self.port = 0
        self.on_message = on_message
        self._rules = Rules(
            _asker(faults or {}),
            self._next_message,
            self._name,
            self._take,
            largest,
            certificate if callable(certificate) else lambda number: certificate,
            implicit_tls,
            accounts,
            takes_utf8,
            takes_together,
        )
        self._listener: socket.socket | None = None
        self._fillers: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self, port: int = 0) -> None:
        """Listen on loopback, on any free port unless one is given."""
        self._listener = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept(self._listener))

    async def close(self) -> None:
        """Stop listening and end all conversations."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in (self._listener, *self._fillers):
            if each is not None:
                each.close()

    def duplicates(self) -> int:
        """Messages taken more than once: the same id for the same recipient."""
        times = Counter((each.message_id, each.recipient) for each in self.ledger)
        return sum(count - 1 for count in times.values())

    def _next_message(self) -> int:
        self.transactions += 1
        return self.transactions

    def _name(self, recipient: str) -> None:
        self.named[recipient] += 1

    def _take(self, sender: str, recipient: str, raw: bytes, connection: int) -> Received:
        """Enter a message in the ledger and tell whoever listens."""
        head = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(raw[:_HEAD_AT_MOST])
        received = Received(
            str(head.get("Message-ID", "")).strip(),
            str(head.get("X-Nurture-ID", "")).strip(),
            sender,
            recipient,
            raw,
            clock.now(),
            connection,
        )
        self.ledger.append(received)
        if self.on_message is not None:
            self.on_message(received)
        return received

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        """Take connections, until a fault says that the next is not taken."""
        loop = asyncio.get_running_loop()
        while (fault := self._rules.fault("listen", self.connections + 1)) is None:
            plain, _ = await loop.sock_accept(listener)
            self.connections += 1
            self._start(self._serve(plain, self.connections))
        if fault.then == "hang":
            self._fill(listener)
        else:
            listener.close()

    def _fill(self, listener: socket.socket) -> None:
        """From now on whoever connects waits for an answer in vain: the queue is full."""
        listener.listen(0)
        for _ in range(_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            self._fillers.append(filler)

    async def _serve(self, plain: socket.socket, number: int) -> None:
        # Several short replies in a row: each would wait for the other side to have acknowledged the last.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open_connections += 1
        writer = None
        try:
            reader, writer = await self._streams(plain, number)
            await Conversation(self._rules, reader, writer, number).run()
        except (Over, OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # whoever spoke with us left, or never came to speak
        finally:
            self.open_connections -= 1
            if writer is not None:
                writer.transport.abort()
            plain.close()

    async def _streams(
        self, plain: socket.socket, number: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The connection to read from and write to, behind TLS if that is how it begins."""
        loop = asyncio.get_running_loop()
        up: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = loop.create_future()
        # With something to call it is the server's side, which STARTTLS must know.
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader(), lambda *ends: up.set_result(ends))
        context = self._rules.certificate(number) if self._rules.implicit_tls else None
        await loop.connect_accepted_socket(lambda: protocol, plain, ssl=context)
        return await up


def _asker(faults: Faults | Mapping[tuple[str, int], Fault]) -> Faults:
    if isinstance(faults, Mapping):
        known = faults
        return lambda verb, k: known.get((verb, k))
    return faults
