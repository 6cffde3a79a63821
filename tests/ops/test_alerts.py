"""Trouble is told once, again after a day, and when it is over; by mail or by webhook."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from nurture import clock
from nurture.assembly import open_nurture
from nurture.core.programme import Sender
from nurture.delivery.transports.smtp import Account, SmtpTransport
from nurture.delivery.webhook import NotTaken, is_public, post
from nurture.engine.alerting import Alerting, by_mail
from nurture.engine.pulse import Pulse
from nurture.engine.wake import wake
from nurture.simulation.inbox import Fault, Inbox
from nurture.store import Store
from nurture.store.alerts import CALM, TOLD_AGAIN, Found, News, keep, told
from nurture.store.tables import BREAKERS, PROSPECTS, RETURNS, TOUCHES
from tests.faults.certificates import context, make
from tests.ops.living import living
from tests.shell.outbox_world import NOW, change, queue

MINUTE = timedelta(minutes=1)


class Told:
    """A world in which something is watched, and what was told."""

    def __init__(self, store: Store) -> None:
        self.store, self.news, self.fails = store, list[tuple[str, str]](), False
        self.pulse = Pulse(clock.tick() - 3600, [("wake", 1), ("deliver", 1)])
        for name in ("wake", "deliver"):
            self.pulse.ended(name, clock.tick())
        self.alerting = Alerting(store, self.pulse, self._tell)
        self.words = ""

    async def _tell(self, news: News) -> None:
        if self.fails:
            raise NotTaken("nobody there")
        self.news.append((news.state, f"{news.kind} {news.subject}".strip()))
        self.words = news.words

    def look(self, now: datetime, sending: str = "", mailbox: str = "") -> list[tuple[str, str]]:
        """What is told at an instant."""
        self.news.clear()
        asyncio.run(self.alerting.look(sending, now, mailbox))
        return list(self.news)


@pytest.fixture
def watched(store: Store) -> Told:
    return Told(store)


def in_doubt(store: Store, touch: int) -> None:
    change(store, touch, state="ended", outcome="in_doubt", ended_at=NOW, fenced_at=NOW)


def test_a_doubt_is_told_once_again_if_there_are_more_after_a_day_and_when_it_is_over(watched: Told) -> None:
    touches = queue(watched.store, 3, due_at=NOW + 9 * TOLD_AGAIN)
    assert watched.look(NOW) == []
    in_doubt(watched.store, touches[0])
    assert watched.look(NOW) == [("raised", "in doubt")]
    assert watched.words == "messages in doubt: 1; nurture outbox list --state in_doubt"
    assert watched.look(NOW + MINUTE) == []
    in_doubt(watched.store, touches[1])
    assert watched.look(NOW + 2 * MINUTE) == [("raised", "in doubt")]
    assert watched.look(NOW + 3 * MINUTE) == []
    assert watched.look(NOW + 2 * MINUTE + TOLD_AGAIN) == [("still", "in doubt")]
    later = NOW + 3 * MINUTE + TOLD_AGAIN
    for touch in touches[:2]:
        change(watched.store, touch, outcome="sent")
    assert watched.look(later) == []
    assert watched.look(later + CALM) == [("over", "in doubt")]
    assert watched.look(later + 2 * CALM) == []


def test_what_comes_and_goes_is_one_alert(store: Store) -> None:
    found = Found("breaker", "google", "it is paused")

    def step(at: datetime, *there: Found) -> list[str]:
        def work(connection: Any) -> list[str]:
            news = keep(connection, there, at)
            for each in news:
                told(connection, each, at)
            return [each.state for each in news]

        return store.write_now(work)

    assert step(NOW, found) == ["raised"]
    for minute in range(1, 9, 2):
        assert step(NOW + minute * MINUTE) == []
        assert step(NOW + (minute + 1) * MINUTE, found) == []
    assert step(NOW + 10 * MINUTE) == []
    assert step(NOW + 16 * MINUTE) == ["over"]
    assert step(NOW + 17 * MINUTE, found) == ["raised"]


def test_what_nobody_took_is_told_again(watched: Told) -> None:
    (touch,) = queue(watched.store)
    in_doubt(watched.store, touch)
    watched.fails = True
    assert watched.look(NOW) == []
    watched.fails = False
    assert watched.look(NOW + MINUTE) == [("raised", "in doubt")]
    assert watched.look(NOW + 2 * MINUTE) == []


def test_breakers_and_a_stopped_account_are_named_with_what_to_do(watched: Told) -> None:
    rows = [
        {"receiver": "google", "kind": "deferrals", "state": "paused", "until": NOW + MINUTE},
        {"receiver": "", "kind": "account", "state": "stopped", "until": None},
        {"receiver": "yahoo", "kind": "complaints", "state": "warned", "until": None},
    ]
    more = {"account": "mail", "reason": "535 no", "step": 0, "counted": 1, "bad": 1, "since": NOW}
    watched.store.write_now(
        lambda c: c.execute(BREAKERS.insert(), [{**row, **more} for row in rows]) and None
    )
    assert sorted(watched.look(NOW)) == [("raised", "account stopped"), ("raised", "breaker google")]


def test_an_answer_that_no_colleague_s_server_takes_is_told(watched: Told) -> None:
    row = {"channel": "mailbox", "external_id": "<1@x>", "kind": "replied", "at": NOW, "received_at": NOW}
    due = {"mail_due_at": NOW, "mail_attempts": 11}
    watched.store.write_now(lambda c: c.execute(RETURNS.insert().values(**row, **due)) and None)
    assert watched.look(NOW) == []
    watched.store.write_now(lambda c: c.execute(RETURNS.update().values(mail_attempts=12)) and None)
    assert watched.look(NOW) == [("raised", "untold")]
    watched.store.write_now(lambda c: c.execute(RETURNS.update().values(mailed_at=NOW)) and None)
    watched.look(NOW + MINUTE)
    assert watched.look(NOW + MINUTE + CALM) == [("over", "untold")]


def test_a_letter_to_stop_that_proves_nothing_is_told_for_a_week(watched: Told) -> None:
    def letter(id: str, kind: str, prospect: int | None = None) -> dict[str, object]:
        about = {"kind": kind, "prospect": prospect, "at": NOW, "received_at": NOW}
        return {"channel": "mailbox", "external_id": id, **about}

    watched.store.write_now(
        lambda c: c.execute(RETURNS.insert().values(**letter("<1@x>", "replied"))) and None
    )
    assert watched.look(NOW) == []
    watched.store.write_now(
        lambda c: c.execute(RETURNS.insert().values(**letter("<2@x>", "unsubscribed"))) and None
    )
    assert watched.look(NOW) == [("raised", "unproven")]
    assert "1; nobody was silenced" in watched.words
    assert watched.look(NOW + 7 * 24 * 60 * MINUTE) == []
    assert watched.look(NOW + 7 * 24 * 60 * MINUTE + CALM) == [("over", "unproven")]


def test_what_is_due_and_stands_still_is_stuck(watched: Told) -> None:
    queue(watched.store, due_at=NOW - 20 * MINUTE)
    due = PROSPECTS.update().values(wake_at=NOW - 20 * MINUTE)
    watched.store.write_now(lambda c: c.execute(due) and None)
    assert watched.look(NOW) == [("raised", "stuck messages"), ("raised", "stuck prospects")]


def test_a_long_queue_that_gets_shorter_is_not_stuck(watched: Told) -> None:
    queue(watched.store, due_at=NOW - 20 * MINUTE)
    watched.pulse.did("deliver", clock.tick(), 1)
    assert watched.look(NOW) == []


def test_a_server_that_is_down_for_long_is_told(watched: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched.look(NOW, sending="connection refused") == []
    tick = clock.tick() + 901
    monkeypatch.setattr(clock, "tick", lambda: tick)
    for name in ("wake", "deliver"):
        watched.pulse.ended(name, tick)
    assert watched.look(NOW, sending="connection refused") == [("raised", "stuck sending")]
    assert watched.words == "sending is stopped: connection refused"


def test_a_mailbox_that_cannot_be_read_for_long_is_told(
    watched: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watched.look(NOW, mailbox="imap.example:993: refused") == []
    tick = clock.tick() + 901
    monkeypatch.setattr(clock, "tick", lambda: tick)
    for name in ("wake", "deliver"):
        watched.pulse.ended(name, tick)
    assert watched.look(NOW, mailbox="imap.example:993: refused") == [("raised", "stuck mailbox")]
    assert watched.words == "mail that comes back is not read: imap.example:993: refused"


def test_a_store_that_takes_nothing_is_told_without_it(
    sqlite_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a minute of it, from memory; and that it is over, at once."""
    with Store(sqlite_database) as store:
        watched, tick = Told(store), clock.tick()

        def broken(*_: Any, **__: Any) -> Any:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as full:
            full.setattr(store, "write", broken)
            assert watched.look(NOW) == []
            full.setattr(clock, "tick", lambda: tick + 120)
            assert watched.look(NOW + 2 * MINUTE) == [("raised", "store")]
            assert watched.words == "the store is full: nothing is sent"
            assert watched.look(NOW + 3 * MINUTE) == []
        for name in ("wake", "deliver"):
            watched.pulse.ended(name, clock.tick())
        assert watched.look(NOW + 4 * MINUTE) == [("over", "store")]
        assert watched.look(NOW + 5 * MINUTE) == []


def test_a_mail_goes_out_past_everything_and_names_nobody() -> None:
    async def go() -> list[Any]:
        async with Inbox(faults={("RCPT", 1): Fault("451 4.3.0 later")}) as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, security="none"))
            sender = Sender("Nora", "nora@mail.matchlight.example", "Matchlight Ltd", "14 Weavers Yard")
            tell = by_mail(transport, lambda: sender, "ops@example.com")
            news = News("raised", "in doubt", "", "messages in doubt: 3", datetime(2026, 3, 2, 9, tzinfo=UTC))
            with pytest.raises(NotTaken):
                await tell(news)
            await tell(news)
            await transport.close()
            return inbox.ledger

    (received,) = asyncio.run(go())
    message = message_from_bytes(received.raw, policy=policy.default)
    assert (message["To"], message["Subject"]) == ("ops@example.com", "[nurture] raised: in doubt")
    assert "messages in doubt: 3" in message.get_body(("plain",)).get_content()


class _Hook(BaseHTTPRequestHandler):
    """Takes what is posted to /ok, and sends everybody else there."""

    taken: list[Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, json.loads(body)))
        self.send_response(204 if self.path == "/ok" else 302)
        self.send_header("Location", "/ok")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def hook(folder: Path) -> Iterator[tuple[int, list[Any], ssl.SSLContext]]:
    """A webhook on loopback with a certificate of its own: port, what it took, whom to trust."""
    authority = make(folder)
    handler = type("Hook", (_Hook,), {"taken": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    server.socket = context(folder).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, handler.taken, ssl.create_default_context(cafile=str(authority))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_webhook_is_posted_to_over_tls_and_a_redirect_is_not_followed(tmp_path: Path) -> None:
    def anywhere(address: object) -> bool:
        return True

    with hook(tmp_path) as (port, taken, trust):
        post(f"https://127.0.0.1:{port}/ok", b'{"a": 1}', may_connect=anywhere, trust=trust)
        with pytest.raises(NotTaken, match=r"127\.0\.0\.1 answered 302"):
            post(f"https://127.0.0.1:{port}/elsewhere", b"{}", may_connect=anywhere, trust=trust)
        with pytest.raises(NotTaken, match="SSLCertVerificationError"):
            post(f"https://127.0.0.1:{port}/ok", b"{}", may_connect=anywhere)
        with pytest.raises(NotTaken, match="not on the public internet"):
            post(f"https://127.0.0.1:{port}/ok", b"{}", trust=trust)
    assert taken == [("/ok", {"a": 1}), ("/elsewhere", {})]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
     "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fd12::1",
     "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::1",
     "2001:db8::1"],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9"])
def test_others_are(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example/x", "https://user:pw@hooks.example/x", "https:///x", "https://hooks.example:no/x",
     "https://localhost/x", "https://127.1/x", "https://0x7f000001/x", "https://[::1]/x", "https://2130706433/"],
)  # fmt: skip
def test_a_webhook_that_leads_inside_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(NotTaken):
        post(url, b"{}")


@pytest.mark.slow
def test_the_daemon_mails_what_it_finds(folder: Path) -> None:
    """A message was fenced when its sender died: in doubt at the start, and somebody hears of it."""
    toml = folder / "nurture.toml"
    toml.write_text('alerts = "mailto:ops@example.com"\n' + toml.read_text())
    with open_nurture(folder) as nurture:
        now = clock.now()
        nurture.store.write_now(lambda c: wake(c, nurture.shelf, now))
        fenced = TOUCHES.update().where(TOUCHES.c.prospect == 1)
        values = {"state": "fenced", "owner": "dead:1", "epoch": 1, "fenced_at": now}
        nurture.store.write_now(lambda c: c.execute(fenced.values(**values)) and None)

    async def go() -> None:
        async with living(folder) as there:
            told = lambda: [each for each in there.inbox.ledger if each.recipient == "ops@example.com"]  # noqa: E731
            await there.until(told)
            await there.until(lambda: there.states() == {"sent": 11, "in_doubt": 1})
            (mail,) = told()
            assert b"messages in doubt: 1" in mail.raw
            assert not any(b"p%d@" % n in mail.raw for n in range(12))
            assert there.rows("SELECT kind, subject FROM alerts WHERE told_at IS NOT NULL") == [
                ("in doubt", "")
            ]

    asyncio.run(go())
