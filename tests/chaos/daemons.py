"""Daemons as processes of their own: started, armed, frozen, killed, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.world import ROOT, Place, World, fetch

PATIENCE = 60.0
"""Seconds after which something that must happen is given up; the machine may be busy."""


class Daemon:
    """One process that delivers from one place."""

    def __init__(self, world: World, place: Place, *, point: str = "", command: bool = False) -> None:
        """Start it: `nurture run` itself if `command`, else the same in a hurry. `point` is to be armed."""
        self.world, self.place = world, place
        words = ["nurture.cli", "run"] if command else ["tests.chaos.daemon"]
        with (place.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *words], cwd=place.folder, env=_environment(world.certificate, point),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.pid = self.process.pid
        self._up = False

    @property
    def code(self) -> int | None:
        """How it ended; None while it lives."""
        return self.process.poll()

    def is_up(self) -> bool:
        """Whether its public pages have answered."""
        self._up = self._up or fetch(self.place.port, "GET", "/healthz", timeout=1) == 200
        return self._up

    def kill(self) -> None:
        """As a power cut does it."""
        self.world.suffered[self.pid] += 1
        self.process.kill()
        self.process.wait(PATIENCE)

    def freeze(self) -> None:
        """As a suspended machine does it."""
        self.world.suffered[self.pid] += 1
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on as if nothing had been."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end: what is on its way is brought to its end."""
        self.process.terminate()

    def wait(self) -> int:
        """How it ended."""
        return self.process.wait(PATIENCE)

    def told(self) -> str:
        """The end of what it wrote, for a failing test."""
        lines = (self.place.folder / "daemon.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-40:])

    def close(self) -> None:
        """See that nothing is left running."""
        if self.code is None:
            self.process.kill()
        self.process.wait(PATIENCE)


class Deadline:
    """Raises AssertionError once PATIENCE is over."""

    def __init__(self, what: str, left: Callable[[], str] = str) -> None:
        """`left` says what stands in the way."""
        self._what, self._left, self._end = what, left, time.monotonic() + PATIENCE

    def pause(self, seconds: float = 0.01) -> None:
        """Wait a little, unless it has taken too long."""
        late = time.monotonic() > self._end
        assert not late, f"it did not happen in {PATIENCE:.0f} s: {self._what}; {self._left()}"
        time.sleep(seconds)


def _environment(certificate: Path, point: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "NURTURE_FAILPOINT"}
    ours = {"PYTHONPATH": str(ROOT), "SSL_CERT_FILE": str(certificate), "PYTHONUNBUFFERED": "1"}
    return {**inherited, **ours, **({"NURTURE_FAILPOINT": point} if point else {})}
