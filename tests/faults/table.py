"""The 49 faults of a receiving server: what each is called, how it is put in, and what must come of it.

A fault stands at a connection, from the given one on, or at one message. With connections every message has
its own; with messages two kept connections carry all of them. What must come of it:

- sent: everybody's message is accepted, once.
- failed, deferred, in doubt: that of the one it met; all others are sent.
- untried: the pass ends with the server's trouble; who was not sent goes back without a try.
- account: as untried, and it is the account's trouble.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from nurture.simulation.inbox import Fault, Faults, Inbox

SECURITIES = ("none", "starttls", "tls")
PLACES = ("first", "middle", "last")
MESSAGES = 6
NUMBER = {"first": 1, "middle": 3, "last": MESSAGES}

HANG = Fault(reply="", then="hang")
RESET = Fault(reply="", then="reset")


def _bye(reply: str) -> Fault:
    return Fault(reply=reply, then="close")


NO_STARTTLS = "no STARTTLS in it"
NO_TLS = "no certificate in it"


@dataclass(frozen=True, eq=False)
class Row:
    """One fault, or one way to have it. `instead`: what must come of it with another security, or why not.

    `minutes`: when the deferred one is due again. `says`: stands in the words that are kept. `bytes`: size of
    each message. `taken`: whether the server took the message it met (None: it does not matter).
    `limit`: connections at a time.
    """

    number: int
    name: str
    verb: str
    fault: Fault
    must: str
    says: str = ""
    minutes: tuple[float, float] = (4, 6)
    instead: Mapping[str, str] = field(default_factory=dict)
    certificate: str = "good"
    signs_in: bool = False
    offers_starttls: bool = True
    bytes: int = 0
    taken: bool | None = None
    limit: int = 0

    @property
    def at_connection(self) -> bool:
        """Whether connections meet it, and not messages."""
        return self.verb in ("listen", "connect", "EHLO", "STARTTLS", "AUTH", "QUIT", "certificate", "")

    def expected(self, security: str, place: str = "") -> str:
        """What must come of it, or "-" and why it cannot be."""
        reason = self.instead.get(f"{security} {place}") or self.instead.get(security)
        return reason if reason in _ENDS else f"- {reason}" if reason else self.must

    def faults(self, place: str, inbox: Callable[[], Inbox]) -> Faults:
        """What the server is asked at every step."""
        number = NUMBER[place]

        def limited(verb: str, k: int) -> Fault | None:
            begun = inbox().transactions >= number - 1
            return (
                self.fault if verb == "connect" and begun and inbox().open_connections > self.limit else None
            )

        def standing(verb: str, k: int) -> Fault | None:
            return self.fault if verb == self.verb and k >= number else None

        def once(verb: str, k: int) -> Fault | None:
            return self.fault if verb == self.verb and k == number else None

        return limited if self.limit else standing if self.at_connection else once


_ENDS = ("sent", "failed", "deferred", "in doubt", "untried", "account")
_UPGRADE = {"none": NO_STARTTLS, "tls": NO_STARTTLS}
_TLS = {"none": NO_TLS}
_GREY = (4.9, 7.1)
_ANEW = {f"{security} {place}": "sent" for security in ("none", "tls") for place in ("middle", "last")}
"""Commands that left together on a kept connection: the message takes another one."""


def _door(number: int, name: str, verb: str, fault: Fault, must: str = "untried", **more: object) -> Row:
    return Row(number, name, verb, fault, must, **more)  # type: ignore[arg-type]


def _refused(number: int, name: str, must: str, says: str, **more: object) -> Row:
    """`says` is the reply, the verb its first word."""
    verb, _, reply = says.partition(" ")
    return Row(number, name, verb, Fault(reply=reply), must, reply[4:], **more)  # type: ignore[arg-type]


FAULTS: tuple[Row, ...] = (
    _door(1, "connect refused", "listen", Fault(then="close")),
    _door(2, "connect timeout", "listen", Fault(then="hang")),
    _door(3, "RST after accept", "connect", RESET),
    _door(4, "banner 421", "connect", _bye("421 4.3.2 busy"), says="4.3.2 busy"),
    _door(5, "banner 554", "connect", _bye("554 5.3.2 no"), says="5.3.2 no"),
    _door(6, "banner slow", "connect", Fault(delay=60)),
    _door(7, "banner garbage", "connect", Fault(reply="\x00\xff hello there")),
    _door(8, "banner of 64 KB", "connect", Fault(reply="220 " + "x" * 65536)),
    _door(9, "endless lines", "connect", Fault(reply="220-go on\r\n" * 9000, then="hang")),
    _door(9, "endless lines, slowly", "connect", Fault(reply="220-go on\r\n" * 9000, drip=0.002)),
    _door(9, "endless EHLO", "EHLO", Fault(reply="250-X-ON\r\n" * 9000, then="hang")),
    _door(10, "EHLO 502, HELO", "EHLO", Fault(reply="502 5.5.1 what?"), "sent",
                   instead={"starttls": "untried"}),
    _door(11, "STARTTLS not offered", "", Fault(), "untried", says="STARTTLS", instead=_UPGRADE,
                   offers_starttls=False),
    _door(12, "STARTTLS then RST", "STARTTLS", RESET, instead=_UPGRADE),
    _door(12, "STARTTLS 454", "STARTTLS", Fault(reply="454 4.7.0 no TLS"), instead=_UPGRADE),
    _door(13, "plaintext before TLS", "STARTTLS",
                   Fault(reply="220 go ahead\r\n250-evil\r\n250 AUTH PLAIN"), "sent", instead=_UPGRADE),
    _door(14, "certificate expired", "certificate", Fault(), instead=_TLS,
                   certificate="expired", says="certificate"),
    _door(14, "certificate self-signed", "certificate", Fault(), instead=_TLS,
                   certificate="self-signed", says="certificate"),
    _door(14, "certificate of another", "certificate", Fault(), instead=_TLS,
                   certificate="wrong name", says="certificate"),
    _door(15, "AUTH 454", "AUTH", Fault(reply="454 4.7.0 later"), signs_in=True, says="4.7.0 later"),
    _door(16, "AUTH 535", "AUTH", Fault(reply="535 5.7.8 no"), "account", signs_in=True, says="5.7.8"),
    _door(17, "AUTH hangs", "AUTH", HANG, signs_in=True),
    _refused(18, "MAIL 451", "deferred", "MAIL 451 4.3.0 later"),
    _refused(19, "MAIL 452", "deferred", "MAIL 452 4.3.1 full"),
    _refused(20, "MAIL 550", "account", "MAIL 550 5.7.1 not you"),
    _refused(21, "MAIL 552 size", "failed", "MAIL 552 5.3.4 too big"),
    _refused(22, "RCPT 450 greylist", "deferred", "RCPT 450 4.7.1 greylisted", minutes=_GREY),
    _refused(23, "RCPT 451 4.7.1", "deferred", "RCPT 451 4.7.1 not yet", minutes=_GREY),
    Row(24, "RCPT 421 4.7.0", "RCPT", _bye("421 4.7.0 slow down"), "deferred", "4.7.0 slow"),
    _refused(25, "RCPT 550 5.1.1", "failed", "RCPT 550 5.1.1 no such user"),
    _refused(26, "RCPT 550 5.7.1", "failed", "RCPT 550 5.7.1 policy"),
    _refused(27, "RCPT 552 5.2.2", "failed", "RCPT 552 5.2.2 full"),
    _refused(28, "RCPT 553", "failed", "RCPT 553 5.1.3 bad"),
    _refused(29, "RCPT 571", "failed", "RCPT 571 5.7.1 no"),
    Row(30, "354 then hang", "DATA", Fault(then="hang"), "in doubt", taken=False),
    _refused(31, "DATA 451", "deferred", "DATA 451 4.3.0 later"),
    _refused(32, "DATA 554", "failed", "DATA 554 5.6.0 no"),
    Row(33, "RST mid-body", "body", RESET, "in doubt", bytes=300_000, taken=False),
    Row(34, "FIN mid-body", "body", _bye(""), "in doubt", bytes=300_000, taken=False),
    Row(35, "zero window", "body", HANG, "in doubt", bytes=2_000_000, taken=False),
    Row(36, "dot then hang, not taken", "dot", HANG, "in doubt", taken=False),
    Row(36, "dot then hang, taken", "dot", replace(HANG, accepts=True), "in doubt", taken=True),
    Row(37, "dot then RST, not taken", "dot", RESET, "in doubt", taken=False),
    Row(37, "dot then RST, taken", "dot", replace(RESET, accepts=True), "in doubt", taken=True),
    Row(38, "dot then 421", "dot", _bye("421 4.3.0 closing"), "deferred", "4.3.0 closing"),
    _refused(39, "dot then 450", "deferred", "dot 450 4.2.1 later"),
    _refused(40, "dot then 550 5.7.515", "account", "dot 550 5.7.515 level of authentication"),
    _refused(41, "dot then 550 5.7.26", "account", "dot 550 5.7.26 unauthenticated"),
    _refused(41, "dot then 421 4.7.32", "account", "dot 421 4.7.32 not aligned"),
    Row(42, "250 in drops", "dot", Fault(reply="250 ok", drip=0.01), "sent"),
    Row(42, "250 of RCPT in drops", "RCPT", Fault(reply="250 ok", drip=0.01), "sent"),
    Row(43, "250 twice at the dot", "dot", Fault(reply="250 ok\r\n250 ok"), "sent"),
    Row(43, "250 again after the dot", "dot", Fault(unasked="250 ok"), "sent"),
    Row(43, "250 twice at RCPT", "RCPT", Fault(reply="250 ok\r\n250 ok"), "untried", instead=_ANEW),
    Row(43, "354 twice", "DATA", Fault(reply="354 go\r\n354 go"), "untried"),
    Row(44, "UTF-8 in the answer", "dot", Fault(reply="250 \xfcbernommen \u2713"), "sent"),
    Row(44, "no UTF-8 in the answer", "dot", Fault(reply="250 \udcff\udcfe"), "sent"),
    Row(45, "bare LF", "dot", Fault(reply="250-2.0.0 ok\n250 2.0.0 ok\n"), "sent"),
    _door(46, "QUIT hangs", "QUIT", HANG, "sent"),
    _door(46, "QUIT then RST", "QUIT", RESET, "sent"),
    _door(47, "421 on the 3rd connection", "connect", _bye("421 4.7.0 too many"),
                   "sent", limit=2),
    Row(48, "RCPT 251", "RCPT", Fault(reply="251 2.1.5 will forward"), "sent"),
    Row(48, "dot then 252", "dot", Fault(reply="252 2.0.0 perhaps"), "sent"),
    Row(49, "taken, DSN later", "dot", Fault(reply="250 2.0.0 queued"), "sent", taken=True),
)  # fmt: skip
"""49 faults; those with more than one way stand in more than one row."""
