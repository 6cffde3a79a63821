"""The door: group commit, savepoints, urgency, one writer, and sentences instead of tracebacks."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from nurture.errors import Mistake
from nurture.store import Store, door, engines, runlock
from nurture.store.tables import META


def put(key: str, value: str = "") -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(insert(META).values(key=key, value=value))
        return key

    return work


def keys(connection: Connection) -> list[str]:
    return list(connection.scalars(select(META.c.key).order_by(META.c.key)))


def test_what_is_written_is_read(store: Store) -> None:
    assert store.write_now(put("a")) == "a"
    assert asyncio.run(store.write(put("b"))) == "b"
    assert store.read(keys) == ["a", "b"]
    assert asyncio.run(store.aread(keys)) == ["a", "b"]


def test_a_failing_piece_of_work_spoils_no_neighbour(store: Store) -> None:
    store.write_now(put("5"))

    async def ten() -> list[object]:
        return await asyncio.gather(*(store.write(put(str(i))) for i in range(10)), return_exceptions=True)

    results = asyncio.run(ten())
    assert [type(result) for result in results] == [str] * 5 + [IntegrityError] + [str] * 4
    assert store.read(keys) == [str(i) for i in range(10)]


def test_half_done_work_leaves_nothing(store: Store) -> None:
    def half(connection: Connection) -> None:
        put("a")(connection)
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        store.write_now(half)
    assert store.read(keys) == []


def test_reading_cannot_change_anything(store: Store) -> None:
    with pytest.raises(DBAPIError, match=r"readonly|read-only"):
        store.read(put("a"))


def test_urgent_work_goes_first(sqlite_database: str) -> None:
    order: list[str] = []
    started, go = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        started.set()
        go.wait(5)

    async def all_of_them(store: Store) -> None:
        first = asyncio.create_task(store.write(slow))
        await asyncio.to_thread(started.wait, 5)
        later = [asyncio.create_task(store.write(lambda c: order.append("plain"))) for _ in range(3)]
        await asyncio.sleep(0)
        urgent = asyncio.create_task(store.write(lambda c: order.append("urgent"), urgent=True))
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(first, *later, urgent)

    with Store(sqlite_database) as store:
        asyncio.run(all_of_them(store))
    assert order == ["urgent", "plain", "plain", "plain"]


def test_all_that_waits_shares_one_commit(sqlite_database: str) -> None:
    """Eleven pieces of work, ten of them waiting while the first holds the writer: two transactions."""
    started, go = threading.Event(), threading.Event()
    transactions: list[object] = []

    def counted(connection: Connection) -> None:
        if not any(connection.get_transaction() is known for known in transactions):
            transactions.append(connection.get_transaction())

    def slow(connection: Connection) -> None:
        counted(connection)
        started.set()
        go.wait(5)

    async def all_of_them(store: Store) -> None:
        first = asyncio.create_task(store.write(slow))
        await asyncio.to_thread(started.wait, 5)
        others = [asyncio.create_task(store.write(counted)) for _ in range(10)]
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(first, *others)

    with Store(sqlite_database) as store:
        asyncio.run(all_of_them(store))
    assert len(transactions) == 2


def test_a_cancelled_caller_that_still_waits_is_not_served(sqlite_database: str) -> None:
    started, go = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        started.set()
        go.wait(5)

    async def cancelled(store: Store) -> None:
        first = asyncio.create_task(store.write(slow))
        await asyncio.to_thread(started.wait, 5)
        second = asyncio.create_task(store.write(put("never")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        go.set()
        await first

    with Store(sqlite_database) as store:
        asyncio.run(cancelled(store))
        assert store.read(keys) == []


def test_a_commit_that_fails_fails_everybody(store: Store) -> None:
    """A deferred foreign key is checked at the commit."""

    def orphan(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        else:
            connection.execute(text("ALTER TABLE active ALTER CONSTRAINT fk_active_programme DEFERRABLE"))
            connection.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        connection.execute(text("INSERT INTO active VALUES (1, 'no such programme', 0, '{}')"))

    with pytest.raises(IntegrityError):
        store.write_now(orphan)
    assert store.write_now(put("and it goes on")) == "and it goes on"


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt, MemoryError])
def test_the_writing_thread_outlives_what_ends_other_threads(
    sqlite_database: str, end: type[BaseException]
) -> None:
    def fatal(connection: Connection) -> None:
        put("half")(connection)
        raise end("on purpose")

    def broken(connection: Connection) -> None:
        connection.connection.driver_connection.close()  # type: ignore[union-attr]

    async def side_by_side(store: Store) -> list[object]:
        works = [store.write(work) for work in (put("a"), fatal, put("b"))]
        return await asyncio.gather(*works, return_exceptions=True)

    with Store(sqlite_database) as store:
        with pytest.raises(end):
            store.write_now(fatal)
        with pytest.raises(DBAPIError):
            store.write_now(broken)
        assert store.write_now(put("c")) == "c"
        if end is MemoryError:  # asyncio lets the other two through
            assert [type(one) for one in asyncio.run(side_by_side(store))] == [str, end, str]
            assert store.read(keys) == ["a", "b", "c"]


def test_work_must_not_ask_for_more_writing(sqlite_database: str) -> None:
    with Store(sqlite_database) as store, pytest.raises(RuntimeError, match="already"):
        store.write_now(lambda connection: store.write_now(put("a")))


def test_a_locked_database_names_the_one_who_holds_it(
    sqlite_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engines._SQLITE_ARGUMENTS, "timeout", 0.1)
    path = sqlite_database.removeprefix("sqlite:///")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Store(sqlite_database) as store:
        with pytest.raises(Mistake, match=f"Another process holds the database {path}"):
            store.write_now(put("a"))
        command = [sys.executable, "-c", HOLDER, sqlite_database]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
            assert running.stdout is not None and running.stdout.readline() == b"held\n"
            with pytest.raises(Mistake, match=rf"process {running.pid}\) holds"):
                store.write_now(put("a"))
            running.kill()
        other.execute("ROLLBACK")
        assert store.write_now(put("a")) == "a"
    other.close()


HOLDER = """
import sys, time
from nurture.store import Store
with Store(sys.argv[1]) as store, store.alone():
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_deliverer_on_sqlite_and_the_lock_goes_with_a_killed_one(sqlite_database: str) -> None:
    command = [sys.executable, "-c", HOLDER, sqlite_database]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other, Store(sqlite_database) as store:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert runlock.holder(Path(str(store.database))) == f"nurture (process {other.pid})"
        with pytest.raises(Mistake, match=rf"process {other.pid}\) already runs"), store.alone():
            pass
        other.send_signal(signal.SIGKILL)
        other.wait(5)
        with store.alone():  # who asks is told of others
            assert runlock.holder(Path(str(store.database))) == ""
        assert runlock.holder(Path(str(store.database))) == ""


@pytest.mark.postgres
def test_many_may_deliver_on_postgres(postgres_database: str) -> None:
    with Store(postgres_database) as store, store.alone(), store.alone():
        pass


def backend(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def end_backend(number: int) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({number}, 5000)")

    return work


@pytest.mark.postgres
def test_urgent_work_keeps_its_connection_until_it_breaks(
    postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "URGENT_THREADS", 1)
    monkeypatch.setattr(door, "KEPT_FOR", 3600.0)
    with Store(postgres_database) as store:

        async def go() -> None:
            first = await store.write(backend, urgent=True)
            assert await store.write(backend, urgent=True) == first
            store.write_now(
                lambda c: c.exec_driver_sql(f"SELECT pg_terminate_backend({first}, 5000)") and None
            )
            with pytest.raises(DBAPIError):
                await store.write(backend, urgent=True)
            other = await store.write(backend, urgent=True)
            assert other != first
            monkeypatch.setattr(door, "KEPT_FOR", 0.0)
            store.write_now(
                lambda c: c.exec_driver_sql(f"SELECT pg_terminate_backend({other}, 5000)") and None
            )
            assert await store.write(backend, urgent=True) not in (
                first,
                other,
            )  # asked first whether it lives

        asyncio.run(go())


INCREMENT = """
import sys
from sqlalchemy import text
from nurture.store import Store
def more(connection):
    before = int(connection.scalar(text("SELECT value FROM meta WHERE key = 'count'")))
    connection.execute(text("UPDATE meta SET value = :v WHERE key = 'count'"), {"v": str(before + 1)})
with Store(sys.argv[1]) as store:
    for _ in range(300):
        store.write_now(more)
"""


def test_two_processes_that_read_and_write_lose_nothing_on_sqlite(sqlite_database: str) -> None:
    """sqlite3's own transactions lose half of these."""
    with Store(sqlite_database) as store:
        store.write_now(put("count", "0"))
        command = [sys.executable, "-c", INCREMENT, sqlite_database]
        processes = [subprocess.Popen(command) for _ in range(2)]
        assert [process.wait(60) for process in processes] == [0, 0]
        assert store.read(lambda c: c.scalar(select(META.c.value))) == "600"


def test_every_connection_is_set_up_and_only_the_writer_checkpoints(sqlite_database: str) -> None:
    wanted = {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0,
        "secure_delete": 1, "wal_autocheckpoint": 0, "busy_timeout": 5000,
    }  # fmt: skip

    def settings(connection: Connection) -> dict[str, object]:
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}

    with Store(sqlite_database) as store:
        assert store.read(settings) == wanted
        assert store.write_now(settings) == wanted


def test_the_log_stays_small_while_much_is_written(
    sqlite_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurture.store.writer.CHECKPOINT_EVERY", 0.0)
    log = Path(sqlite_database.removeprefix("sqlite:///") + "-wal")
    largest = 0
    with Store(sqlite_database) as store:
        for i in range(40):
            store.write_now(put(str(i), "x" * 1_000_000))
            largest = max(largest, log.stat().st_size)
        assert store.read(lambda c: c.scalar(text("SELECT sum(length(value)) FROM meta"))) == 40_000_000
    assert largest < engines.LOG_BYTES + 4_000_000


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite://", "cannot be used"),
        ("sqlite:///:memory:", "cannot be used"),
        ("mysql://x/y", "cannot be used"),
        ("nurture.db", "is no address"),
        ("postgres://nobody:secret@127.0.0.1/x", "cannot be used"),
        ("sqlite:////nowhere/at/all/nurture.db", "Cannot open the database /nowhere/at/all/nurture.db"),
        ("postgresql://nobody:secret@127.0.0.1:1/x", "Cannot reach the database postgresql"),
    ],
)
def test_a_wrong_address_is_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(Mistake, match=sentence) as caught, Store(url) as store:
        store.write_now(put("a"))
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "nurture.db").write_bytes(b"not a database at all, but long enough to look at" * 100)
    with Store(f"sqlite:///{tmp_path}/nurture.db") as store:
        for ask in (store.write_now, store.read):
            with pytest.raises(Mistake, match="is not an SQLite database"):
                ask(keys)


@pytest.mark.postgres
def test_work_that_postgres_undid_for_another_is_done_again(postgres_database: str) -> None:
    """Two that lock the same rows in opposite order: the server undoes one of them, the door repeats it."""
    met = threading.Barrier(2, timeout=10)
    tries: list[str] = []

    def crossing(first: str, second: str) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            tries.append(first)
            mine = update(META).where(META.c.key == first)
            connection.execute(mine.values(value=META.c.value + first))
            if len(tries) <= 2:
                met.wait()
            other = update(META).where(META.c.key == second)
            connection.execute(other.values(value=META.c.value + first))

        return work

    with Store(postgres_database) as store:
        store.write_now(put("a"))
        store.write_now(put("b"))
        threads = [
            threading.Thread(target=store.write_now, args=(crossing(*names),)) for names in ("ab", "ba")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(tries) == 3
        values = store.read(lambda c: list(c.scalars(select(META.c.value).order_by(META.c.key))))
    assert [sorted(value) for value in values] == [["a", "b"], ["a", "b"]]


WRITE_UNTIL_KILLED = """
import sys
from sqlalchemy import insert
from nurture.store import Store
from nurture.store.tables import META
with Store(sys.argv[1]) as store:
    for i in range(100000):
        store.write_now(lambda c: c.execute(insert(META).values(key=f"{i:06}", value="")))
        print(f"{i:06}", flush=True)
"""


def test_what_was_said_to_be_written_survives_a_kill(store: Store) -> None:
    command = [sys.executable, "-c", WRITE_UNTIL_KILLED, store.url.render_as_string(hide_password=False)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        said = [other.stdout.readline().strip() for _ in range(50)]
        other.kill()
        said += [line.strip() for line in other.stdout if line.endswith("\n")]
    there = store.read(keys)
    assert there[: len(said)] == said
    assert len(there) <= len(said) + 1


def test_a_database_that_hangs_up_is_told_from_work_that_is_wrong(postgres_database: str) -> None:
    def hang_up(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    def nonsense(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")

    with Store(postgres_database) as store:
        with pytest.raises(DBAPIError) as gone:
            store.read(hang_up)
        with pytest.raises(DBAPIError) as wrong:
            store.read(nonsense)
        assert store.read(lambda connection: connection.scalar(select(1))) == 1
    assert engines.is_away(gone.value)
    assert not engines.is_away(wrong.value)


def test_nobody_is_away_from_a_file(sqlite_database: str) -> None:
    with Store(sqlite_database) as store, pytest.raises(DBAPIError) as wrong:
        store.read(lambda connection: connection.exec_driver_sql("SELECT nothing FROM nowhere"))
    assert not engines.is_away(wrong.value)
