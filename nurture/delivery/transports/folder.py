"""Messages as .eml files in a folder: nothing leaves the machine."""

import asyncio
import contextlib
import os
import re
from pathlib import Path

from nurture.delivery.outcomes import Accepted, Deferred, Outcome, Refused
from nurture.delivery.transports.seam import Fence, Mail


class FolderTransport:
    """One file a message, named after its id: the same message twice is one file.

    A file is there whole or not at all, also after a power cut. What a killed process leaves behind is one
    hidden unfinished file a message; the next try writes it anew.
    """

    slots = 4

    def __init__(self, folder: Path) -> None:
        """`folder` is made if it is not there."""
        self.folder = folder

    async def send(self, mail: Mail, fence: Fence) -> Outcome:
        """Write the file. Where that fails the file is not there, so another try is safe."""
        if not await fence():
            return Refused()
        try:
            path = await asyncio.to_thread(self._write, mail)
        except OSError as problem:
            return Deferred(0, f"{self.folder.name}/: {problem.strerror}", whose="server")
        return Accepted(250, f"written to {self.folder.name}/{path.name}")

    async def close(self) -> None:
        """Nothing is kept open."""

    def _write(self, mail: Mail) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{file_stem(mail.id)}.eml"
        unfinished = path.with_name(f".{path.stem}.unfinished")
        try:
            with unfinished.open("wb") as file:
                file.write(mail.raw)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise
        _sync(self.folder)
        return path


def file_stem(id: str) -> str:
    """The part of an id before the @, as a file's name."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", id.partition("@")[0]).lstrip(".") or "message"


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
