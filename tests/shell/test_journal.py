"""The file that keeps what the store cannot take."""

import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from nurture.store.journal import SPARE_BYTES, Journal, read_entries

KIND = "unsubscribe"


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "nurture.db.journal")


def entry(n):
    return {"kind": KIND, "token": f"t{n}"}


def test_what_was_appended_is_replayed_once_and_in_order(journal):
    for n in range(5):
        journal.append(entry(n))
    assert journal.waiting
    taken = []
    assert journal.replay({KIND: taken.extend}) == 5
    assert taken == [entry(n) for n in range(5)]
    assert not journal.waiting
    assert journal.replay({KIND: taken.extend}) == 0
    assert len(taken) == 5


def test_what_the_taker_refuses_waits_for_the_next_time(journal):
    journal.append(entry(1))

    def refuse(entries):
        raise RuntimeError("still locked")

    with pytest.raises(RuntimeError, match="still locked"):
        journal.replay({KIND: refuse})
    assert journal.waiting
    journal.append(entry(2))
    taken = []
    assert journal.replay({KIND: taken.extend}) == 2
    assert sorted(one["token"] for one in taken) == ["t1", "t2"]


def test_a_kind_that_nobody_takes_waits(journal):
    journal.append({"kind": "answer", "token": "7"})
    with pytest.raises(KeyError):
        journal.replay({})
    taken = []
    journal.replay({"answer": taken.extend})
    assert taken == [{"kind": "answer", "token": "7"}]


def test_an_entry_that_arrives_during_a_replay_is_not_lost(journal):
    journal.append(entry(1))
    taken = []

    def take(entries):
        taken.extend(entries)
        journal.append(entry(2))

    journal.replay({KIND: take})
    assert journal.waiting
    journal.replay({KIND: taken.extend})
    assert [one["token"] for one in taken] == ["t1", "t2"]


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_line_cut_short_by_a_crash_swallows_no_other(journal, cut, caplog):
    journal.append(entry(1))
    journal.append(entry(2))
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-cut])
    journal.append(entry(3))
    taken = []
    journal.replay({KIND: taken.extend})
    tokens = [one["token"] for one in taken]
    assert tokens == (["t1", "t2", "t3"] if cut == 1 else ["t1", "t3"])
    assert cut == 1 or "cut short" in caplog.text


def test_line_breaks_in_a_value_stay_inside_it(journal):
    journal.append({"kind": "smtp", "token": "1", "words": "550\r\nno\n{}\u2028such"})
    (one,) = read_entries(journal.path.read_bytes())
    assert one["words"] == "550\r\nno\n{}\u2028such"


def test_many_threads_append_while_others_replay(journal):
    taken, lock = [], threading.Lock()

    def take(entries):
        with lock:
            taken.extend(entries)

    def append(start):
        for n in range(start, start + 40):
            journal.append(entry(n))

    writers = [threading.Thread(target=append, args=(start,)) for start in range(0, 160, 40)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        journal.replay({KIND: take})
    journal.replay({KIND: take})
    assert {one["token"] for one in taken} == {f"t{n}" for n in range(160)}


def test_an_acknowledged_entry_survives_kill_9(journal, tmp_path):
    program = (
        "import sys; from pathlib import Path; from nurture.store.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for n in range(100000):\n"
        "    journal.append({'kind': 'unsubscribe', 'token': f't{n}'}); print(n, flush=True)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program, journal.path], stdout=subprocess.PIPE, text=True
    )
    acknowledged = [int(writer.stdout.readline()) for _ in range(20)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout.read().split("\n")[:-1]]
    writer.stdout.close()
    writer.wait()
    taken = []
    journal.replay({KIND: taken.extend})
    assert {f"t{n}" for n in acknowledged} <= {one["token"] for one in taken}


def test_only_its_owner_may_read_it(journal):
    journal.append(entry(1))
    assert journal.path.stat().st_mode & 0o077 == 0


def test_several_entries_are_one_append(journal):
    journal.append(entry(1), entry(2), entry(3))
    journal.append(entry(4))
    assert [one["token"] for one in read_entries(journal.path.read_bytes())] == ["t1", "t2", "t3", "t4"]


def test_on_a_full_disk_the_space_laid_by_makes_room(journal, monkeypatch):
    """The disk is as full as a limit of the file system's: nothing goes in until something is removed."""
    journal.reserve()
    journal.reserve()
    (spare,) = journal.path.parent.iterdir()
    assert spare.stat().st_size == SPARE_BYTES
    write = os.write

    def full(file, data):
        if spare.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(os, "write", full)
    journal.append(entry(1))
    taken = []
    assert not spare.exists() and journal.replay({KIND: taken.extend}) == 1
    journal.reserve()
    assert spare.exists() and not journal.waiting


def test_with_nothing_laid_by_a_full_disk_is_told(journal, monkeypatch):
    def full(file, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        journal.append(entry(1))
