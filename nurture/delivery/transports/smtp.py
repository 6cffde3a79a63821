"""Messages over SMTP: kept connections, one message at a time on each, fenced between 354 and the body.

    MAIL, RCPT, DATA -> 354 -> await fence() -> body and dot -> the answer

Everything that breaks before the first byte of the body is safe to try again. Once a byte is out, only a
clear answer counts: anything else is in doubt and is never repeated (RFC 1047 tells why). SMTP has no way
out of DATA, so a message that the fence refuses costs its connection: no dot, no RSET.

aiosmtplib puts DATA, 354 and body into one call; so DATA goes through its `execute_command`, and the body
through its protocol's `write` and `read_response`.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiosmtplib
from aiosmtplib.errors import (
    SMTPException,
    SMTPHeloError,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)
from aiosmtplib.protocol import SMTPProtocol

from nurture import failpoints
from nurture.delivery.outcomes import (
    Accepted,
    Deferred,
    Failed,
    InDoubt,
    Outcome,
    Refused,
    Whose,
    printable,
)
from nurture.delivery.replies import is_closing, outcome_of, wait_asked
from nurture.delivery.transports.seam import Fence, Mail

_LINE_START_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for each answer (RFC 5321 4.5.3.2, shorter before the body: another try is safe)."""

    connect: float = 30
    command: float = 60
    data: float = 120
    answer: float = 600
    quit: float = 5


@dataclass(frozen=True, slots=True)
class Account:
    """The server that takes our mail. `security` is starttls, tls or none, and never less than it says.

    `certificates`: a file of authorities to trust instead of the machine's. `name`: how we greet the server.
    """

    host: str
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    connections: int = 5
    timeouts: Timeouts = Timeouts()
    certificates: str | None = None
    name: str = "localhost"


class SmtpTransport:
    """A few kept connections to one server."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.slots = account.connections
        self._idle: list[_Connection] = []
        self._free = asyncio.Semaphore(account.connections)
        self._trust: ssl.SSLContext | None = None

    async def send(self, mail: Mail, fence: Fence) -> Outcome:
        """Hand one message over; waits for a free connection."""
        async with self._free:
            return await self._send(mail, fence)

    async def close(self) -> None:
        """Say goodbye on every kept connection."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.quit() for connection in idle))

    async def _send(self, mail: Mail, fence: Fence) -> Outcome:
        while self._idle:
            connection = self._idle.pop()
            with contextlib.suppress(_Stale):
                async with self._kept(connection):
                    return await connection.deliver(mail, fence)
        connection = _Connection(self.account)
        refusal = await connection.open(self._context())
        if refusal is not None:
            return refusal
        async with self._kept(connection):
            return await connection.deliver(mail, fence)

    @contextlib.asynccontextmanager
    async def _kept(self, connection: "_Connection") -> AsyncIterator[None]:
        """Keep the connection if it is in step afterwards; cut it if not, or if we are stopped."""
        try:
            yield
        except BaseException:
            connection.cut()
            raise
        if connection.in_step:
            self._idle.append(connection)
        else:
            connection.cut()

    def _context(self) -> ssl.SSLContext | None:
        if self._trust is None and self.account.security != "none":
            self._trust = ssl.create_default_context(cafile=self.account.certificates)
        return self._trust


def _on_the_wire(raw: bytes) -> bytes:
    """The message as DATA carries it: dots at the start of a line doubled, the end marked."""
    end = b"" if raw.endswith(b"\r\n") else b"\r\n"
    return _LINE_START_DOT.sub(b"..", raw) + end + b".\r\n"


async def _write(protocol: SMTPProtocol, wire: bytes) -> None:
    """Write the message; the loop sends it in its own time, so the fail points behind it wait for that."""
    if failpoints.is_armed("smtp.half"):
        half = len(wire) // 2
        protocol.write(wire[:half])
        await asyncio.sleep(0)
        failpoints.hit("smtp.half")
        wire = wire[half:]
    protocol.write(wire)
    if failpoints.is_armed("smtp.dot"):
        await asyncio.sleep(0)
        failpoints.hit("smtp.dot")


class _Broken(Exception):
    """The conversation ended before the body, with what to say about it."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


class _Stale(Exception):
    """A kept connection was closed by the server meanwhile: that says nothing about this message."""


class _Connection:
    """One conversation with the server."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.in_step = False
        """Whether the next reply will be the answer to our next command."""
        self._kept = False
        self._unfinished = False
        """A transaction was refused half way: the server must forget it first."""
        self._client = aiosmtplib.SMTP(
            hostname=account.host,
            port=account.port,
            use_tls=account.security == "tls",
            start_tls=False,
            local_hostname=account.name,
            timeout=account.timeouts.command,
        )

    async def open(self, trust: ssl.SSLContext | None) -> Deferred | None:
        """Connect, encrypt and sign in as the account says; why not, if not."""
        self._client.tls_context = trust
        try:
            await self._client.connect(timeout=self.account.timeouts.connect)
            failpoints.hit("smtp.connect")
            if self.account.security == "starttls":
                await self._greet()
                await self._client.starttls(tls_context=trust)
                failpoints.hit("smtp.starttls")
            await self._greet()
            failpoints.hit("smtp.ehlo")
        except (SMTPException, OSError, ValueError) as trouble:
            self.cut()
            return self._deferred(trouble, "server")
        except BaseException:
            self.cut()
            raise
        return await self._sign_in()

    async def _greet(self) -> None:
        try:
            await self._client.ehlo()
        except SMTPHeloError:
            await self._client.helo()

    async def _sign_in(self) -> Deferred | None:
        if not self.account.user:
            return None
        try:
            await self._client.login(self.account.user, self.account.password)
            failpoints.hit("smtp.auth")
        except (SMTPServerDisconnected, SMTPTimeoutError, OSError) as trouble:
            self.cut()
            return self._deferred(trouble, "server", "AUTH")
        except SMTPException as refusal:
            self.cut()
            return self._deferred(refusal, "account", "AUTH")
        except BaseException:
            self.cut()
            raise
        return None

    async def deliver(self, mail: Mail, fence: Fence) -> Outcome:
        """The conversation about one message."""
        self.in_step = False
        try:
            await self._until_354(mail)
        except _Broken as broken:
            return broken.outcome
        if not await fence():
            return Refused()
        return await self._body(mail)

    async def _until_354(self, mail: Mail) -> None:
        if self._unfinished:
            await self._command(mail, 250, "RSET")
            self._unfinished = False
        await self._command(mail, 250, "MAIL", f"FROM:<{mail.sender}>")
        failpoints.hit("smtp.mail")
        await self._command(mail, 250, "RCPT", f"TO:<{mail.to}>")
        failpoints.hit("smtp.rcpt")
        if failpoints.is_armed("smtp.data"):
            asyncio.get_running_loop().call_soon(failpoints.hit, "smtp.data")  # once it is written
        await self._command(mail, 354, "DATA")
        failpoints.hit("smtp.354")

    async def _command(self, mail: Mail, expected: int, verb: str, rest: str = "") -> None:
        timeouts = self.account.timeouts
        try:
            code, text = await self._client.execute_command(
                " ".join(filter(None, (verb, rest))).encode("ascii"),
                timeout=timeouts.data if verb == "DATA" else timeouts.command,
            )
        except ValueError as trouble:
            raise _Broken(Failed(0, f"{verb}: the address cannot be put into a command")) from trouble
        except (SMTPException, OSError) as trouble:
            self._give_up_if_stale(verb)
            raise _Broken(self._deferred(trouble, "server", verb, mail)) from trouble
        if code == expected or (verb == "RCPT" and code == 251):
            if self._left_over():
                raise _Broken(Deferred(code, f"{verb}: the server is out of step", "server"))
            return
        if is_closing(code):
            self._give_up_if_stale(verb)
        self._unfinished = True
        self.in_step = 400 <= code < 600 and not is_closing(code) and not self._left_over()
        raise _Broken(outcome_of(verb, code, printable(text, mail.to)))

    def _give_up_if_stale(self, verb: str) -> None:
        if self._kept and verb in ("RSET", "MAIL"):
            raise _Stale

    async def _body(self, mail: Mail) -> Outcome:
        """From the first byte on: a clear answer, or doubt."""
        protocol = self._client.protocol
        try:
            if protocol is None:
                raise SMTPServerDisconnected("Connection lost")
            failpoints.hit("smtp.body")
            await _write(protocol, _on_the_wire(mail.raw))
        except SMTPServerDisconnected:
            return Deferred(0, "DATA: the server hung up before the message", "server")
        try:
            code, text = await protocol.read_response(timeout=self.account.timeouts.answer)
            failpoints.hit("smtp.answer")
        except (SMTPException, OSError) as trouble:
            return InDoubt(printable(f"end of data: {trouble}", mail.to))
        said = printable(text, mail.to)
        if not (200 <= code < 300 or 400 <= code < 600):
            return InDoubt(f"end of data: an answer that means nothing: {code} {said}")
        self.in_step = self._kept = not (self._left_over() or is_closing(code))
        return Accepted(code, said) if code < 300 else outcome_of("end of data", code, said)

    def _left_over(self) -> bool:
        """Whether a reply that nobody asked for waits to be taken for the next one."""
        protocol = self._client.protocol
        return protocol is None or bool(protocol._buffer)

    def _deferred(
        self, trouble: Exception, whose: Whose, verb: str = "", mail: Mail | None = None
    ) -> Deferred:
        code = trouble.code if isinstance(trouble, SMTPResponseException) else 0
        text = trouble.message if isinstance(trouble, SMTPException) else str(trouble)
        words = printable(f"{verb}: {text}" if verb else text, mail.to if mail else "")
        return Deferred(max(code, 0), words or type(trouble).__name__, whose, wait_asked(words))

    async def quit(self) -> None:
        """Leave politely, but not for long."""
        failpoints.hit("smtp.quit")
        with contextlib.suppress(SMTPException, OSError):
            await self._client.quit(timeout=self.account.timeouts.quit)
        self.cut()

    def cut(self) -> None:
        """End the connection at once; what has not left yet does not leave."""
        self.in_step = False
        transport = self._client.transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
        self._client.close()
