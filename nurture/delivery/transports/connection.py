"""One connection to an SMTP server: opened by aiosmtplib, then a Dialogue about one message after another.

aiosmtplib greets, encrypts and signs in. Messages go through a Dialogue of our own, for aiosmtplib leaves no
room between 354 and the body, and its tasks and locks for each command cost most of all.
"""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import cast

import aiosmtplib
from aiosmtplib.errors import (
    SMTPException,
    SMTPHeloError,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

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
from nurture.delivery.transports.dialogue import END_OF_DATA, Broken, Dialogue, Reply, Step
from nurture.delivery.transports.envelope import mail_command, on_the_wire
from nurture.delivery.transports.seam import Fence, Mail

_FINE = range(200, 300)
_GO_ON = range(354, 355)


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

    `connections` are kept open at most, each for `messages_per_connection` tries. `certificates`: a file of
    authorities to trust instead of the machine's. `name`: how we greet the server.
    """

    host: str
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    connections: int = 20
    messages_per_connection: int = 100
    timeouts: Timeouts = Timeouts()
    certificates: str | None = None
    name: str = "localhost"


class Stale(Exception):
    """A kept connection was closed or got out of step meanwhile: that says nothing about this message."""


class Connection:
    """One connection to the server."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.in_step = False
        """Whether the next reply will be the answer to our next command."""
        self.tries = 0
        self._talk: Dialogue
        self._takes_utf8 = False
        self._takes_together = False
        self._forget: tuple[Step, ...] = ()
        """A transaction was refused half way: the server must forget it first."""
        seconds = account.timeouts
        self._reset = Step("RSET", b"RSET\r\n", _FINE, seconds.command)
        self._data = Step("DATA", b"DATA\r\n", _GO_ON, seconds.data)

    async def open(self, trust: ssl.SSLContext | None) -> Deferred | None:
        """Connect, encrypt and sign in as the account says; why not, if not."""
        account = self.account
        client = aiosmtplib.SMTP(
            hostname=account.host,
            port=account.port,
            use_tls=account.security == "tls",
            start_tls=False,
            local_hostname=account.name,
            timeout=account.timeouts.command,
            tls_context=trust,
        )
        try:
            refusal = await _opened(client, account, trust)
        except BaseException:
            _abort(client)
            raise
        if refusal is None and client.transport is None:
            refusal = Deferred(0, "the server hung up", "server")
        if refusal is not None:
            _abort(client)
            return refusal
        self._takes_utf8 = client.supports_extension("smtputf8")
        self._takes_together = client.supports_extension("pipelining")
        self._talk = Dialogue(cast(asyncio.Transport, client.transport), asyncio.get_running_loop())
        self.in_step = True
        return None

    async def deliver(self, mail: Mail, to: bytes, utf8: bool, fence: Fence) -> Outcome:
        """The conversation about one message. Raises Stale if nothing of it was heard."""
        if utf8 and not self._takes_utf8:
            return Failed(0, "smtputf8_unsupported: the server takes only ASCII before the @")
        self.in_step = False
        self.tries += 1
        try:
            reply = await self._talk.ask(self._commands(mail, to, utf8), together=self._takes_together)
        except Broken as broken:
            return self._given_up(broken, mail)
        if reply.code != 354 or reply.verb != "DATA":
            return self._refusal(reply, mail)
        if not await fence():
            return Refused()
        if self._talk.over:
            return self._deferred(f"DATA: {self._talk.over}", mail)
        return await self._body(mail)

    def _commands(self, mail: Mail, to: bytes, utf8: bool) -> tuple[Step, ...]:
        seconds = self.account.timeouts.command
        return (
            *self._forget,
            Step("MAIL", mail_command(mail.sender, utf8), _FINE, seconds),
            Step("RCPT", b"RCPT TO:<%b>\r\n" % to, _FINE, seconds),
            self._data,
        )

    def _refusal(self, reply: Reply, mail: Mail) -> Outcome:
        """What a clear answer before the body means; whether the connection is still of use."""
        verb, code, text = reply
        left = verb in ("RSET", "MAIL") and is_closing(code)
        if self.tries > 1 and (left or code in _FINE):  # 2xx for DATA: an answer too many came before
            raise Stale
        self._forget = (self._reset,)
        self.in_step = code >= 400 and not is_closing(code) and not self._talk.over
        return outcome_of(verb, code, printable(text, mail.to))

    def _given_up(self, broken: Broken, mail: Mail) -> Outcome:
        """No answer before the body. A kept connection that was hung up on us meanwhile is no news."""
        if self.tries > 1 and broken.verb in ("RSET", "MAIL") and not broken.hung:
            raise Stale
        return self._deferred(f"{broken.verb}: {broken.words}", mail)

    def _deferred(self, words: str, mail: Mail) -> Deferred:
        return Deferred(0, printable(words, mail.to), "server")

    async def _body(self, mail: Mail) -> Outcome:
        """From the first byte on: a clear answer, or doubt."""
        failpoints.hit("smtp.body")
        step = Step(END_OF_DATA, on_the_wire(mail.raw), _FINE, self.account.timeouts.answer)
        try:
            _, code, text = await self._talk.ask((step,))
        except Broken as broken:
            return InDoubt(printable(f"{END_OF_DATA}: {broken.words}", mail.to))
        said = printable(text, mail.to)
        if 300 <= code < 400:
            return InDoubt(f"end of data: an answer that means nothing: {code} {said}")
        self._forget = ()
        self.in_step = not (self._talk.over or is_closing(code))
        return Accepted(code, said) if code < 300 else outcome_of("end of data", code, said)

    def leave(self) -> asyncio.Future[None]:
        """Leave politely, but not for long. Done when the connection is closed."""
        self.in_step = False
        failpoints.hit("smtp.quit")
        self._talk.leave(self.account.timeouts.quit)
        return self._talk.ended

    def cut(self) -> None:
        """End the connection at once; what has not left yet does not leave."""
        self.in_step = False
        self._talk.cut()


async def _opened(client: aiosmtplib.SMTP, account: Account, trust: ssl.SSLContext | None) -> Deferred | None:
    try:
        seconds = account.timeouts.connect
        try:
            async with asyncio.timeout(seconds):
                await client.connect(timeout=seconds)
        except TimeoutError:
            raise SMTPTimeoutError(f"no greeting within {seconds:g} seconds") from None
        failpoints.hit("smtp.connect")
        if account.security == "starttls":
            await _greet(client)
            await client.starttls(tls_context=trust)
            failpoints.hit("smtp.starttls")
        await _greet(client)
        failpoints.hit("smtp.ehlo")
    except (SMTPException, OSError, ValueError) as trouble:
        return _not_let_in(trouble, "server")
    if not account.user:
        return None
    try:
        await client.login(account.user, account.password)
        failpoints.hit("smtp.auth")
    except (SMTPServerDisconnected, SMTPTimeoutError, OSError) as trouble:
        return _not_let_in(trouble, "server", "AUTH: ")
    except SMTPException as refusal:
        later = isinstance(refusal, SMTPResponseException) and refusal.code < 500
        return _not_let_in(refusal, "server" if later else "account", "AUTH: ")
    return None


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except SMTPHeloError as refusal:
        if refusal.code < 500:
            raise
        await client.helo()


def _not_let_in(trouble: Exception, whose: Whose, verb: str = "") -> Deferred:
    code = trouble.code if isinstance(trouble, SMTPResponseException) else 0
    text = trouble.message if isinstance(trouble, SMTPException) else str(trouble)
    words = printable(verb + (text or type(trouble).__name__))
    return Deferred(max(code, 0), words, whose, wait_asked(words))


def _abort(client: aiosmtplib.SMTP) -> None:
    if client.transport is not None:
        cast(asyncio.Transport, client.transport).abort()  # uvloop's transports are none of asyncio's classes
    client.close()
