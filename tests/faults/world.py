"""A world for each fault: the whole way from an outbox over real sockets to a server that misbehaves.

`deliver()` with a SQLite store and the SmtpTransport sends six messages; from an hour later on, with a server
that behaves, it is run again. The ledgers of both servers are the truth.
"""

import asyncio
import shutil
import ssl
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from nurture.delivery.outcomes import Outcome
from nurture.delivery.retry import ACCOUNT_PAUSE
from nurture.delivery.sending import Delivered, deliver
from nurture.delivery.tokens import message_id
from nurture.delivery.transports import Account, Mail, SmtpTransport, Timeouts
from nurture.delivery.transports.seam import Fence
from nurture.simulation.inbox import Inbox, Received
from nurture.store import Store
from nurture.store.touches import Claim
from tests.faults import certificates
from tests.faults.table import MESSAGES, NUMBER, PLACES, SECURITIES, Row
from tests.shell.outbox_world import HOUR, KEY, KEYS, NOW, compose, queue, row, row_address, states

SECONDS = 2.0
"""Every timeout of ours, scaled."""
QUICK = Timeouts(connect=SECONDS, command=SECONDS, data=SECONDS, answer=SECONDS, quit=0.2)
LATER = tuple(NOW + HOUR + timedelta(minutes=minute) for minute in range(4))
"""When the second pass is made: after trouble the first message is a trial, and a line moves on."""
AT_ONCE = 12
"""Worlds that run beside each other."""
_LOOK, _USUAL_DELAY = 0.05, 0.01
FILLER = b"x" * 98 + b"\r\n"


class Setting(NamedTuple):
    """Where worlds find what they need: a migrated SQLite file to copy, certificates, room."""

    template: Path
    certificates: Path
    authority: Path
    room: Path


class World(NamedTuple):
    """A fault at a place, behind a security."""

    fault: Row
    place: str
    security: str

    def __str__(self) -> str:
        return f"{self.fault.number} {self.fault.name}, {self.place}, {self.security}"


class Played(NamedTuple):
    """What came of a world: states after the first pass, the longest send in seconds, all that was wrong."""

    world: World
    states: str
    seconds: float
    wrong: Sequence[str]


def worlds(
    rows: Sequence[Row], places: Sequence[str] = PLACES, securities: Sequence[str] = SECURITIES
) -> list[World]:
    """Every combination that can be."""
    every = (World(fault, place, security) for security in securities for place in places for fault in rows)
    return [world for world in every if not world.fault.expected(world.security).startswith("-")]


async def play_all(every: Sequence[World], setting: Setting) -> list[Played]:
    """Play some worlds at once, in the order given."""
    free, lag = asyncio.Semaphore(AT_ONCE), Lag()
    watch = asyncio.create_task(lag.watch())

    async def one(number: int, world: World) -> Played:
        async with free:
            return await play(world, setting, setting.room / f"{number}.db", lag)

    try:
        return await asyncio.gather(*(one(number, world) for number, world in enumerate(every)))
    finally:
        watch.cancel()


class Lag:
    """How late this process was called back at most in the last seconds: a busy machine is nobody's hang."""

    def __init__(self) -> None:
        self._found: deque[float] = deque([0.0], maxlen=100)

    @property
    def seconds(self) -> float:
        """The sum of what was found."""
        return sum(self._found)

    async def watch(self) -> None:
        """Look on until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(_LOOK)
            self._found.append(max(0.0, loop.time() - before - _LOOK - _USUAL_DELAY))


async def play(world: World, setting: Setting, file: Path, lag: "Lag") -> Played:
    """The first pass with the fault, the second an hour later without, and what is wrong about them."""
    shutil.copyfile(setting.template, file)
    with Store(f"sqlite:///{file}") as store:
        touches = queue(store, MESSAGES)
        addresses = {touch: row_address(store, touch) for touch in touches}
        first = await _pass(world, setting, store, NOW)
        after = {touch: row(store, touch) for touch in touches}
        standing = states(store)
        second = await _pass(world, setting, store, *LATER, healed=True)
        wrong = _judge(world, first, second, addresses, after, states(store), lag.seconds)
    counted = Counter(outcome or state for state, outcome in standing.values())
    told = ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))
    return Played(world, told, max(first.seconds, default=0), wrong)


class _Pass(NamedTuple):
    delivered: Delivered
    ledger: Sequence[Received]
    named: Counter[str]
    seconds: Sequence[float]


class _Timed:
    """The transport, with a watch on every send."""

    def __init__(self, transport: SmtpTransport) -> None:
        self._transport, self.slots = transport, transport.slots
        self.seconds: list[float] = []

    async def send(self, mail: Mail, fence: Fence) -> Outcome:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await self._transport.send(mail, fence)
        finally:
            self.seconds.append(loop.time() - began)

    async def close(self) -> None:
        await self._transport.close()


async def _pass(
    world: World, setting: Setting, store: Store, *moments: datetime, healed: bool = False
) -> _Pass:
    fault = world.fault
    inbox = _inbox(world, setting, healed)
    async with inbox:
        account = Account(
            "127.0.0.1", inbox.port, world.security, connections=3 if fault.at_connection else 2,
            messages_per_connection=1 if fault.at_connection else 100, timeouts=QUICK,
            certificates=str(setting.authority), user="ada" if fault.signs_in else "", password="right",
        )  # fmt: skip
        transport = _Timed(SmtpTransport(account))
        for now in moments:
            clock = partial(datetime.replace, now)
            delivered = await deliver(
                store, transport, _composing(fault.bytes), owner="me", key=KEY, now=clock
            )
        await transport.close()
    return _Pass(delivered, inbox.ledger, inbox.named, transport.seconds)


def _inbox(world: World, setting: Setting, healed: bool) -> Inbox:
    fault = world.fault
    good = certificates.context(setting.certificates) if world.security != "none" else None
    wrong = certificates.context(setting.certificates, fault.certificate) if fault.offers_starttls else None

    def certificate(number: int) -> ssl.SSLContext | None:
        return good if healed or number < NUMBER[world.place] or good is None else wrong

    inbox = Inbox(
        faults=None if healed else fault.faults(world.place, lambda: inbox),
        certificate=certificate,
        implicit_tls=world.security == "tls",
        accounts={"ada": "right"} if fault.signs_in else None,
        takes_together=world.security != "starttls",  # so that both ways of giving commands are played
    )
    return inbox


def _composing(size: int) -> Callable[[Claim], Mail]:
    def long(claim: Claim) -> Mail:
        mail = compose(claim)
        return Mail(mail.id, mail.sender, mail.to, mail.raw + FILLER * (size // len(FILLER)))

    return long if size else compose


def _judge(
    world: World,
    first: _Pass,
    second: _Pass,
    addresses: Mapping[int, str],
    after: Mapping[int, Any],
    ended: Mapping[int, Any],
    late: float,
) -> list[str]:
    """Everything that is not as it must be."""
    fault, must = world.fault, world.fault.expected(world.security, world.place)
    taken = Counter(each.message_id for each in first.ledger)
    wrong: list[str] = []

    def check(holds: bool, what: str) -> None:
        if not holds:
            wrong.append(what)

    met = [row for row in after.values() if row.outcome != "sent"]
    kinds = Counter(row.outcome or row.state for row in met)
    trouble = first.delivered.trouble
    if must == "sent":
        check(not met and not trouble, f"not everybody was sent: {kinds} {trouble}")
    elif must in ("failed", "in doubt"):
        check(kinds == {must.replace(" ", "_"): 1} and not trouble, f"not one {must}: {kinds} {trouble}")
    elif must == "deferred":
        check(kinds == {"deferred": 1} and not trouble, f"not one deferred: {kinds} {trouble}")
        for row in met:
            check(row.attempts == 1, f"counted as {row.attempts} tries")
            wait = (row.due_at - NOW) / timedelta(minutes=1)
            check(fault.minutes[0] <= wait <= fault.minutes[1], f"due in {wait} minutes")
    else:
        check(bool(met) and bool(trouble), f"the pass did not end: {kinds} {trouble}")
        check(set(kinds) <= {"deferred", "queued"}, f"somebody was burned: {kinds}")
        check(all(row.attempts == 0 for row in met), "a try was counted")
        check(all(row.due_at <= NOW + ACCOUNT_PAUSE for row in met), "put off for long")
        longest = max((row.due_at - NOW for row in met), default=timedelta(0))
        check((longest == ACCOUNT_PAUSE) == (must == "account"), f"taken for another's trouble: {longest}")
        check(fault.says in trouble, f"the trouble does not say {fault.says}: {trouble}")
    if must in ("failed", "deferred"):
        check(all(fault.says in row.words for row in met), f"words do not say {fault.says}")

    for touch, row in after.items():
        times = taken[message_id(KEYS, touch, "example.com")]
        check(times <= 1, "accepted twice")
        check(not times or row.outcome in ("sent", "in_doubt"), f"accepted, and {row.outcome or row.state}")
        check(bool(times) or row.outcome != "sent", "sent, and not accepted")
        if row.outcome == "in_doubt" and fault.taken is not None:
            check(times == fault.taken, "the ledger is not as the fault says")
        if row.state == "ended":
            again = second.named[addresses[touch]]
            check(not again, f"{row.outcome}, and tried again")
    both = Counter(each.message_id for each in (*first.ledger, *second.ledger))
    check(set(both.values()) <= {1}, "accepted twice, after an hour")
    left = Counter(outcome for state, outcome in ended.values())
    lasting = {name: count for name, count in kinds.items() if name in ("failed", "in_doubt")}
    check(left == {"sent": MESSAGES - sum(lasting.values()), **lasting}, f"after an hour: {left}")
    longest_send = max(first.seconds, default=0)
    check(longest_send <= SECONDS + 1 + late, f"a send took {longest_send:.1f} s")
    return wrong
