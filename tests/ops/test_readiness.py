"""What a supervisor is told: /healthz, /readyz, and systemd's socket."""

import asyncio
import os
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Connection

from nurture import clock
from nurture.drivers import embedded
from nurture.drivers.systemd import notify, watchdog_seconds
from nurture.engine import pulse
from nurture.simulation.inbox import Fault
from nurture.store.probe import probe
from nurture.web import health
from tests.ops.living import Living, living

pytestmark = pytest.mark.slow


class Systemd:
    """Who listens at NOTIFY_SOCKET: a real datagram socket, in the file system or abstract."""

    def __init__(self, name: str, monkeypatch: pytest.MonkeyPatch, watchdog: float = 0) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(name.replace("@", "\0"))
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        monkeypatch.setenv("WATCHDOG_USEC", str(int(watchdog * 1_000_000)))
        self.heard: list[str] = []

    def listen(self) -> list[str]:
        """All lines heard so far."""
        try:
            while True:
                self.heard += self.socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            return self.heard


@pytest.fixture(params=["file", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    name = (
        str(tmp_path / "notify")
        if request.param == "file"
        else f"@nurture-test-{os.getpid()}-{time.time_ns()}"
    )
    made = Systemd(name, monkeypatch, watchdog=0.4)
    request.addfinalizer(made.socket.close)
    return made


def test_without_a_socket_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    notify("READY=1")


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"), [("60000000", None, 30), ("60000000", "1", 0), ("", None, 0), ("x", None, 0)]
)
def test_the_watchdog_wants_food_twice_in_its_time(
    monkeypatch: pytest.MonkeyPatch, usec: str, pid: str | None, seconds: float
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    if pid is None:
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
    else:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    assert watchdog_seconds() == seconds


def test_systemd_hears_ready_the_watchdog_and_stopping_and_a_stalled_loop_feeds_nothing(
    folder: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "WATCH_SECONDS", 0.1)

    async def go() -> None:
        async with living(folder) as there:
            await there.until(lambda: "WATCHDOG=1" in systemd.listen())
            told = [line for line in systemd.heard if line != "WATCHDOG=1"]
            assert told == ["STATUS=starting", "READY=1", "STATUS=running"]
            assert systemd.heard.index("READY=1") < systemd.heard.index("WATCHDOG=1")
            await there.until(lambda: there.states()["sent"] == 12)
            fed = systemd.listen().count("WATCHDOG=1")
            time.sleep(1.5)  # the loop stands still, as it would in an endless calculation
            assert systemd.listen().count("WATCHDOG=1") == fed
            await there.until(lambda: systemd.listen().count("WATCHDOG=1") >= fed + 2)
            assert "STOPPING=1" not in systemd.heard
            await there.stop()
            assert systemd.listen()[-2] == "STOPPING=1"

    asyncio.run(go())


def test_duties_that_never_come_round_feed_no_watchdog(systemd: Systemd) -> None:
    told, there = embedded._Told(), pulse.Pulse(clock.tick(), [("wake", 1)])
    there.ended("wake", clock.tick())
    told.tell(there)
    assert systemd.listen().count("WATCHDOG=1") == 1
    there.ended("wake", clock.tick() - 10)
    time.sleep(0.25)
    told.tell(there)
    assert systemd.listen().count("WATCHDOG=1") == 1
    assert systemd.heard[-1] == "STATUS=the duty 'wake' does not come round"


def test_ready_says_so_in_words_and_in_json_and_why_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        async with living(folder, lambda verb, k: Fault(delay=1.5) if verb == "dot" else None) as there:
            await there.until(there.is_up)
            healthy = await there.client.get("/healthz")
            assert (healthy.status_code, healthy.text) == (200, "ok\n")
            assert await there.readiness() == (200, [])
            assert (await there.client.get("/readyz")).text == "ready\n"
            await no_room(there)
            await another_schema(there)
            await there.until(lambda: there.states()["fenced"])
            stopping = asyncio.create_task(there.stop())
            await asyncio.sleep(0.1)
            assert await there.readiness() == (503, ["stopping"])
            await stopping

    async def no_room(there: Living) -> None:
        with monkeypatch.context() as full:
            usage = SimpleNamespace(total=10 << 30, free=100 << 20)
            full.setattr(health.shutil, "disk_usage", lambda folder: usage)
            await asyncio.sleep(health.PROBED_FOR)
            assert await there.readiness() == (503, ["only 100 MB are free on the disk"])
            usage.total = 1 << 30  # of a small disk that is more than a twentieth
            await asyncio.sleep(health.PROBED_FOR)
            assert (await there.readiness())[0] == 200

    async def another_schema(there: Living) -> None:
        store, write = there.nurture.store, "UPDATE alembic_version SET version_num = '{}'"
        store.write_now(lambda c: c.exec_driver_sql(write.format("0999")) and None)
        await asyncio.sleep(health.PROBED_FOR)
        wanted = store.read(lambda c: c.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
        code, problems = await there.readiness()
        assert (code, wanted) == (503, "0999")
        assert problems[0].startswith("the schema is 0999, not ")
        back = problems[0].rpartition(" ")[2]
        store.write_now(lambda c: c.exec_driver_sql(write.format(back)) and None)
        await asyncio.sleep(health.PROBED_FOR)

    asyncio.run(go())


def test_however_often_somebody_asks_the_store_is_probed_once_a_second(folder: Path) -> None:
    async def go() -> None:
        async with living(folder) as there:
            await there.until(lambda: there.states()["sent"] == 12)
            started = time.monotonic()
            answers = await asyncio.gather(*(there.client.get("/readyz") for _ in range(200)))
            assert {answer.status_code for answer in answers} == {200}
            assert 1 <= len(probes) <= 1 + (time.monotonic() - started) / health.PROBED_FOR

    def counted(connection: Connection, name: str) -> str | None:
        probes.append(name)
        return probe(connection, name)

    probes: list[str] = []
    with pytest.MonkeyPatch.context() as counting:
        counting.setattr(health, "probe", counted)
        asyncio.run(go())


def jumping(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """A clock that is ahead by what stands in the list."""
    ahead = [timedelta()]
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + ahead[0])
    return ahead


def test_a_clock_that_leaps_stops_sending_until_it_is_steady(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While messages are on their way: what is on its way ends, nothing begins, nothing is decided."""
    monkeypatch.setattr(pulse, "STEADY", 2.0)
    ahead = jumping(monkeypatch)

    async def go() -> None:
        async with living(folder, lambda verb, k: Fault(delay=0.2) if verb == "MAIL" else None) as there:
            await there.until(lambda: len(there.inbox.ledger) >= 2)
            ahead[0] = timedelta(days=3)
            await there.until(lambda: there.states()["fenced"] == there.states()["claimed"] == 0)
            sent, code = len(there.inbox.ledger), await there.readiness()
            assert sent < 12
            assert code[0] == 503
            assert "the clock jumped forward by 3 days" in code[1]
            await asyncio.sleep(0.5)
            assert len(there.inbox.ledger) == sent
            assert there.states() == {"sent": sent, "queued": 12 - sent}, "nothing expired either"
            ahead[0] = timedelta()  # somebody put it right
            await there.until(lambda: there.states() == {"sent": 12})
            assert there.inbox.duplicates() == 0
            assert there.differences() == ()

    asyncio.run(go())


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(days=-400), timedelta(minutes=30)])
def test_other_jumps_fire_nothing_again(folder: Path, monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    ahead = jumping(monkeypatch)

    async def go() -> None:
        async with living(folder) as there:
            await there.until(lambda: there.states()["sent"] == 12)
            ahead[0] = by
            await asyncio.sleep(1.3)
            assert there.states() == {"sent": 12}
            assert there.inbox.duplicates() == 0
            assert len(there.inbox.ledger) == 12
            await asyncio.sleep(health.PROBED_FOR)
            assert (await there.readiness())[0] == 200, "it cost a tick"
            assert there.differences() == ()

    asyncio.run(go())


def test_the_probe_leaves_nothing(folder: Path) -> None:
    async def go() -> None:
        async with living(folder) as there:
            await there.until(there.is_up)
            assert (await there.readiness())[0] == 200
            names = [key for (key,) in there.rows("SELECT key FROM meta")]
            assert not [key for key in names if key.startswith("probe")]

    asyncio.run(go())
