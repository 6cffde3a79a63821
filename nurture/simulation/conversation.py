"""One SMTP conversation as the receiving side holds it, with faults put in where somebody asks for them.

The verbs at which a fault may stand: `listen` (before a connection is taken: `close` refuses it and all
later ones, `hang` leaves them unanswered), `connect` (before the banner), `EHLO`, `STARTTLS`, `AUTH`, `MAIL`,
`RCPT`, `DATA` (instead of 354), `body` (when the first bytes of a message have arrived), `dot` (after the end
of data), `QUIT`. From MAIL to dot, k counts messages from 1; elsewhere, connections.
"""

import asyncio
import base64
import binascii
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

LONGEST_LINE = 2048
IDLE_SECONDS = 300
A_MOMENT = 0.02
"""Seconds until something unasked for is said."""
_CHUNK = 65536
_END = b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """What the server does at a step instead of what it should.

    `reply` is sent in place of the usual one (None: the usual one; "": none at all), after `delay` seconds,
    one byte each `drip` seconds if that is set; `unasked` follows it a moment later, though nobody asked.
    Then: `go` on, `close` (FIN), `reset` (RST) or `hang` (say and read nothing more). At `dot`, `accepts`
    says whether the message is in the ledger: by default it is if the reply is the usual one or a 2xx.
    """

    reply: str | None = None
    then: str = "go"
    delay: float = 0
    drip: float = 0
    unasked: str = ""
    accepts: bool | None = None


Faults = Callable[[str, int], Fault | None]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the server offers and asks for, and whom a conversation tells."""

    fault: Faults
    next_message: Callable[[], int]
    named: Callable[[str], None]
    """A recipient was asked for."""
    take: Callable[[str, str, bytes, int], "Received"]
    """Sender, recipient, bytes and connection of a message that the server now answers for."""
    largest: int
    certificate: Callable[[int], ssl.SSLContext | None]
    """What each connection is encrypted with, or nothing."""
    implicit_tls: bool = False
    accounts: Mapping[str, str] | None = None
    takes_utf8: bool = False
    takes_together: bool = True
    """Whether it offers PIPELINING (RFC 2920), as most servers do; it reads ahead in either case."""


@dataclass(slots=True)
class Received:
    """A message we answered for: envelope, id, the bytes as the sender meant them, when, on which connection.

    `answered`: the whole reply was given to the network while the connection stood.
    """

    message_id: str
    nurture_id: str
    sender: str
    recipient: str
    raw: bytes
    at: datetime
    connection: int
    answered: bool = False


class Over(Exception):
    """This conversation is at its end."""


class Conversation:
    """One conversation."""

    def __init__(
        self, rules: Rules, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.rules = rules
        self.reader = reader
        self.writer = writer
        self.connection = number
        self.message = 0
        self.buffer = b""
        self.certificate = rules.certificate(number)
        self.encrypted = rules.implicit_tls
        self.signed_in = rules.accounts is None
        self.sender: str | None = None
        self.recipient: str | None = None

    async def run(self) -> None:
        """Until one side ends it. Raises Over, or what the network raises."""
        await self._answer("connect", self.connection, "220 inbox.test ESMTP")
        while True:
            line = await self._line()
            verb, _, rest = line.strip().partition(" ")
            await self._obey(verb.upper(), rest)

    async def _obey(self, verb: str, rest: str) -> None:
        handler = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": self._noop,
            "QUIT": self._quit,
        }.get(verb)
        if handler is None:
            await self._say("500 5.5.1 no such command")
        else:
            await handler(rest)

    async def _ehlo(self, rest: str) -> None:
        offers = [f"SIZE {self.rules.largest}", "8BITMIME"]
        if self.rules.takes_together:
            offers.append("PIPELINING")
        if self.rules.takes_utf8:
            offers.append("SMTPUTF8")
        if self.certificate is not None and not self.encrypted:
            offers.append("STARTTLS")
        if self.rules.accounts is not None:
            offers.append("AUTH PLAIN LOGIN")
        lines = [f"250-{offer}" for offer in ("inbox.test", *offers[:-1])]
        await self._answer("EHLO", self.connection, "\r\n".join([*lines, f"250 {offers[-1]}"]))

    async def _helo(self, rest: str) -> None:
        await self._say("250 inbox.test")

    async def _starttls(self, rest: str) -> None:
        context = self.certificate
        if context is None or self.encrypted:
            await self._say("502 5.5.1 not offered")
            return
        if await self._answer("STARTTLS", self.connection, "220 2.0.0 go ahead"):
            self.buffer = b""  # what came before the handshake came from nobody knows whom
            await self.writer.start_tls(context)
            self.encrypted = True
            self.sender = self.recipient = None

    async def _auth(self, rest: str) -> None:
        if not await self._answer("AUTH", self.connection, ""):
            return
        method, _, first = rest.partition(" ")
        try:
            user, password = await self._credentials(method.upper(), first)
        except (ValueError, binascii.Error):
            await self._say("501 5.5.2 not readable")
            return
        if (self.rules.accounts or {}).get(user) == password:
            self.signed_in = True
            await self._say("235 2.7.0 welcome")
        else:
            await self._say("535 5.7.8 authentication credentials invalid")

    async def _credentials(self, method: str, first: str) -> tuple[str, str]:
        if method == "PLAIN":
            raw = _decoded(first or await self._challenge(""))
            _, user, password = raw.split("\0")
            return user, password
        if method == "LOGIN":
            user = _decoded(first or await self._challenge("Username:"))
            return user, _decoded(await self._challenge("Password:"))
        raise ValueError(method)

    async def _challenge(self, words: str) -> str:
        await self._say(f"334 {base64.b64encode(words.encode()).decode()}")
        return (await self._line()).strip()

    async def _mail(self, rest: str) -> None:
        if not self.signed_in:
            await self._say("530 5.7.0 authentication required")
            return
        self.message = self.rules.next_message()
        self.sender = self.recipient = None
        if await self._answer("MAIL", self.message, "250 2.1.0 ok"):
            self.sender = _path(rest)

    async def _rcpt(self, rest: str) -> None:
        if self.sender is None or self.recipient is not None:
            await self._say("503 5.5.1 not now" if self.sender is None else "452 4.5.3 one at a time")
            return
        self.rules.named(_path(rest))
        if await self._answer("RCPT", self.message, "250 2.1.5 ok"):
            self.recipient = _path(rest)

    async def _data(self, rest: str) -> None:
        if self.sender is None or self.recipient is None:
            await self._say("503 5.5.1 not now")
            return
        if not await self._answer("DATA", self.message, "354 go ahead"):
            return
        raw = await self._body()
        sender, recipient, self.sender, self.recipient = self.sender, self.recipient, None, None
        if raw is None:
            await self._say("552 5.3.4 too big")
            return
        fault = self.rules.fault("dot", self.message)
        taken = self.rules.take(sender, recipient, raw, self.connection) if _accepts(fault) else None
        said = await self._reply(fault, f"250 2.0.0 taken as {self.message}")
        if taken is not None:
            taken.answered = said != ""
        await self._then(fault)

    async def _body(self) -> bytes | None:
        """The message, dots taken back out; None if it was larger than we take."""
        seen = bytearray(b"\r\n")  # so that a first line of one dot is the end
        too_big = False
        fault = self.rules.fault("body", self.message)
        while True:
            looked = max(0, len(seen) - len(_END) + 1)
            seen += self.buffer or await self._read()
            self.buffer = b""
            if fault is not None:
                await self._do(fault, "")
                fault = None
            end = seen.find(_END, looked)
            if end >= 0:
                self.buffer = bytes(seen[end + len(_END) :])
                too_big = too_big or end > self.rules.largest
                return None if too_big else bytes(seen[: end + 2]).replace(b"\r\n..", b"\r\n.")[2:]
            if len(seen) > self.rules.largest:
                too_big = True
                del seen[: -len(_END)]

    async def _rset(self, rest: str) -> None:
        self.sender = self.recipient = None
        await self._say("250 2.0.0 forgotten")

    async def _noop(self, rest: str) -> None:
        await self._say("250 2.0.0 ok")

    async def _quit(self, rest: str) -> None:
        await self._answer("QUIT", self.connection, "221 2.0.0 bye")
        raise Over

    async def _answer(self, verb: str, k: int, usual: str) -> bool:
        """Give the usual answer unless a fault stands here; whether the step went well."""
        return await self._do(self.rules.fault(verb, k), usual)

    async def _do(self, fault: Fault | None, usual: str) -> bool:
        said = await self._reply(fault, usual)
        await self._then(fault)
        return fault is None or fault.reply is None or said[:1] in ("2", "3")

    async def _reply(self, fault: Fault | None, usual: str) -> str:
        """Say what is to be said here; what that was."""
        if fault is None:
            await self._say(usual)
            return usual
        await asyncio.sleep(fault.delay)
        reply = usual if fault.reply is None else fault.reply
        await self._say(reply, fault.drip)
        if fault.unasked:
            await asyncio.sleep(A_MOMENT)
            await self._say(fault.unasked)
        return reply

    async def _then(self, fault: Fault | None) -> None:
        if fault is None or fault.then == "go":
            return
        if fault.then == "hang":
            await asyncio.sleep(IDLE_SECONDS)
        if fault.then == "reset":
            _reset(self.writer)
        with suppress(OSError):
            await self.writer.drain()
        raise Over

    async def _say(self, reply: str, drip: float = 0) -> None:
        if not reply:
            return
        data = reply.encode("utf-8", "surrogateescape")
        data += b"" if reply.endswith("\n") else b"\r\n"
        for part in (data[at : at + 1] for at in range(len(data))) if drip else (data,):
            if self.writer.transport.is_closing():
                raise Over
            self.writer.write(part)
            await asyncio.sleep(drip)
        await self.writer.drain()

    async def _line(self) -> str:
        while b"\n" not in self.buffer:
            if len(self.buffer) > LONGEST_LINE:
                await self._say("500 5.5.2 line too long")
                raise Over
            self.buffer += await self._read()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode("utf-8", "replace")

    async def _read(self) -> bytes:
        async with asyncio.timeout(IDLE_SECONDS):
            chunk = await self.reader.read(_CHUNK)
        if not chunk:
            raise Over
        return chunk


def _accepts(fault: Fault | None) -> bool:
    if fault is None:
        return True
    if fault.accepts is not None:
        return fault.accepts
    return fault.reply is None or fault.reply.startswith("2")


def _reset(writer: asyncio.StreamWriter) -> None:
    """Make the coming end of the connection a reset."""
    plain = writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _path(rest: str) -> str:
    """The address in `FROM:<...>` or `TO:<...>`."""
    start, end = rest.find("<"), rest.find(">")
    return rest[start + 1 : end] if 0 <= start < end else ""


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode()
