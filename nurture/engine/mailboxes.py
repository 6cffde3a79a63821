"""Places that mail comes to: a folder of an IMAP server (RFC 9051), a maildir.

Both are opened for one look: some letters that wait, and the word that they are done. Nothing is ever
deleted: a letter that is done is moved or marked, and only by `done`, which the caller says after its facts
are committed. Both block, so they are used in a thread.
"""

import heapq
import imaplib
import os
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError
from imap_tools.utils import encode_folder

LARGEST = 5_000_000
"""Bytes of a letter that are fetched; the rest of a larger one are attachments."""
TIMEOUT = 30.0
"""Seconds that any answer of a server may take."""
DONE = "nurture-done"
"""The keyword (RFC 9051, 2.3.2) of a letter that was read."""
_TROUBLE = (OSError, imaplib.IMAP4.error, ImapToolsError)


class Unreachable(Exception):
    """The place cannot be looked at now; the text says why, and names no secret."""


class Letter(NamedTuple):
    """A letter that waits: the key its place knows it by, its bytes, when it came (None: nobody knows)."""

    key: str
    raw: bytes
    came_at: datetime | None


class Opened(Protocol):
    """A place while it is looked at."""

    def waiting(self, limit: int) -> Iterator[Letter]:
        """So many letters that are not done, the oldest first. One that cannot be fetched is left out, and
        not asked for again. Raises Unreachable."""

    def done(self, keys: Sequence[str]) -> None:
        """These are read, and what they say is committed. Raises Unreachable."""


class Place(Protocol):
    """Where letters come to."""

    def open(self) -> AbstractContextManager[Opened]:
        """Look at it. Raises Unreachable."""


@dataclass
class ImapFolder:
    """A folder of an IMAP server. Letters that were read are marked with a keyword; or, with `done_folder`,
    moved there if the server can move (RFC 6851), which deletes nothing on the way."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    done_folder: str = ""
    certificates: Path | None = None
    """Who is trusted beside the system's own."""
    unfetchable: set[str] = field(default_factory=set)

    @contextmanager
    def open(self) -> Iterator[Opened]:
        """Sign in and select the folder; log out after."""
        with _spoken(f"{self.host}:{self.port}"):
            client = self._connected()
            try:
                client.login(self.user, self.password, initial_folder=self.folder)
                yield _OpenFolder(self, client)
            finally:
                with suppress(*_TROUBLE):
                    client.logout()

    def _connected(self) -> BaseMailBox:
        trust = ssl.create_default_context(cafile=self.certificates)
        match self.security:
            case "tls":
                return MailBox(self.host, self.port, timeout=TIMEOUT, ssl_context=trust)
            case "starttls":
                return MailBoxStartTls(self.host, self.port, timeout=TIMEOUT, ssl_context=trust)
        if not is_here(self.host):
            raise Unreachable(
                f"{self.host} is another machine: the password would cross the network in clear"
            )
        return MailBoxUnencrypted(self.host, self.port, timeout=TIMEOUT)


@dataclass
class _OpenFolder:
    """The folder, selected."""

    place: ImapFolder
    mailbox: BaseMailBox

    def waiting(self, limit: int) -> Iterator[Letter]:
        for uid in self._unread()[:limit]:
            letter = self._fetched(uid)
            if letter is None:
                self.place.unfetchable.add(uid)
            else:
                yield letter

    def done(self, keys: Sequence[str]) -> None:
        if not keys:
            return
        client, uids = self.mailbox.client, ",".join(keys)
        # By hand: imap-tools expunges after it has flagged, and with it what others meant to delete.
        _assert_ok(client.uid("STORE", uids, "+FLAGS.SILENT", f"(\\Seen {DONE})"))
        if self.place.done_folder and self._can_move():
            _assert_ok(client.uid("MOVE", uids, encode_folder(self._done_folder()).decode("ascii")))

    def _can_move(self) -> bool:
        """Asked anew: what imaplib knows of is from before the login."""
        said, data = self.mailbox.client.capability()
        return said == "OK" and b"MOVE" in data[0].upper().split()

    def _unread(self) -> list[str]:
        flags = self.mailbox.client.response("PERMANENTFLAGS")[1]
        if not any(b"\\*" in each or DONE.encode() in each for each in flags or [] if each):
            raise Unreachable(f"{self.place.folder} keeps no keywords, so what was read cannot be marked")
        found = sorted(self.mailbox.uids(f"UNKEYWORD {DONE}"), key=int)
        return [uid for uid in found if uid not in self.place.unfetchable]

    def _fetched(self, uid: str) -> Letter | None:
        said, data = self.mailbox.client.uid("FETCH", uid, f"(INTERNALDATE BODY.PEEK[]<0.{LARGEST}>)")
        parts = [each for each in data if isinstance(each, tuple)] if said == "OK" else []
        if not parts:
            return None
        about, raw = parts[0][:2]
        return Letter(uid, raw, came_at(about))

    def _done_folder(self) -> str:
        """The name as this server writes it; made where there is none."""
        folders = self.mailbox.folder.list("", "%")
        name = self.place.done_folder.replace("/", folders[0].delim if folders else "/")
        if not self.mailbox.folder.exists(name):
            self.mailbox.folder.create(name)
        return name


@dataclass
class Maildir:
    """A maildir on this machine: letters that were read go from `new` to `cur`, marked as seen."""

    folder: Path
    unfetchable: set[str] = field(default_factory=set)

    @contextmanager
    def open(self) -> Iterator[Opened]:
        """Look at it as it is now."""
        with _spoken(str(self.folder)):
            yield self

    def waiting(self, limit: int) -> Iterator[Letter]:
        """The names begin with the time, so the first ones are the oldest."""
        with os.scandir(self.folder / "new") as entries:
            names = [each.name for each in entries if each.is_file(follow_symlinks=False)]
        for name in heapq.nsmallest(limit, (name for name in names if name not in self.unfetchable)):
            try:
                with (self.folder / "new" / name).open("rb") as file:
                    came = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
                    yield Letter(name, file.read(LARGEST), came)
            except FileNotFoundError:
                continue  # somebody else's hands
            except PermissionError:
                self.unfetchable.add(name)

    def done(self, keys: Sequence[str]) -> None:
        """By one rename each, as the maildir asks for."""
        for name in keys:
            kept = name.partition(":")[0]
            with suppress(FileNotFoundError):
                (self.folder / "new" / name).rename(self.folder / "cur" / f"{kept}:2,S")


def came_at(said: bytes) -> datetime | None:
    """The INTERNALDATE in a server's answer; None where it is no date that there is."""
    try:
        came = imaplib.Internaldate2tuple(said)
        return datetime.fromtimestamp(time.mktime(came), UTC) if came else None
    except (ValueError, KeyError, OverflowError):
        return None


def is_here(host: str) -> bool:
    """Whether a host is this machine, so that nothing crosses a network."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


@contextmanager
def _spoken(where: str) -> Iterator[None]:
    """What goes wrong with the place, as Unreachable."""
    try:
        yield
    except _TROUBLE as wrong:
        said = " ".join(str(wrong).split())[:200] or type(wrong).__name__
        raise Unreachable(f"{where}: {said}") from wrong


def _assert_ok(answer: tuple[str, list[object]]) -> None:
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(f"the server said {answer[0]} {answer[1]!r}")
