"""A workspace of one's own in a folder, and the command line run in it as a person does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from nurture import clock
from nurture.assembly import Nurture, open_nurture
from nurture.cli import nurture as program
from nurture.core import facts as f
from nurture.errors import Mistake
from nurture.store import find, note

ROOT = Path(__file__).parents[2]
START = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
LIST = """email,name,company,role,employees,industry,invoices,country
ada@acme.example,Ada,Acme,controller,400,manufacturing,3000,GB
bo@beta.example,Bo,Beta,controller,400,manufacturing,,GB
cy@gamma.example,Cy,Gamma,student,,,,
"""
MAP = """email: email
source: newsletter
kind: content
basis: consent
date: 2026-10-04
columns: {name: first_name, company: company, role: role, employees: employees, industry: industry,
          invoices: invoices, country: country}
"""


class Ended(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON it printed."""
        return json.loads(self.out)


class Place:
    """A workspace and the commands run in it, at virtual instants."""

    def __init__(self, folder: Path, monkeypatch: Any) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch

    def run(self, *words: str, at: datetime = START) -> Ended:
        """`nurture WORDS` here, in this process, at an instant. Ends as the program would."""
        self._monkeypatch.chdir(self.folder)
        with clock.virtual(at):
            result = CliRunner().invoke(program, list(words), prog_name="nurture")
        if isinstance(result.exception, Mistake):
            return Ended(1, result.stdout, f"{result.stderr}Error: {result.exception}\n")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def ok(self, *words: str, at: datetime = START) -> Ended:
        """The same, where it must go well."""
        ended = self.run(*words, at=at)
        assert ended.code == 0, ended
        return ended

    def mistake(self, *words: str, at: datetime = START) -> str:
        """The sentence of a command that must not go well."""
        ended = self.run(*words, at=at)
        assert (ended.code, ended.out) == (1, ""), ended
        return ended.err.splitlines()[-1]

    def hear(self, address: str, *bodies: f.Body, at: datetime) -> None:
        """Facts about somebody, and what is due then."""
        with self.opened(at) as nurture:
            hash = nurture.programme().hash

            def work(connection: Any) -> None:
                row = find(connection, address)
                assert row is not None
                note(connection, {row.id: [(body, at) for body in bodies]}, known=at, programme=hash)

            nurture.store.write_now(work)
        self.ok("wake", at=at)

    @contextmanager
    def opened(self, at: datetime) -> Iterator[Nurture]:
        with clock.virtual(at), open_nurture(self.folder) as nurture:
            yield nurture

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert old in text, (file, old)
        path.write_text(text.replace(old, new))

    def read(self, work: Callable[[Any], Any], at: datetime = START) -> Any:
        with self.opened(at) as nurture:
            return nurture.store.read(work)


def process(folder: Path, *words: str, **more: Any) -> subprocess.Popen[str]:
    """`nurture WORDS` as a process of its own, in real time."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "nurture.cli", *words], cwd=folder, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more,
    )  # fmt: skip


def ended(running: subprocess.Popen[str], seconds: float = 30) -> Ended:
    """Wait for its end."""
    out, err = running.communicate(timeout=seconds)
    return Ended(running.returncode, out, err)
