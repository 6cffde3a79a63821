"""`nurture doctor`: what it looks at, once right and once wrong; that it changes and betrays nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import dns.resolver
import pytest
from sqlalchemy import insert, text, update

from nurture.secrets import read_secrets
from nurture.store.tables import BREAKERS, PROSPECTS, TOUCHES
from nurture.store.tallies import ACCOUNT
from tests.cli.test_senders import IMPORT, by_hand, own, without_footer, world
from tests.cli.workspace import START, Ended, Place
from tests.doctor.test_dns import GOOD
from tests.doctor.zone import serving

SOON = START + timedelta(minutes=1)


def doctor(place: Place, *words: str, at: Any = SOON) -> dict[str, list[dict[str, str]]]:
    """The findings by name."""
    ended = place.run("doctor", "--json", *words, at=at)
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(ended.out):
        found.setdefault(one["name"], []).append(one)
        assert one["state"] == "ok" or one["do"], one
    wrong = any(one["state"] == "wrong" for some in found.values() for one in some)
    assert ended.code == (1 if wrong else 0)
    return found


def states(found: dict[str, list[dict[str, str]]], name: str) -> list[str]:
    return [one["state"] for one in found.get(name, [])]


def change(place: Place, statement: Any) -> None:
    with place.opened(START) as nurture:
        nurture.store.write_now(lambda connection: connection.execute(statement))


def add(place: Place, lines: str) -> None:
    file = place.folder / "nurture.toml"
    file.write_text(file.read_text() + lines)


def contents(folder: Path) -> dict[str, bytes]:
    """All files but SQLite's index of its log, which reading makes anew."""
    files = (
        file for file in folder.rglob("*") if file.is_file() and not file.name.endswith(("-shm", "-wal"))
    )
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_a_fresh_workspace_is_right_and_stays_as_it_is(place: Place) -> None:
    before = contents(place.folder)
    found = doctor(place)
    assert contents(place.folder) == before
    assert not any(one["state"] == "wrong" for some in found.values() for one in some)
    assert states(found, "sender") == ["warn"], "the example's"
    assert {"settings", "keys", "files", "identity", "postal address", "footer", "From", "way out",
            "public pages", "tracking", "disk", "SQLite", "file"} <= set(found)  # fmt: skip
    assert "SPF" not in found, "nothing leaves this machine, so the DNS is not asked"


def test_a_used_workspace_is_right_and_stays_as_it_is(people: Place) -> None:
    before = contents(people.folder)
    found = doctor(people)
    assert contents(people.folder) == before
    assert not any(one["state"] == "wrong" for some in found.values() for one in some), found
    assert {"schema", "integrity", "running", "clock", "prospects", "messages"} <= set(found)
    assert found["messages"][0]["says"] == "2 sent"
    assert found["prospects"][0]["says"] == "3, none stuck, quarantined or late"


def test_people_read_groups_and_what_to_do(place: Place) -> None:
    ended: Ended = place.ok("doctor")
    lines = [line.rstrip() for line in ended.out.splitlines()]
    assert lines[0] == "workspace"
    groups = [line for line in lines if line and not line.startswith(" ")]
    assert groups[:5] == ["workspace", "sender", "mail", "web", "database"]
    assert re.fullmatch(r"\d+ ok, \d+ warnings, 0 wrong", groups[-1])
    starts = {re.match(r"  (ok|warn|wrong) +\S", line) is not None for line in lines if line[:3].strip()}
    assert starts <= {True, False}
    at = lines.index("  warn   sender          still the shipped example's")
    assert lines[at + 1].strip() == "-> write your own [sender] before mail leaves this machine"


@pytest.mark.parametrize(
    ("lines", "name", "state", "says"),
    [
        ('\n[smtp]\nhost = "127.0.0.1"\nport = 2525\n', "way out", "ok", "a workshop on this machine"),
        ('\n[smtp]\nhost = "192.0.2.1"\nsecurity = "none"\n', "way out", "wrong", "in clear"),
        ('\n[smtp]\nhost = "127.0.0.1"\n', "refused", "wrong", "nobody owns mail.matchlight.example"),
        ('\n[smtp]\nhost = "127.0.0.1"\n', "alerts", "warn", "nobody is told"),
        ('\n[smtp]\nhost = "127.0.0.1"\nport = 2525\nuser = "nora"\n', "password", "wrong", "no password"),
    ],
)
def test_the_way_out(place: Place, lines: str, name: str, state: str, says: str) -> None:
    add(place, lines)
    found = doctor(place)[name][0]
    assert (found["state"], says in found["says"]) == (state, True), found


@pytest.mark.parametrize(
    ("old", "new", "name", "state"),
    [
        ('"127.0.0.1:8025"', '"127.0.0.1:8026"', "bind", "warn"),
        ('"127.0.0.1:8025"', '"0.0.0.0:8025"', "bind", "warn"),
        ('"http://127.0.0.1:8025"', '"https://go.acme-news.com"', "proxies", "warn"),
        ('tracking = "clicks"', 'tracking = "full"', "tracking", "warn"),
        ('tracking = "clicks"', 'tracking = "off"', "tracking", "ok"),
        ('tracking = "clicks"', 'tracking = "some"', "settings", "wrong"),
        ('name = "Nora Haddow"', 'name = ""', "files", "wrong"),
        ("nora@mail.matchlight.example", "nora@gmail.com", "files", "wrong"),
    ],
)
def test_settings(place: Place, old: str, new: str, name: str, state: str) -> None:
    place.edit("nurture.toml", old, new)
    assert state in states(doctor(place), name)


def test_keys(people: Place) -> None:
    file = people.folder / "secrets.toml"
    shown = doctor(people)["keys"][0]["says"]
    assert re.fullmatch(r"tokens k1 [0-9a-f]{8}; k1 signs; yours alone to read", shown)
    file.chmod(0o644)
    assert "mode 0644" in doctor(people)["keys"][0]["says"]
    file.chmod(0o600)
    key = re.search(r'\[suppression\]\nkey = "(.*)"', file.read_text())
    assert key is not None
    file.write_text(file.read_text().replace(key[1], "A" * 43 + "="))
    assert states(doctor(people), "suppression key") == ["wrong"]
    file.unlink()
    assert "there is no secrets.toml" in doctor(people)["settings"][1]["says"]


def test_files_that_are_not_what_runs(people: Place) -> None:
    people.edit("templates/early/five-causes.html", "subject:", "subject: New")
    found = doctor(people)["files"][0]
    assert found["state"] == "warn"
    assert found["says"].endswith(": templates/early/five-causes.html differs")
    people.edit("programme.yaml", "gap: 3 days", "gapp: 3 days")
    assert states(doctor(people), "files")[0] == "wrong"
    assert states(doctor(people), "identity") == ["ok"], "of the programme that runs"


def test_an_active_programme_that_breaks_a_rule(people: Place) -> None:
    by_hand(people, without_footer)
    found = doctor(people)["programme"][0]
    assert found["state"] == "wrong"
    assert "by-hand breaks a rule: templates/layouts/" in found["says"]


def test_the_database(people: Place) -> None:
    database = people.folder / "nurture.db"
    database.chmod(0o644)
    assert states(doctor(people), "file") == ["wrong"]
    database.chmod(0o600)
    version = doctor(people)["SQLite"][0]
    assert re.match(r"3\.\d+\.\d+", version["says"])
    with people.opened(START) as nurture:
        nurture.store.write_now(
            lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        )
    assert states(doctor(people), "schema") == ["wrong"]


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 6, 23), "ok"), ((3, 7, 0), "warn"), ((3, 40, 1), "warn"), ((3, 51, 2), "warn"), ((3, 51, 3), "ok")],
)
def test_the_versions_with_the_wal_reset_bug(
    place: Place, version: tuple[int, ...], state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurture.doctor.database.sqlite_version_info", version)
    found = doctor(place)["SQLite"][0]
    assert found["state"] == state
    assert ".".join(map(str, version)) in found["says"]


def test_a_damaged_database(people: Place) -> None:
    database = people.folder / "nurture.db"
    whole = database.read_bytes()
    database.write_bytes(whole[:4096] + os.urandom(4096) * (len(whole) // 4096 - 1))
    found = doctor(people)
    assert "wrong" in states(found, "integrity") + states(found, "database")
    database.write_bytes(b"no database at all, only words" * 500)
    assert "is not an SQLite database" in doctor(people)["database"][0]["says"]


def test_a_large_database_is_read_whole_when_asked(people: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nurture.doctor.database.QUICK", 1000)
    assert "`nurture doctor --integrity` does" in doctor(people)["integrity"][0]["says"]
    assert "is whole" in doctor(people, "--integrity")["integrity"][0]["says"]


@pytest.mark.parametrize(
    ("free", "total", "state"),
    [(300 << 30, 1 << 40, "ok"), (10 << 30, 1 << 40, "warn"), (1 << 20, 1 << 30, "wrong")],
)
def test_room(place: Place, free: int, total: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil._ntuple_diskusage(total, total - free, free)
    monkeypatch.setattr("nurture.doctor.database.shutil.disk_usage", lambda folder: usage)
    assert states(doctor(place), "disk") == [state]


def test_who_delivers(people: Place) -> None:
    assert doctor(people)["running"][0]["says"] == "nobody delivers now"
    with delivering(people) as process:
        assert doctor(people)["running"][0]["says"] == f"nurture (process {process}) delivers"
    (people.folder / "nurture.db.journal").write_text('{"kind": "unsubscribe"}\n')
    assert states(doctor(people), "running") == ["warn"]


HOLDER = """
import pathlib, sys
from nurture.store import runlock
with runlock.held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def delivering(place: Place) -> Iterator[int]:
    """Another process holds the database; its number."""
    command = [sys.executable, "-c", HOLDER, str(place.folder / "nurture.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield other.pid


def test_the_clock(people: Place) -> None:
    assert states(doctor(people), "clock") == ["ok"]
    assert states(doctor(people, at=START - timedelta(hours=1)), "clock") == ["wrong"]
    assert states(doctor(people, at=START + timedelta(days=40)), "clock") == ["ok"], "nobody runs"
    with delivering(people):
        assert states(doctor(people, at=START + timedelta(days=40)), "clock") == ["warn"]


def test_prospects_that_do_not_get_on(people: Place) -> None:
    quarantined = {"wake_at": None, "wake_reason": "quarantined after internal errors", "errors": 5}
    change(people, update(PROSPECTS).where(PROSPECTS.c.id == 1).values(**quarantined))
    change(people, update(PROSPECTS).where(PROSPECTS.c.id == 2).values(errors=2, wake_at=START))
    late = START + timedelta(hours=2)
    found = doctor(people, at=late)
    assert found["quarantined"][0]["says"].startswith("1 prospect (id 1): ")
    assert found["failing"][0]["says"].startswith("1 prospect (id 2): ")
    assert found["late"][0]["do"] == "is nurture run running?"
    with delivering(people):
        assert "though nurture runs" in doctor(people, at=late)["late"][0]["says"]


def test_messages_that_do_not_get_on(people: Place) -> None:
    change(people, update(TOUCHES).where(TOUCHES.c.prospect == 1).values(outcome="in_doubt"))
    torn = {"outcome": None, "ended_at": None, "state": "fenced"}
    change(people, update(TOUCHES).where(TOUCHES.c.prospect == 2).values(**torn))
    found = doctor(people)
    assert (states(found, "in doubt"), states(found, "torn")) == (["warn"], ["warn"])
    with delivering(people):
        assert "torn" not in doctor(people)


@pytest.mark.parametrize(
    ("words", "does"),
    [
        (
            "dot: 550 5.7.515 Access denied, sending domain does not meet the level",
            "Outlook.com asks for SPF",
        ),
        ("dot: 550-5.7.26 Your email has been blocked", "neither SPF nor DKIM passed"),
        ("dot: 421-4.7.32 Your From is not aligned", "From is not aligned"),
        ("dot: 550 5.7.25 no PTR", "has no name that leads back"),
    ],
)
def test_refusals_for_want_of_proof_say_what_to_publish(people: Place, words: str, does: str) -> None:
    waits = {"outcome": None, "ended_at": None, "state": "deferred", "words": words}
    change(people, update(TOUCHES).where(TOUCHES.c.prospect == 1).values(**waits))
    change(people, breaker(kind="account", state="paused", until=START + timedelta(hours=1), reason=words))
    found = doctor(people)
    for one in (found["refused"][0], found["paused"][0]):
        assert one["state"] == "wrong"
        assert words in one["says"]
        assert does in one["do"]


def breaker(**more: Any) -> Any:
    row = {"account": ACCOUNT, "receiver": "", "since": START, "step": 0, "counted": 0, "bad": 0}
    return insert(BREAKERS).values(**{**row, **more})


def test_breakers_are_shown(people: Place) -> None:
    later = START + timedelta(hours=1)
    change(people, breaker(receiver="gmail", kind="deferrals", state="paused", reason="slow", until=later))
    change(people, breaker(kind="bounces", state="stopped", reason="9 hard bounces of 100 in 24 hours"))
    found = doctor(people)
    assert found["paused"][0]["state"] == "warn"
    assert found["paused"][0]["says"].startswith("mail to gmail is paused since 2026-10-05 09:00: slow")
    assert found["stopped"][0]["state"] == "wrong"
    assert "9 hard bounces of 100" in found["stopped"][0]["says"]
    assert found["stopped"][0]["do"] == "put the cause right; then `nurture outbox resume`"


def test_the_dns_of_the_sender_is_asked_where_mail_reaches_the_world(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(place)
    world(place)
    with serving(GOOD) as server:
        monkeypatch.setattr(dns.resolver, "default_resolver", server.resolver())
        found = doctor(place)
    assert {name: states(found, name) for name in ("SPF", "DMARC", "DKIM", "PTR")} == {
        "SPF": ["ok"], "DMARC": ["ok"], "DKIM": ["warn"], "PTR": ["warn"]
    }  # fmt: skip
    assert "refused" not in found
    assert found["From"][0]["says"].endswith("of the same owner as www.acme-news.com")
    assert (states(found, "site"), states(found, "sales")) == (["warn"], ["warn"]), "still the example's"


SECRET = "hunter2-" * 4


@pytest.mark.parametrize("words", [(), ("--json",), ("--integrity",)], ids=str)
def test_no_secret_and_nobody_s_address_is_shown(people: Place, words: tuple[str, ...]) -> None:
    def plant(reason: str) -> Callable[[Place], None]:
        return lambda place: change(place, text(f"UPDATE prospects SET wake_reason = '{reason}', errors = 3"))

    plant("quarantined after internal errors")(people)
    add(people, '\n[smtp]\nhost = "127.0.0.1"\nuser = "nora"\n')
    file = people.folder / "secrets.toml"
    file.write_text(file.read_text() + f'\n[smtp]\npassword = "{SECRET}"\n')
    shown = people.run("doctor", *words).out
    assert "prospects (id 1, 2, 3)" in shown
    for secret in (SECRET, "acme.example", "beta.example", "gamma.example", "Bo", "Ada "):
        assert secret not in shown
    for line in file.read_text().splitlines():
        if '= "' in line and "current" not in line:
            assert line.split('"')[1] not in shown
    assert read_secrets(people.folder).smtp_password == SECRET


@pytest.mark.postgres
def test_postgres(place: Place, empty_postgres: str) -> None:
    place.edit("nurture.toml", "sqlite:///nurture.db", empty_postgres)
    found = doctor(place)
    assert states(found, "schema") == ["warn"], "no tables yet, and none are made"
    place.ok(*IMPORT)
    place.ok("wake")
    found = doctor(place)
    assert (states(found, "schema"), states(found, "server")) == (["ok"], ["ok"])
    assert "running" not in found
    assert found["messages"][0]["says"] == "2 sent"
    place.edit("nurture.toml", empty_postgres, "postgresql+psycopg://nobody:secret@127.0.0.1:1/x")
    (broken,) = doctor(place)["database"]
    assert "Cannot reach the database" in broken["says"]
    assert "secret" not in broken["says"]
