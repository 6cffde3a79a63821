"""`nurture intake`: mail that came back. Read files of it, see what came, print the address for copies."""

import json
import mailbox
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Row

from nurture import clock
from nurture.assembly import open_nurture
from nurture.cli.printing import listing, next_step, one_line, plain, show, show_one
from nurture.delivery.tokens import copies_to
from nurture.engine.fetching import AT_ONCE, Heard, heard_in
from nurture.engine.mailboxes import LARGEST, Letter
from nurture.errors import Mistake
from nurture.intake.returns import Return
from nurture.secrets import SECRETS
from nurture.store import returns

CLASSES = {"complained": "complaint", "away": "auto_reply", "replied": "reply", "unsubscribed": "unsubscribe"}
"""What a kind of return is called where classes are printed; a bounce by its class, others as they are."""
UNREADABLE = 2
"""The exit code where a file could not be read; all others were."""
_KINDS = (
    "bounced", "complained", "unsubscribed", "replied", "away", "contacted", "delivered", "deferred", "other",
)  # fmt: skip


class Line(NamedTuple):
    """What is printed of one message."""

    file: str
    said: str
    status: str
    reason: str
    recipient: str
    touch: int | None
    others: tuple["Line", ...] = ()

    def as_json(self) -> dict[str, Any]:
        """With `class` for what was said; `others` only where a report is about several recipients."""
        told = {"class" if name == "said" else name: value for name, value in self._asdict().items()}
        told["others"] = [{**other.as_json(), "file": self.file} for other in self.others]
        return told if self.others else {name: told[name] for name in told if name != "others"}


@click.group("intake", short_help="Mail that came back: read files, list it, show one.")
def command() -> None:
    """Mail that came back: bounces, complaints, answers. The daemon reads the mailbox of [mailbox] by itself.

    \b
    nurture intake mail bounces/*.eml --json
    nurture intake list --kind replied
    nurture intake show 12
    nurture intake address
    """


@command.command("mail", short_help="Read messages in files, maildirs and mboxes.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what they are; record nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def mail(files: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Read the messages in FILES and print a line for each.

    FILES are single messages, maildirs, mbox files and folders of messages. A line says class, status,
    reason, recipient, and which message of ours it is about.

    In a workspace what they say is recorded, once, however often they are read; elsewhere, or with
    --dry-run, they are only read. Files are never changed. Exit code 2: some files could not be read.
    """
    letters = _Letters(files)
    is_workspace = all((Path.cwd() / name).exists() for name in ("nurture.toml", SECRETS))
    counted: Counter[str] = Counter()
    with _bar(len(letters.paths), as_json) as progress:
        lines = _recorded(letters) if is_workspace and not dry_run else _read_only(letters)
        for line in lines:
            counted[line.said] += 1
            click.echo(json.dumps(line.as_json()) if as_json else _in_words(line))
            progress(letters.begun)
    for path, why in letters.unreadable:
        click.secho(f"{path}: {why}", fg="yellow", err=True)
    if not as_json:
        _sum_up(counted, len(letters.unreadable), recorded=is_workspace and not dry_run)
    if letters.unreadable:
        raise click.exceptions.Exit(UNREADABLE)


class _Letters:
    """The messages in files, one after another. What cannot be read is set aside with its reason."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.begun = 0
        self.unreadable: list[tuple[str, str]] = []

    def __iter__(self) -> Iterator[Letter]:
        for path in self.paths:
            self.begun += 1
            yield from self._of(path)

    def _of(self, path: Path) -> Iterator[Letter]:
        try:
            if path.is_dir():
                yield from self._in_folder(path)
            else:
                with path.open("rb") as file:
                    raw = file.read(LARGEST)
                is_box = raw.startswith(b"From ") and b"\n\nFrom " in raw.replace(b"\r\n", b"\n")
                yield from _in_mbox(path) if is_box else [Letter(str(path), raw, None)]
        except OSError as wrong:
            self.unreadable.append((str(path), wrong.strerror or str(wrong)))

    def _in_folder(self, folder: Path) -> Iterator[Letter]:
        places = [folder / name for name in ("new", "cur")] if (folder / "cur").is_dir() else [folder]
        for place in places:
            for path in sorted(place.iterdir()) if place.is_dir() else []:
                if path.is_file():
                    yield from self._of(path)


def _in_mbox(path: Path) -> Iterator[Letter]:
    box = mailbox.mbox(path, create=False)
    try:
        for number, key in enumerate(box.iterkeys(), 1):
            yield Letter(f"{path}#{number}", box.get_bytes(key)[:LARGEST], None)
    finally:
        box.close()


def _read_only(letters: _Letters) -> Iterator[Line]:
    for letter in letters:
        said = heard_in(letter, clock.now())
        yield _line(letter, said, [None] * len(said))


def _recorded(letters: _Letters) -> Iterator[Line]:
    with open_nurture(Path.cwd()) as nurture:
        taking, waiting = nurture.taking(), iter(letters)
        while some := list(islice(waiting, AT_ONCE)):
            for heard in taking.take(some, nurture.now()):
                touches = [taken.whose.touch or None if taken.whose else None for taken in heard.taken]
                yield _line(heard.letter, _believed(heard), touches)


def _believed(heard: Heard) -> list[Return]:
    """What they were kept as: a copy that is no colleague's is something else."""
    return [one._replace(kind=taken.kind) for one, taken in zip(heard.returns, heard.taken, strict=True)]


def _line(letter: Letter, said: Sequence[Return], touches: Sequence[int | None]) -> Line:
    first, *more = (
        Line(
            letter.key,
            one.bounce or "unknown" if one.kind == "bounced" else CLASSES.get(one.kind, one.kind),
            one.status,
            one.reason,
            one.recipient or next(iter(one.addresses), ""),
            touch,
        )
        for one, touch in zip(said, touches, strict=True)
    )
    return first._replace(others=tuple(more))


def _in_words(line: Line) -> str:
    """Columns as wide as their words nearly always are, since a line is printed as soon as it is known."""
    touch = f"message {line.touch}" if line.touch else "no message"
    more = f" (and {len(line.others)} more recipients)" if line.others else ""
    about = f"{line.status:<7} {line.reason:<22} {line.recipient + more:<36} {touch:<12}"
    return one_line(f"{line.said:<11} {about} {line.file}")


def _sum_up(counted: Counter[str], unreadable: int, *, recorded: bool) -> None:
    parts = [f"{count:,} {name}" for name, count in counted.most_common()]
    parts += [f"{unreadable:,} could not be read"] if unreadable else []
    click.secho(", ".join(parts) or "No messages.", err=True)
    if recorded:
        next_step("nurture intake list")
    else:
        click.secho("Only read: nothing was recorded.", dim=True, err=True)


@contextmanager
def _bar(total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar over the files, on standard error, where somebody looks at it."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = console.is_terminal and not quiet and total > AT_ONCE
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task("reading", total=total)
        yield lambda done: progress.update(task, completed=done)


@command.command("list", short_help="List what came back, the newest first.")
@click.option("--kind", type=click.Choice(_KINDS), help="Only of this kind.")
@click.option("--unknown", is_flag=True, help="Only what is about nobody we know.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most so many.")
@click.option("--addresses", is_flag=True, help="Show addresses in JSON and CSV too.")
@listing
def list_(kind: str | None, unknown: bool, limit: int, addresses: bool, format: str) -> None:
    """List what came back, by mail or by a provider's webhook: whose it is, and what it says."""
    with open_nurture(Path.cwd()) as nurture:
        found = nurture.store.read(
            lambda connection: returns.listing(connection, kind=kind, unknown=unknown, limit=limit)
        )
    shown = addresses or format == "table"
    show([_about(row, shown) for row in found], format, empty="Nothing has come back.")
    if found and format == "table":
        next_step(f"nurture intake show {found[0].id}")


@command.command("show", short_help="Show one thing that came back.")
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@click.option("--raw", is_flag=True, help="Print all that came, as it came.")
@click.option("--addresses", is_flag=True, help="Show the address in JSON and CSV too.")
@listing
def show_(number: int, raw: bool, addresses: bool, format: str) -> None:
    """Show return NUMBER: what it says, and what a person wrote, without quotes and signature."""
    with open_nurture(Path.cwd()) as nurture:
        row = nurture.store.read(lambda connection: returns.by_id(connection, number))
    if row is None:
        raise Mistake(f"there is no return {number}; `nurture intake list` shows their numbers")
    if raw:
        click.echo(zlib.decompress(row.raw) if row.raw else b"", nl=False)
        return
    about = {
        **_about(row, addresses or format == "table"),
        "channel": row.channel, "external_id": row.external_id, "received_at": row.received_at,
        "held": row.held, "told_at": row.mailed_at,
    }  # fmt: skip
    if format != "table":
        show([{**about, "text": row.text}], format)
        return
    show_one(about, format)
    for line in ["", *row.text.split("\n")] if row.text else []:
        click.echo(one_line(line))
    next_step(f"nurture journey {row.address}" if row.address else f"nurture intake show {number} --raw")


@command.command("address", short_help="Print the address that takes in copies of sales' mail.")
def address() -> None:
    """Print the secret address to copy mail to (BCC): what sales write to a prospect counts like our own.

    Only copies from [sales] to, [sender] reply_to and the sender's domain count. Who knows the address and
    writes in a colleague's name can keep a prospect quiet for a while, and nothing else.
    """
    with open_nurture(Path.cwd()) as nurture:
        domain, keys = nurture.settings.mailbox.domain, nurture.keys()
    if not domain:
        raise Mistake("nurture.toml: set [mailbox] domain first; copies come to an address of it")
    click.echo(f"{copies_to(keys)}@{domain}")


def _about(row: Row[Any], addresses: bool) -> dict[str, Any]:
    who = {"email": row.address} if addresses else {"prospect": row.prospect}
    return {
        "number": row.id, "at": plain(row.at), "kind": row.kind, **who, "touch": row.touch,
        "bounce": row.bounce, "status": row.status, "words": row.words,
    }  # fmt: skip
