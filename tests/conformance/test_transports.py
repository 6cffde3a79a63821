"""What every way of handing a message over promises, over the dict of all of them."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from pathlib import Path

import pytest

from nurture.delivery.outcomes import Accepted, Refused
from nurture.delivery.transports import TRANSPORTS, Account, FolderTransport, Mail, SmtpTransport, Transport
from nurture.simulation.inbox import Inbox

Arrived = Callable[[], list[bytes]]


def letter(number: int, body: str = "Hello\r\n") -> Mail:
    id = f"n1.{number:032}@example.com"
    raw = f"From: a@example.com\r\nTo: p{number}@example.org\r\nMessage-ID: <{id}>\r\n\r\n{body}"
    return Mail(id, "a@example.com", f"p{number}@example.org", raw.encode())


@asynccontextmanager
async def working(name: str, folder: Path) -> AsyncIterator[tuple[Transport, Arrived]]:
    """One of the transports with something real behind it, and what has arrived there."""
    if TRANSPORTS[name] is FolderTransport:
        box = folder / "outbox"
        yield FolderTransport(box), lambda: [path.read_bytes() for path in sorted(box.glob("*.eml"))]
        return
    async with Inbox() as inbox:
        smtp = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=3))
        yield smtp, lambda: sorted((each.raw for each in inbox.ledger), key=_id)
        await smtp.close()


def _id(raw: bytes) -> str:
    return str(message_from_bytes(raw)["Message-ID"])


async def go() -> bool:
    return True


async def stop() -> bool:
    return False


@pytest.fixture(params=TRANSPORTS)
def name(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


def test_a_message_arrives_as_it_is(name: str, tmp_path: Path) -> None:
    async def body() -> None:
        async with working(name, tmp_path) as (transport, arrived):
            mail = letter(1, ".\r\n..two\r\n.three\r\n\r\nend\r\n.\r\n")
            assert isinstance(await transport.send(mail, go), Accepted)
            assert arrived() == [mail.raw]

    asyncio.run(body())


def test_what_the_fence_refuses_does_not_arrive_and_spoils_nothing(name: str, tmp_path: Path) -> None:
    async def body() -> None:
        async with working(name, tmp_path) as (transport, arrived):
            assert isinstance(await transport.send(letter(1), go), Accepted)
            assert await transport.send(letter(2), stop) == Refused()
            assert isinstance(await transport.send(letter(3), go), Accepted)
            assert arrived() == [letter(1).raw, letter(3).raw]

    asyncio.run(body())


def test_the_fence_is_asked_once_and_before_anything_arrives(name: str, tmp_path: Path) -> None:
    async def body() -> None:
        async with working(name, tmp_path) as (transport, arrived):
            asked: list[int] = []

            async def fence() -> bool:
                asked.append(len(arrived()))
                await asyncio.sleep(0.02)
                asked.append(len(arrived()))
                return True

            await transport.send(letter(1), fence)
            assert asked == [0, 0]

    asyncio.run(body())


def test_a_fence_that_breaks_lets_nothing_out(name: str, tmp_path: Path) -> None:
    async def broken() -> bool:
        raise OSError("disk full")

    async def body() -> None:
        async with working(name, tmp_path) as (transport, arrived):
            with pytest.raises(OSError, match="disk full"):
                await transport.send(letter(1), broken)
            assert isinstance(await transport.send(letter(2), go), Accepted)
            assert arrived() == [letter(2).raw]

    asyncio.run(body())


def test_a_send_that_is_stopped_lets_nothing_out(name: str, tmp_path: Path) -> None:
    async def body() -> None:
        async with working(name, tmp_path) as (transport, arrived):
            waiting = asyncio.Event()

            async def never() -> bool:
                waiting.set()
                await asyncio.Event().wait()
                return True

            task = asyncio.create_task(transport.send(letter(1), never))
            await waiting.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert isinstance(await transport.send(letter(2), go), Accepted)
            assert arrived() == [letter(2).raw]

    asyncio.run(body())


def test_many_at_a_time_all_arrive(name: str, tmp_path: Path) -> None:
    async def body() -> None:
        async with working(name, tmp_path) as (transport, arrived):
            assert transport.slots >= 2
            outcomes = await asyncio.gather(*(transport.send(letter(n), go) for n in range(25)))
            assert all(isinstance(outcome, Accepted) for outcome in outcomes)
            assert arrived() == [letter(n).raw for n in range(25)]

    asyncio.run(body())


def test_the_same_message_in_the_folder_twice_is_one_file(tmp_path: Path) -> None:
    async def body() -> None:
        transport = FolderTransport(tmp_path / "outbox")
        await transport.send(letter(1), go)
        await transport.send(letter(1), go)

    asyncio.run(body())
    assert [path.name for path in (tmp_path / "outbox").iterdir()] == [f"n1.{1:032}.eml"]


def test_a_folder_that_cannot_be_written_can_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file stands in the way")
    outcome = asyncio.run(FolderTransport(tmp_path / "outbox").send(letter(1), go))
    assert getattr(outcome, "whose", "") == "server"


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.conformance.test_transports import FolderTransport, go, letter

os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(FolderTransport(Path(sys.argv[1])).send(letter(1), go))
"""
"""The bytes are in the file; it has no name of its own yet."""


def test_what_a_killed_process_left_in_the_folder_is_hidden_and_replaced(tmp_path: Path) -> None:
    box = tmp_path / "outbox"
    ended = subprocess.run([sys.executable, "-c", KILLED, box], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = box.iterdir()
    assert left.name.startswith(".") and left.suffix != ".eml"
    assert isinstance(asyncio.run(FolderTransport(box).send(letter(1), go)), Accepted)
    assert [path.read_bytes() for path in box.iterdir()] == [letter(1).raw]
