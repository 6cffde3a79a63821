"""One examination of a workspace, from its settings to the DNS. It changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from nurture import clock
from nurture.authoring import is_reserved, load, reaches_the_world, read_files
from nurture.core.programme import Programme
from nurture.doctor import database, forms, people, workspace
from nurture.doctor.authentication import examine_dns
from nurture.doctor.findings import Finding, Group
from nurture.errors import Mistake
from nurture.secrets import Secrets, read_secrets
from nurture.settings import Settings, read_settings
from nurture.store import programmes, suppressions
from nurture.store.facts import newest

_workspace = Group("workspace")
_database = Group("database")


@dataclass
class _Stored:
    """What the database says: findings, and the active programme, if there is one."""

    findings: list[Finding] = field(default_factory=list)
    active: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)


def examine(folder: Path, *, integrity: bool = False) -> Iterator[Finding]:
    """Everything there is to say about the workspace in `folder`, group by group.

    `integrity`: read the whole database, however large. What cannot be read is a finding, and what hangs on
    it is left out.
    """
    try:
        settings = read_settings(folder)
        yield _workspace.ok("settings", f"nurture.toml in {folder.resolve()}")
        secrets = read_secrets(folder)
    except Mistake as wrong:
        yield _workspace.wrong("settings", str(wrong), "correct it; the rest cannot be looked at before")
        return
    yield from workspace.examine_secrets(folder, secrets)
    stored = _look(settings, secrets, integrity=integrity)
    found, programme = _programme(folder, stored)
    yield from found
    if programme is not None:
        yield from workspace.examine_sender(programme, settings)
    yield from workspace.examine_mail(settings, secrets)
    yield from workspace.examine_mailbox(settings, secrets)
    yield from workspace.examine_web(settings)
    yield from workspace.examine_webhooks(settings, secrets)
    yield from stored.findings
    domain = programme.sender.domain.lower() if programme else ""
    if settings.smtp is not None and reaches_the_world(settings) and not is_reserved(domain):
        yield from examine_dns(domain, settings.smtp, returns=settings.mailbox.domain)


def _programme(folder: Path, stored: _Stored) -> tuple[list[Finding], Programme | None]:
    """What is to say about the files, and the programme that is active or would become it."""
    today = clock.now().date()
    try:
        here = load(read_files(folder), today=today)
    except Mistake as wrong:
        return [_workspace.wrong("files", str(wrong), "correct it; `nurture check` shows all")], None
    changed = workspace.differing(here.workspace.files if here.workspace else {}, stored.files)
    found = list(workspace.examine_files(here, stored.active, changed))
    runs = here.workspace
    if stored.active is not None and (runs is None or runs.hash != stored.active):
        active = load(stored.files, today=today)
        runs = active.workspace
        if runs is None:
            says = f"the active programme {stored.active[:12]} breaks a rule: {active.errors[0]}"
            found.append(_workspace.wrong("programme", says, "correct the files and run `nurture apply`"))
    return found, runs.programme if runs else None


def _look(settings: Settings, secrets: Secrets, *, integrity: bool) -> _Stored:
    """Everything that the database is asked, in one moment of it."""
    stored = _Stored()
    try:
        for finding in _asked(stored, settings, secrets, integrity=integrity):
            stored.findings.append(finding)
    except Mistake as wrong:
        stored.findings.append(_database.wrong("database", str(wrong), "nothing works without it"))
    except DatabaseError as broken:
        says = f"the database cannot be read: {str(broken.orig).splitlines()[0]}"
        stored.findings.append(_database.wrong("database", says, "restore a backup, or look at its server"))
    return stored


def _asked(stored: _Stored, settings: Settings, secrets: Secrets, *, integrity: bool) -> Iterator[Finding]:
    file = database.file_of(settings.database)
    if file is not None:
        yield database.examine_room(file.parent)
    if file is not None and not file.exists():
        yield from database.examine_file(file, None, integrity=integrity)
        return
    version = database.examine_schema(settings.database)
    yield version
    if version.state != "ok":
        return
    with database.reading(settings.database) as connection:
        if programmes.is_any_active(connection):
            stored.active = programmes.active(connection).programme
            stored.files = programmes.text(connection, stored.active)
        if file is None:
            yield from database.examine_server(connection)
        else:
            yield from database.examine_file(file, connection, integrity=integrity)
        yield from _contents(connection, file, settings, secrets)


def _contents(
    connection: Connection, file: Path | None, settings: Settings, secrets: Secrets
) -> Iterator[Finding]:
    if not suppressions.is_made_with(connection, secrets.suppression):
        says = "secrets.toml [suppression] key is not the one this database was made with"
        yield _database.wrong(
            "suppression key", says, "put the old key back: whoever said no is not recognised"
        )
    delivers = None
    if file is not None:
        holder = database.holder_of(file)
        delivers = bool(holder)
        yield database.examine_holder(file, holder)
    now = clock.now()
    if settings.clock == "virtual" and not clock.is_virtual():
        now = newest(connection) or now
    yield people.examine_clock(connection, now, delivers=delivers)
    yield from people.examine_prospects(connection, now, delivers=delivers)
    yield from people.examine_messages(connection, now, delivers=delivers)
    yield from forms.examine_forms(connection)
