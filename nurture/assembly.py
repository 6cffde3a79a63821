"""Settings -> the wired program: the one place that knows how the parts fit together."""

import os
import platform
import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from secrets import token_hex

from sqlalchemy import Connection
from starlette.types import ASGIApp

from nurture import clock
from nurture.authoring import Loaded, Problem, Workspace, hash_of, load, read_files, refusals
from nurture.core.programme import Programme, Sender
from nurture.delivery.mime import prove_headers_hold
from nurture.delivery.tokens import Keys
from nurture.delivery.transports.folder import FolderTransport
from nurture.delivery.transports.seam import Transport
from nurture.delivery.transports.smtp import Account, SmtpTransport
from nurture.engine.alerting import Tell, by_mail, by_webhook, nobody
from nurture.engine.engine import Engine
from nurture.engine.fetching import Taking
from nurture.engine.mailboxes import ImapFolder, Maildir, Place, is_here
from nurture.engine.proof import Ground
from nurture.engine.pulse import Pulse
from nurture.engine.shelf import Shelf, links_in
from nurture.errors import Mistake
from nurture.intake.networks import NO_NETWORKS, Networks, read_networks
from nurture.secrets import Secrets, read_secrets
from nurture.settings import Settings, read_settings
from nurture.store import Store, programmes, schema, suppressions
from nurture.store.facts import newest
from nurture.store.journal import Journal
from nurture.store.limits import Limits, WarmUp
from nurture.web.app import create_app
from nurture.web.endpoints import endpoints
from nurture.web.needs import Needs

_PACKAGE = Path(__file__).parent
_EXAMPLE = ("nurture.toml", "programme.yaml", "agreement.yaml", "sequences", "templates", "stories")
_IGNORED = """secrets.toml
*.db
*.db-wal
*.db-shm
*.db.lock
*.db.journal
outbox/
"""


def shipped(name: str) -> Path:
    """A file or folder that ships with the program: inside the installed package, or in the checkout."""
    for home in (_PACKAGE / "shipped", _PACKAGE.parent):
        if (home / name).exists():
            return home / name
    raise FileNotFoundError(f"{name} is not shipped with this installation of nurture")


def begin(folder: Path) -> None:
    """A new workspace from the example programme, without keys. Raises Mistake where something is there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Mistake(f"{folder} is not empty; name a new folder, so that nothing is overwritten")
        for name in _EXAMPLE:
            _copy(shipped(name), folder / name)
        (folder / ".gitignore").write_text(_IGNORED, encoding="utf-8")
    except OSError as wrong:
        raise Mistake(f"{wrong.filename or folder} cannot be written: {wrong.strerror}") from None


def _copy(source: Path, target: Path) -> None:
    """A file or a folder, contents alone: the copies belong to whoever runs this and can be changed."""
    if source.is_dir():
        target.mkdir()
        for inside in sorted(source.iterdir()):
            if not inside.name.startswith("."):
                _copy(inside, target / inside.name)
    else:
        shutil.copyfile(source, target)


@dataclass(frozen=True)
class Nurture:
    """A workspace, opened: its settings, keys, store and programmes."""

    folder: Path
    settings: Settings
    secrets: Secrets
    store: Store
    shelf: Shelf

    def programme(self) -> Programme:
        """The active programme."""
        return self.store.read(self.shelf.active).programme

    def is_up_to_date(self) -> bool:
        """Whether the files of the folder are the active programme, and not edited since `apply`."""
        try:
            here = hash_of(read_files(self.folder))
        except Mistake:  # not even readable: what runs is in the store all the same
            return False
        return here == self.store.read(programmes.active).programme

    def now(self) -> datetime:
        """Business time."""
        return clock.now()

    def keys(self) -> Keys:
        """The keys that sign links."""
        return Keys(self.secrets.current, self.secrets.tokens)

    def journal(self) -> Journal:
        """What waits for the store, beside the database or in the workspace."""
        database = self.store.database
        beside = database.with_name(f"{database.name}.journal") if database else self.folder / ".journal"
        return Journal(beside)

    def transport(self) -> Transport:
        """The way out that the settings name: an SMTP server, or a folder of files.

        Raises Mistake where the active programme may not be sent under these settings, or a user is named and
        there is no password.
        """
        refuse_unfit(self.programme().sender, self.settings)
        smtp = self.settings.smtp
        if smtp is None:
            return FolderTransport(self.settings.outbox)
        if smtp.user and not self.secrets.smtp_password:
            raise Mistake(f"nurture.toml names smtp.user {smtp.user}; put [smtp] password into secrets.toml")
        account = Account(
            host=smtp.host, port=smtp.port, security=smtp.security, user=smtp.user,
            password=self.secrets.smtp_password or "", connections=smtp.connections,
            messages_per_connection=smtp.messages_per_connection,
        )  # fmt: skip
        return SmtpTransport(account)

    def engine(self, transport: Transport, log: Callable[[str], None]) -> Engine:
        """What the duties work with; `log` hears of internal errors.

        Raises RuntimeError where this Python's e-mail package lets headers in.
        """
        prove_headers_hold()
        return Engine(
            store=self.store,
            shelf=self.shelf,
            journal=self.journal(),
            transport=transport,
            keys=self.keys(),
            suppression_key=self.secrets.suppression,
            public=self.settings.web.public,
            tracked=self.settings.tracking != "off",
            owner=f"{platform.node()}:{os.getpid()}:{token_hex(4)}",
            log=log,
            limits=self._limits(),
            mailbox=self.mailbox(),
            returns=self.settings.mailbox.domain,
            networks=self._networks(),
            bars=self._bars(),
            in_doubt=self.settings.smtp.in_doubt if self.settings.smtp else "assume_sent",
        )

    def mailbox(self) -> Place | None:
        """Where mail comes back to, by the settings; None where they name nothing.

        Raises Mistake where there is no password for it, or it would cross a network in clear.
        """
        box = self.settings.mailbox
        if box.maildir:
            return Maildir(self.folder / box.maildir)
        if not box.host:
            return None
        if box.security == "none" and not is_here(box.host):
            raise Mistake(f'nurture.toml: mailbox.security "none" is for this machine alone, not {box.host}')
        if not (box.user and self.secrets.mailbox_password):
            raise Mistake(
                "nurture.toml [mailbox] host needs a user there, and [mailbox] password in secrets.toml"
            )
        return ImapFolder(
            box.host, box.port, box.security, box.user, self.secrets.mailbox_password, box.folder, box.done
        )

    def taking(self) -> Taking:
        """What letters are taken in with."""
        key = self.secrets.suppression
        return Taking(self.store, self.shelf, self.keys(), key, self._networks())

    def _limits(self) -> Limits:
        """How much may leave; a day of the warm-up is one where the sender is."""
        limits, ramp = self.settings.limits, self.settings.warm_up
        warm_up = None
        if ramp is not None:
            zone = self.programme().zone
            warm_up = WarmUp(ramp.begins, ramp.first_day, ramp.grow, ramp.target, zone)
        return Limits(limits.per_minute, limits.per_provider, limits.per_domain, warm_up)

    def _networks(self) -> Networks:
        """The operator's list of networks that machines ask from. Raises Mistake where it cannot be read."""
        name = self.settings.machines.networks
        if not name:
            return NO_NETWORKS
        try:
            text = (self.folder / name).read_text(encoding="utf-8-sig")
        except (OSError, ValueError):
            said = "name a text file of the workspace, one network a line"
            raise Mistake(f"nurture.toml: machines.networks: {name} cannot be read; {said}") from None
        return read_networks(text.splitlines(), name)

    def _bars(self) -> Callable[[Workspace], str]:
        """`unfit` for these settings, asked once for each programme."""
        asked: dict[str, str] = {}

        def bars(workspace: Workspace) -> str:
            hash = workspace.programme.hash
            if hash not in asked:
                asked[hash] = unfit(workspace.programme.sender, self.settings)
            return asked[hash]

        return bars

    def ground(self) -> Ground:
        """What somebody works with who takes what came back."""
        key = self.secrets.suppression
        return Ground(
            self.now(), self.programme().hash, self.keys(), key, self._links_in, networks=self._networks()
        )

    def tell(self, transport: Transport) -> Tell:
        """How people are told of trouble: by the setting `alerts`, or by the log alone."""
        way, _, address = self.settings.alerts.partition(":")
        match way:
            case "mailto":
                return by_mail(transport, cache(lambda: self.programme().sender), address)
            case "https":
                return by_webhook(self.settings.alerts)
        return nobody()

    def app(self, pulse: Pulse | None = None) -> ASGIApp:
        """The public pages; `pulse` is what `/readyz` tells of this process, if it runs the duties too."""
        return create_app(
            Needs(
                store=self.store,
                journal=self.journal(),
                keys=self.keys(),
                suppression_key=self.secrets.suppression,
                programme=self.programme,
                destination=self._destination,
                links_in=self._links_in,
                public=self.settings.web.public,
                tracking=self.settings.tracking,
                trusted_proxies=self.settings.web.trusted_proxies,
                networks=self._networks(),
                events=self.secrets.events,
                webhooks=endpoints(self.settings.webhooks, self.secrets.webhooks),
                pulse=pulse,
                schema=schema.head(shipped("migrations")),
            )
        )

    def _destination(self, connection: Connection, programme: str, piece: str, link: int) -> str | None:
        """Where a link leads, from the text of the programme under which the touch was chosen."""
        template = self.shelf.of(connection, programme).templates.get(piece)
        return template.links[link - 1] if template and 1 <= link <= len(template.links) else None

    def _links_in(self, programme: str, piece: str) -> int:
        return self.store.read(lambda connection: links_in(connection, self.shelf, programme, piece))


@contextmanager
def open_nurture(folder: Path) -> Iterator[Nurture]:
    """Open the workspace in `folder`: the schema is brought up to date, and the first programme applied.

    Where the clock is virtual it stands at the newest thing that is known.

    Raises Mistake where the folder is no workspace, its files have errors, or the store cannot be opened.
    """
    settings, secrets = read_settings(folder), read_secrets(folder)
    schema.upgrade(settings.database, shipped("migrations"))
    with Store(settings.database) as store:
        shelf = Shelf(lambda: clock.now().date())
        store.write_now(lambda connection: suppressions.keep_fingerprint(connection, secrets.suppression))
        if not store.read(programmes.is_any_active):
            workspace = load_folder(folder)
            refuse_unfit(workspace.programme.sender, settings)
            now = clock.now()
            store.write_now(lambda connection: programmes.apply(connection, workspace, now))
            shelf.put(workspace)
        if settings.clock == "virtual" and not clock.is_virtual():
            clock.set_virtual(store.read(newest) or clock.now())
        yield Nurture(folder, settings, secrets, store, shelf)


def unfit(sender: Sender, settings: Settings) -> str:
    """Why nothing may be sent to the world in this name under these settings; nothing if it may."""
    return next(iter(refusals(sender, settings, example_sender())), "")


def refuse_unfit(sender: Sender, settings: Settings) -> None:
    """Raise Mistake where `unfit` has a reason."""
    if why := unfit(sender, settings):
        raise Mistake(why)


@cache
def example_sender() -> Sender:
    """The sender of the shipped example: nobody's real address."""
    said = tomllib.loads(shipped("nurture.toml").read_text(encoding="utf-8"))["sender"]
    return Sender(said["name"], said["address"], said["company"], said["postal"], said.get("reply_to", ""))


def load_folder(folder: Path) -> Workspace:
    """The authored files of a folder as a workspace. Raises Mistake that lists every error."""
    loaded: Loaded = load(read_files(folder), today=clock.now().date())
    if loaded.workspace is None:
        raise Mistake(_listed(loaded.errors))
    return loaded.workspace


def _listed(errors: list[Problem]) -> str:
    return "the files have errors (`nurture check` shows them too)\n" + "\n".join(map(str, errors))
