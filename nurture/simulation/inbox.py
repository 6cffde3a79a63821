"""A receiving SMTP server on loopback, with a ledger of every message it took responsibility for.

The demo's personas read their mail from it, and the tests know from its ledger what was really sent. It can
be told to misbehave: `faults(verb, k)` is asked at every step (see `conversation.py`) and may return what to
do instead.
"""

import asyncio
import email.parser
import email.policy
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Self

from nurture import clock
from nurture.simulation.conversation import Conversation, Fault, Faults, Over, Rules

__all__ = ["Fault", "Faults", "Inbox", "Received"]

LARGEST_MESSAGE = 20 * 1024 * 1024
_HEAD_AT_MOST = 65536


class Received(NamedTuple):
    """A message we answered for: envelope, id, the bytes as the sender meant them, and when."""

    message_id: str
    nurture_id: str
    sender: str
    recipient: str
    raw: bytes
    at: datetime


class Inbox:
    """The server and its ledger. Use it as an async context manager."""

    def __init__(
        self,
        *,
        on_message: Callable[[Received], None] | None = None,
        faults: Faults | Mapping[tuple[str, int], Fault] | None = None,
        certificate: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        accounts: Mapping[str, str] | None = None,
        largest: int = LARGEST_MESSAGE,
    ) -> None:
        """`certificate` lets the server offer STARTTLS, or start with TLS if `implicit_tls`.

        `accounts` (user to password) must sign in first. `on_message` is told of every message before its
        sender is.
        """
        self.ledger: list[Received] = []
        self.connections = 0
        self.transactions = 0
        self.port = 0
        self.on_message = on_message
        self._rules = Rules(
            _asker(faults or {}), self._next_message, self._take, largest, certificate, implicit_tls, accounts
        )
        self._server: asyncio.Server | None = None
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
        context = self._rules.certificate if self._rules.implicit_tls else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and end all conversations."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def duplicates(self) -> int:
        """Messages taken more than once: the same id for the same recipient."""
        times = Counter((each.message_id, each.recipient) for each in self.ledger)
        return sum(count - 1 for count in times.values())

    def _next_message(self) -> int:
        self.transactions += 1
        return self.transactions

    def _take(self, sender: str, recipient: str, raw: bytes) -> None:
        """Enter a message in the ledger and tell whoever listens."""
        head = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(raw[:_HEAD_AT_MOST])
        received = Received(
            str(head.get("Message-ID", "")).strip(),
            str(head.get("X-Nurture-ID", "")).strip(),
            sender,
            recipient,
            raw,
            clock.now(),
        )
        self.ledger.append(received)
        if self.on_message is not None:
            self.on_message(received)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        talk = Conversation(self._rules, reader, writer, self.connections)
        try:
            await talk.run()
        except (Over, ConnectionError, TimeoutError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            # Raised by close() alone; asyncio's own callback would log a cancelled task as an error.
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)


def _asker(faults: Faults | Mapping[tuple[str, int], Fault]) -> Faults:
    if isinstance(faults, Mapping):
        known = faults
        return lambda verb, k: known.get((verb, k))
    return faults
